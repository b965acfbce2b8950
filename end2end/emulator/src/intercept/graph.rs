//! Graph's difficult answers.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::http::{taken, with_retry_after};
use crate::{control::GraphChange, state::State};

/// Headers that are Graph's own business; a proxy that passes one on has a hole.
const PRIVATE: [(&str, &str); 9] = [
    (
        "set-cookie",
        "graph-session=secret; Domain=localhost; Path=/",
    ),
    ("set-cookie", "session=overwritten; Path=/"),
    ("access-control-allow-origin", "https://evil.example"),
    ("access-control-allow-credentials", "true"),
    ("www-authenticate", "Bearer realm=\"inner\""),
    ("location", "https://evil.example/"),
    ("clear-site-data", "\"*\""),
    ("content-security-policy", "default-src *"),
    ("refresh", "0;url=https://evil.example/"),
];

/// The answer that a fault puts in place of the real one.
pub(super) fn instead(
    state: &State,
    headers: &HeaderMap,
    change: &GraphChange,
) -> Option<Response> {
    match change {
        GraphChange::Error {
            status,
            code,
            retry_after,
        } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let response = state.graph_error(headers, status, code, "This error was asked for.");
            Some(with_retry_after(response, retry_after.as_deref()))
        }
        GraphChange::Expired => Some(state.expired(headers)),
        GraphChange::ClaimsChallenge => Some(state.claims_challenge(headers, false)),
        GraphChange::SeveralChallenges => Some(state.claims_challenge(headers, true)),
        GraphChange::ActiveContent => Some(active(
            "text/html; charset=utf-8",
            "<script>alert(document.domain)</script>",
        )),
        GraphChange::Svg => Some(active(
            "image/svg+xml",
            "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(document.domain)</script></svg>",
        )),
        GraphChange::NextLink(_)
        | GraphChange::NextLinkCycle
        | GraphChange::EmptyPage
        | GraphChange::Headers => None,
    }
}

fn active(content_type: &'static str, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What a fault does to the real answer. `url` is what was asked.
pub(super) async fn afterwards(response: Response, change: &GraphChange, url: &str) -> Response {
    match change {
        GraphChange::NextLink(origin) => {
            edited(response, |body| {
                let next = body["@odata.nextLink"].as_str().unwrap_or(url);
                let tail = Url::parse(next)
                    .map(|url| url[url::Position::BeforePath..].to_owned())
                    .unwrap_or_default();
                body["@odata.nextLink"] = json!(format!("{origin}{tail}"));
            })
            .await
        }
        GraphChange::NextLinkCycle => {
            edited(response, |body| body["@odata.nextLink"] = json!(url)).await
        }
        GraphChange::EmptyPage => {
            edited(response, |body| {
                body["value"] = json!([]);
                if body["@odata.nextLink"].is_null() {
                    body["@odata.nextLink"] = json!(url);
                }
            })
            .await
        }
        GraphChange::Headers => {
            let mut response = response;
            for (name, value) in PRIVATE {
                response.headers_mut().append(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            response
        }
        _ => response,
    }
}

/// The JSON body with something changed; any other body stays as it is.
async fn edited(response: Response, edit: impl FnOnce(&mut Value)) -> Response {
    let (parts, bytes) = taken(response).await;
    let body = match serde_json::from_slice(&bytes) {
        Ok(mut body @ Value::Object(_)) => {
            edit(&mut body);
            body.to_string().into()
        }
        _ => bytes,
    };
    Response::from_parts(parts, Body::from(body))
}
