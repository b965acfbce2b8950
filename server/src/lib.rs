//! Cloakroom's backend-for-frontend: the confidential client that holds the credential, redeems the code,
//! keeps every token on the server and calls Microsoft Graph for the pages.

pub mod auth;
pub mod backend;
pub mod browser;
pub mod clock;
pub mod config;
pub mod graph;
pub mod pages;
pub mod secret;
pub mod serve;
pub mod session;
pub mod start;
pub mod tokens;
pub mod upstream;

mod routes;

use std::sync::Arc;

use app::App;
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};
use leptos::config::LeptosOptions;
use leptos_axum::{LeptosRoutes, generate_route_list};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, limit::RequestBodyLimitLayer,
};
use tower_sessions::{SessionManagerLayer, cookie::SameSite};

use clock::Clock;
use config::Config;
use session::{Sessions, cookie, seal::Sealer};

/// The most that a request of a page may carry.
const MAX_REQUEST_BODY: usize = 64 * 1024;

/// Everything that the routes share.
pub struct Cloakroom {
    /// What the server was told.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// The one client for calls to Microsoft.
    pub http: reqwest::Client,
    /// Seals what leaves the process.
    pub sealer: Sealer,
    /// The sessions.
    pub sessions: Sessions,
    /// The authority's documents.
    pub platform: Arc<auth::metadata::Platform>,
    /// Where codes become tokens.
    pub token_endpoint: Arc<auth::token_endpoint::TokenEndpoint>,
    /// Microsoft Graph.
    pub graph: graph::Client,
    /// Where leptos finds the site's files.
    pub leptos: LeptosOptions,
    /// Whether `cargo leptos watch` runs this.
    pub watched: bool,
}

/// Every route and layer.
pub fn router(cloakroom: Arc<Cloakroom>) -> Router {
    let https = cloakroom.config.is_https();
    let sessions = SessionManagerLayer::new(cloakroom.sessions.store.clone())
        .with_name(cookie::name(https, cookie::SESSION))
        .with_same_site(SameSite::Strict)
        .with_secure(https);
    let options = cloakroom.leptos.clone();
    let pages = Router::<LeptosOptions>::new()
        .leptos_routes_with_context(
            &options,
            generate_route_list(App),
            routes::provide_backend(cloakroom.clone()),
            routes::page(options.clone()),
        )
        .with_state(options);

    Router::new()
        .route("/auth/login", get(auth::login))
        .route(
            &cloakroom.config.redirect_path,
            get(auth::callback).head(routes::not_allowed),
        )
        .route("/auth/logout", post(auth::sign_out::logout))
        .route("/auth/revoke", post(auth::sign_out::revoke))
        .route("/auth/session", get(auth::session))
        .route("/auth/error", get(routes::auth_error))
        .route("/photo/{id}", get(routes::photo))
        .merge(pages)
        .route("/api/{*name}", any(routes::no_such_call))
        .route("/graph/{*path}", any(routes::no_such_call))
        .fallback(pages::not_found)
        .layer(from_fn_with_state(cloakroom.clone(), routes::find_visitor))
        .layer(sessions)
        .layer(from_fn_with_state(
            cloakroom.clone(),
            routes::session_cookie,
        ))
        .layer(from_fn_with_state(cloakroom.clone(), browser::bounce))
        // Below this line nothing needs a session: files and probes.
        .merge(routes::files(&cloakroom.leptos))
        .route(
            "/auth/frontchannel-logout",
            get(auth::sign_out::front_channel),
        )
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(routes::readyz))
        .layer(RequestBodyLimitLayer::new(MAX_REQUEST_BODY))
        .layer(from_fn_with_state(
            cloakroom.clone(),
            browser::same_origin_gate,
        ))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(routes::panicked))
        .layer(from_fn_with_state(
            cloakroom.clone(),
            browser::security_headers,
        ))
        .layer(from_fn(browser::log))
        .with_state(cloakroom)
}
