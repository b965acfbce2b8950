//! The address of a Graph call, taken apart once. What comes out is the decoded text, and what is sent is written anew
//! from it: there is nothing left that a second decoder could read in another way (R78).

use std::fmt::Write;

/// The longest path: Outlook's ids have 150 characters, and no call has many of them.
const LONGEST_PATH: usize = 2048;
/// The longest query: a nextLink's token has some thousand characters.
const LONGEST_QUERY: usize = 16 * 1024;

/// The segments of a path that begins with a slash, decoded; nothing for one that two readers could read differently.
pub fn segments(path: &str) -> Option<Vec<String>> {
    if path.len() > LONGEST_PATH {
        return None;
    }
    path.strip_prefix('/')?.split('/').map(segment).collect()
}

fn segment(raw: &str) -> Option<String> {
    // Encoded it is a character of a guest's user name; as it is, the end of the path.
    if raw.contains('#') {
        return None;
    }
    let text = decode(raw)?;
    // What is left out here and why: `/` and `\` make segments, `%` is a second encoding, `:` and `;` have meanings of
    // their own to some servers, controls and what is not ASCII have none in any call.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~!$'()*+,=@#".contains(&b);
    let dots = text.bytes().all(|b| b == b'.');
    (!dots && text.bytes().all(plain)).then_some(text)
}

/// Whether a decoded segment can stand for an id: of a person, a message, a photo's size. Not a function, a cast or
/// another of OData's words, which a list names or refuses by itself. Graph's ids have a digit, a user name has an `@`.
pub fn is_id(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let cast = lower.starts_with("microsoft.graph.") || lower.starts_with("graph.");
    let user = segment.contains('@');
    let edges = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
    segment.len() <= 512
        && segment.starts_with(|c| c != '=' && edges(c))
        && segment.ends_with(edges)
        && !segment.contains(['$', '(', ')', '*', '~'])
        && !segment.contains("..")
        && (user || (segment.bytes().any(|b| b.is_ascii_digit()) && !cast))
}

/// The path as it is sent: the segments' own characters, and the rest encoded.
pub fn written(segments: &[String]) -> String {
    let mut path = String::from("/v1.0");
    for segment in segments {
        path.push('/');
        for byte in segment.bytes() {
            // RFC 3986 §3.3, without what has a meaning to OData.
            if byte.is_ascii_alphanumeric() || b"-._~!$@=,".contains(&byte) {
                path.push(char::from(byte));
            } else {
                _ = write!(path, "%{byte:02X}");
            }
        }
    }
    path
}

/// One parameter of a query, decoded.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Lower case, without the `$` that OData 4.01 and parts of Graph let clients leave out.
    pub name: String,
    /// Whether it was written with `$`.
    pub dollar: bool,
    /// The value.
    pub text: String,
    /// The value as it came.
    pub raw: String,
}

/// A query as it is sent, byte by byte what came (R80) but for quotes, which URLs have encoded; and its parameters
/// decoded once (R91). Nothing for one that has control characters, broken encoding or bytes beyond ASCII.
pub fn query(raw: &str) -> Option<(String, Vec<Parameter>)> {
    let plain = |b: u8| b.is_ascii_graphic() && !b"#<>\\".contains(&b);
    if raw.len() > LONGEST_QUERY || !raw.bytes().all(plain) {
        return None;
    }
    let sent = raw.replace('\'', "%27").replace('"', "%22");
    let parameters = sent
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(&name.replace('+', " "))?.to_ascii_lowercase();
            let text = decode(&value.replace('+', " "))?;
            let controls = name.chars().chain(text.chars()).any(char::is_control);
            let bare = name.strip_prefix('$');
            (!controls).then(|| Parameter {
                name: bare.unwrap_or(&name).to_owned(),
                dollar: bare.is_some(),
                text,
                raw: value.to_owned(),
            })
        })
        .collect::<Option<Vec<_>>>()?;
    Some((sent, parameters))
}

