//! The glue between axum and leptos, and the routes that are neither sign-in nor a page: who visits, the
//! pages' context, files, probes.

use std::{any::Any, sync::Arc};

use app::{
    Visit,
    api::Backend,
    error::{ApiError, Code},
    i18n::tag,
    model::{Preferences, Problem},
    shell,
};
use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{Next, map_response},
    response::{IntoResponse, Response},
};
use leptos::{
    config::LeptosOptions,
    nonce::use_nonce,
    prelude::{IntoAny, provide_context, use_context},
};
use leptos_axum::ResponseOptions;
use leptos_i18n::td_string;
use serde_json::json;
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};
use tower_sessions::{cookie::SameSite, session::Id};

use crate::{
    Cloakroom,
    auth::{local_path::LocalPath, sign_out::SignedOut},
    backend::RequestBackend,
    browser::{CorrelationId, is_data, is_navigation, is_part, page_policy},
    pages, preferences,
    session::{Visitor, cookie, events},
};

/// Looks up the session of the request at hand, and slides its end when a person did something; what a page asks by
/// itself is nobody's doing (R50). If the store can't be asked, nobody is signed in and nobody is signed out: 503 (R54).
pub async fn find_visitor(
    State(cloakroom): State<Arc<Cloakroom>>,
    mut request: Request,
    next: Next,
) -> Response {
    let name = cookie::name(cloakroom.config.is_https(), cookie::SESSION);
    let id = cookie::get(request.headers(), &name).and_then(|value| value.parse::<Id>().ok());
    let path = request.uri().path();
    let by_itself =
        path == events::PATH || (path == "/auth/session" && request.method() != Method::POST);
    // Who leaves need not be written down, least of all in a store that is full.
    let leaves = path == "/auth/logout";
    let found = match id {
        None => Ok(None),
        Some(id) => cloakroom.sessions.find(&id).await,
    };
    let touched = match found {
        Ok(Some(mut session)) if !by_itself && !leaves => {
            let now = cloakroom.clock.now().unix_timestamp();
            let touched = cloakroom.sessions.touch(&session, now).await;
            touched.map(|ends| {
                session.ends = ends;
                Some(session)
            })
        }
        other => other,
    };
    match touched {
        Ok(session) => {
            let https = cloakroom.config.is_https();
            let preferences = preferences::of(request.headers(), https, session.as_ref());
            request.extensions_mut().insert(preferences);
            request
                .extensions_mut()
                .insert(Visitor(session.map(Arc::new)));
            next.run(request).await
        }
        Err(error) => {
            tracing::error!(event = "store_failed", %error, "the session store failed");
            let id = CorrelationId::of(request.extensions());
            let preferences = preferences::of_extensions(request.extensions());
            if is_data(path) || is_part(path) {
                let message = td_string!(preferences.locale, calls.no_store);
                let mut down = ApiError::new(Code::Unavailable, message, id);
                down.retry_after = Some(5);
                return (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::RETRY_AFTER, "5")],
                    Json(down),
                )
                    .into_response();
            }
            let back = request
                .uri()
                .path_and_query()
                .and_then(|path| LocalPath::parse(path.as_str()));
            pages::unavailable(
                &cloakroom,
                preferences,
                &id,
                &back.unwrap_or_else(LocalPath::root),
            )
        }
    }
}

