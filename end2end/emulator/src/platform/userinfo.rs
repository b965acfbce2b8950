//! OpenID Connect's userinfo, which Microsoft serves on Graph's host.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State as Shared,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::id_token::subject;
use crate::state::{Origins, State};

pub(super) async fn userinfo(
    Shared(state): Shared<Arc<State>>,
    Extension(origins): Extension<Origins>,
    headers: HeaderMap,
) -> Response {
    let access = match state.access(&headers) {
        Ok(access) => access,
        Err(refused) => return *refused,
    };
    let Some(person) = state.directory.account(&access.oid) else {
        return axum::http::StatusCode::UNAUTHORIZED.into_response();
    };
    let (given, family) = person.name.rsplit_once(' ').unwrap_or((&person.name, ""));
    Json(json!({
        "sub": subject(&person.oid, &access.client_id),
        "name": person.name,
        "family_name": family,
        "given_name": given,
        "picture": format!("{}/v1.0/me/photo/$value", origins.graph),
        "email": person.username,
    }))
    .into_response()
}
