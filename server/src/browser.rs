//! What stands between the browser and every route: the same-origin gate, the bounce that makes up for
//! the Strict cookie, the security headers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use app::error::{ApiError, Code};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header,
        uri::PathAndQuery,
    },
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use leptos::nonce::Nonce;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    Cloakroom, MAX_REQUEST_BODY,
    auth::local_path::LocalPath,
    forwarded, pages, preferences,
    serve::AmbiguousLength,
    session::{cookie, events},
};

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

/// Gives each request its id, its span and a line in the log: who asked from where, path and status, never a query (it
/// may hold a code), never a header as it came. Where a path has somebody's id in it, it is the route's pattern; the proxy
/// logs its own.
pub async fn log(
    State(cloakroom): State<Arc<Cloakroom>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = Uuid::new_v4().to_string();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = peer.map(|ConnectInfo(peer)| {
        let proxies = &cloakroom.config.trusted_proxies;
        forwarded::client(peer.ip(), request.headers(), proxies)
    });
    let client = client.map(tracing::field::display);
    let path = request.uri().path();
    let pattern = request.extensions().get::<MatchedPath>();
    let pattern = pattern.map(MatchedPath::as_str);
    let path = match pattern {
        _ if is_graph(path) => "/graph/",
        Some(pattern) if pattern.contains("/{") && !pattern.contains("{*") => pattern,
        _ => path,
    };
    let span = tracing::error_span!("request", id, client, method = %request.method(), path);
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

/// R59, R60, R62: data calls need the custom header and this origin; photos, events, downloads and form posts this origin.
/// It runs before routing, so that what it guards can't be reached round it.
pub async fn same_origin_gate(
    State(cloakroom): State<Arc<Cloakroom>>,
    mut request: Request,
    next: Next,
) -> Response {
    // R53: a data call is answered with JSON. server_fn would send a form of a page back to it.
    if is_data(request.uri().path()) && !is_graph(request.uri().path()) {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json);
    }
    if request.extensions().get::<AmbiguousLength>().is_some() {
        return refuse(
            &request,
            StatusCode::BAD_REQUEST,
            "The length of this request is ambiguous.",
        );
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
    let guarded = data
        || is_part(path)
        || path == "/people.csv"
        || !matches!(*method, Method::GET | Method::HEAD);
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
    // The proxy has its own limit.
    if !is_graph(path)
        && length.is_some_and(|length| length.parse::<usize>().is_ok_and(|n| n > MAX_REQUEST_BODY))
    {
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
    path == "/auth/session" || path.starts_with("/api/") || is_graph(path)
}

/// Whether this path is Microsoft Graph's.
fn is_graph(path: &str) -> bool {
    path.starts_with("/graph/")
}

/// Whether a page loads this path as a part of itself. An image and an `EventSource` can't send the custom header.
pub fn is_part(path: &str) -> bool {
    path == events::PATH || path.starts_with("/photo/")
}

/// Fetch metadata first (a script can't forge it); without it, `Origin`. `none` is a person who opens an
/// address by hand.
pub fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
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

/// How long a form or a call may take to arrive. Who sends no more must not keep a connection, or a stop waiting.
const ARRIVAL: Duration = Duration::from_secs(15);

/// Waits for the whole of a request before anybody works on it: it is small, and arrives in time or not at all.
pub async fn whole_request(request: Request, next: Next) -> Response {
    match arrived(request, ARRIVAL).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

/// Whether a body ended in an error of the connection or of its framing, and not at a limit.
pub fn is_broken(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<hyper::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

async fn arrived(request: Request, within: Duration) -> Result<Request, Response> {
    let (parts, body) = request.into_parts();
    let body = timeout(within, to_bytes(body, MAX_REQUEST_BODY)).await;
    let request = |body| Request::from_parts(parts, body);
    match body {
        Ok(Ok(body)) => Ok(request(body.into())),
        Ok(Err(error)) if is_broken(&error) => Err(refuse(
            &request(Body::empty()),
            StatusCode::BAD_REQUEST,
            "That did not arrive whole.",
        )),
        Ok(Err(_)) => Err(refuse(
            &request(Body::empty()),
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is too large.",
        )),
        Err(_) => Err(refuse(
            &request(Body::empty()),
            StatusCode::REQUEST_TIMEOUT,
            "That did not arrive in time.",
        )),
    }
}

fn refuse(request: &Request, status: StatusCode, message: &str) -> Response {
    tracing::warn!(
        event = "gate_refused",
        status = status.as_u16(),
        why = message,
        "a request was refused"
    );
    let id = CorrelationId::of(request.extensions());
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::REQUEST_TIMEOUT => Code::Timeout,
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
    if !strict_cookie_left_out || is_callback {
        return next.run(request).await;
    }
    // Never answered without the hop: a link could ask for more in the name of somebody who seems signed out, and leave
    // their session behind. What is no address to go on to loses its query, or all.
    let whole = request.uri().path_and_query().map(PathAndQuery::as_str);
    let path = whole
        .and_then(LocalPath::of_request)
        .or_else(|| LocalPath::of_request(here))
        .unwrap_or_else(LocalPath::root);
    let locale = preferences::of_extensions(request.extensions()).locale;
    pages::bounce(&path, locale)
}

/// Whether a person follows a link or an address, and no script asks.
pub fn is_navigation(headers: &HeaderMap) -> bool {
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

/// R64: the policy of a page; without a nonce, of one that has no script but the site's own `session.js`, if somebody is
/// signed in. Sign-out's form ends at Microsoft, and Chromium holds redirects of a form
/// to `form-action` as well. `cargo leptos watch` reloads over a socket.
pub fn page_policy(
    cloakroom: &Cloakroom,
    nonce: Option<&Nonce>,
    signed_in: bool,
) -> Option<HeaderValue> {
    let scripts = match nonce {
        Some(nonce) => format!("'self' 'nonce-{nonce}' 'wasm-unsafe-eval'"),
        None if signed_in => "'self'".to_owned(),
        None => "'none'".to_owned(),
    };
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test] // R86
    async fn a_request_that_does_not_arrive_in_time_is_given_up() {
        let asks = |body: Body| Request::new(body);
        let never = Body::from_stream(futures_util::stream::pending::<Result<&str, Infallible>>());
        let refusal = arrived(asks(never), Duration::ZERO).await.unwrap_err();
        assert_eq!(refusal.status(), StatusCode::REQUEST_TIMEOUT);
        let large = Body::from(vec![b'x'; MAX_REQUEST_BODY + 1]);
        let refusal = arrived(asks(large), ARRIVAL).await.unwrap_err();
        assert_eq!(refusal.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let whole = arrived(asks("a=b".into()), ARRIVAL).await.unwrap();
        assert_eq!(to_bytes(whole.into_body(), 9).await.unwrap(), "a=b");
    }
}
