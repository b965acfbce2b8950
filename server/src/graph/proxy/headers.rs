//! Which headers pass, each way by a list (R82, R83), and what a browser may do with an answer (R84).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// From the page to Graph. The bearer, the encoding and the ids of a call are the server's own.
const UP: [&str; 9] = [
    "accept",
    "accept-language",
    "consistencylevel",
    "content-type",
    "if-match",
    "if-none-match",
    "if-range",
    "prefer",
    "range",
];

/// From Graph to the page. `content-type` is dealt with by itself, and `content-length` belongs to bodies that are not
/// changed on their way.
const DOWN: [&str; 9] = [
    "accept-ranges",
    "client-request-id",
    "content-range",
    "etag",
    "last-modified",
    "odata-version",
    "preference-applied",
    "request-id",
    "retry-after",
];

/// The media types that a body on its way to Graph may have.
const SENT: [&str; 5] = [
    "application/json",
    "application/octet-stream",
    "image/jpeg",
    "image/png",
    "text/plain",
];

/// The headers of a request that go on to Graph. What `Connection` names ends here (RFC 9110 §7.6.1).
pub fn request(from: &HeaderMap) -> HeaderMap {
    let named = named_by_connection(from);
    let mut to = HeaderMap::new();
    for name in UP {
        let name = HeaderName::from_static(name);
        if named.iter().any(|n| n.eq_ignore_ascii_case(name.as_str())) {
            continue;
        }
        for value in from.get_all(&name) {
            // Visible ASCII only: of the rest nobody says what it means.
            if value.to_str().is_ok() {
                to.append(name.clone(), value.clone());
            }
        }
    }
    // R87: what is counted is what arrives. Compressed, a little would be much.
    let identity = HeaderValue::from_static("identity");
    to.insert(header::ACCEPT_ENCODING, identity);
    to
}

fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect()
}

/// Whether a body with these headers may go to Graph: it has one type, and that is one of a few (R62).
pub fn has_sendable_type(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next().and_then(essence), types.next()) {
        (Some(kind), None) => SENT.contains(&kind.as_str()),
        _ => false,
    }
}

/// What an answer's body is to a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON, in which links are rewritten.
    Json,
    /// A picture or plain text: it can't act.
    Inert,
    /// Anything else is a file to keep, not to look at.
    File,
}

/// The kind of an answer with these headers.
pub fn kind(headers: &HeaderMap) -> Kind {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(essence), None) = (types.next().and_then(essence), types.next()) else {
        return Kind::File;
    };
    match essence.as_str() {
        "image/jpeg" | "image/pjpeg" | "image/png" | "image/gif" | "image/webp" | "text/plain" => {
            Kind::Inert
        }
        json if json == "application/json"
            || (json.starts_with("application/") && json.ends_with("+json")) =>
        {
            Kind::Json
        }
        _ => Kind::File,
    }
}

/// The headers of an answer that go on to the page.
pub fn response(status: StatusCode, from: &HeaderMap, kind: Kind) -> HeaderMap {
    let mut to = HeaderMap::new();
    for name in DOWN {
        let name = HeaderName::from_static(name);
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
    // Nothing that Graph sends is a page of ours, even if a browser could be brought to open it (R84).
    to.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return to;
    }
    let copied = |name: HeaderName, to: &mut HeaderMap| {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    };
    match kind {
        Kind::Json => copied(header::CONTENT_TYPE, &mut to),
        Kind::Inert => {
            copied(header::CONTENT_TYPE, &mut to);
            copied(header::CONTENT_LENGTH, &mut to);
        }
        Kind::File => {
            to.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/octet-stream"),
            );
            to.insert(
                header::CONTENT_DISPOSITION,
                HeaderValue::from_static("attachment"),
            );
            copied(header::CONTENT_LENGTH, &mut to);
        }
    }
    to
}

