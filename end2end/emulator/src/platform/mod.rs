//! The identity platform: everything under `/{tenant}/…`.

mod aadsts;
mod answer;
mod assertion;
mod authorize;
mod consent;
mod credential;
mod forge;
mod handout;
mod hint;
mod id_token;
pub(crate) mod keys;
mod logout;
mod metadata;
mod pages;
mod params;
mod request;
mod scopes;
mod tenant;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get, post},
};

use crate::state::State;

pub(crate) use aadsts::{Refusal, Trace};
pub(crate) use params::Params;

/// All routes of the platform.
pub(crate) fn router() -> Router<Arc<State>> {
    Router::new()
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(metadata::openid_configuration),
        )
        .route("/{tenant}/discovery/v2.0/keys", get(metadata::keys))
        .route("/{tenant}/discovery/instance", get(metadata::instances))
        .route(
            "/{tenant}/oauth2/v2.0/authorize",
            get(authorize::get).post(authorize::post),
        )
        .route("/{tenant}/login", post(authorize::step))
        .route("/{tenant}/oauth2/v2.0/token", any(token::token))
        .route(
            "/{tenant}/oauth2/v2.0/logout",
            get(logout::logout).post(logout::logout),
        )
        .route(
            "/oidc/userinfo",
            get(userinfo::userinfo).post(userinfo::userinfo),
        )
}
