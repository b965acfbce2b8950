//! Failed sign-ins, in plain words: what happened, who can mend it, the one thing to do next, ids to quote.

use app::model::Problem;
use axum::http::StatusCode;

use super::{
    id_token::IdTokenError, local_path::LocalPath, metadata::MetadataError,
    token_endpoint::PlatformError,
};
use crate::{secret::Secret, upstream::UpstreamError};

/// Why a sign-in did not happen.
#[derive(Debug)]
pub enum SignInError {
    /// The answer belongs to no attempt that this browser has under way (R3, R6).
    UnknownAttempt,
    /// The attempt has already been used (R7).
    UsedAttempt,
    /// The answer is malformed, or from another issuer (R8).
    BadAnswer(&'static str),
    /// The request to start one is malformed (R14).
    BadRequest(&'static str),
    /// Somebody else came back than the one who was asked for more.
    AnotherPerson {
        /// Whose session it is.
        expected: Secret,
        /// Who came back. Neither belongs in a log.
        came: Secret,
    },
    /// The platform said no.
    Refused(Box<PlatformError>),
    /// The platform refused this app's credential (R27).
    Credential,
    /// The ID token was refused, or its tenant.
    IdToken(IdTokenError),
    /// The platform can't be had.
    Unavailable(String),
    /// The platform did not answer in time.
    Timeout,
    /// The session could not be stored (R54).
    Store,
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
            | Self::Credential
            | Self::Unavailable(_)
            | Self::Store => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The page. `details` are the ids to quote; the platform's own are added.
    pub fn problem(&self, return_to: &LocalPath, mut details: Vec<(String, String)>) -> Problem {
        let again = |prompt: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("return_to", return_to.as_str());
            if !prompt.is_empty() {
                query.append_pair("prompt", prompt);
            }
            format!("/auth/login?{}", query.finish())
        };
        let start = ("Go to the start page".to_owned(), "/".to_owned());
        let retry = ("Sign in again".to_owned(), again(""));
        let (title, text, mend, actions) = match self {
            Self::UnknownAttempt => (
                "This sign-in can't be finished",
                "The answer from Microsoft belongs to no sign-in that this browser has under way. It may have taken too long, or cookies are blocked.",
                "Start again. If it keeps happening, allow cookies for this site.",
                vec![retry, start],
            ),
            Self::UsedAttempt => (
                "This sign-in is already done",
                "Each answer from Microsoft works once, and this one has been used. That happens when the page is loaded again.",
                "If you are signed in, just go on. Otherwise start again.",
                vec![("Continue".to_owned(), return_to.to_string()), retry],
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
            Self::Refused(refusal) => {
                return refused(refusal, retry, start, &again("select_account"), details);
            }
            Self::AnotherPerson { expected, came } => {
                return another_person(expected, came, return_to, again("select_account"), details);
            }
            Self::Credential => (
                "Sign-in is out of order",
                "Microsoft does not accept this app's own credential.",
                "You can't mend this; whoever runs this app can. Tell them the ids below.",
                vec![("Try again".to_owned(), again("")), start],
            ),
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
            title: title.to_owned(),
            text: text.to_owned(),
            mend: mend.to_owned(),
            actions,
            details,
        }
    }
}

fn another_person(
    expected: &Secret,
    came: &Secret,
    return_to: &LocalPath,
    other_account: String,
    mut details: Vec<(String, String)>,
) -> Problem {
    details.push(("Signed in here".to_owned(), clip(expected.expose())));
    details.push(("Came back".to_owned(), clip(came.expose())));
    Problem {
        title: "That was another account".to_owned(),
        text: "This page asked for something more in your name, but somebody else answered at Microsoft. Nothing of that was taken over, and you are signed in as before.".to_owned(),
        mend: "Go back and try again with the account that you use here, or change to the other account.".to_owned(),
        actions: vec![
            ("Go back".to_owned(), return_to.to_string()),
            ("Use another account".to_owned(), other_account),
        ],
        details,
    }
}

/// The page keys on `error` alone; the description is shown as text and decides nothing (R9).
fn refused(
    refusal: &PlatformError,
    retry: (String, String),
    start: (String, String),
    other_account: &str,
    mut details: Vec<(String, String)>,
) -> Problem {
    let other = ("Use another account".to_owned(), other_account.to_owned());
    let (title, text, mend, actions) = match refusal.error.as_str() {
        "access_denied" => (
            "You are not signed in",
            "The sign-in was cancelled, or a permission was declined.",
            "If that was not meant, sign in again. Without the permission this app can't show you your organisation.",
            vec![retry, start],
        ),
        "login_required" | "interaction_required" | "account_selection_required" => (
            "Microsoft needs to ask you something",
            "You could not be signed in silently.",
            "Sign in again; Microsoft will ask what it needs to know.",
            vec![retry, start],
        ),
        "consent_required" => (
            "A permission is missing",
            "You, or your administrator, have not allowed this app to read what it shows.",
            "Sign in again and allow it, or ask your administrator.",
            vec![retry, start],
        ),
        "server_error" | "temporarily_unavailable" => (
            "Microsoft can't sign you in just now",
            "The sign-in service reports a problem of its own.",
            "Nothing is lost. Try again in a moment.",
            vec![retry, start],
        ),
        "invalid_grant" => (
            "This sign-in can't be finished",
            "Microsoft no longer accepts the answer that it gave. It may have taken too long.",
            "Start again.",
            vec![retry, start],
        ),
        _ => (
            "Sign-in failed",
            "Microsoft refused this sign-in.",
            "Try again or use another account. If it keeps happening, tell whoever runs this app the ids below.",
            vec![retry, other, start],
        ),
    };
    details.push(("Error".to_owned(), clip(&refusal.error)));
    for (label, value) in [
        ("Microsoft says", &refusal.error_description),
        ("Microsoft's correlation ID", &refusal.correlation_id),
        ("Trace ID", &refusal.trace_id),
    ] {
        if !value.is_empty() {
            details.push((label.to_owned(), clip(value)));
        }
    }
    Problem {
        title: title.to_owned(),
        text: text.to_owned(),
        mend: mend.to_owned(),
        actions,
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
