//! `ApiError`: what a page can act on. Its JSON is the contract's
//! `{"error": {"code", "message", "correlation_id", "scopes"?, "claims"?}}`.

use leptos::{
    server_fn::error::{FromServerFnError, ServerFnErrorErr},
    wasm_bindgen::JsValue,
};
use leptos_i18n::td_string;
use serde::{Deserialize, Serialize};

use crate::{
    api, i18n,
    wire::{FromJson, Json, field, from_json},
};

/// A refused data call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", from = "Wire")]
pub struct ApiError {
    /// What the page does about it.
    pub code: Code,
    /// The HTTP status of the answer, which carries it: the code's, or with `graph` Graph's own.
    pub status: u16,
    /// A sentence for people; never a secret, never markup.
    pub message: String,
    /// The id to quote; the server logged it with the cause.
    pub correlation_id: String,
    /// With `consent_required`: the scopes that are missing.
    pub scopes: Vec<String>,
    /// With `claims_required`: the claims challenge that the next sign-in carries.
    pub claims: Option<String>,
    /// With `throttled` and `unavailable`: seconds to wait before the next try.
    pub retry_after: Option<u32>,
}

/// The ways in which a data call is refused, each with one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 401: there is no session.
    SignedOut,
    /// 401: the session's tokens are gone; sign in again.
    Reauthenticate,
    /// 403: a scope is missing.
    ConsentRequired,
    /// 401: Graph wants a sign-in that meets these claims.
    ClaimsRequired,
    /// 403: not allowed.
    Forbidden,
    /// 404: there is no such thing.
    NotFound,
    /// 413: the request is too large.
    TooLarge,
    /// 429: wait `retry_after` seconds.
    Throttled,
    /// 502, or Graph's own status: Graph refused or made no sense.
    Graph,
    /// 503: the platform, Graph or the store is not to be had just now.
    Unavailable,
    /// 504: no answer in time.
    Timeout,
}

impl Code {
    /// The HTTP status of a refusal with this code, unless it has one of its own.
    pub fn status(self) -> u16 {
        match self {
            Self::SignedOut | Self::Reauthenticate | Self::ClaimsRequired => 401,
            Self::ConsentRequired | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::Throttled => 429,
            Self::Graph => 502,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }
}

impl ApiError {
    /// A refusal with nothing but its code, its sentence and the id to quote.
    pub fn new(code: Code, message: impl Into<String>, correlation_id: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            message: message.into(),
            correlation_id: correlation_id.into(),
            scopes: Vec::new(),
            claims: None,
            retry_after: None,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl FromServerFnError for ApiError {
    type Encoder = Json;

    /// What goes wrong outside our own code: the network, an answer that is not ours, a call that is not a page's.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        // In the browser there is nobody to ask but the document.
        let locale = if cfg!(feature = "hydrate") {
            i18n::of_document()
        } else {
            i18n::locale()
        };
        let (code, message) = match error {
            // How a body without a length is cut off.
            ServerFnErrorErr::Deserialization(text) if text.contains("length limit") => {
                (Code::TooLarge, td_string!(locale, problem.too_large_text))
            }
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_)
                if api::backend().is_ok() =>
            {
                (Code::NotFound, td_string!(locale, problem.incomplete))
            }
            _ => (Code::Unavailable, td_string!(locale, problem.no_answer)),
        };
        let mut refusal = Self::new(code, message, "");
        if let Ok(backend) = api::backend() {
            backend.set_status(code.status());
            refusal.correlation_id = backend.correlation_id();
        }
        refusal
    }
}

from_json!(Code {
    "signed_out" => SignedOut,
    "reauthenticate" => Reauthenticate,
    "consent_required" => ConsentRequired,
    "claims_required" => ClaimsRequired,
    "forbidden" => Forbidden,
    "not_found" => NotFound,
    "too_large" => TooLarge,
    "throttled" => Throttled,
    "graph" => Graph,
    "unavailable" => Unavailable,
    "timeout" => Timeout,
});

impl FromJson for ApiError {
    fn from_json(json: &JsValue) -> Option<Self> {
        let error: JsValue = field(json, "error")?;
        let code: Code = field(&error, "code")?;
        Some(Self {
            code,
            status: code.status(),
            message: field(&error, "message")?,
            correlation_id: field(&error, "correlation_id")?,
            scopes: field::<Option<_>>(&error, "scopes")?.unwrap_or_default(),
            claims: field(&error, "claims")?,
            retry_after: field(&error, "retry_after")?,
        })
    }
}

/// The JSON shape.
#[derive(Clone, Serialize, Deserialize)]
struct Wire {
    error: Body,
}

#[derive(Clone, Serialize, Deserialize)]
struct Body {
    code: Code,
    message: String,
    correlation_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
}

impl From<ApiError> for Wire {
    fn from(e: ApiError) -> Self {
        let ApiError {
            code,
            status: _,
            message,
            correlation_id,
            scopes,
            claims,
            retry_after,
        } = e;
        Self {
            error: Body {
                code,
                message,
                correlation_id,
                scopes,
                claims,
                retry_after,
            },
        }
    }
}

impl From<Wire> for ApiError {
    fn from(Wire { error }: Wire) -> Self {
        let Body {
            code,
            message,
            correlation_id,
            scopes,
            claims,
            retry_after,
        } = error;
        Self {
            code,
            status: code.status(),
            message,
            correlation_id,
            scopes,
            claims,
            retry_after,
        }
    }
}