/// Whether a body comes as it is, and not packed.
pub fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether a request in a batch may carry this header.
pub fn goes_up(name: &str) -> bool {
    UP.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether an answer in a batch may keep this header.
pub fn comes_down(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-type")
        || DOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn essence(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let essence = text.split(';').next()?.trim();
    (!essence.is_empty() && !essence.contains(',')).then(|| essence.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::{Kind, has_sendable_type, kind, request, response};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test] // R82
    fn only_listed_headers_go_up_and_none_that_connection_names() {
        let from = headers(&[
            ("cookie", "session=1"),
            ("authorization", "Bearer x"),
            ("host", "evil.example"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-host", "evil.example"),
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/"),
            ("x-http-method-override", "DELETE"),
            ("x-http-method", "DELETE"),
            ("x-method-override", "DELETE"),
            ("client-request-id", "1"),
            ("accept-encoding", "gzip"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("connection", "close, Prefer ,x-csrf"),
            ("prefer", "respond-async"),
            ("consistencylevel", "eventual"),
            ("accept-language", "nl"),
        ]);
        let expected = headers(&[
            ("consistencylevel", "eventual"),
            ("accept-language", "nl"),
            ("accept-encoding", "identity"),
        ]);
        assert_eq!(request(&from), expected);
    }

    #[test] // R83
    fn only_listed_headers_come_down() {
        let from = headers(&[
            ("set-cookie", "a=b"),
            ("access-control-allow-origin", "*"),
            ("location", "https://evil.example/"),
            ("www-authenticate", "Bearer"),
            ("content-security-policy", "default-src *"),
            ("refresh", "0"),
            ("content-length", "5"),
            ("content-type", "application/json"),
            ("etag", "W/\"1\""),
            ("retry-after", "3"),
            ("request-id", "r"),
        ]);
        let to = response(StatusCode::OK, &from, Kind::Json);
        let mut names: Vec<_> = to.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "content-security-policy",
            "content-type",
            "etag",
            "request-id",
            "retry-after",
        ];
        assert_eq!(names, expected);
        assert!(
            to["content-security-policy"]
                .to_str()
                .unwrap()
                .ends_with("sandbox")
        );
    }

    #[test] // R84
    fn only_what_can_t_act_is_shown() {
        for (value, expected) in [
            ("application/json;odata.metadata=minimal", Kind::Json),
            ("Application/JSON", Kind::Json),
            ("application/problem+json", Kind::Json),
            ("image/jpeg", Kind::Inert),
            ("text/plain; charset=utf-8", Kind::Inert),
            ("text/html", Kind::File),
            ("image/svg+xml", Kind::File),
            ("application/xhtml+xml", Kind::File),
            ("text/xml", Kind::File),
            ("application/pdf", Kind::File),
            ("text/javascript", Kind::File),
            ("text/plain, text/html", Kind::File),
            ("", Kind::File),
        ] {
            assert_eq!(
                kind(&headers(&[("content-type", value)])),
                expected,
                "{value}"
            );
        }
        assert_eq!(kind(&HeaderMap::new()), Kind::File);
        let twice = headers(&[("content-type", "image/png"), ("content-type", "text/html")]);
        assert_eq!(kind(&twice), Kind::File);
        let file = response(
            StatusCode::OK,
            &headers(&[("content-type", "text/html")]),
            Kind::File,
        );
        assert_eq!(file["content-type"], "application/octet-stream");
        assert_eq!(file["content-disposition"], "attachment");
    }

    #[test] // R62
    fn a_body_has_one_known_type() {
        for (value, expected) in [
            ("application/json; charset=utf-8", true),
            ("image/jpeg", true),
            ("application/x-www-form-urlencoded", false),
            ("multipart/mixed", false),
            ("text/html", false),
            ("", false),
        ] {
            assert_eq!(
                has_sendable_type(&headers(&[("content-type", value)])),
                expected,
                "{value}"
            );
        }
        assert!(!has_sendable_type(&HeaderMap::new()));
        let twice = headers(&[
            ("content-type", "application/json"),
            ("content-type", "application/json"),
        ]);
        assert!(!has_sendable_type(&twice));
    }
}
