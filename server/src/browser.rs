//! What stands between the browser and every route: the same-origin gate, the bounce that makes up for
//! the Strict cookie, the security headers.

use std::sync::Arc;

use app::error::{ApiError, Code};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use leptos::nonce::Nonce;
use tracing::Instrument;
use uuid::Uuid;

use crate::{Cloakroom, MAX_REQUEST_BODY, auth::local_path::LocalPath, pages, session::cookie};

/// The id that a person quotes and the log carries.
#[derive(Clone)]
pub struct CorrelationId(pub String);

impl CorrelationId {
    /// The id of the request with these extensions; `log` has put it there.
    pub fn of(extensions: &Extensions) -> String {
        extensions
            .get::<Self>()
            .map(|id| id.0.clone())
            .unwrap_or_default()
    }
}

/// Gives each request its id, its span and a line in the log: path and status, never a query (it may hold
/// a code), never a header.
pub async fn log(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    let span = tracing::error_span!("request", id, method = %request.method(), path = request.uri().path());
    request.extensions_mut().insert(CorrelationId(id.clone()));
    async {
        let started = std::time::Instant::now();
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-correlation-id", value);
        }
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            status = response.status().as_u16(),
            milliseconds,
            "answered"
        );
        response
    }
    .instrument(span)
    .await
}

/// R59, R60, R62: data calls need the custom header and this origin, photos and form posts this origin.
/// It runs before routing, so that what it guards can't be reached round it.
pub async fn same_origin_gate(
    State(cloakroom): State<Arc<Cloakroom>>,
    mut request: Request,
    next: Next,
) -> Response {
    // R53: a data call is answered with JSON. server_fn would send a form of a page back to it.
    if is_data(request.uri().path()) {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json);
    }
    let path = request.uri().path();
    let headers = request.headers();
    let method = request.method();
    if matches!(*method, Method::TRACE | Method::CONNECT) {
        return refuse(
            &request,
            StatusCode::METHOD_NOT_ALLOWED,
            "This method is not served.",
        );
    }
    let data = is_data(path);
    let guarded =
        data || path.starts_with("/photo/") || !matches!(*method, Method::GET | Method::HEAD);
    if data && headers.get("x-csrf").is_none_or(|value| value != "1") {
        return refuse(
            &request,
            StatusCode::FORBIDDEN,
            "The header X-CSRF: 1 is missing.",
        );
    }
    if guarded && !is_same_origin(headers, &cloakroom.config.origin()) {
        return refuse(
            &request,
            StatusCode::FORBIDDEN,
            "Only pages of this site may ask for this.",
        );
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if length.is_some_and(|length| length.parse::<usize>().is_ok_and(|n| n > MAX_REQUEST_BODY)) {
        return refuse(
            &request,
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is too large.",
        );
    }
    if *method == Method::POST && !has_known_type(headers, data) {
        return refuse(
            &request,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This content type is not accepted here.",
        );
    }
    next.run(request).await
}

/// Whether this path is answered with data, and refused with JSON.
pub fn is_data(path: &str) -> bool {
    path == "/auth/session" || path.starts_with("/api/") || path.starts_with("/graph/")
}

/// Fetch metadata first (a script can't forge it); without it, `Origin`. `none` is a person who opens an
/// address by hand.
fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin" || (site == "none" && is_navigation(headers)),
        None => headers
            .get(header::ORIGIN)
            .is_some_and(|value| value == origin),
    }
}

/// Forms everywhere, JSON for data; an empty form of a button has a length of zero and may have no type.
fn has_known_type(headers: &HeaderMap, data: bool) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return headers
            .get(header::CONTENT_LENGTH)
            .is_none_or(|length| length == "0")
            && !headers.contains_key(header::TRANSFER_ENCODING);
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    let essence = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => true,
        "application/json" => data,
        _ => false,
    }
}

fn refuse(request: &Request, status: StatusCode, message: &str) -> Response {
    tracing::warn!(
        event = "gate_refused",
        status = status.as_u16(),
        message,
        "a request was refused"
    );
    let id = CorrelationId::of(request.extensions());
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => Code::Forbidden,
    };
    let body = ApiError::new(code, message, id);
    (status, axum::Json(body)).into_response()
}

/// R46: a navigation that another site started comes without the Strict cookie. One hop from a page of
/// our own brings it along. The hop is same-origin, so it is never answered with another.
pub async fn bounce(
    State(cloakroom): State<Arc<Cloakroom>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let name = cookie::name(cloakroom.config.is_https(), cookie::SESSION);
    let strict_cookie_left_out = request.method() == Method::GET
        && is_foreign_navigation(headers)
        && cookie::get(headers, &name).is_none();
    // The callback makes up for it by itself; its address holds a code and belongs in no page.
    let here = request.uri().path();
    let is_callback = here == cloakroom.config.redirect_path
        || (here.starts_with("/auth/") && here != "/auth/login");
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    match LocalPath::of_request(path) {
        Some(path) if strict_cookie_left_out && !is_callback => pages::bounce(&path),
        _ => next.run(request).await,
    }
}

fn is_navigation(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate")
}

/// Whether a page of another site sent the browser here.
pub fn is_foreign_navigation(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site")
        && is_navigation(headers)
}

/// Marks an answer that another site may frame; it has set its own `frame-ancestors`.
#[derive(Clone)]
pub struct Framed;

/// R65, R66: headers that every response carries, unless it has set its own.
pub async fn security_headers(
    State(cloakroom): State<Arc<Cloakroom>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let framed = response.extensions().get::<Framed>().is_some();
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "same-origin");
    default(header::CACHE_CONTROL, "no-store");
    default(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    default(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    default(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    if !framed {
        default(HeaderName::from_static("x-frame-options"), "DENY");
    }
    default(
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    );
    if cloakroom.config.is_https() {
        default(
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        );
    }
    response
}

/// R64: the policy of a page. Sign-out's form ends at Microsoft, and Chromium holds redirects of a form
/// to `form-action` as well. `cargo leptos watch` reloads over a socket.
pub fn page_policy(cloakroom: &Cloakroom, nonce: Option<&Nonce>) -> Option<HeaderValue> {
    let scripts = nonce.map_or_else(
        || "'none'".to_owned(),
        |nonce| format!("'self' 'nonce-{nonce}' 'wasm-unsafe-eval'"),
    );
    let reload = if cloakroom.watched {
        " ws://127.0.0.1:3001 ws://localhost:3001"
    } else {
        ""
    };
    let sign_out = cloakroom.config.login_origins().join(" ");
    HeaderValue::from_str(&format!(
        "default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self'; connect-src 'self'{reload}; \
         object-src 'none'; base-uri 'none'; form-action 'self' {sign_out}; frame-ancestors 'none'"
    ))
    .ok()
}

/// A refusal of the server itself on a route that answers with a page.
pub fn html(status: StatusCode, body: String) -> Response {
    (status, Html(body)).into_response()
}
