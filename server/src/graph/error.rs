//! Why Graph has no answer: its own refusals, kept whole (R101), and what goes wrong before one comes.

use std::{fmt, time::Duration};

use app::error::Code;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::retry::LONGEST_REFUSAL;
use crate::{
    tokens::Refusal,
    upstream::{UpstreamError, whole_seconds},
};

/// A 429 that names no time.
const SHORT_PAUSE: u32 = 5;
/// Innermost codes say most, and no documented error nests deeper.
const DEEPEST: usize = 8;
/// What of an answer's text goes into the log.
const SHOWN: usize = 300;

/// Why Graph has no answer for us.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] Refusal),
    /// Graph said no.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// Graph asked this person to wait, and was not asked again (R94).
    #[error("Graph asked to wait, {retry_after} s more")]
    Paused {
        /// Seconds that are left of what Graph said.
        retry_after: u32,
        /// Seconds until a call is let through all the same.
        refused: u32,
    },
    /// R90: this session asks for too much.
    #[error("this session asks Graph for too much, {retry_after} s to wait")]
    TooMuch {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The token was refused and renewed, but the body has gone with the first try (R96): the next one will do.
    #[error("the token was renewed while a body was sent")]
    SendAgain,
    /// No answer, or not one that we can read.
    #[error("Graph: {0}")]
    Upstream(#[from] UpstreamError),
    /// R98: an address that is not Graph's own.
    #[error("an address outside Graph was refused")]
    Foreign,
    /// A cursor that is not this user's, or not ours.
    #[error("an unknown cursor")]
    Cursor,
    /// R103: its nextLinks lead back to where they have been, or from one empty page to another.
    #[error("Graph's pages go round in a circle, or on without end")]
    Endless,
    /// R108: a personal account belongs to no organisation.
    #[error("a personal account has no directory")]
    PersonalAccount,
    /// R97: a download's redirect that is not followed.
    #[error("a download was redirected {0}")]
    Redirect(&'static str),
}

impl GraphError {
    /// What a page can do about it.
    pub fn code(&self) -> Code {
        match self {
            Self::Token(Refusal::SignedOut) => Code::SignedOut,
            Self::Token(Refusal::Reauthenticate | Refusal::Presence) => Code::Reauthenticate,
            Self::Token(Refusal::Consent(_)) => Code::ConsentRequired,
            Self::Token(Refusal::Claims(_)) => Code::ClaimsRequired,
            Self::Token(Refusal::Unavailable { .. }) | Self::SendAgain => Code::Unavailable,
            Self::Token(Refusal::Timeout) | Self::Upstream(UpstreamError::Timeout) => Code::Timeout,
            Self::Paused { .. } | Self::TooMuch { .. } => Code::Throttled,
            Self::Refused(refused) => match refused.status.as_u16() {
                401 => Code::Reauthenticate,
                403 => Code::Forbidden,
                404 => Code::NotFound,
                429 => Code::Throttled,
                502 | 503 => Code::Unavailable,
                504 => Code::Timeout,
                _ => Code::Graph,
            },
            Self::Upstream(UpstreamError::Connect(_) | UpstreamError::Busy { .. }) => {
                Code::Unavailable
            }
            Self::Upstream(_) | Self::Foreign | Self::Endless | Self::Redirect(_) => Code::Graph,
            Self::Cursor => Code::NotFound,
            Self::PersonalAccount => Code::Forbidden,
        }
    }

    /// The status for the browser: its code's, or Graph's own where Graph refused in a way that no code names.
    pub fn status(&self) -> u16 {
        match (self.code(), self) {
            // A browser takes what is no refusal, or one of a proxy, for something else.
            (Code::Graph, Self::Refused(refused))
                if (400..600).contains(&refused.status.as_u16())
                    && refused.status != StatusCode::PROXY_AUTHENTICATION_REQUIRED =>
            {
                refused.status.as_u16()
            }
            (code, _) => code.status(),
        }
    }

    /// Whether the organisation lets this account (a guest, say) list nobody (R108).
    pub fn denies_listing(&self) -> bool {
        matches!(self, Self::Refused(refused)
            if refused.status == StatusCode::FORBIDDEN && refused.has("Authorization_RequestDenied"))
    }

    /// When a try reaches Graph again, in seconds, where that is sooner than Graph asked for.
    pub fn reaches_after(&self) -> Option<u32> {
        let refused = match self {
            Self::Paused { refused, .. } => *refused,
            Self::Refused(refused) if refused.status == StatusCode::TOO_MANY_REQUESTS => {
                whole_seconds(LONGEST_REFUSAL)
            }
            _ => return None,
        };
        Some(refused).filter(|refused| self.retry_after().is_some_and(|told| *refused < told))
    }

    /// When to try again, in seconds, if Graph or the platform said so. Who is asked to wait is told how long.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Refused(refused) if refused.status == StatusCode::TOO_MANY_REQUESTS => {
                Some(refused.retry_after.map_or(SHORT_PAUSE, whole_seconds))
            }
            Self::Refused(refused) => refused.retry_after.map(whole_seconds),
            Self::Token(Refusal::Unavailable { retry_after }) => *retry_after,
            Self::Paused { retry_after, .. } | Self::TooMuch { retry_after } => Some(*retry_after),
            Self::SendAgain => Some(1),
            _ => None,
        }
    }
}

