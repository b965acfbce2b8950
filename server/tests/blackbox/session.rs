//! A session seen from outside, on one server: its cookie, its id, its ends (section D).

use std::time::Duration;

use emulator::{Endpoint, Fault};
use reqwest::Method;

use crate::{
    faults::KEY,
    harness::{EMPLOYEE, MANAGER, TestApp},
    redis_server::RedisServer,
};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test] // R45, R47
async fn the_session_cookie_is_strict_and_out_of_reach_of_scripts() {
    let app = TestApp::start().await;
    let answer = app.browser().sign_in(EMPLOYEE).await;
    let cookie = answer
        .set_cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("session="))
        .unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(
        !cookie.contains("Domain") && !cookie.contains("Secure") && cookie.len() < 200,
        "{cookie}"
    );
}

#[tokio::test] // R45
async fn on_https_the_cookies_have_the_host_prefix_and_secure() {
    let app = TestApp::with(&[("PUBLIC_URL", "https://app.example")]).await;
    let mut browser = app.browser();
    let start = browser.get("/auth/login").await;
    let cookie = &start.set_cookies()[0];
    assert!(
        cookie.starts_with("__Host-signin-")
            && cookie.contains("Secure")
            && cookie.contains("Path=/"),
        "{cookie}"
    );
    let client = emulator::Client::clone(&app.control().client(emulator::DEMO_CLIENT_ID).unwrap());
    app.control().register(emulator::Client {
        redirect_uris: vec!["https://app.example/auth/callback".into()],
        ..client
    });
    let start = browser
        .get(&format!("/auth/login?login_hint={EMPLOYEE}"))
        .await;
    let callback = browser.at_platform(start.header("location")).await;
    let answer = browser.callback(&callback).await;
    let cookie = answer
        .set_cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("__Host-session="))
        .unwrap();
    for part in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    browser
        .cookies
        .insert("__Host-session".into(), "AAAAAAAAAAAAAAAAAAAAAA".into());
    let headers = [("sec-fetch-site", "same-origin")];
    let out = browser
        .send(Method::POST, "/auth/logout", &headers, None)
        .await;
    let deleted = out
        .set_cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("__Host-session="))
        .unwrap();
    for part in ["Secure", "Path=/", "Max-Age=0", "HttpOnly"] {
        assert!(deleted.contains(part), "{part} in {deleted}");
    }
    assert!(out.header("strict-transport-security").contains("max-age="));
}

#[tokio::test] // R46
async fn a_navigation_from_another_site_is_bounced_once_and_then_signed_in() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "&return_to=%2Fpeople").await;
    let landed = browser.get_from_elsewhere(&callback).await;
    assert_eq!(landed.status, 200);
    assert!(
        landed
            .body
            .contains("http-equiv=\"refresh\" content=\"0;url=/people\""),
        "{}",
        landed.body
    );
    assert!(browser.get("/people").await.body.contains("Maya Lindqvist"));

    let mailed = browser
        .get_from_elsewhere("/people?search=a%22%3E%3Cscript%3E")
        .await;
    assert!(
        mailed
            .body
            .contains("content=\"0;url=/people?search=a%22%3E%3Cscript%3E\""),
        "{}",
        mailed.body
    );
    assert!(!mailed.body.contains("Lindqvist"));
    assert!(mailed.set_cookies().is_empty());
    // Signed out, the hop is taken once too: it is same-origin, and gets the page.
    let mut stranger = app.browser();
    assert!(
        stranger
            .get_from_elsewhere("/")
            .await
            .body
            .contains("refresh")
    );
    assert!(
        stranger
            .get("/")
            .await
            .body
            .contains("Sign in with Microsoft")
    );
}

#[tokio::test] // R46, R48
async fn a_link_from_elsewhere_takes_the_hop_whatever_its_address() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let long = "x".repeat(3000);
    let login = format!("/auth/login?login_hint={MANAGER}&scope=User.ReadBasic.All");
    for (path, goes_on_to) in [
        (format!("{login}&return_to=%0a"), "/auth/login"),
        (format!("{login}&return_to=%250d"), "/auth/login"),
        (format!("{login}&return_to=/{long}"), "/auth/login"),
        ("/people?search=%00".to_owned(), "/people"),
        (format!("/people?search={long}"), "/people"),
        ("/%0a".to_owned(), "/"),
        ("//evil.example/%0a".to_owned(), "/"),
        (format!("/{long}"), "/"),
    ] {
        let answer = browser.get_from_elsewhere(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        let hop = format!("content=\"0;url={goes_on_to}\"");
        assert!(answer.body.contains(&hop), "{path}: {}", answer.body);
        assert!(answer.set_cookies().is_empty(), "{path} began a sign-in");
    }
    // The hop brings the session along, which the sign-in then replaces.
    let old = browser.clone();
    let start = browser.get("/auth/login").await;
    let callback = browser
        .at_platform(&format!(
            "{}&login_hint={MANAGER}",
            start.header("location")
        ))
        .await;
    browser.get_from_elsewhere(&callback).await;
    assert_eq!(browser.user().await["username"], MANAGER);
    assert_eq!(old.clone().user().await, serde_json::Value::Null);
}

