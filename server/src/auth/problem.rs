//! Failed sign-ins, in plain words: what happened, who can mend it, the one thing to do next, ids to quote.

use app::{
    i18n::{Locale, tag},
    model::Problem,
};
use axum::http::StatusCode;
use leptos_i18n::td_string;

use super::{
    attempt::Attempt,
    help::{Help, Next, Quote, Who, number_of},
    id_token::IdTokenError,
    local_path::LocalPath,
    metadata::MetadataError,
    token_endpoint::PlatformError,
};
use crate::{pages, secret::Secret, upstream::UpstreamError};

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
    #[error("the link is wrong: {0:?}")]
    BadLink(BadLink),
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

/// What is wrong with a link that should start a sign-in.
#[derive(Clone, Copy, Debug)]
pub enum BadLink {
    /// A parameter comes twice.
    Repeated,
    /// An unknown `prompt`.
    Prompt,
    /// No claims challenge.
    Claims,
    /// A scope that this app does not use.
    Scope,
    /// A parameter is too long.
    TooLong,
}

impl BadLink {
    fn text(self, locale: Locale) -> &'static str {
        match self {
            Self::Repeated => td_string!(locale, sign_in.bad_link_repeated),
            Self::Prompt => td_string!(locale, sign_in.bad_link_prompt),
            Self::Claims => td_string!(locale, sign_in.bad_link_claims),
            Self::Scope => td_string!(locale, sign_in.bad_link_scope),
            Self::TooLong => td_string!(locale, sign_in.bad_link_long),
        }
    }
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
            | Self::BadLink(_)
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

    /// The page. `details` are the ids to quote; the platform's own are added.
    pub fn problem(
        &self,
        asked: &Asked,
        locale: Locale,
        details: Vec<(String, String)>,
    ) -> Problem {
        let mut problem = self.told(asked, locale, details);
        if asked.steps_up {
            // Who only said no to more goes back to where they were. R9: the platform's `error` tells.
            if matches!(self, Self::Refused(refusal) if refusal.error == "access_denied") {
                td_string!(locale, sign_in.nothing_changed).clone_into(&mut problem.title);
            }
            let back = asked.return_to.to_string();
            problem.actions.retain(|(_, href)| *href != back);
            let label = td_string!(locale, sign_in.go_back).to_owned();
            problem.actions.insert(0, (label, back));
        }
        problem
    }

    fn told(&self, asked: &Asked, locale: Locale, mut details: Vec<(String, String)>) -> Problem {
        let again = |prompt| asked.again(prompt);
        let start = pages::to_start(locale);
        let retry = (td_string!(locale, sign_in.again).to_owned(), again(""));
        let soon = (td_string!(locale, problems.try_again).to_owned(), again(""));
        let other = (
            td_string!(locale, sign_in.other_account).to_owned(),
            again("select_account"),
        );
        let (title, text, mend, actions) = match self {
            Self::UnknownAttempt => (
                td_string!(locale, sign_in.unfinished_title),
                td_string!(locale, sign_in.unknown_text),
                td_string!(locale, sign_in.unknown_mend),
                vec![retry, start],
            ),
            Self::UsedAttempt => {
                let label = td_string!(locale, problems.continue_here).to_owned();
                (
                    td_string!(locale, sign_in.used_title),
                    td_string!(locale, sign_in.used_text),
                    td_string!(locale, sign_in.used_mend),
                    vec![(label, asked.return_to.to_string()), retry],
                )
            }
            Self::BadAnswer(_) => (
                td_string!(locale, sign_in.unfinished_title),
                td_string!(locale, sign_in.bad_answer_text),
                td_string!(locale, sign_in.start_again),
                vec![retry, start],
            ),
            Self::BadLink(link) => (
                td_string!(locale, sign_in.bad_link_title),
                link.text(locale),
                td_string!(locale, sign_in.bad_link_mend),
                vec![start],
            ),
            Self::Refused(refusal) | Self::Credential(refusal) => {
                return refused(refusal, locale, asked, details);
            }
            Self::AnotherPerson { expected, came } => {
                let here = td_string!(locale, sign_in.signed_in_here);
                let back = td_string!(locale, sign_in.came_back);
                details.push((here.to_owned(), clip(expected.expose())));
                details.push((back.to_owned(), clip(came.expose())));
                (
                    td_string!(locale, sign_in.another_title),
                    td_string!(locale, sign_in.another_text),
                    td_string!(locale, sign_in.another_mend),
                    vec![other],
                )
            }
            Self::IdToken(IdTokenError::Stranger(tenant)) => {
                let label = td_string!(locale, sign_in.tenant_id);
                details.push((label.to_owned(), tenant.to_string()));
                (
                    td_string!(locale, sign_in.stranger_title),
                    td_string!(locale, sign_in.stranger_text),
                    td_string!(locale, sign_in.stranger_mend),
                    vec![other, start],
                )
            }
            Self::IdToken(IdTokenError::Invalid(_)) => (
                td_string!(locale, sign_in.invalid_title),
                td_string!(locale, sign_in.invalid_text),
                td_string!(locale, sign_in.invalid_mend),
                vec![retry, start],
            ),
            Self::IdToken(IdTokenError::Platform(_)) | Self::Unavailable(_) => (
                td_string!(locale, sign_in.unreachable_title),
                td_string!(locale, sign_in.unreachable_text),
                td_string!(locale, sign_in.soon),
                vec![soon, start],
            ),
            Self::Timeout => (
                td_string!(locale, sign_in.slow_title),
                td_string!(locale, sign_in.slow_text),
                td_string!(locale, sign_in.soon),
                vec![soon, start],
            ),
            Self::Store => (
                td_string!(locale, problems.down_title),
                td_string!(locale, sign_in.store_text),
                td_string!(locale, problems.down_mend),
                vec![soon, start],
            ),
        };
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
        Who::Nobody => td_string!(locale, problems.try_again),
        _ => td_string!(locale, sign_in.again),
    };
    let other = td_string!(locale, sign_in.other_account);
    let (start, home) = pages::to_start(locale);
    let mut actions = vec![
        (Next::Again, retry.to_owned(), asked.again("")),
        (
            Next::OtherAccount,
            other.to_owned(),
            asked.again("select_account"),
        ),
        (Next::Start, start, home),
    ];
    actions.sort_by_key(|(next, ..)| *next != help.next());

    let quote = Quote::of(refusal);
    let code = number_of(refusal).map_or_else(String::new, |number| format!("AADSTS{number}"));
    for (label, value) in [
        (td_string!(locale, sign_in.code), &code),
        (td_string!(locale, sign_in.error), &refusal.error),
        (td_string!(locale, sign_in.says), &quote.says),
        (
            td_string!(locale, sign_in.microsoft_id),
            &quote.correlation_id,
        ),
        (td_string!(locale, sign_in.trace_id), &quote.trace_id),
        (td_string!(locale, sign_in.microsoft_time), &quote.timestamp),
    ] {
        if !value.is_empty() {
            details.push((label.to_owned(), clip(value)));
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
