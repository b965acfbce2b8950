//! Cookies: the session's ticket and the tickets of sign-in attempts. On https they have the `__Host-`
//! prefix, which binds them to this host and to Secure; on loopback http they go without both (R45, R47).

use axum::http::{HeaderMap, HeaderValue, header};
use tower_sessions::cookie::{Cookie, SameSite, time::Duration};

/// The plain name of the cookie that carries the session id.
pub const SESSION: &str = "session";

/// The full name of a cookie.
pub fn name(https: bool, plain: &str) -> String {
    if https {
        format!("__Host-{plain}")
    } else {
        plain.to_owned()
    }
}

/// The cookies of a request, as name and value.
pub fn all(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned()))
}

/// The value of one cookie.
pub fn get(headers: &HeaderMap, name: &str) -> Option<String> {
    all(headers).find_map(|(found, value)| (found == name).then_some(value))
}

/// A `Set-Cookie` for all paths of this host, out of scripts' reach.
pub fn set(
    https: bool,
    name: &str,
    value: &str,
    same_site: SameSite,
    age: Duration,
) -> Option<HeaderValue> {
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(same_site)
        .max_age(age)
        .build();
    HeaderValue::from_str(&cookie.to_string()).ok()
}

/// A `Set-Cookie` that deletes. A `__Host-` cookie is only deleted by one with the same attributes.
pub fn delete(https: bool, name: &str, same_site: SameSite) -> Option<HeaderValue> {
    set(https, name, "", same_site, Duration::ZERO)
}
