//! Bad answers at the level of HTTP.

use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    control::{Answer, Endpoint},
    platform::{Refusal, Trace},
    serve::Dropped,
    state::{Origins, State},
};

type Planned = Pin<Box<dyn Future<Output = Response> + Send>>;

const JSON: &str = "application/json; charset=utf-8";

/// The answer that a fault puts in place of the real one.
pub(super) fn instead(
    state: &Arc<State>,
    endpoint: Endpoint,
    headers: &HeaderMap,
    origins: &Origins,
    fault: &Answer,
) -> Option<Planned> {
    let response = match fault {
        Answer::Status {
            status,
            retry_after,
        } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            with_retry_after(
                status_of(state, endpoint, headers, origins, status),
                retry_after.as_deref(),
            )
        }
        Answer::Drop => {
            let mut response = StatusCode::OK.into_response();
            response.extensions_mut().insert(Dropped);
            response
        }
        Answer::MalformedJson => typed(JSON, "{\"access_token\": \"unfinished, \"keys\": [}"),
        Answer::Html => typed(
            "text/html; charset=utf-8",
            "<!doctype html><title>Gateway</title><h1>Please sign in to the network</h1>",
        ),
        Answer::Garbage => typed(JSON, vec![0, 159, 146, 150, 255, 254, 123, 13, 10, 0]),
        Answer::Empty => typed(JSON, ""),
        Answer::Giant { bytes } => return Some(Box::pin(std::future::ready(giant(*bytes)))),
        Answer::Bomb { bytes } => {
            let bytes = *bytes;
            return Some(Box::pin(bomb(bytes)));
        }
        Answer::Redirect { status, location } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::FOUND);
            let mut response = status.into_response();
            if let Ok(location) = HeaderValue::from_str(location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Answer::Exactly {
            status,
            content_type,
            body,
        } => {
            let mut response = typed(content_type, body.clone());
            *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            response
        }
        Answer::Delay { .. }
        | Answer::Hold
        | Answer::CutOff
        | Answer::TruncatedJson
        | Answer::SlowDrip { .. }
        | Answer::Headers { .. } => return None,
    };
    Some(Box::pin(std::future::ready(response)))
}

fn typed(content_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

pub(super) fn with_retry_after(mut response: Response, value: Option<&str>) -> Response {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// An error status with the kind of body that this endpoint has.
fn status_of(
    state: &State,
    at: Endpoint,
    headers: &HeaderMap,
    origins: &Origins,
    status: StatusCode,
) -> Response {
    let busy = status == StatusCode::TOO_MANY_REQUESTS;
    match at {
        Endpoint::Graph => {
            let (code, message) = match status {
                StatusCode::TOO_MANY_REQUESTS => {
                    ("TooManyRequests", "Too many requests. Please retry later.")
                }
                StatusCode::SERVICE_UNAVAILABLE => (
                    "serviceNotAvailable",
                    "The service is temporarily unavailable.",
                ),
                StatusCode::FORBIDDEN => (
                    "Authorization_RequestDenied",
                    "Insufficient privileges to complete the operation.",
                ),
                StatusCode::NOT_FOUND => {
                    ("Request_ResourceNotFound", "The resource does not exist.")
                }
                StatusCode::UNAUTHORIZED => (
                    "InvalidAuthenticationToken",
                    "Access token has expired or is not yet valid.",
                ),
                _ => ("UnknownError", ""),
            };
            state.graph_error(headers, status, code, message)
        }
        Endpoint::Token | Endpoint::Metadata | Endpoint::Keys => {
            let (error, number, text) = if busy {
                (
                    "temporarily_unavailable",
                    90055,
                    "The server has terminated the request because of too many requests.",
                )
            } else {
                (
                    "temporarily_unavailable",
                    90033,
                    "A transient error has occurred. Please try again.",
                )
            };
            let refusal = Refusal {
                status,
                ..Refusal::new(error, number, text)
            };
            refusal.json(&Trace::new(headers, state.now()), &origins.platform)
        }
        Endpoint::Authorize | Endpoint::Logout | Endpoint::Other => status.into_response(),
    }
}

/// A JSON string of that size, made while it is sent.
fn giant(bytes: u64) -> Response {
    const PIECE: u64 = 64 << 10;
    let inner = bytes.saturating_sub(2);
    let pieces = (0..inner.div_ceil(PIECE)).map(move |index| {
        let length = PIECE.min(inner - index * PIECE);
        Bytes::from(vec![b'a'; usize::try_from(length).unwrap_or_default()])
    });
    let quote = || std::iter::once(Bytes::from_static(b"\""));
    let body = stream::iter(
        quote()
            .chain(pieces)
            .chain(quote())
            .map(Ok::<_, Infallible>),
    );
    typed(JSON, Body::from_stream(body))
}

/// Very little that unpacks to very much.
async fn bomb(bytes: u64) -> Response {
    let packed = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut spaces = std::io::repeat(b' ').take(bytes.saturating_sub(2));
        encoder.write_all(b"{").ok();
        std::io::copy(&mut spaces, &mut encoder).ok();
        encoder.write_all(b"}").ok();
        encoder.finish().unwrap_or_default()
    });
    let mut response = typed(JSON, packed.await.unwrap_or_default());
    response
        .headers_mut()
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// What a fault does to the real answer.
pub(super) async fn afterwards(response: Response, fault: Answer) -> Response {
    match fault {
        Answer::CutOff => {
            let (mut parts, bytes) = taken(response).await;
            parts
                .headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            let half = bytes.slice(..bytes.len() / 2);
            let body = stream::iter([Some(half), None]).then(|piece| async move {
                if let Some(half) = piece {
                    return Ok(half);
                }
                // Head and first half are to be sent before the end comes.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
            });
            Response::from_parts(parts, Body::from_stream(body))
        }
        Answer::TruncatedJson => {
            let (parts, bytes) = taken(response).await;
            Response::from_parts(parts, Body::from(bytes.slice(..bytes.len() / 2)))
        }
        Answer::SlowDrip { millis } => {
            let (parts, bytes) = taken(response).await;
            let drops = stream::iter(bytes.to_vec()).then(move |byte| async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok::<_, Infallible>(vec![byte])
            });
            Response::from_parts(parts, Body::from_stream(drops))
        }
        Answer::Headers { headers } => {
            let mut response = response;
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) =
                    (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
                {
                    response.headers_mut().append(name, value);
                }
            }
            response
        }
        _ => response,
    }
}

/// The whole body, and the head without its length.
pub(super) async fn taken(response: Response) -> (http::response::Parts, Bytes) {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    (parts, bytes)
}
