//! R82, R83, R84: whatever headers come, those that go on are on a list, and none that `Connection` names.
#![no_main]

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use server::graph::proxy::headers::{self, Kind};

const NAMES: [&str; 20] = [
    "accept",
    "authorization",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "cookie",
    "etag",
    "forwarded",
    "host",
    "if-match",
    "location",
    "prefer",
    "range",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "www-authenticate",
];
const NEVER: [&str; 9] = [
    "authorization",
    "connection",
    "cookie",
    "forwarded",
    "host",
    "location",
    "set-cookie",
    "transfer-encoding",
    "www-authenticate",
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    known: Vec<(u8, &'a [u8])>,
    other: Vec<(&'a [u8], &'a [u8])>,
    status: u16,
}

fuzz_target!(|input: Input<'_>| {
    let mut came = HeaderMap::new();
    let known = input
        .known
        .iter()
        .map(|(at, value)| (NAMES[usize::from(*at) % NAMES.len()].as_bytes(), *value));
    for (name, value) in known.chain(input.other) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            came.append(name, value);
        }
    }
    let up = headers::request(&came);
    let named: Vec<String> = came
        .get_all("connection")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    assert_eq!(up["accept-encoding"], "identity");
    for (name, value) in &up {
        assert!(!NEVER.contains(&name.as_str()), "{name}");
        assert!(
            name == "accept-encoding" || !named.contains(&name.as_str().to_owned()),
            "{name}"
        );
        assert!(
            value
                .as_bytes()
                .iter()
                .all(|b| (b' '..0x7f).contains(b) || *b == b'\t')
        );
    }
    _ = headers::has_sendable_type(&came);

    let kind = headers::kind(&came);
    let Ok(status) = StatusCode::from_u16(input.status) else {
        return;
    };
    let down = headers::response(status, &came, kind);
    for name in down.keys() {
        assert!(
            !NEVER.contains(&name.as_str()) && name != "content-encoding",
            "{name}"
        );
        assert!(!name.as_str().starts_with("access-control-"), "{name}");
    }
    assert_eq!(
        down["content-security-policy"],
        "default-src 'none'; frame-ancestors 'none'; sandbox"
    );
    if let Some(shown) = down.get("content-type") {
        let text = shown.to_str().unwrap_or_default().to_ascii_lowercase();
        let essence = text.split(';').next().unwrap_or_default().trim().to_owned();
        match kind {
            Kind::File => assert!(
                essence == "application/octet-stream" && down.contains_key("content-disposition")
            ),
            Kind::Json => assert!(
                essence.ends_with("json") && !essence.contains("html"),
                "{essence}"
            ),
            Kind::Inert => assert!(
                essence == "text/plain"
                    || (essence.starts_with("image/") && !essence.contains("svg")),
                "{essence}"
            ),
        }
    }
});
