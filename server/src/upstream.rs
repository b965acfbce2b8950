//! The one HTTP client of this server, for the platform and for Graph, and the small bridge by which the
//! oauth2 crate uses it.

use std::time::Duration;

use serde::de::DeserializeOwned;

/// What can go wrong with a call to Microsoft. The text names no token, code or address with a query.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, no TLS, no answer.
    #[error("no answer ({0})")]
    Connect(String),
    /// Not in time.
    #[error("no answer in time")]
    Timeout,
    /// 429 or 5xx: busy; come back after so many seconds if it said so.
    #[error("status {status}")]
    Busy {
        /// HTTP status.
        status: u16,
        /// Retry-After, seconds.
        retry_after: Option<u32>,
    },
    /// Another status than expected.
    #[error("unexpected status {0}")]
    Status(u16),
    /// Not the JSON that it should be.
    #[error("not the expected JSON")]
    Nonsense,
    /// Larger than anything that belongs here.
    #[error("more than {MAX_BODY} bytes")]
    TooLarge,
}

/// The most that is read of an answer that is held in memory.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The client: redirects are never followed (R85), no cookie is kept (R20), the system's proxy settings
/// and CA store count (R116).
pub fn client(deadline: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5).min(deadline))
        .timeout(deadline)
        .user_agent(concat!("cloakroom/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl From<reqwest::Error> for UpstreamError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        // The innermost cause says what happened ("connection refused"); the outer ones repeat the URL.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Connect(if error.is_builder() {
            "bad request".into()
        } else {
            cause.to_string()
        })
    }
}

/// Seconds of a Retry-After that is a plain number; an hour at most.
pub fn retry_after(headers: &http::HeaderMap) -> Option<u32> {
    let seconds: u32 = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(seconds.min(3600))
}

/// Reads a body that fits into memory.
pub async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, UpstreamError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(UpstreamError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// GETs a JSON document.
pub async fn get_json<T: DeserializeOwned>(
    http: &reqwest::Client,
    url: &str,
) -> Result<T, UpstreamError> {
    let response = http
        .get(url)
        .header(http::header::ACCEPT, "application/json")
        .send()
        .await?;
    let status = response.status();
    busy(status, response.headers())?;
    if status != http::StatusCode::OK {
        return Err(UpstreamError::Status(status.as_u16()));
    }
    serde_json::from_slice(&read(response).await?).map_err(|_| UpstreamError::Nonsense)
}

fn busy(status: http::StatusCode, headers: &http::HeaderMap) -> Result<(), UpstreamError> {
    if status == http::StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(UpstreamError::Busy {
            status: status.as_u16(),
            retry_after: retry_after(headers),
        });
    }
    Ok(())
}

/// One request of the oauth2 crate.
pub async fn oauth2_call(
    http: reqwest::Client,
    request: oauth2::HttpRequest,
) -> Result<oauth2::HttpResponse, UpstreamError> {
    let response = http.execute(request.try_into()?).await?;
    busy(response.status(), response.headers())?;
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    answer
        .body(read(response).await?)
        .map_err(|_| UpstreamError::Nonsense)
}