/// tower-sessions deletes a cookie that it does not know, without the attributes that a `__Host-` cookie
/// must be deleted with. A late answer to an old ticket would also take away the new one. So its deletions
/// are left out, and a sign-out gets one that works.
pub async fn session_cookie(
    State(cloakroom): State<Arc<Cloakroom>>,
    request: Request,
    next: Next,
) -> Response {
    let https = cloakroom.config.is_https();
    let name = cookie::name(https, cookie::SESSION);
    let mut response = next.run(request).await;
    let deletion = format!("{name}=;");
    let cookies: Vec<_> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    response.headers_mut().remove(header::SET_COOKIE);
    let kept = cookies
        .into_iter()
        .filter(|cookie| !cookie.as_bytes().starts_with(deletion.as_bytes()));
    let ours = response
        .extensions()
        .get::<SignedOut>()
        .and_then(|_| cookie::delete(https, &name, SameSite::Strict));
    for cookie in kept.chain(ours) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What pages and server functions find in their context: the [`Backend`] of the request's session, what
/// the shell shows, and the policy that goes with the page's nonce.
pub fn provide_backend(cloakroom: Arc<Cloakroom>) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        // Absent while leptos lists the routes.
        let Some(parts) = use_context::<Parts>() else {
            return;
        };
        let response = use_context::<ResponseOptions>();
        let session = parts
            .extensions
            .get::<Visitor>()
            .and_then(|visitor| visitor.0.clone());
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let preferences = preferences::of_extensions(&parts.extensions);
        provide_context(pages::visit(
            &cloakroom,
            preferences,
            session.as_deref(),
            path,
        ));
        if let (Some(nonce), Some(response)) = (use_nonce(), &response)
            && let Some(policy) = page_policy(&cloakroom, Some(&nonce), session.is_some())
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
        let correlation_id = CorrelationId::of(&parts.extensions);
        let backend = RequestBackend {
            cloakroom: cloakroom.clone(),
            session,
            correlation_id,
            locale: preferences.locale,
            response,
            span: tracing::Span::current(),
        };
        provide_context::<Arc<dyn Backend>>(Arc::new(backend));
    }
}

/// A page of the app inside its shell.
pub fn page(
    options: LeptosOptions,
) -> impl Fn() -> leptos::prelude::AnyView + Clone + Send + Sync + 'static {
    move || {
        use_context::<Visit>().map_or_else(
            || ().into_any(),
            |visit| shell(options.clone(), visit).into_any(),
        )
    }
}

/// `GET /auth/error`: without a failed sign-in there is nothing to tell.
pub async fn auth_error(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    Extension(preferences): Extension<Preferences>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
) -> Response {
    let locale = preferences.locale;
    let problem = Problem {
        lang: tag(locale),
        title: td_string!(locale, problems.no_problem_title).to_owned(),
        text: td_string!(locale, problems.no_problem_text).to_owned(),
        mend: td_string!(locale, problems.no_problem_mend).to_owned(),
        actions: vec![pages::to_start(locale)],
        details: pages::details(&cloakroom, locale, &id),
    };
    pages::problem(
        &cloakroom,
        preferences,
        visitor.as_deref(),
        StatusCode::OK,
        "/auth/error",
        problem,
    )
}

/// A sign-in is begun and ended by a visit, and so is a sign-out by Microsoft: never by a probe.
pub async fn not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response()
}

/// Data calls that no route serves.
pub async fn no_such_call(
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    Extension(Preferences { locale, .. }): Extension<Preferences>,
) -> Response {
    let message = td_string!(locale, calls.not_found);
    answer(&ApiError::new(Code::NotFound, message, id))
}

/// A refused data call.
pub fn answer(refusal: &ApiError) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(refusal)).into_response();
    if let Some(seconds) = refusal.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `GET /readyz`: the store answers, the platform's documents are at hand. A refused credential is said, but
