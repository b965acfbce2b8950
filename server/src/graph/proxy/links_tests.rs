use serde_json::{Value, json};
use url::Url;

use super::{LONGEST, Links, own_path};

const ORIGIN: &str = "https://graph.microsoft.com";

fn rewritten(text: &str) -> String {
    let origin = Url::parse(ORIGIN).unwrap();
    let mut whole = Links::of(&origin);
    let out = whole.piece(text.as_bytes());
    // Wherever the pieces of a body end, it comes out the same.
    for size in [1, 2, 3, 7] {
        let mut links = Links::of(&origin);
        let pieces: Vec<u8> = text
            .as_bytes()
            .chunks(size)
            .flat_map(|piece| links.piece(piece))
            .collect();
        assert_eq!(pieces, out, "in pieces of {size}: {text}");
    }
    String::from_utf8(out).unwrap()
}

#[test] // R79, R80
fn graphs_own_link_becomes_a_path_of_this_site_and_keeps_its_query_to_the_letter() {
    for (link, path) in [
        (
            "https://graph.microsoft.com/v1.0/users?$top=2&$skiptoken=RFNwdA%2B%3d-_",
            "/graph/v1.0/users?$top=2&$skiptoken=RFNwdA%2B%3d-_",
        ),
        (
            "https://graph.microsoft.com/v1.0/me/messages?%24filter=startswith(subject,'a')&%24skip=10",
            "/graph/v1.0/me/messages?%24filter=startswith(subject,'a')&%24skip=10",
        ),
        (
            "HTTPS://Graph.Microsoft.com/v1.0/users",
            "/graph/v1.0/users",
        ),
    ] {
        for name in [
            "@odata.nextLink",
            "@odata.deltaLink",
            "members@odata.nextLink",
            "odata.nextLink",
            "@nextLink",
        ] {
            let text = json!({ name: link, "value": [] }).to_string();
            let expected = json!({ name: path, "value": [] }).to_string();
            assert_eq!(rewritten(&text), expected);
        }
    }
}

#[test] // R79
fn a_link_that_leads_elsewhere_becomes_null() {
    for link in [
        "https://evil.example/v1.0/users",
        "https://evil0.microsoft.com/v1.0/users",
        "https://graph.microsoft.com.evil.example/v1.0/users",
        "https://graph.microsoft.com@evil.example/v1.0/users",
        "https://graph.microsoft.com:444/v1.0/users",
        "https://user@graph.microsoft.com/v1.0/users",
        "http://graph.microsoft.com/v1.0/users",
        "//graph.microsoft.com/v1.0/users",
        "/v1.0/users",
        "https://graph.microsoft.com/beta/users",
        "https://graph.microsoft.com/v1.0/../../auth/logout",
        "https://graph.microsoft.com/v1.0/%2e%2e/%2e%2e/auth/logout",
        "https://graph.microsoft.com/v1.0/users\\..\\x",
        "https://graph.microsoft.com/v1.0/users#x",
        "https://graph.microsoft.com/v1.0/users?a=\n",
        " https://graph.microsoft.com/v1.0/users",
        "https://graph.microsoft.com",
        "javascript:alert(1)",
        "",
    ] {
        let text = json!({ "@odata.nextLink": link }).to_string();
        assert_eq!(rewritten(&text), "{\"@odata.nextLink\":null}", "{link}");
    }
}

#[test] // R79
fn a_name_is_found_however_it_is_written() {
    let evil = "\"https://evil.example/v1.0/x\"";
    for name in [
        r"\u0040odata.nextLink",
        r"@odata\u002enextLink",
        r"@odata.next\u004cink",
        r"\/x@odata.nextLink",
        r"a\\@odata.nextLink",
        r"@ODATA.NEXTLINK",
    ] {
        for space in ["", " ", " \r\n\t"] {
            let text = format!("{{\"{name}\"{space}:{space}{evil}}}");
            let out: Value = serde_json::from_str(&rewritten(&text)).unwrap();
            assert!(
                out.as_object().unwrap().values().all(Value::is_null),
                "{text}"
            );
        }
    }
}

#[test] // R79, R101
fn everything_else_passes_byte_by_byte() {
    let evil = "https://evil.example/v1.0/x";
    for text in [
        "{}",
        "",
        "[1.50, -0e1, true, null, \"\\u00e9é\\\"\\\\\"]",
        &format!(
            "{{\"@odata.context\": \"{evil}\", \"a\": \"@odata.nextLink\", \"b\": [\"@odata.nextLink\", \"{evil}\"]}}"
        ),
        &format!(
            "{{\"nextLink\": \"{evil}\", \"@odata.nextLinks\": \"{evil}\", \"x\\\"@odata.nextLink\\\":\": \"{evil}\"}}"
        ),
        &format!("{{\"@odata.nextLink\": [\"{evil}\"], \"b\": {{\"c\": 1}}}}"),
        "{\"@odata.nextLink\": null}",
        "{\"@odata.nextLink\": 12, \"a\": \"b\"}",
        "\"@odata.nextLink\" , \"x\"",
        "{ not json",
        "\u{feff}{\"a\":1}",
    ] {
        assert_eq!(rewritten(text), text);
    }
}

#[test] // R87
fn a_link_without_end_is_not_held() {
    let origin = Url::parse(ORIGIN).unwrap();
    let mut links = Links::of(&origin);
    let mut out = links.piece(b"{\"@odata.nextLink\":\"");
    for _ in 0..100 {
        out.extend(links.piece(&[b'a'; 10_000]));
        assert!(links.held.capacity() <= 4 * LONGEST);
    }
    out.extend(links.piece(b"\",\"a\":1}"));
    assert_eq!(out, b"{\"@odata.nextLink\":null,\"a\":1}");
    assert_eq!(links.dropped(), 1);
}

#[test] // R79
fn a_link_that_is_cut_off_is_not_shown() {
    let out = rewritten("{\"@odata.nextLink\":\"https://evil.example");
    assert_eq!(out, "{\"@odata.nextLink\":");
    assert_eq!(own_path("https://graph.microsoft.com/v1.0/é", ORIGIN), None);
}
