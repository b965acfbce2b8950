//! Section F, as far as one browser goes.

use emulator::{Endpoint, Fault};
use reqwest::Url;

use crate::harness::{EMPLOYEE, TestApp};

#[tokio::test] // R71, R72
async fn signing_out_ends_the_session_here_and_then_at_microsoft() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let replay = browser.clone();
    let answer = browser.post("/auth/logout").await;
    assert_eq!(answer.status, 303);
    assert!(
        !browser.cookies.contains_key("session"),
        "the cookie is deleted"
    );
    let location = Url::parse(answer.header("location")).unwrap();
    assert_eq!(
        location.origin().ascii_serialization(),
        app.emulator.origin()
    );
    assert!(location.path().ends_with("/logout"), "{location}");
    let query: std::collections::HashMap<_, _> = location.query_pairs().collect();
    assert_eq!(
        query["post_logout_redirect_uri"],
        format!("{}/", app.origin)
    );
    assert!(!query["logout_hint"].is_empty());
    assert_eq!(
        replay.clone().user().await,
        serde_json::Value::Null,
        "the old ticket opens nothing"
    );
    assert_eq!(replay.clone().call("people", "").await.status, 401);
}

#[tokio::test] // R74
async fn signing_out_works_with_the_platform_down() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().fault(Fault::status(Endpoint::Metadata, 503));
    app.control().fault(Fault::status(Endpoint::Logout, 503));
    app.advance(std::time::Duration::from_mins(29));
    let replay = browser.clone();
    assert_eq!(browser.post("/auth/logout").await.status, 303);
    assert_eq!(replay.clone().user().await, serde_json::Value::Null);
}

#[tokio::test]
async fn signing_out_without_a_session_ends_at_the_start_page() {
    let app = TestApp::start().await;
    let answer = app.browser().post("/auth/logout").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/")
    );
}