/// Graph's refusal, whole.
#[derive(Debug)]
pub struct Refused {
    /// HTTP status.
    pub status: StatusCode,
    /// `error.code` and the codes of its inner errors, the outermost first. None if the answer was not Graph's JSON.
    pub codes: Vec<String>,
    /// `error.message`; of another kind of answer its content type and its beginning. For the log, never for a page.
    pub message: String,
    /// What Microsoft's support finds the call by.
    pub request_id: String,
    /// Retry-After.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// Reads an answer that is no success.
    pub fn read(
        status: StatusCode,
        headers: &HeaderMap,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let mut refused = Self {
            status,
            codes: Vec::new(),
            message: String::new(),
            request_id: text("request-id"),
            retry_after,
        };
        if let Ok(Document { error }) = serde_json::from_slice(body) {
            refused.message = short(&error.message);
            let mut level = Some(error);
            while let Some(error) = level.filter(|_| refused.codes.len() < DEEPEST) {
                refused.codes.push(short(&error.code));
                if refused.request_id.is_empty() {
                    refused.request_id = short(&error.request_id);
                }
                level = error.inner.map(|inner| *inner);
            }
        } else {
            let start = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).into_owned();
            refused.message = format!("{}: {start}", text(header::CONTENT_TYPE.as_str()));
        }
        refused
    }

    /// Whether Graph gave this code, at any depth.
    pub fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known == code)
    }
}

impl fmt::Display for Refused {
    /// Escaped: what others wrote starts no line of its own in the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            codes,
            message,
            request_id,
            ..
        } = self;
        write!(
            f,
            "Graph answered {status} {codes:?}: {message:?}, request-id {request_id:?}"
        )
    }
}

fn short(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// <https://learn.microsoft.com/graph/errors>
#[derive(Deserialize)]
struct Document {
    error: Level,
}

#[derive(Deserialize)]
struct Level {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default, rename = "request-id")]
    request_id: String,
    // Both spellings are Graph's.
    #[serde(default, rename = "innerError", alias = "innererror")]
    inner: Option<Box<Level>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Refused {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, "text/html".parse().unwrap())]);
        Refused::read(StatusCode::CONFLICT, &headers, None, body.as_bytes())
    }

    #[test] // R101
    fn codes_at_every_depth_and_the_request_id_are_kept() {
        let refused = read(
            r#"{"error": {"code": "invalidRequest", "message": "No.", "target": "x", "innerError": {
                "code": "resourceModified", "date": "2026-01-01T00:00:00", "request-id": "7d", "innererror": {
                "code": "etagMismatch", "message": "deep"}}}}"#,
        );
        assert_eq!(
            refused.codes,
            ["invalidRequest", "resourceModified", "etagMismatch"]
        );
        assert!(refused.has("etagMismatch") && !refused.has("deep"));
        assert_eq!(
            (refused.message.as_str(), refused.request_id.as_str()),
            ("No.", "7d")
        );
        let line = refused.to_string();
        assert!(
            line.contains("409") && line.contains("etagMismatch") && line.contains("\"7d\""),
            "{line}"
        );
    }

    #[test] // R101
    fn an_error_that_is_not_json_survives_for_the_log_and_starts_no_line_there() {
        let refused = read("<h1>Sign in to\r\n{\"event\": \"forged\"} the network</h1>");
        assert_eq!(refused.codes, Vec::<String>::new());
        let line = refused.to_string();
        assert!(
            line.contains("text/html") && line.contains("Sign in to\\r\\n"),
            "{line}"
        );
        assert!(!line.contains('\n'));
        assert!(read(&"x".repeat(1_000_000)).message.len() < 400);
        assert!(read("").message.starts_with("text/html"));
        let nested = format!(
            "{}{}",
            r#"{"error":{"code":"a","innerError":"#.to_owned()
                + &r#"{"code":"b","innerError":"#.repeat(60)
                + "{}",
            "}".repeat(62)
        );
        assert_eq!(read(&nested).codes.len(), 8);
    }

    #[test] // R101
    fn a_refusal_that_no_code_names_has_graphs_own_status() {
        let of = |status| {
            let status = StatusCode::from_u16(status).unwrap();
            let refused = Refused::read(status, &HeaderMap::new(), None, b"");
            let error = GraphError::Refused(Box::new(refused));
            (error.code(), error.status())
        };
        for status in [400, 409, 412, 423, 500, 501, 507] {
            assert_eq!(of(status), (Code::Graph, status));
        }
        for status in [302, 304, 407, 600] {
            assert_eq!(of(status), (Code::Graph, 502));
        }
        assert_eq!(of(429), (Code::Throttled, 429));
        assert_eq!(of(502), (Code::Unavailable, 503));
        assert_eq!(GraphError::Foreign.status(), 502);
    }
}
