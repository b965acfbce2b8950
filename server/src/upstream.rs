//! The HTTP clients of this server, one for the platform and one for Graph, what both read of an answer, and
//! the small bridge by which the oauth2 crate uses the first.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

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

/// How long a connection may take to be made (R88).
const CONNECT: Duration = Duration::from_secs(5);

/// The client for the platform, whose answers are small and wanted whole before the deadline.
pub fn client(deadline: Duration) -> reqwest::Result<reqwest::Client> {
    builder(deadline).timeout(deadline).build()
}

/// The client for Graph. A streamed answer may take as long as it takes, but not stand still; who wants a
/// whole one sees to the deadline.
pub fn streaming_client(deadline: Duration) -> reqwest::Result<reqwest::Client> {
    builder(deadline).read_timeout(deadline * 3).build()
}

/// Redirects are never followed (R85), no cookie is kept (R20), the system's proxy settings and CA store
/// count (R116).
fn builder(deadline: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT.min(deadline))
        .user_agent(concat!("cloakroom/", env!("CARGO_PKG_VERSION")))
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

/// What asks for more is a mistake, or malice.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How long Retry-After asks to wait; of several times the longest. A date is read by the clock that wrote it,
/// where the answer has a `Date`: ours may be ahead.
pub fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let here = SystemTime::from(now);
    let there = headers
        .get(header::DATE)
        .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
    headers
        .get_all(header::RETRY_AFTER)
        .iter()
        .filter_map(|value| parse_retry_after(value.to_str().ok()?, there.unwrap_or(here)))
        .max()
}

/// R93: an integer, a decimal, an HTTP-date (RFC 9110 §10.2.3), or a list of them; what is none is passed over.
pub fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let date = |text: &str| {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    };
    let mut longest = None;
    let mut before = "";
    // A comma separates the members of a list, and a date from its day of the week.
    for piece in text.split(',').map(str::trim) {
        let wait = seconds(piece)
            .or_else(|| date(piece))
            .or_else(|| date(&format!("{before}, {piece}")));
        longest = longest.max(wait);
        before = piece;
    }
    longest.map(|wait| wait.min(LONGEST_WAIT))
}

fn seconds(text: &str) -> Option<Duration> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    Some(Duration::from_secs_f64(
        seconds.min(LONGEST_WAIT.as_secs_f64()),
    ))
}

/// Whole seconds, never fewer than were asked for.
pub fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
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
    now: OffsetDateTime,
) -> Result<T, UpstreamError> {
    let response = http
        .get(url)
        .header(header::ACCEPT, "application/json")
        .send()
        .await?;
    let status = response.status();
    busy(status, response.headers(), now)?;
    if status != http::StatusCode::OK {
        return Err(UpstreamError::Status(status.as_u16()));
    }
    serde_json::from_slice(&read(response).await?).map_err(|_| UpstreamError::Nonsense)
}

fn busy(
    status: http::StatusCode,
    headers: &HeaderMap,
    now: OffsetDateTime,
) -> Result<(), UpstreamError> {
    if status == http::StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(UpstreamError::Busy {
            status: status.as_u16(),
            retry_after: retry_after(headers, now).map(whole_seconds),
        });
    }
    Ok(())
}

/// One request of the oauth2 crate.
pub async fn oauth2_call(
    http: reqwest::Client,
    request: oauth2::HttpRequest,
    now: OffsetDateTime,
) -> Result<oauth2::HttpResponse, UpstreamError> {
    let response = http.execute(request.try_into()?).await?;
    busy(response.status(), response.headers(), now)?;
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    answer
        .body(read(response).await?)
        .map_err(|_| UpstreamError::Nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
    const THEN: Duration = Duration::from_secs(784_111_777);

    fn wait(text: &str) -> Option<f64> {
        let now = SystemTime::UNIX_EPOCH + THEN;
        parse_retry_after(text, now).map(|wait| wait.as_secs_f64())
    }

    #[test] // R93
    fn retry_after_is_read_in_every_form() {
        for (text, seconds) in [
            ("0", 0.0),
            ("120", 120.0),
            (" 7 ", 7.0),
            ("1.5", 1.5),
            (".25", 0.25),
            ("3.", 3.0),
            ("Sun, 06 Nov 1994 08:49:40 GMT", 3.0),
            ("Sunday, 06-Nov-94 08:49:41 GMT", 4.0),
            ("Sun Nov  6 08:49:42 1994", 5.0),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
            // A list: not before the latest of them.
            ("1, 30, 2", 30.0),
            ("2, Sun, 06 Nov 1994 08:49:40 GMT", 3.0),
            ("Sun, 06 Nov 1994 08:49:40 GMT, 2, nonsense", 3.0),
            ("soon, 4", 4.0),
            // A day at most.
            ("86401", 86400.0),
            ("99999999999999999999999999999999", 86400.0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ] {
            assert_eq!(wait(text), Some(seconds), "{text}");
        }
        for garbage in [
            "",
            ",",
            ".",
            "soon",
            "-1",
            "+5",
            "1e3",
            "0x10",
            "NaN",
            "inf",
            "1.2.3",
            "1 2",
            "12s",
            "١٢",
            "Sun, 06 Nov 1994",
            "GMT",
        ] {
            assert_eq!(wait(garbage), None, "{garbage}");
        }
    }

    #[test] // R93
    fn a_date_is_read_by_the_clock_that_wrote_it() {
        let told = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            let now = OffsetDateTime::UNIX_EPOCH + THEN;
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        let at = ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(told(&[at]), Some(10));
        assert_eq!(
            told(&[at, ("date", "Sun, 06 Nov 1994 08:49:17 GMT")]),
            Some(30)
        );
        assert_eq!(told(&[at, ("date", "yesterday")]), Some(10));
        assert_eq!(told(&[at, ("retry-after", "11")]), Some(11));
        assert_eq!(told(&[]), None);
        assert_eq!(whole_seconds(Duration::from_millis(1001)), 2);
    }
}