#[tokio::test] // R48
async fn every_sign_in_makes_a_new_id_and_kills_the_old_session() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let old = browser.clone();
    let first = browser.cookies["session"].clone();
    // As a browser does it: the callback comes without the Strict cookie.
    let callback = browser.begin(MANAGER, "").await;
    browser.get_from_elsewhere(&callback).await;
    assert_ne!(browser.cookies["session"], first);
    assert_eq!(browser.user().await["username"], MANAGER);
    assert_eq!(
        old.clone().user().await,
        serde_json::Value::Null,
        "the old id is dead"
    );
}

#[tokio::test] // R17, R48
async fn two_tabs_that_come_back_at_the_same_moment_leave_one_session() {
    for redis in [None, Some(RedisServer::start())] {
        let store = redis
            .as_ref()
            .map_or("sqlite::memory:".to_owned(), RedisServer::url);
        let app = TestApp::with(&[("SESSION_STORE", &store), ("SESSION_KEY", KEY)]).await;
        let mut browser = app.signed_in(EMPLOYEE).await;
        let old = browser.clone();
        let callbacks = [
            browser.begin(EMPLOYEE, "").await,
            browser.begin(MANAGER, "").await,
        ];
        app.control()
            .fault(Fault::answer(Endpoint::Token, emulator::Answer::Hold));
        let tabs = callbacks.map(|callback| {
            let mut tab = browser.clone();
            tokio::spawn(async move { (tab.callback(&callback).await.status, tab) })
        });
        app.token_calls_reach(3).await;
        app.control().clear();
        let mut live = Vec::new();
        for tab in tabs {
            let (status, tab) = tab.await.unwrap();
            assert_eq!(status, 303);
            live.push(tab);
        }
        let mut signed_in = 0;
        for tab in &mut live {
            signed_in += usize::from(!tab.user().await.is_null());
        }
        assert_eq!(signed_in, 1);
        assert!(old.clone().user().await.is_null());
    }
}

#[tokio::test] // R48, R49
async fn an_id_that_the_server_did_not_make_is_never_adopted() {
    let app = TestApp::start().await;
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "x", "", "../../etc", "%00"] {
        let mut browser = app.browser();
        browser.cookies.insert("session".into(), id.into());
        assert_eq!(browser.user().await, serde_json::Value::Null);
        assert_eq!(browser.sign_in(EMPLOYEE).await.status, 303, "{id}");
        assert_ne!(browser.cookies["session"], id);
        assert_eq!(
            browser.cookies["session"].len(),
            22,
            "128 bits in base64url"
        );
    }
}

#[tokio::test] // R50
async fn an_idle_session_ends_and_polling_does_not_extend_it() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let ends = |answer: crate::harness::Answer| {
        answer.json()["idle_expires_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = ends(browser.fetch("/auth/session").await);
    app.advance(20 * MINUTE);
    assert_eq!(
        ends(browser.fetch("/auth/session").await),
        first,
        "asking slides nothing"
    );
    browser.get("/").await;
    assert!(
        ends(browser.fetch("/auth/session").await) > first,
        "a page does"
    );
    app.advance(20 * MINUTE);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    app.advance(11 * MINUTE);
    assert_eq!(browser.user().await, serde_json::Value::Null);
}

#[tokio::test] // R50
async fn a_busy_session_ends_at_its_absolute_time_out() {
    let app = TestApp::with(&[("SESSION_IDLE", "30m"), ("SESSION_MAX", "1h")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for _ in 0..2 {
        app.advance(25 * MINUTE);
        browser.get("/").await;
        assert_eq!(browser.user().await["username"], EMPLOYEE);
    }
    app.advance(11 * MINUTE);
    assert_eq!(browser.user().await, serde_json::Value::Null);
}

#[tokio::test] // R53
async fn without_a_session_a_data_call_is_401_json_and_never_a_redirect() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for name in ["people", "home"] {
        let answer = browser.call(name, "").await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["error"]["code"], "signed_out");
        assert_eq!(
            answer.json()["error"]["correlation_id"],
            answer.header("x-correlation-id")
        );
    }
    assert_eq!(browser.fetch("/photo/abc").await.status, 401);
}
