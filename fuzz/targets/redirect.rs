//! R97: wherever a download's redirect leads, it stays on the web and in TLS, and the token stays where it belongs.
#![no_main]

use axum::http::{HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use server::graph::download::hop;
use url::Url;

const PLACES: [&str; 4] = [
    "https://graph.microsoft.com/v1.0/me/drive/items/1/content?x=1",
    "https://contoso.sharepoint.com/a/b?t=c",
    "http://127.0.0.1:8400/v1.0/me/photo/$value",
    "https://[::1]:8443/v1.0/",
];

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (place, status, location) = input;
    let from = Url::parse(PLACES[usize::from(place) % PLACES.len()]).expect("an address");
    let Ok(status) = StatusCode::from_u16(100 + status % 900) else {
        return;
    };
    let Ok(location) = HeaderValue::from_bytes(location) else {
        return;
    };
    let Ok(Some(hop)) = hop(&from, status, Some(&location)) else {
        return;
    };
    assert!(status.is_redirection());
    let to = &hop.url;
    assert!(matches!(to.scheme(), "http" | "https"), "{to}");
    assert!(from.scheme() != "https" || to.scheme() == "https", "{to}");
    assert!(to.username().is_empty() && to.password().is_none(), "{to}");
    assert!(to.fragment().is_none() && to.has_host(), "{to}");
    // By the text of the address that is sent, not by what the type says of it.
    let origin = |url: &Url| {
        let text = url.as_str();
        let end = text
            .match_indices('/')
            .nth(2)
            .map_or(text.len(), |(at, _)| at);
        text[..end].to_owned()
    };
    assert_eq!(hop.same_origin, origin(&from) == origin(to), "{to}");
});
