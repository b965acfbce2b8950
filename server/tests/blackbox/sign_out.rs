//! Section F, as far as one browser goes.

use emulator::{Endpoint, Fault};
use reqwest::Url;

use crate::harness::{Browser, EMPLOYEE, FABRIKAM, TempDir, TestApp};

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
    let directory = TempDir::new();
    let file = format!("sqlite:{}", directory.0.join("sessions.db").display());
    let before = TestApp::with(&[("SESSION_STORE", &file)]).await;
    let browser = before.signed_in(EMPLOYEE).await;
    // After a restart the server knows nothing of Microsoft yet, and can't ask.
    let app = TestApp::with(&[("SESSION_STORE", &file)]).await;
    app.control().fault(Fault::status(Endpoint::Metadata, 503));
    let mut browser = browser.at(&app.origin);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    let replay = browser.clone();
    let answer = browser.post("/auth/logout").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/")
    );
    assert!(!app.calls(Endpoint::Metadata).is_empty(), "it was asked");
    assert!(!browser.cookies.contains_key("session"));
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

/// The platform's id of this person's session, as its sign-out page would name it.
async fn sid(app: &TestApp, browser: &Browser) -> String {
    let id = browser.cookies["session"].parse().unwrap();
    let session = app.cloakroom.sessions.find(&id).await.unwrap().unwrap();
    session.signed_in.user.sid.unwrap()
}

/// As Microsoft's page loads it: in a frame, from another site, without a cookie.
async fn framed(app: &TestApp, path: &str) -> crate::harness::Answer {
    let headers = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ];
    app.browser()
        .send(reqwest::Method::GET, path, &headers, None)
        .await
}

