//! Failed sign-ins, in plain words: what happened, who can mend it, the one thing to do next, ids to quote.

use app::{
    i18n::{Locale, tag},
    model::Problem,
};
use axum::http::StatusCode;

use super::{
    attempt::Attempt,
    help::{Help, Next, Quote, Who, number_of, pick},
    id_token::IdTokenError,
    local_path::LocalPath,
    metadata::MetadataError,
    token_endpoint::PlatformError,
};
use crate::{secret::Secret, upstream::UpstreamError};

/// Why a sign-in did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The answer belongs to no attempt that this browser has under way (R3, R6).
    #[error("the answer belongs to no attempt of this browser")]
    UnknownAttempt,
    /// The attempt has already been used (R7).
    #[error("the attempt has already been used")]
    UsedAttempt,
    /// The answer is malformed, or from another issuer (R8).
    #[error("the answer is malformed: {0}")]
    BadAnswer(&'static str),
    /// The request to start one is malformed (R14).
    #[error("the request is malformed: {0}")]
    BadRequest(&'static str),
    /// Somebody else came back than the one who was asked for more.
    #[error("somebody else came back")]
    AnotherPerson {
        /// Whose session it is.
        expected: Secret,
        /// Who came back. Neither belongs in a log.
        came: Secret,
    },
    /// The platform said no.
    #[error("the platform refused: {0}")]
    Refused(Box<PlatformError>),
    /// The platform refused this app's credential (R27).
    #[error("the platform refuses this app's credential: {0}")]
    Credential(Box<PlatformError>),
    /// The ID token was refused, or its tenant.
    #[error(transparent)]
    IdToken(IdTokenError),
    /// The platform can't be had.
    #[error("the platform can't be had: {0}")]
    Unavailable(String),
    /// The platform did not answer in time.
    #[error("the platform did not answer in time")]
    Timeout,
    /// The session could not be stored (R54).
    #[error("the session could not be stored")]
    Store,
}

/// What a failed sign-in was for: the way back, and what starts it again.
pub struct Asked {
    /// Where the person wanted to go.
    pub return_to: LocalPath,
    /// The scopes that it asked for beside those of every sign-in.
    pub scope: String,
    /// The claims challenge that it carried.
    pub claims: String,
    /// Whether a signed-in person was asked for more: they can also leave it.
    pub steps_up: bool,
}

impl Asked {
    /// By the attempt; `None` is an answer that belongs to none.
    pub fn by(attempt: Option<&Attempt>, is_more: impl Fn(&str) -> bool) -> Self {
        let return_to = attempt.and_then(|attempt| LocalPath::parse(&attempt.return_to));
        let scopes = attempt.map_or(&[][..], |attempt| &attempt.scopes);
        let more = scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| is_more(scope));
        Self {
            return_to: return_to.unwrap_or_else(LocalPath::root),
            scope: more.collect::<Vec<_>>().join(" "),
            claims: attempt
                .and_then(|attempt| attempt.claims.clone())
                .unwrap_or_default(),
            steps_up: attempt.is_some_and(|attempt| attempt.expects.is_some()),
        }
    }

    /// The link that asks the same again.
    fn again(&self, prompt: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", self.return_to.as_str());
        for (name, value) in [
            ("scope", self.scope.as_str()),
            ("claims", &self.claims),
            ("prompt", prompt),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/auth/login?{}", query.finish())
    }
}

impl SignInError {
    /// The status of its page.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownAttempt
            | Self::UsedAttempt
            | Self::BadAnswer(_)
            | Self::BadRequest(_)
            | Self::Refused(_)
            | Self::IdToken(IdTokenError::Invalid(_)) => StatusCode::BAD_REQUEST,
            Self::AnotherPerson { .. } => StatusCode::CONFLICT,
            Self::IdToken(IdTokenError::Stranger(_)) => StatusCode::FORBIDDEN,
            Self::IdToken(IdTokenError::Platform(_))
            | Self::Credential(_)
            | Self::Unavailable(_)
            | Self::Store => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The page. `details` are the ids to quote; the platform's own are added. What the platform refused is told in `locale`,
    /// the rest in English.
    pub fn problem(
        &self,
        asked: &Asked,
        locale: Locale,
        details: Vec<(String, String)>,
    ) -> Problem {
        let locale = match self {
            Self::Refused(_) | Self::Credential(_) => locale,
            _ => Locale::en,
        };
        let mut problem = self.told(asked, locale, details);
        if asked.steps_up {
            // Who only said no to more goes back to where they were. R9: the platform's `error` tells.
            if matches!(self, Self::Refused(refusal) if refusal.error == "access_denied") {
                pick(locale, "Nothing has changed", "Er is niets veranderd")
                    .clone_into(&mut problem.title);
            }
            let back = asked.return_to.to_string();
            problem.actions.retain(|(_, href)| *href != back);
            let label = pick(locale, "Go back", "Ga terug").to_owned();
            problem.actions.insert(0, (label, back));
        }
        problem
    }

    fn told(&self, asked: &Asked, locale: Locale, mut details: Vec<(String, String)>) -> Problem {
        let again = |prompt| asked.again(prompt);
        let start = ("Go to the start page".to_owned(), "/".to_owned());
        let retry = ("Sign in again".to_owned(), again(""));
        let (title, text, mend, actions) = match self {
            Self::UnknownAttempt => (
                "This sign-in can't be finished",
                "The answer from Microsoft belongs to no sign-in that this browser has under way. It may be done already, \
                 it may have taken too long, or cookies are blocked.",
                "If you are signed in, just go on. Otherwise start again; if it keeps happening, allow cookies for this site.",
                vec![retry, start],
            ),
            Self::UsedAttempt => (
                "This sign-in is already done",
                "Each answer from Microsoft works once, and this one has been used. That happens when the page is loaded again.",
                "If you are signed in, just go on. Otherwise start again.",
                vec![("Continue".to_owned(), asked.return_to.to_string()), retry],
            ),
            Self::BadAnswer(_) => (
                "This sign-in can't be finished",
                "The answer from Microsoft is incomplete or was changed on its way.",
                "Start again.",
                vec![retry, start],
            ),
            Self::BadRequest(what) => (
                "This sign-in link is wrong",
                *what,
                "Start again from the start page.",
                vec![start],
            ),
            Self::Refused(refusal) | Self::Credential(refusal) => {
                return refused(refusal, locale, asked, details);
            }
            Self::AnotherPerson { expected, came } => {
                details.push(("Signed in here".to_owned(), clip(expected.expose())));
                details.push(("Came back".to_owned(), clip(came.expose())));
                (
                    "That was another account",
                    "This page asked for something more in your name, but somebody else answered at Microsoft. Nothing of that was taken over.",
                    "Go back and try again with the account that you use here, or change to the other account.",
                    vec![("Use another account".to_owned(), again("select_account"))],
                )
            }
            Self::IdToken(IdTokenError::Stranger(_)) => (
                "This account can't be used here",
                "You signed in with an account of an organisation that this app is not open to.",
                "Use another account, or ask whoever runs this app to admit your organisation.",
                vec![
                    ("Use another account".to_owned(), again("select_account")),
                    start,
                ],
            ),
            Self::IdToken(IdTokenError::Invalid(_)) => (
                "This sign-in was refused",
                "What Microsoft's answer says about you could not be verified, so it was not believed.",
                "Start again. If it keeps happening, tell whoever runs this app the ids below.",
                vec![retry, start],
            ),
            Self::IdToken(IdTokenError::Platform(_)) | Self::Unavailable(_) => (
                "Microsoft can't be reached",
                "The sign-in service gave no usable answer.",
                "Nothing is lost. Try again in a moment.",
                vec![("Try again".to_owned(), again("")), start],
            ),
            Self::Timeout => (
                "Microsoft did not answer in time",
                "The sign-in service took too long.",
                "Nothing is lost. Try again in a moment.",
                vec![("Try again".to_owned(), again("")), start],
            ),
            Self::Store => (
                "Not available just now",
                "You were recognised, but the server can't keep your session at the moment.",
                "Nothing is lost. Try again in a moment; if it stays like this, tell whoever runs this app.",
                vec![("Try again".to_owned(), again("")), start],
            ),
        };
        if let Self::IdToken(IdTokenError::Stranger(tenant)) = self {
            details.push(("Tenant ID".to_owned(), tenant.to_string()));
        }
        Problem {
            lang: tag(locale),
            title: title.to_owned(),
            text: text.to_owned(),
            mend: mend.to_owned(),
            actions,
            details,
        }
    }
}

/// R9: the status and what becomes of the session key on `error` alone and are decided by now. The AADSTS number and the
/// description only choose the words, and which of always the same links comes first.
fn refused(
    refusal: &PlatformError,
    locale: Locale,
    asked: &Asked,
    mut details: Vec<(String, String)>,
) -> Problem {
    let help = Help::of(refusal);
    let retry = match help.who {
        Who::Nobody => pick(locale, "Try again", "Opnieuw proberen"),
        _ => pick(locale, "Sign in again", "Opnieuw aanmelden"),
    };
    let other = pick(locale, "Use another account", "Ander account gebruiken");
    let start = pick(locale, "Go to the start page", "Naar de startpagina");
    let mut actions = vec![
        (Next::Again, retry.to_owned(), asked.again("")),
        (
            Next::OtherAccount,
            other.to_owned(),
            asked.again("select_account"),
        ),
        (Next::Start, start.to_owned(), "/".to_owned()),
    ];
    actions.sort_by_key(|(next, ..)| *next != help.next());

    let quote = Quote::of(refusal);
    let code = number_of(refusal).map_or_else(String::new, |number| format!("AADSTS{number}"));
    for (label, value) in [
        ("Code", &code),
        ("Error", &refusal.error),
        ("Microsoft says", &quote.says),
        ("Microsoft's correlation ID", &quote.correlation_id),
        ("Trace ID", &quote.trace_id),
        ("Microsoft's time", &quote.timestamp),
    ] {
        if !value.is_empty() {
            details.push((label.to_owned(), clip(value)));
        }
    }
    if locale == Locale::nl {
        for (label, _) in &mut details {
            *label = in_dutch(label).to_owned();
        }
    }
    Problem {
        lang: tag(locale),
        title: help.who.title(locale).to_owned(),
        text: help.cause(locale).to_owned(),
        mend: format!("{} {}", help.who.sentence(locale), help.mend(locale)),
        actions: actions
            .into_iter()
            .map(|(_, label, href)| (label, href))
            .collect(),
        details,
    }
}

fn in_dutch(label: &str) -> &str {
    match label {
        "Correlation ID" => "Correlatie-ID",
        "Time" => "Tijd",
        "Error" => "Fout",
        "Microsoft says" => "Microsoft zegt",
        "Microsoft's correlation ID" => "Correlatie-ID van Microsoft",
        "Trace ID" => "Trace-ID",
        "Microsoft's time" => "Tijd bij Microsoft",
        other => other,
    }
}

/// A description is the platform's, or whoever forged the link's: text, and not too much of it.
fn clip(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(600)
        .collect()
}

impl From<MetadataError> for SignInError {
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::Upstream {
                source: UpstreamError::Timeout,
                ..
            } => Self::Timeout,
            other => Self::Unavailable(other.to_string()),
        }
    }
}
