//! Microsoft Graph: everything that reaches it goes through [`Client`], with the session's own token.

pub mod challenge;
pub mod cursor;
pub mod directory;
pub mod permission;
pub mod photo;

use std::sync::Arc;

use app::error::Code;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use crate::{
    session::Session,
    tokens::{AnyOf, Refusal, Tokens, Want},
    upstream::{self, UpstreamError},
};

/// Why Graph has no answer for us.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] Refusal),
    /// Graph said no; its words are kept (R101).
    #[error("Graph answered {status} {code:?}: {message}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// `error.code`, empty if the answer was not Graph's JSON.
        code: String,
        /// `error.message`.
        message: String,
        /// Seconds of Retry-After.
        retry_after: Option<u32>,
    },
    /// No answer, or not one that we can read.
    #[error("Graph: {0}")]
    Upstream(#[from] UpstreamError),
    /// R98: an address that is not Graph's own.
    #[error("an address outside Graph was refused")]
    Foreign,
    /// A cursor that is not this user's, or not ours.
    #[error("an unknown cursor")]
    Cursor,
}

impl GraphError {
    /// What a page can do about it.
    pub fn code(&self) -> Code {
        match self {
            Self::Token(Refusal::SignedOut) => Code::SignedOut,
            Self::Token(Refusal::Reauthenticate | Refusal::Presence) => Code::Reauthenticate,
            Self::Token(Refusal::Consent(_)) => Code::ConsentRequired,
            Self::Token(Refusal::Claims(_)) => Code::ClaimsRequired,
            Self::Token(Refusal::Unavailable { .. }) => Code::Unavailable,
            Self::Token(Refusal::Timeout) | Self::Upstream(UpstreamError::Timeout) => Code::Timeout,
            Self::Refused { status, .. } => match status.as_u16() {
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
            Self::Upstream(_) | Self::Foreign => Code::Graph,
            Self::Cursor => Code::NotFound,
        }
    }

    /// When to try again, in seconds, if Graph or the platform said so.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Refused { retry_after, .. }
            | Self::Token(Refusal::Unavailable { retry_after }) => *retry_after,
            _ => None,
        }
    }
}

/// Graph, for any session.
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    tokens: Arc<Tokens>,
}

impl Client {
    /// Over the project's one HTTP client.
    pub fn new(http: reqwest::Client, endpoint: Url, tokens: Arc<Tokens>) -> Self {
        Self {
            http,
            endpoint,
            tokens,
        }
    }

    /// The address of a Graph path, which begins with `/v1.0/`.
    pub fn url(&self, path: &str) -> Result<Url, GraphError> {
        self.own(self.endpoint.join(path).map_err(|_| GraphError::Foreign)?)
    }

    /// R79, R98: an address is Graph's own, or nobody's. A nextLink's query is kept to the letter (R80).
    pub fn own(&self, url: Url) -> Result<Url, GraphError> {
        let ours = url.origin() == self.endpoint.origin()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path().starts_with("/v1.0/");
        if ours {
            Ok(url)
        } else {
            Err(GraphError::Foreign)
        }
    }

    /// GETs with the session's token.
    pub async fn get(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
        headers: HeaderMap,
    ) -> Result<reqwest::Response, GraphError> {
        self.call(session, need, &Method::GET, url, &headers).await
    }

    /// GETs JSON.
    pub async fn json<T: serde::de::DeserializeOwned>(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
        headers: HeaderMap,
    ) -> Result<T, GraphError> {
        let body = upstream::read(self.get(session, need, url, headers).await?).await?;
        serde_json::from_slice(&body).map_err(|_| UpstreamError::Nonsense.into())
    }

    /// POSTs nothing: for actions.
    pub async fn act(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
    ) -> Result<(), GraphError> {
        let headers = HeaderMap::new();
        self.call(session, need, &Method::POST, url, &headers)
            .await
            .map(|_| ())
    }

    /// A plain 401 is worth one refresh and one more try (R100); one with a claims challenge, a refresh that
    /// meets it (R99). Never more than one: what is refused twice, the person has to settle.
    async fn call(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        method: &Method,
        url: Url,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, GraphError> {
        let url = self.own(url)?;
        let token = self.tokens.access(session, need, Want::Current).await?;
        let first = self.send(method, &url, headers, token.expose()).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return accept(first).await;
        }
        let challenge = challenge::claims(first.headers());
        let want = challenge.clone().map_or(Want::Other(token), Want::Meeting);
        let token = self.tokens.access(session, need, want).await?;
        let second = self.send(method, &url, headers, token.expose()).await?;
        if second.status() == StatusCode::UNAUTHORIZED
            && let Some(challenge) = challenge::claims(second.headers()).or(challenge)
        {
            return Err(Refusal::Claims(Some(challenge)).into());
        }
        accept(second).await
    }

    async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        token: &str,
    ) -> Result<reqwest::Response, GraphError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| UpstreamError::Nonsense)?;
        bearer.set_sensitive(true);
        let id = Uuid::new_v4().to_string();
        let response = self
            .http
            .request(method.clone(), url.clone())
            .headers(headers.clone())
            .header(header::AUTHORIZATION, bearer)
            .header("client-request-id", &id)
            .send()
            .await
            .map_err(UpstreamError::from)?;
        // R102: with these two ids Microsoft's support finds the call.
        let request_id = response
            .headers()
            .get("request-id")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("-");
        tracing::debug!(event = "graph", path = url.path(), status = response.status().as_u16(), client_request_id = %id, request_id, "asked Graph");
        Ok(response)
    }
}

#[derive(Deserialize)]
struct ErrorDocument {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// A success, or Graph's refusal in its own words; an answer that is not JSON survives as its status (R101).
async fn accept(response: reqwest::Response) -> Result<reqwest::Response, GraphError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = upstream::retry_after(response.headers());
    let body = upstream::read(response).await.unwrap_or_default();
    let (code, message) = match serde_json::from_slice::<ErrorDocument>(&body) {
        Ok(ErrorDocument { error }) => (error.code, error.message),
        Err(_) => Default::default(),
    };
    Err(GraphError::Refused {
        status,
        code,
        message,
        retry_after,
    })
}
