//! `POST /$batch`: up to twenty calls in one.
//!
//! Graph docs, "Combine multiple HTTP requests using JSON batching". Answers come in another order than the
//! requests, as they may: clients match them by id.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::control::{Answer, Asker, Endpoint, Fault, GraphChange};
use crate::state::{Access, State};

use super::call::{Body, Reply};
use super::error::Refusal;
use super::serve::{Asked, Ids, run};

const MOST: usize = 20;

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// Answers a batch.
pub fn answer(
    state: &State,
    origin: &str,
    access: &Access,
    asker: &Asker,
    ids: &Ids,
    body: &[u8],
) -> Result<Reply, Refusal> {
    let batch: Batch = serde_json::from_slice(body)
        .map_err(|_| Refusal::bad_request("Invalid batch payload format."))?;
    check(&batch.requests)?;
    let mut failed: HashSet<&str> = HashSet::new();
    let mut responses = Vec::new();
    for step in &batch.requests {
        let reply = if step
            .depends_on
            .iter()
            .any(|id| failed.contains(id.as_str()))
        {
            Err(Refusal::new(
                StatusCode::FAILED_DEPENDENCY,
                "FailedDependency",
                "A request that this one depends on failed.",
            ))
        } else {
            one(state, origin, access, asker, step)
        };
        let reply = reply.unwrap_or_else(|refusal| ids.refusal(&refusal, state.now()));
        if !reply.status.is_success() {
            failed.insert(&step.id);
        }
        responses.push(response(&step.id, reply));
    }
    responses.reverse();
    Ok(Reply::json(json!({ "responses": responses })))
}

fn check(steps: &[Step]) -> Result<(), Refusal> {
    if steps.len() > MOST {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "MaximumValueExceeded",
            format!("Number of batch request steps exceeds the maximum value of {MOST}."),
        ));
    }
    let mut known = HashSet::new();
    for step in steps {
        // A step may wait for earlier ones only, so nothing can wait in a circle.
        if let Some(unknown) = step
            .depends_on
            .iter()
            .find(|id| !known.contains(&id.to_ascii_lowercase()))
        {
            return Err(Refusal::bad_request(format!(
                "Invalid batch payload: '{}' depends on unknown request '{unknown}'.",
                step.id
            )));
        }
        if !known.insert(step.id.to_ascii_lowercase()) {
            return Err(Refusal::bad_request(format!(
                "Request ID '{}' must be unique in a batch.",
                step.id
            )));
        }
        if step.body.is_some()
            && !step
                .headers
                .keys()
                .any(|name| name.eq_ignore_ascii_case("content-type"))
        {
            return Err(Refusal::bad_request(
                "Write request id : ".to_owned()
                    + &step.id
                    + " does not contain Content-Type header or body.",
            ));
        }
    }
    Ok(())
}

fn one(
    state: &State,
    origin: &str,
    access: &Access,
    asker: &Asker,
    step: &Step,
) -> Result<Reply, Refusal> {
    let url = step.url.strip_prefix('/').unwrap_or(&step.url);
    if step.url.contains("://") || step.url.starts_with("//") {
        return Err(Refusal::bad_request(
            "Invalid batch request URL: it must be relative to the version.",
        ));
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    if path.eq_ignore_ascii_case("$batch") || path.eq_ignore_ascii_case("%24batch") {
        return Err(Refusal::bad_request("Batch requests cannot be nested."));
    }
    let path = format!("/{path}");
    let asker = Asker {
        path: format!("/v1.0{path}"),
        ..asker.clone()
    };
    if let Some(reply) = fault(state, &asker) {
        return Ok(reply);
    }
    let method = Method::from_bytes(step.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| Refusal::method())?;
    let headers = step.headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    let headers = headers.collect();
    // A step speaks for the batch's caller, whatever it says itself.
    run(
        state,
        origin,
        access,
        Asked {
            method,
            path: &path,
            query,
            headers,
        },
    )
}

/// A fault that is set for this step's path alone, such as 429.
fn fault(state: &State, asker: &Asker) -> Option<Reply> {
    let (status, code, retry_after) = state.control.strike(asker, |fault| match fault {
        Fault::Answer {
            at: Endpoint::Graph,
            with:
                Answer::Status {
                    status,
                    retry_after,
                },
        } => Some((*status, "TooManyRequests".to_owned(), retry_after.clone())),
        Fault::Graph {
            change:
                GraphChange::Error {
                    status,
                    code,
                    retry_after,
                },
        } => Some((*status, code.clone(), retry_after.clone())),
        _ => None,
    })?;
    let mut reply =
        Reply::json(json!({ "error": { "code": code, "message": "This error was asked for." } }));
    reply.status = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
        reply.headers.insert(http::header::RETRY_AFTER, value);
    }
    Some(reply)
}

fn response(id: &str, reply: Reply) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Map<String, Value> = (reply.headers.iter())
        .map(|(name, value)| (spelt(name), json!(text(value))))
        .collect();
    let body = match reply.body {
        Body::Empty => Value::Null,
        Body::Json(body) => body,
        Body::Written(text) => serde_json::from_slice(&text).unwrap_or_default(),
        Body::Bytes(bytes) => json!(STANDARD.encode(bytes)),
    };
    json!({ "id": id, "status": reply.status.as_u16(), "headers": headers, "body": body })
}

/// `content-type` as batches spell it: `Content-Type`.
fn spelt(name: &HeaderName) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    name.as_str()
        .split('-')
        .map(capital)
        .collect::<Vec<_>>()
        .join("-")
}
