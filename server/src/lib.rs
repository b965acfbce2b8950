//! Cloakroom's backend-for-frontend: the confidential client that holds the credential, redeems the code,
//! keeps every token on the server and calls Microsoft Graph for the pages.

pub mod account;
pub mod auth;
pub mod backend;
pub mod browser;
pub mod clock;
pub mod config;
pub mod console;
pub mod forwarded;
mod framing;
pub mod graph;
pub mod log;
pub mod pages;
pub mod people;
pub mod portrait;
pub mod preferences;
pub mod secret;
pub mod serve;
pub mod session;
pub mod start;
pub mod tokens;
pub mod upstream;

mod routes;

use std::sync::{Arc, LazyLock};

use app::App;
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};
use leptos::config::LeptosOptions;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::NotForContentType},
};
use tower_sessions::{SessionManagerLayer, cookie::SameSite};

use clock::Clock;
use config::Config;
use session::{
    Sessions, cookie,
    events::{self, Events},
    seal::Sealer,
};

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
    /// The pages that wait to hear that their session has ended.
    pub events: Events,
    /// The authority's documents.
    pub platform: Arc<auth::metadata::Platform>,
    /// Where codes become tokens.
    pub token_endpoint: Arc<auth::token_endpoint::TokenEndpoint>,
    /// Microsoft Graph.
    pub graph: graph::Client,
    /// The photos that were looked at lately.
    pub photos: graph::photo::Photos,
    /// What the proxy to Graph keeps between calls.
    pub proxy: graph::proxy::Proxy,
    /// Where leptos finds the site's files.
    pub leptos: LeptosOptions,
    /// Whether `cargo leptos watch` runs this.
    pub watched: bool,
}

/// The app's pages. Listed once a process: while leptos lists them, a page that is rendered on another thread would never
/// get its data (<https://github.com/leptos-rs/leptos/issues/4773>).
static ROUTES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

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
            ROUTES.clone(),
            routes::provide_backend(cloakroom.clone()),
            routes::page(options.clone()),
        )
        .with_state(options);

    Router::new()
        .route("/auth/login", get(auth::login).head(routes::not_allowed))
        .route(
            &cloakroom.config.redirect_path,
            get(auth::callback).head(routes::not_allowed),
        )
        .route("/auth/logout", post(auth::sign_out::logout))
        .route("/auth/revoke", post(auth::sign_out::revoke))
        .route("/auth/session", get(auth::session).post(auth::session))
        .route(events::PATH, get(events::events))
        .route("/me", get(portrait::me))
        .route("/people/{id}", get(portrait::person))
        .route("/account", get(account::page))
        .route("/account/end", post(account::end))
        .route("/account/end-others", post(account::end_others))
        .route("/auth/error", get(routes::auth_error))
        .route(app::links::CONSOLE, get(console::show).post(console::send))
        .route("/preferences", post(preferences::choose))
        .route("/photo/{id}", get(people::photo))
        .route("/people.csv", get(people::csv))
        .merge(pages)
        .route("/api/{*name}", any(routes::no_such_call))
        .fallback(pages::not_found)
        .layer(from_fn_with_state(cloakroom.clone(), routes::find_visitor))
        .layer(sessions)
        .layer(from_fn_with_state(
            cloakroom.clone(),
            routes::session_cookie,
        ))
        .layer(from_fn_with_state(cloakroom.clone(), browser::bounce))
        .layer(from_fn_with_state(cloakroom.clone(), preferences::find))
        // Below this line nothing needs a session: files and probes.
        .merge(routes::files(&cloakroom.leptos))
        .route(
            "/auth/frontchannel-logout",
            get(auth::sign_out::front_channel).head(routes::not_allowed),
        )
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(routes::readyz))
        .layer(from_fn(browser::whole_request))
        // It has limits of its own, and no use for a page's other layers.
        .merge(graph_proxy(&cloakroom))
        .layer(from_fn_with_state(
            cloakroom.clone(),
            browser::same_origin_gate,
        ))
        // A file is packed already, most often, and large.
        .layer(CompressionLayer::new().compress_when(
            DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream")),
        ))
        .layer(CatchPanicLayer::custom(routes::panicked))
        .layer(from_fn_with_state(cloakroom.clone(), routes::page_of_panic))
        .layer(from_fn_with_state(
            cloakroom.clone(),
            browser::security_headers,
        ))
        .layer(from_fn_with_state(cloakroom.clone(), browser::log))
        .with_state(cloakroom)
}

/// Microsoft Graph for the pages.
fn graph_proxy(cloakroom: &Arc<Cloakroom>) -> Router<Arc<Cloakroom>> {
    let visitor = from_fn_with_state(cloakroom.clone(), routes::find_visitor);
    let proxy = any(graph::proxy::route).layer(visitor);
    Router::new()
        .route("/graph/", proxy.clone())
        .route("/graph/{*path}", proxy)
}
