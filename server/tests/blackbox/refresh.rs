//! The refresh of a session's tokens, on one server: when, how often, and what ends it.

use std::time::Duration;

use emulator::{Endpoint, Fault, TokenChange};

use crate::harness::{EMPLOYEE, TestApp};

#[tokio::test] // R28, R30
async fn a_token_is_refreshed_five_minutes_before_it_expires() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    browser.get("/people").await;
    assert_eq!(app.token_calls(), 1);
    app.advance(Duration::from_hours(2));
    assert_eq!(browser.get("/people").await.status, 200);
    assert_eq!(browser.get("/people").await.status, 200);
    let calls = app.calls(Endpoint::Token);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].grant.as_deref(), Some("refresh_token"));
    // The rotated one is used the next time.
    app.advance(Duration::from_hours(2));
    browser.get("/people").await;
    let calls = app.calls(Endpoint::Token);
    assert_eq!(calls.len(), 3);
    assert_ne!(
        calls[1].field("refresh_token"),
        calls[2].field("refresh_token")
    );
}

#[tokio::test] // R30
async fn if_no_refresh_token_is_returned_the_old_one_stays() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control()
        .fault(Fault::token(TokenChange::NoRefreshToken));
    for _ in 0..2 {
        app.advance(Duration::from_hours(2));
        assert_eq!(browser.get("/people").await.status, 200);
    }
    let calls = app.calls(Endpoint::Token);
    assert_eq!(calls.len(), 3);
    assert_eq!(
        calls[1].field("refresh_token"),
        calls[2].field("refresh_token")
    );
}

#[tokio::test(flavor = "multi_thread")] // R29
async fn twenty_parallel_calls_make_one_refresh() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    app.advance(Duration::from_hours(2));
    let calls = (0..20).map(|_| {
        let mut browser = browser.clone();
        tokio::spawn(async move { browser.call("people", "").await.status })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(app.token_calls(), 2);
}

#[tokio::test(flavor = "multi_thread")] // R31
async fn a_sign_out_beats_a_refresh_in_flight() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(Duration::from_hours(2));
    app.control()
        .fault(Fault::answer(Endpoint::Token, emulator::Answer::Hold).for_grant("refresh_token"));
    let mut other = browser.clone();
    let replay = browser.clone();
    let refreshing = tokio::spawn(async move { other.call("people", "").await });
    app.token_calls_reach(2).await;
    assert_eq!(browser.post("/auth/logout").await.status, 303);
    app.control().clear();
    assert_eq!(refreshing.await.unwrap().status, 401);
    assert_eq!(
        replay.clone().user().await,
        serde_json::Value::Null,
        "nothing was written back"
    );
}

#[tokio::test] // R25, R51
async fn a_dead_refresh_token_ends_the_session_with_reauthenticate() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(Duration::from_hours(2));
    app.control().fault(
        Fault::token(TokenChange::Error {
            error: "invalid_grant".into(),
            number: 50173,
            suberror: None,
            description: None,
            claims: None,
        })
        .for_grant("refresh_token"),
    );
    let answer = browser.call("people", "").await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["error"]["code"].as_str()
        ),
        (401, Some("reauthenticate"))
    );
    assert_eq!(app.token_calls(), 2, "no retry");
    assert_eq!(browser.user().await, serde_json::Value::Null);
}

#[tokio::test] // R24, R27
async fn a_platform_in_trouble_keeps_the_session() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(Duration::from_hours(2));
    let busy = emulator::Answer::Status {
        status: 429,
        retry_after: Some("7".into()),
    };
    app.control()
        .fault(Fault::answer(Endpoint::Token, busy).once());
    let answer = browser.call("people", "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, "7")
    );
    assert_eq!(answer.json()["error"]["code"], "unavailable");
    app.advance(Duration::from_secs(8));
    let credential = TokenChange::Error {
        error: "invalid_client".into(),
        number: 7_000_222,
        suberror: None,
        description: None,
        claims: None,
    };
    app.control().fault(Fault::token(credential).once());
    assert_eq!(browser.call("people", "").await.status, 503);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    assert_eq!(
        browser.call("people", "").await.status,
        200,
        "it recovers by itself"
    );
}
