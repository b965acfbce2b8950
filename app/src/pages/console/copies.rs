//! A call to take along, as a command and as a program. Neither holds a token: whoever runs it brings their own.

use std::fmt::Write;

use super::Known;

/// A call in a POSIX shell's words. `--globoff` and `--path-as-is`: what is written is what is sent.
pub fn curl(method: &str, known: &Known, body: &str) -> String {
    let mut text = String::from("curl --silent --show-error --globoff --path-as-is");
    if method != "GET" {
        _ = write!(text, " --request {}", shell(method));
    }
    _ = write!(text, " \\\n  {}", shell(&known.url));
    text.push_str(" \\\n  --header \"Authorization: Bearer $TOKEN\"");
    if known.eventual {
        text.push_str(" \\\n  --header 'ConsistencyLevel: eventual'");
    }
    if !body.is_empty() {
        text.push_str(" \\\n  --header 'Content-Type: application/json'");
        _ = write!(text, " \\\n  --data-raw {}", shell(&ascii(body)));
    }
    text.push('\n');
    text
}

/// The same with reqwest.
pub fn rust(method: &str, known: &Known, body: &str) -> String {
    let mut text = String::from(
        "// reqwest = \"0.13\"\nlet token = std::env::var(\"TOKEN\")?;\nlet answer = reqwest::Client::new()\n",
    );
    let function = method.to_ascii_lowercase();
    _ = writeln!(text, "    .{function}({})", literal(&known.url));
    text.push_str("    .bearer_auth(token)\n");
    if known.eventual {
        text.push_str("    .header(\"ConsistencyLevel\", \"eventual\")\n");
    }
    if !body.is_empty() {
        text.push_str("    .header(\"Content-Type\", \"application/json\")\n");
        _ = writeln!(text, "    .body({})", literal(&ascii(body)));
    }
    text.push_str(
        "    .send()\n    .await?\n    .error_for_status()?\n    .text()\n    .await?;\n",
    );
    text
}

/// One word of a POSIX shell: within single quotes nothing has a meaning but the quote that ends them.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A Rust string: what `Debug` writes is one.
fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// JSON without a character that a terminal or an editor could take for more than text: beyond ASCII they stand in its
/// strings only, and have an escape there.
fn ascii(json: &str) -> String {
    json.chars().fold(String::new(), |mut text, c| {
        if c == '\n' || c == ' ' || c.is_ascii_graphic() {
            text.push(c);
        } else if c.is_ascii_whitespace() {
            text.push(' ');
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(url: &str) -> Known {
        Known {
            url: url.into(),
            eventual: false,
            scopes: Vec::new(),
            missing: false,
        }
    }

    #[test]
    fn nothing_in_a_call_ends_its_quotes() {
        let nasty = "https://graph.example/v1.0/me?a='$(id)`id`\"!!\\;&[1-9]{a,b}";
        let copy = curl("POST", &known(nasty), "{\"a\":\"it's $(id)\"}");
        assert!(
            copy.contains("'https://graph.example/v1.0/me?a='\\''$(id)`id`\"!!\\;&[1-9]{a,b}'"),
            "{copy}"
        );
        assert!(
            copy.contains("--data-raw '{\"a\":\"it'\\''s $(id)\"}'"),
            "{copy}"
        );
        assert!(copy.contains("--globoff"), "{copy}");
        let copy = rust("POST", &known(nasty), "{\"a\":\"\\u0041\"}");
        assert!(
            copy.contains(
                r#".post("https://graph.example/v1.0/me?a='$(id)`id`\"!!\\;&[1-9]{a,b}")"#
            ),
            "{copy}"
        );
        assert!(copy.contains(r#".body("{\"a\":\"\\u0041\"}")"#), "{copy}");
    }

    #[test]
    fn a_copy_has_a_place_for_a_token_and_plain_ascii() {
        let body = "{\r\n\t\"a\": \"é\u{202e}😀\u{9b}31m\"}";
        for copy in [
            curl("PATCH", &known("https://graph.example/v1.0/me"), body),
            rust("PATCH", &known("https://graph.example/v1.0/me"), body),
        ] {
            assert!(copy.contains("TOKEN"), "{copy}");
            assert!(
                copy.bytes()
                    .all(|b| b == b'\n' || (b' '..0x7f).contains(&b)),
                "{copy}"
            );
        }
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&ascii(body)).unwrap(),
            serde_json::from_str::<serde_json::Value>(body).unwrap()
        );
    }
}