/// whoever is signed in goes on, and another instance has the same credential: no reason to send them away (R27).
pub async fn readyz(State(cloakroom): State<Arc<Cloakroom>>) -> Response {
    let store = cloakroom.sessions.store.check().await;
    let platform = cloakroom.platform.check().await;
    let say = |result: Result<(), String>| result.map_or_else(|error| error, |()| "ok".to_owned());
    if let Err(error) = &store {
        tracing::error!(event = "not_ready", %error, "the session store does not answer");
    }
    if let Err(error) = &platform {
        tracing::error!(event = "not_ready", %error, "the platform's metadata or keys can't be had");
    }
    let ready = store.is_ok() && platform.is_ok();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let credential = cloakroom.token_endpoint.trouble();
    let body = json!({
        "ready": ready,
        "credential": credential.as_deref().unwrap_or("ok"),
        "store": say(store.map_err(|_| "the session store does not answer".to_owned())),
        "platform": say(platform.map_err(|_| "the platform's metadata or keys can't be had".to_owned())),
    });
    let mut response = (status, Json(body)).into_response();
    if !ready {
        let soon = HeaderValue::from_static("5");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// The site's files. What lies in `pkg` has a hash of its content in its name and never changes.
pub fn files<S: Clone + Send + Sync + 'static>(options: &LeptosOptions) -> Router<S> {
    let site = std::path::Path::new(&*options.site_root);
    let forever = if options.hash_files {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let pkg = ServeDir::new(site.join(&*options.site_pkg_dir))
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    let mut router = Router::new()
        .nest_service(&format!("/{}", options.site_pkg_dir), pkg)
        .layer(cache_if_found(forever));
    let Ok(entries) = std::fs::read_dir(site) else {
        tracing::warn!(event = "no_site", site = %options.site_root, "the site's files are missing; build them with: make build");
        return router;
    };
    let mut public = Router::new();
    for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let packed = entry
            .path()
            .extension()
            .is_some_and(|kind| kind == "br" || kind == "gz");
        if packed || name.contains(['{', '}', '*']) {
            continue;
        }
        let file = ServeFile::new(entry.path())
            .precompressed_br()
            .precompressed_gzip();
        public = public.route_service(&format!("/{name}"), file);
    }
    // A page is newer than the script that it loads, if that is kept.
    router = router.merge(public.layer(cache_if_found("no-cache")));
    // A name that no file system takes is a file that is not there.
    router.layer(map_response(|mut response: Response| async {
        if response.status().is_server_error() {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        response
    }))
}

fn cache_if_found(
    value: &'static str,
) -> tower_http::set_header::SetResponseHeaderLayer<impl Fn(&Response) -> Option<HeaderValue> + Clone>
{
    SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, move |response: &Response| {
        let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
        found.then(|| HeaderValue::from_static(value))
    })
}

/// Marks the answer of a handler that panicked.
#[derive(Clone)]
struct Panicked;

/// A panic is a bug, but it answers, and tells nothing (R111).
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(event = "panic", "a request's handler panicked");
    let text = "Something went wrong. Try again.\n";
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
    response.extensions_mut().insert(Panicked);
    response
}

/// Whoever came for a page gets one, also of a panic.
pub async fn page_of_panic(
    State(cloakroom): State<Arc<Cloakroom>>,
    request: Request,
    next: Next,
) -> Response {
    let came_for_page = is_navigation(request.headers());
    let preferences = preferences::of(request.headers(), cloakroom.config.is_https(), None);
    let id = CorrelationId::of(request.extensions());
    let response = next.run(request).await;
    if came_for_page && response.extensions().get::<Panicked>().is_some() {
        pages::broken(&cloakroom, preferences, &id)
    } else {
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, middleware::from_fn_with_state, routing::get};
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::{clock::Clock, config::Settings};

    async fn cloakroom() -> Arc<Cloakroom> {
        let config = Settings(|name: &str| match name {
            "CLIENT_ID" | "CLIENT_SECRET" => Some("a-value".to_owned()),
            "SESSION_STORE" => Some("sqlite::memory:".to_owned()),
            _ => None,
        });
        let config = config.read(false).unwrap();
        let clock = Clock::new(time::OffsetDateTime::now_utc);
        Cloakroom::open_with_deadline(config, clock, std::time::Duration::from_secs(1))
            .await
            .unwrap()
    }

    async fn panic_at(headers: &[(&str, &str)]) -> (StatusCode, String) {
        async fn panics() -> Response {
            panic!("a secret")
        }
        let cloakroom = cloakroom().await;
        let router = Router::<()>::new()
            .route("/", get(panics))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(cloakroom, page_of_panic));
        let mut request = Request::new(axum::body::Body::empty());
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test] // R111
    async fn a_panic_is_a_page_to_a_person_and_a_line_to_a_script_and_tells_nothing() {
        let (status, page) =
            panic_at(&[("sec-fetch-mode", "navigate"), ("accept-language", "nl")]).await;
        assert_eq!(status, 500);
        assert!(page.contains("<html lang=\"nl\""), "{page}");
        assert!(page.contains("Er ging iets mis</h1>"), "{page}");
        assert!(page.contains("Correlatie-ID"), "{page}");
        let (status, line) = panic_at(&[]).await;
        assert_eq!(status, 500);
        assert_eq!(line, "Something went wrong. Try again.\n");
        assert!(!page.contains("a secret"));
    }
}