#[tokio::test] // R73
async fn a_sign_out_at_microsoft_ends_the_session_that_it_names_and_no_other() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut other = app.signed_in(EMPLOYEE).await;
    let sid = sid(&app, &browser).await;
    for path in [
        "/auth/frontchannel-logout".to_owned(),
        "/auth/frontchannel-logout?sid=".to_owned(),
        "/auth/frontchannel-logout?sid=00000000-0000-0000-0000-000000000000".to_owned(),
        format!("/auth/frontchannel-logout?sid={sid}&sid={sid}"),
        format!("/auth/frontchannel-logout?sid={}", "x".repeat(3000)),
    ] {
        let answer = framed(&app, &path).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
        assert_eq!(browser.user().await["username"], EMPLOYEE, "{path}");
    }
    let answer = framed(&app, &format!("/auth/frontchannel-logout?sid={sid}")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.header("x-frame-options"), "", "it may be framed");
    assert!(
        !answer
            .header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(browser.user().await, serde_json::Value::Null);
    assert_eq!(browser.call("people", "").await.status, 401);
    assert_eq!(other.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R73
async fn a_wrong_issuer_signs_nobody_out() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let sid = sid(&app, &browser).await;
    let origin = app.emulator.origin();
    for iss in [
        "https://evil.example/".to_owned(),
        format!("{origin}/00000000-0000-4000-8000-000000000001/v2.0"),
        String::new(),
    ] {
        let path = format!("/auth/frontchannel-logout?sid={sid}&iss={iss}");
        assert_eq!(framed(&app, &path).await.status, 200);
        assert_eq!(browser.user().await["username"], EMPLOYEE, "{iss}");
    }
    let right = format!("/auth/frontchannel-logout?sid={sid}&iss={origin}/{FABRIKAM}/v2.0");
    assert_eq!(framed(&app, &right).await.status, 200);
    assert_eq!(browser.user().await, serde_json::Value::Null);
}

#[tokio::test] // R73, R31
async fn a_refreshed_session_is_still_found_by_its_sid_and_not_kept_in_clear() {
    let directory = TempDir::new();
    let file = format!("sqlite:{}", directory.0.join("sessions.db").display());
    let app = TestApp::with(&[("SESSION_STORE", &file), ("SESSION_IDLE", "10h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let sid = sid(&app, &browser).await;
    app.advance(std::time::Duration::from_hours(2));
    assert_eq!(browser.call("people", "").await.status, 200);
    let mut dump = Vec::new();
    for entry in std::fs::read_dir(&directory.0).unwrap() {
        dump.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(!String::from_utf8_lossy(&dump).contains(&sid));
    framed(&app, &format!("/auth/frontchannel-logout?sid={sid}")).await;
    assert_eq!(browser.user().await, serde_json::Value::Null);
}

#[tokio::test] // R76
async fn ending_every_session_at_microsoft_is_an_act_of_its_own_that_names_its_scope() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let lacking = browser.post("/auth/revoke").await;
    assert_eq!(lacking.status, 403);
    assert!(
        lacking.body.contains("User.RevokeSessions.All")
            && lacking
                .body
                .contains("/auth/login?return_to=%2Faccount&amp;scope=User.RevokeSessions.All"),
        "{}",
        lacking.body
    );
    assert!(app.calls(Endpoint::Graph).is_empty(), "nobody was asked");
    assert_eq!(browser.user().await["username"], EMPLOYEE);

    let mut client = emulator::Client::demo();
    client.consented.push("User.RevokeSessions.All".into());
    app.control().register(client);
    let callback = browser
        .begin(EMPLOYEE, "&scope=User.RevokeSessions.All")
        .await;
    assert_eq!(browser.callback(&callback).await.status, 303);
    let replay = browser.clone();
    let answer = browser.post("/auth/revoke").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/")
    );
    let calls = app.calls(Endpoint::Graph);
    let call = calls.last().unwrap();
    assert_eq!(
        (call.method.as_str(), call.path.as_str(), call.status),
        ("POST", "/v1.0/me/revokeSignInSessions", Some(200))
    );
    assert!(!browser.cookies.contains_key("session"));
    assert_eq!(replay.clone().user().await, serde_json::Value::Null);
    // A plain sign-out asks Graph for nothing.
    let mut again = app.signed_in(EMPLOYEE).await;
    app.control().forget_calls();
    again.post("/auth/logout").await;
    assert!(app.calls(Endpoint::Graph).is_empty());
    assert_eq!(again.get("/auth/revoke").await.status, 405);
}

#[tokio::test] // R71, R76
async fn of_two_tickets_the_one_that_serves_is_ended() {
    let app = TestApp::start().await;
    let mut client = emulator::Client::demo();
    client.consented.push("User.RevokeSessions.All".into());
    app.control().register(client);
    for path in ["/auth/logout", "/auth/revoke"] {
        let mut browser = app.signed_in(EMPLOYEE).await;
        let mut neighbours = app.signed_in(EMPLOYEE).await;
        let own = browser.cookies["session"].clone();
        // As a browser sends two cookies of one name.
        let both = format!("{own}; session={}", neighbours.cookies["session"]);
        browser.cookies.insert("session".into(), both);
        assert_eq!(browser.user().await["username"], EMPLOYEE);
        assert_eq!(browser.post(path).await.status, 303, "{path}");
        let mut replay = app.browser();
        replay.cookies.insert("session".into(), own);
        assert_eq!(replay.user().await, serde_json::Value::Null, "{path}");
        _ = neighbours.user().await;
    }
}

#[tokio::test] // R51, R76
async fn who_is_signed_out_by_a_failed_revocation_is_told_so() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut client = emulator::Client::demo();
    client.consented.push("User.RevokeSessions.All".into());
    app.control().register(client);
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(std::time::Duration::from_hours(2));
    let dead = emulator::TokenChange::Error {
        error: "invalid_grant".into(),
        number: 50173,
        suberror: None,
        description: None,
        claims: None,
    };
    app.control()
        .fault(Fault::token(dead).for_grant("refresh_token"));
    let answer = browser.post("/auth/revoke").await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("You are signed out here") && !answer.body.contains("as before"),
        "{}",
        answer.body
    );
    assert_eq!(browser.user().await, serde_json::Value::Null);
}
