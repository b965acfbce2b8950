//! No token, code or secret is ever visible to the browser or the log (R52, R111).

use std::{
    io,
    sync::{Arc, Mutex},
};

use emulator::{Callback, DEMO_CLIENT_SECRET, Endpoint, Fault, TokenChange};
use tracing::{Dispatch, subscriber::DefaultGuard};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{EMPLOYEE, SEEN, TestApp};

/// The log of this thread, as long as its guard lives.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything that is logged from now on. For this thread only: the test's runtime may have no other.
    pub fn watch() -> (Self, (DefaultGuard, Dispatch)) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .with_ansi(false)
            .fmt_fields(server::log::Fields)
            .finish();
        // With a single subscriber in the process, tracing asks only the thread that comes by a line first
        // whether anybody listens, and remembers that; the other tests' threads would say no.
        let second = Dispatch::new(tracing_subscriber::registry());
        (log, (tracing::subscriber::set_default(subscriber), second))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What would begin a line of its own, move a terminal, or turn what is read around.
const FORGED: &str = "x\r\n2026-01-01 ERROR forged\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{7f}\0\u{8}";

#[tokio::test] // R112
async fn what_others_write_stays_on_its_line_of_the_log() {
    let (log, _watching) = Log::watch();
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    // Back at the callback.
    let refused = Callback::Error {
        error: FORGED.into(),
        description: FORGED.into(),
    };
    app.control().fault(Fault::callback(refused).once());
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 400);
    // From the token endpoint, at sign-in and at a refresh.
    for name in [
        "error",
        "trace_id",
        "correlation_id",
        "timestamp",
        "suberror",
    ] {
        let long = format!("{FORGED}{}", "y".repeat(5000));
        let refusal = TokenChange::Error {
            error: "invalid_grant".into(),
            number: 70000,
            suberror: None,
            description: None,
            claims: None,
        };
        let change = TokenChange::Member {
            name: name.into(),
            value: long.into(),
        };
        app.control().fault(Fault::token(refusal).once());
        app.control().fault(Fault::token(change).once());
        assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 400, "{name}");
    }
    // From Graph.
    let mut browser = app.signed_in(EMPLOYEE).await;
    tracing::warn!(from_graph = %FORGED, quoted = FORGED, debug = ?FORGED, "said: {FORGED}");
    let span = tracing::error_span!("request", path = %FORGED);
    span.in_scope(|| tracing::error!("within"));
    browser.user().await;

    let text = log.text();
    assert!(
        text.contains("forged") && text.contains("within"),
        "it is told"
    );
    for line in text.lines() {
        assert!(
            line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(['T', 'Z']),
            "{line:?}"
        );
        assert!(!line.starts_with("2026-01-01 ERROR"), "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.contains(['\u{202e}', '\u{2028}']), "{line:?}");
        assert!(!line.contains(&"y".repeat(200)), "{line:?}");
    }
}

#[tokio::test] // R52, R111
async fn no_token_code_or_secret_reaches_a_response_or_the_log() {
    let (log, _watching) = Log::watch();
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for path in [
        "/",
        "/people",
        "/auth/session",
        "/no/such/page",
        "/auth/callback?code=x&state=y",
    ] {
        browser.get(path).await;
        browser.fetch(path).await;
    }
    app.advance(std::time::Duration::from_hours(2));
    browser.call("people", "").await;
    browser.call("home", "").await;
    for change in [
        TokenChange::Missing("id_token".into()),
        TokenChange::TokenType("mac".into()),
    ] {
        app.control().fault(Fault::token(change).once());
        app.browser().sign_in(EMPLOYEE).await;
    }
    let session = browser.cookies["session"].clone();
    browser.post("/auth/logout").await;

    let mut secrets = vec![DEMO_CLIENT_SECRET.to_owned()];
    for call in app.calls(Endpoint::Token) {
        secrets.extend(
            ["code", "code_verifier", "refresh_token"]
                .iter()
                .filter_map(|name| call.field(name)),
        );
    }
    for call in app.calls(Endpoint::Graph) {
        secrets.push(
            call.header("authorization")
                .unwrap()
                .trim_start_matches("Bearer ")
                .to_owned(),
        );
    }
    secrets.retain(|secret| secret.len() > 8);
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() >= 8, "{}", secrets.len());

    let log = log.text();
    assert!(
        log.contains("a user signed in") && log.contains("a user signed out"),
        "the log is watched"
    );
    let seen = SEEN.lock().unwrap();
    let ours: Vec<_> = seen
        .iter()
        .filter(|(url, _)| url.starts_with(&app.origin))
        .collect();
    assert!(ours.len() > 12);
    for secret in &secrets {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret, &encoded] {
            assert!(!log.contains(form.as_str()), "a secret is in the log");
            for (url, response) in &ours {
                assert!(
                    !response.contains(form.as_str()),
                    "a secret is in the response of {url}"
                );
            }
        }
    }
    assert!(
        !log.contains(&session),
        "the session's ticket is in the log"
    );
}