/// Percent-decoding, once; nothing for a `%` without two digits or for what is no UTF-8.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: Option<u8>) -> Option<u8> {
    let value = char::from(byte?).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::{is_id, query, segments, written};

    #[test] // R78
    fn a_path_is_decoded_once_and_written_anew() {
        for (raw, sent) in [
            ("/me", "/v1.0/me"),
            ("/%6De", "/v1.0/me"),
            ("/me/photo/$value", "/v1.0/me/photo/$value"),
            ("/me/photo/%24value", "/v1.0/me/photo/$value"),
            ("/users/a%40b.example", "/v1.0/users/a@b.example"),
            (
                "/users/guest_x.org%23EXT%23@b.example",
                "/v1.0/users/guest_x.org%23EXT%23@b.example",
            ),
            ("/users/o'neil@b.example", "/v1.0/users/o%27neil@b.example"),
        ] {
            assert_eq!(written(&segments(raw).unwrap()), sent, "{raw}");
        }
    }

    #[test] // R78
    fn a_path_that_two_readers_could_read_differently_is_none() {
        for raw in [
            "",
            "me",
            "/",
            "//",
            "/me/",
            "//me",
            "/me//photo",
            "/.",
            "/..",
            "/me/..",
            "/%2e%2e/me",
            "/%252e%252e/me",
            "/.%2e/me",
            "/.../me",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0d",
            "/a%0a",
            "/a%7f",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/%ff",
            "/é",
            "/%c3%a9",
            "/a:b",
            "/a;b",
            "/a?b",
            "/a b",
            "/a%20b",
            "/a|b",
            "/a#b",
            "/a&b",
            "/a%25b",
        ] {
            assert_eq!(segments(raw), None, "{raw}");
        }
        assert_eq!(segments(&format!("/{}", "a".repeat(3000))), None);
    }

    #[test] // R77
    fn an_id_is_no_word_of_odata() {
        for id in [
            "3f6a1c52-8d04-4b7e-9f21-6c5d0e7a8b01",
            "a@b.example",
            "o'neil@b.example",
            "guest_x.org#EXT#@b.example",
            "AAMkAGI2NGVhZTVl-_0==",
            "48x48",
            "0a1b2c3d4e5f6071",
        ] {
            assert!(is_id(id), "{id}");
        }
        for word in [
            "me",
            "ME",
            "delta",
            "delta()",
            "$count",
            "$value",
            "$batch",
            "microsoft.graph.user",
            "Microsoft.Graph.user2",
            "graph.windows10",
            "users('1')",
            "@evil.example",
            ".1",
            "1..2",
            "1.",
            "=1",
            "1*",
            "~1",
            "",
        ] {
            assert!(!is_id(word), "{word}");
        }
    }

    #[test] // R80, R91
    fn a_query_is_kept_to_the_letter_and_read_once() {
        let raw = "$select=id,mail&%24TOP=5&search=a+b&$skiptoken=RFNwdA%2b%3d%3D&&x";
        let (sent, parameters) = query(raw).unwrap();
        assert_eq!(sent, raw);
        let names: Vec<_> = parameters
            .iter()
            .map(|p| (p.name.as_str(), p.dollar))
            .collect();
        let expected = [
            ("select", true),
            ("top", true),
            ("search", false),
            ("skiptoken", true),
            ("x", false),
        ];
        assert_eq!(names, expected);
        assert_eq!(query("$filter=a eq b"), None);
        assert_eq!(query("a='x'&b=\"y\"").unwrap().0, "a=%27x%27&b=%22y%22");
        for bad in [
            "a=%0d%0aX:1",
            "a%00=1",
            "a=%",
            "a=%g1",
            "a=é",
            "a=%ff",
            "a=#b",
            "a=<b>",
            "a=\\b",
            "a=%1b",
        ] {
            assert_eq!(query(bad), None, "{bad}");
        }
        assert_eq!(query(&"a".repeat(17_000)), None);
        // Encoded twice, it is another name.
        assert_eq!(query("%2524expand=x").unwrap().1[0].name, "%24expand");
    }
}
