//! R77, R78, R80, R91: whatever address is passed on to Graph is one on the list, in the one way to read it.
#![no_main]

use std::sync::LazyLock;

use axum::http::Method;
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use server::graph::proxy::list::AllowList;
use url::{Position, Url};

static LIST: LazyLock<AllowList> = LazyLock::new(AllowList::built_in);
static ORIGIN: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://graph.microsoft.com").expect("a URL"));

fuzz_target!(|target: &str| {
    let Ok((entry, path)) = LIST.admit(&Method::GET, target) else {
        return;
    };
    let sent = path.to_string();
    let url = path.on(&ORIGIN).expect("a URL is written in the same way");
    assert_eq!(url.origin(), ORIGIN.origin());
    assert_eq!(&url[Position::BeforePath..], sent);
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());

    // The path has as many segments as the pattern, also for who decodes it again.
    let segments = |path: &str| path.split(['/', '\\']).count();
    let once = decode(path.path());
    for text in [path.path(), &once, &decode(&once)] {
        assert_eq!(
            segments(text),
            segments(&entry.pattern) + 1,
            "{text} for {}",
            entry.pattern
        );
        assert!(text.starts_with("/v1.0/") && !text.contains(".."), "{text}");
        assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text}");
    }
    for (segment, piece) in once
        .split('/')
        .skip(2)
        .zip(entry.pattern.split('/').skip(1))
    {
        assert!(
            piece.starts_with('{') || piece == segment,
            "{segment} for {piece}"
        );
    }

    // The query is what came, and says nothing twice.
    let came = target.split_once('?').map_or("", |(_, query)| query);
    assert_eq!(
        path.query().unwrap_or(""),
        came.replace('\'', "%27").replace('"', "%22")
    );
    let mut names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.trim_start_matches('$').to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "{sent}");
    for (name, value) in url.query_pairs() {
        if name.to_ascii_lowercase().contains("expand") {
            assert!(value.starts_with("manager"), "{sent}");
        }
    }

    // What was accepted is accepted when it comes back.
    let again = sent.strip_prefix("/v1.0").expect("it begins so");
    let (_, same) = LIST.admit(&Method::GET, again).expect("accepted before");
    assert_eq!(same, path);
});

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
