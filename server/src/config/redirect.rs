//! The path of the redirect URI.

use url::Url;

use super::{Result, wrong};

/// R11: <https://learn.microsoft.com/entra/identity-platform/reply-url>
pub(super) fn redirect_path(given: Option<String>, public_url: &Url) -> Result<String> {
    const NAME: &str = "REDIRECT_PATH";
    let path = given.unwrap_or_else(|| "/auth/callback".into());
    let plain = path.starts_with('/')
        && path.len() > 1
        && !path.contains("//")
        && !path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b));
    // The contract's routes and pages, whether they are there yet or not; a dot may be a file of `public`.
    let taken = [
        "/auth/login",
        "/auth/logout",
        "/auth/session",
        "/auth/error",
        "/auth/revoke",
        "/auth/frontchannel-logout",
        "/people",
        "/me",
        "/console",
        "/account",
        "/setup",
        "/healthz",
        "/readyz",
        "/pkg",
        "/api",
        "/graph",
        "/photo",
    ];
    let prefixes = ["/api/", "/graph/", "/pkg/", "/photo/", "/people/"];
    let file = path
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    if !plain {
        return wrong(
            NAME,
            "not a plain path; use one like /auth/callback, with no query",
        );
    }
    if file
        || taken.contains(&path.as_str())
        || prefixes.iter().any(|prefix| path.starts_with(prefix))
    {
        return wrong(
            NAME,
            "already a route of this server; use one like /auth/callback",
        );
    }
    if public_url.as_str().len() + path.len() > 256 {
        return wrong(
            NAME,
            "makes a redirect URI of more than 256 characters; shorten it",
        );
    }
    Ok(path)
}
