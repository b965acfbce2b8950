//! R12: whatever is accepted as a path to return to stays on this site, however often it is decoded on its way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::auth::local_path::LocalPath;
use url::Url;

fuzz_target!(|text: &str| {
    if let Some(path) = LocalPath::of_request(text) {
        check(text, path.as_str());
    }
    let Some(path) = LocalPath::parse(text) else {
        return;
    };
    assert!(
        !path.as_str().starts_with("/auth/"),
        "{path} would sign in again and again"
    );
    assert_eq!(
        LocalPath::parse(path.as_str()).as_ref(),
        Some(&path),
        "what was accepted is accepted when it comes back"
    );
});

fn check(text: &str, path: &str) {
    assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
    assert!(path.bytes().all(|b| b.is_ascii_graphic()), "{path}");
    let once = decode(path);
    let twice = decode(&once);
    for form in [text, path, &once, &twice] {
        for origin in ["http://localhost:3000", "https://app.example"] {
            let base = Url::parse(origin).expect("an origin");
            // As a browser reads a Location, from the start page and from a deeper one.
            for from in ["/", "/auth/callback?code=x"] {
                let from = base.join(from).expect("a page");
                if let Ok(url) = from.join(form) {
                    assert_eq!(url.origin(), base.origin(), "{form:?} of {text:?}");
                    assert!(url.username().is_empty() && url.password().is_none());
                }
            }
        }
        assert!(!form.chars().any(char::is_control), "{form:?} of {text:?}");
        let file = form.split(['?', '#']).next().unwrap_or_default();
        assert!(!file.contains('\\'), "{form:?} of {text:?}");
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
