//! The control endpoint, `/_control/…`: [`Control`](super::Control) as JSON.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::{Call, Rule};
use crate::{Client, state::State};

type Emulated = Shared<Arc<State>>;

/// Routes below `/_control`.
pub(crate) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/release", post(release))
        .route("/calls", get(calls).delete(forget_calls))
        .route("/clock", get(clock).post(advance))
        .route("/keys/rotate", post(rotate))
        .route("/clients", post(register))
        .route("/people", get(people))
        .route("/revoke", post(revoke))
        .route("/stale", post(stale))
        .route("/consents", axum::routing::delete(forget_consents))
        .route("/reset", post(reset))
}

async fn faults(Shared(state): Emulated) -> Json<Vec<Rule>> {
    Json(state.control.faults())
}

async fn add_fault(Shared(state): Emulated, Json(rule): Json<Rule>) -> StatusCode {
    state.control.fault(rule);
    StatusCode::NO_CONTENT
}

async fn clear_faults(Shared(state): Emulated) -> StatusCode {
    state.control.clear();
    StatusCode::NO_CONTENT
}

async fn release(Shared(state): Emulated) -> StatusCode {
    state.control.release();
    StatusCode::NO_CONTENT
}

async fn calls(Shared(state): Emulated) -> Json<Vec<Call>> {
    Json(state.control.calls())
}

async fn forget_calls(Shared(state): Emulated) -> StatusCode {
    state.control.forget_calls();
    StatusCode::NO_CONTENT
}

async fn clock(Shared(state): Emulated) -> Response {
    let now = state.now();
    Json(json!({ "now": now.format(&Rfc3339).unwrap_or_default(), "unix": now.unix_timestamp() }))
        .into_response()
}

#[derive(Deserialize)]
struct Advance {
    seconds: u64,
}

async fn advance(Shared(state): Emulated, Json(by): Json<Advance>) -> Response {
    // A century at most: a time beyond the calendar is no use to anybody.
    state
        .control
        .advance(Duration::from_secs(by.seconds.min(3_155_760_000)));
    clock(Shared(state)).await
}

async fn rotate(Shared(state): Emulated) -> StatusCode {
    let control = Arc::clone(&state.control);
    // Making an RSA key takes a while: not on a thread that serves.
    match tokio::task::spawn_blocking(move || control.rotate_keys()).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn register(Shared(state): Emulated, Json(client): Json<Client>) -> StatusCode {
    state.control.register(client);
    StatusCode::NO_CONTENT
}

async fn people(Shared(state): Emulated) -> Response {
    let people: Vec<_> = state
        .directory
        .accounts_to_pick()
        .into_iter()
        .map(|person| {
            json!({
                "tid": person.tid, "oid": person.oid, "name": person.name, "username": person.username,
                "description": person.description, "personal": person.personal, "guest": person.guest,
            })
        })
        .collect();
    Json(people).into_response()
}

#[derive(Deserialize)]
struct Who {
    user: String,
}

async fn revoke(Shared(state): Emulated, Json(who): Json<Who>) -> StatusCode {
    for_user(&state, &who, |oid| state.control.revoke_sessions(oid))
}

async fn stale(Shared(state): Emulated, Json(who): Json<Who>) -> StatusCode {
    for_user(&state, &who, |oid| state.control.declare_stale(oid))
}

fn for_user(state: &State, who: &Who, act: impl FnOnce(&str)) -> StatusCode {
    match state.directory.account(&who.user) {
        Some(person) => {
            act(&person.oid);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

async fn forget_consents(Shared(state): Emulated) -> StatusCode {
    state.control.forget_consents();
    StatusCode::NO_CONTENT
}

async fn reset(Shared(state): Emulated) -> StatusCode {
    state.control.reset();
    StatusCode::NO_CONTENT
}
