//! Section D, as far as one instance on SQLite goes, and the refresh of section B.

use std::time::Duration;

use emulator::{Endpoint, Fault, TokenChange};
use reqwest::Method;
use server::{
    clock::Clock,
    config::StoreLocation,
    session::seal::{Key, Sealer},
    session::store::{Store, Timeouts},
};

use crate::harness::{EMPLOYEE, MANAGER, TempDir, TestApp};

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

#[tokio::test] // R54
async fn a_store_that_is_down_fails_closed() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    assert_eq!(browser.get("/readyz").await.status, 200);
    app.cloakroom.sessions.store.close().await;
    let page = browser.get("/people").await;
    assert_eq!(page.status, 503);
    assert!(page.body.contains("Not available just now") && !page.body.contains("Lindqvist"));
    let call = browser.call("people", "").await;
    assert_eq!(
        (call.status.as_u16(), call.json()["error"]["code"].as_str()),
        (503, Some("unavailable"))
    );
    assert_eq!(browser.get("/readyz").await.status, 503);
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(
        browser.post("/auth/logout").await.status,
        503,
        "nobody is told that they are signed out"
    );
    assert!(browser.cookies.contains_key("session"));
}

fn store_clock() -> Clock {
    Clock::system()
}

async fn open(path: &std::path::Path, key: u8) -> Store {
    let sealer = Sealer::new(Key::from_bytes(&[key; 32]).unwrap(), vec![]);
    let timeouts = Timeouts {
        idle: 30 * MINUTE,
        max: 60 * MINUTE,
    };
    let file = StoreLocation::File(path.into());
    Store::open(&file, sealer, store_clock(), timeouts)
        .await
        .unwrap()
}

#[tokio::test] // R55, R56, R117
async fn sessions_survive_a_restart_and_their_file_tells_nothing() {
    let directory = TempDir::new();
    let file = directory.0.join("sessions.db");
    let settings = format!("sqlite:{}", file.display());
    let app = TestApp::with(&[("SESSION_STORE", &settings)]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    let token = app.calls(Endpoint::Token)[0].clone();
    assert!(directory.0.join("session.key").exists());

    let mut dump = Vec::new();
    for entry in std::fs::read_dir(&directory.0).unwrap() {
        dump.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let dump = String::from_utf8_lossy(&dump).into_owned();
    let id = browser.cookies["session"].clone();
    for canary in [
        "Maya",
        "Lindqvist",
        EMPLOYEE,
        "signed_in",
        &id,
        &token.field("code").unwrap(),
    ] {
        assert!(!dump.contains(canary), "{canary} lies open in the store");
    }

    // Another store over the same file, with the same key: the session is there. With another key: a
    // signed-out user, and the file is still readable.
    let id: tower_sessions::session::Id = id.parse().unwrap();
    app.cloakroom.sessions.store.close().await;
    let key = std::fs::read_to_string(directory.0.join("session.key")).unwrap();
    let key = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, key.trim()).unwrap();
    let sealer = Sealer::new(Key::from_bytes(&key).unwrap(), vec![]);
    let timeouts = Timeouts {
        idle: 30 * MINUTE,
        max: 60 * MINUTE,
    };
    let location = StoreLocation::File(file.clone());
    let again = Store::open(&location, sealer, store_clock(), timeouts)
        .await
        .unwrap();
    assert!(again.find(&id).await.unwrap().is_some());
    assert!(open(&file, 9).await.find(&id).await.unwrap().is_none());
    assert_eq!(again.purge().await.unwrap(), 0);
    let later = Clock::new(|| time::OffsetDateTime::now_utc() + time::Duration::hours(2));
    let sealer = Sealer::new(Key::from_bytes(&key).unwrap(), vec![]);
    let late = Store::open(&location, sealer, later, timeouts)
        .await
        .unwrap();
    assert!(late.find(&id).await.unwrap().is_none());
    assert_eq!(late.purge().await.unwrap(), 1);
}

#[tokio::test] // R73, R117
async fn a_file_from_before_sessions_were_found_by_sid_is_brought_up_to_date() {
    let directory = TempDir::new();
    let file = directory.0.join("sessions.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true);
    let old = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE session (id BLOB PRIMARY KEY, record BLOB NOT NULL, ends INTEGER NOT NULL, \
         expires INTEGER NOT NULL) STRICT",
    )
    .execute(&old)
    .await
    .unwrap();
    old.close().await;
    let settings = format!("sqlite:{}", file.display());
    for _ in 0..2 {
        let app = TestApp::with(&[("SESSION_STORE", &settings)]).await;
        let mut browser = app.signed_in(EMPLOYEE).await;
        assert_eq!(browser.user().await["username"], EMPLOYEE);
        app.cloakroom.sessions.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")] // R54
async fn requests_that_are_given_up_sign_nobody_out_of_a_store_in_memory() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for round in 0..300_u64 {
        let mut leaving = browser.clone();
        let asking = tokio::spawn(async move { leaving.user().await });
        // Given up somewhere on its way.
        for _ in 0..round % 40 {
            tokio::task::yield_now().await;
        }
        asking.abort();
    }
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}
