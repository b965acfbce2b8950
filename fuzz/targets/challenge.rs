//! R99: whatever stands in a `WWW-Authenticate`, what is taken from it is a JSON object of bounded length, and it comes
//! from a Bearer challenge that says `insufficient_claims` and from nowhere else.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary, Unstructured},
    fuzz_target,
};
use serde_json::{Map, Value, json};
use server::{
    auth::claims::{Challenge, parameter},
    graph::challenge::claims,
};

/// A challenge as RFC 9110 §11.6.1 has it.
#[derive(Arbitrary, Debug)]
struct Offer<'a> {
    scheme: u8,
    error: u8,
    claims: &'a str,
    realm: &'a str,
    /// In a header of its own.
    apart: bool,
}

const SCHEMES: [&str; 6] = [
    "Bearer",
    "bEARER",
    "Basic",
    "Digest",
    "NotBearer",
    "Bearer2",
];
const ERRORS: [&str; 3] = [
    "insufficient_claims",
    "invalid_token",
    "insufficient_claims2",
];

fuzz_target!(|data: &[u8]| {
    // Each line as a header of its own.
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::WWW_AUTHENTICATE, value);
        }
    }
    if let Some(found) = judge(&headers) {
        let text = String::from_utf8_lossy(data).to_ascii_lowercase();
        for word in ["bearer", "claims", "insufficient_claims"] {
            assert!(text.contains(word), "{found:?} without {word}");
        }
    }
    // The same bytes as well-formed challenges, read in another way than the server does.
    if let Ok(offers) = Vec::<Offer<'_>>::arbitrary(&mut Unstructured::new(data)) {
        let (headers, expected) = write(&offers);
        assert_eq!(judge(&headers), expected, "{headers:?}");
    }
});

/// What is taken from these headers, if it is what it should be.
fn judge(headers: &HeaderMap) -> Option<Map<String, Value>> {
    let found = claims(headers)?;
    let text = found.to_string();
    assert!(text.len() <= 4000, "{} bytes", text.len());
    let again = Challenge::parse(&text).expect("a challenge is one when it comes back");
    assert_eq!(again.to_string(), text);
    let object: Map<String, Value> = serde_json::from_str(&text).expect("an object");
    let sent: Value = serde_json::from_str(&parameter(Some(&found))).expect("JSON");
    assert_eq!(sent["access_token"]["xms_cc"], json!({ "values": ["cp1"] }));
    Some(object)
}

/// The headers, and the claims that are to be found in them.
fn write(offers: &[Offer<'_>]) -> (HeaderMap, Option<Map<String, Value>>) {
    let mut values: Vec<String> = Vec::new();
    let mut expected = None;
    for offer in offers {
        let pick = |words: &'static [&'static str], n: u8| words[usize::from(n) % words.len()];
        let (scheme, error) = (pick(&SCHEMES, offer.scheme), pick(&ERRORS, offer.error));
        let realm: String = offer
            .realm
            .chars()
            .filter(|c| c.is_ascii_graphic() || *c == ' ')
            .flat_map(|c| {
                (c == '"' || c == '\\')
                    .then_some('\\')
                    .into_iter()
                    .chain([c])
            })
            .collect();
        let encoded = BASE64_STANDARD.encode(offer.claims);
        let written =
            format!("{scheme} realm=\"{realm}\", error=\"{error}\", claims=\"{encoded}\"");
        let room = values.last().map_or(0, String::len) + written.len() + 2;
        if room > 8192 {
            continue;
        }
        match values.last_mut() {
            Some(value) if !offer.apart => *value = format!("{value}, {written}"),
            _ => values.push(written),
        }
        if expected.is_none() && scheme.eq_ignore_ascii_case("bearer") && error == ERRORS[0] {
            expected = Challenge::parse(offer.claims)
                .and_then(|challenge| serde_json::from_str(&challenge.to_string()).ok());
        }
    }
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_str(&value).expect("visible characters");
        headers.append(header::WWW_AUTHENTICATE, value);
    }
    (headers, expected)
}
