//! A path of this site to return to. Making one is the check: nothing else is ever redirected to (R12).

use std::fmt;

use url::Url;

/// Path and query on this site, percent-encoded, beginning with one slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

const MAX_LENGTH: usize = 2048;

impl LocalPath {
    /// The start page.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// A path to return to after sign-in: the sign-in routes themselves would loop.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_request(text).filter(|path| !path.readings().any(|way| way.starts_with("/auth/")))
    }

    /// Whether this leads to the route, for us or for a proxy in front that decodes more or minds case less.
    pub fn is_at(&self, route: &str) -> bool {
        let route = route.to_ascii_lowercase();
        self.readings()
            .any(|way| way.trim_end_matches('/') == route)
    }

    /// The path in lower case: as it stands, decoded once, and twice.
    fn readings(&self) -> impl Iterator<Item = String> {
        let path = self.0.split('?').next().unwrap_or_default();
        let [once, twice] = decoded(path);
        [path.to_owned(), once, twice]
            .into_iter()
            .map(|way| way.to_ascii_lowercase())
    }

    /// Any path of this site; `None` for what a browser, a proxy or a careless decoder could read as
    /// another site.
    pub fn of_request(text: &str) -> Option<Self> {
        let plain =
            text.len() <= MAX_LENGTH && is_plain(text) && decoded(text).iter().all(|t| is_plain(t));
        if !plain {
            return None;
        }
        let base = Url::parse("http://local.invalid/").ok()?;
        let url = base.join(text).ok()?;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let ours =
            url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
        // Encoding makes it longer, and it travels in the attempt's cookie, which browsers cut off at 4096 bytes.
        (ours && is_plain(&path) && path.len() <= MAX_LENGTH).then_some(Self(path))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    text.starts_with('/')
        && !path.contains("//")
        && !path.contains('\\')
        && !text.chars().any(char::is_control)
}

/// The text with its percent-encoding taken off once and twice: a decoder on the way may do either.
fn decoded(text: &str) -> [String; 2] {
    let once = decode(text);
    let twice = decode(&once);
    [once, twice]
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::LocalPath;

    #[test] // R12
    fn local_paths_are_kept() {
        for (text, kept) in [
            ("/", "/"),
            (
                "/people?search=ann%20lee&cursor=a_b-c",
                "/people?search=ann%20lee&cursor=a_b-c",
            ),
            ("/people?search=Zoë", "/people?search=Zo%C3%AB"),
            ("/people#top", "/people"),
            ("/a/../people", "/people"),
            (
                "/people?next=https://example.org",
                "/people?next=https://example.org",
            ),
        ] {
            assert_eq!(LocalPath::parse(text).expect(text).as_str(), kept);
        }
    }

    #[test] // R12
    fn anything_that_could_lead_elsewhere_is_refused() {
        for text in [
            "",
            "people",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/%5cevil.example",
            "/%255cevil.example",
            "/%252fevil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/%0d%0aSet-Cookie:a=b",
            "/\r\nx: y",
            "/a%00b",
            "/%250d%250a",
            " /people",
            "/x//evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/auth/login",
            "/auth/logout?x",
            "/a/../auth/login",
            "/AUTH/login",
            "/%61uth/login",
            "/%2561uth/login",
            "/auth%2Flogin",
            "/x/%2e%2e//evil.example",
        ] {
            assert_eq!(LocalPath::parse(text), None, "{text:?}");
        }
        for long in ["a".repeat(3000), "é".repeat(1000)] {
            assert_eq!(LocalPath::parse(&format!("/{long}")), None);
        }
    }

    #[test] // R12
    fn a_route_is_known_in_every_way_to_write_it() {
        for (text, expected) in [
            ("/getAToken", true),
            ("/getAToken?code=x", true),
            ("/getatoken/", true),
            ("/x/../getAToken", true),
            ("/get%41Token", true),
            ("/get%2541Token", true),
            ("/getATokens", false),
            ("/people?next=/getAToken", false),
        ] {
            let path = LocalPath::parse(text).expect(text);
            assert_eq!(path.is_at("/getAToken"), expected, "{text}");
        }
    }
}
