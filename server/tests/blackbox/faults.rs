//! A store down, slow, full, or refusing: a 503 that says when to come back, never a signed-in page without a check,
//! never a lost session (R54).

use std::{collections::HashMap, time::Duration};

use emulator::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET};
use server::{
    Cloakroom,
    clock::Clock,
    config::{Settings, StoreLocation},
    session::{
        seal::{Key, Sealer},
        store::{Store, Timeouts},
    },
};
use tokio::sync::broadcast::error::RecvError;

use crate::{
    harness::{Browser, EMPLOYEE, MANAGER, TempDir, TestApp},
    kept::connect,
    redis_server::RedisServer,
};

/// 32 bytes in base64.
pub const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

async fn app_over(server: &RedisServer) -> TestApp {
    TestApp::with(&[("SESSION_STORE", &server.url()), ("SESSION_KEY", KEY)]).await
}

/// Waits until the server says that it is ready; fails if it never does.
async fn ready(browser: &mut Browser) {
    let ready = async {
        while browser.get("/readyz").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ready)
        .await
        .expect("it recovers by itself");
}

/// Nobody is signed in, nobody is signed out. All at once, for each may wait for the store as long as it can.
async fn fails_closed(browser: &mut Browser) {
    let [mut one, mut two, mut three, mut four] = std::array::from_fn(|_| browser.clone());
    let (page, call, ready, out, alive) = tokio::join!(
        one.get("/people"),
        two.call("people", ""),
        three.get("/readyz"),
        four.post("/auth/logout"),
        browser.get("/healthz"),
    );
    for (answer, of) in [
        (&page, "page"),
        (&call, "call"),
        (&ready, "readyz"),
        (&out, "sign-out"),
    ] {
        let said = (answer.status.as_u16(), answer.header("retry-after"));
        assert_eq!(said, (503, "5"), "{of}");
    }
    assert!(page.body.contains("Not available just now") && !page.body.contains("Lindqvist"));
    assert_eq!(call.json()["error"]["code"], "unavailable");
    assert_eq!(ready.json()["store"], "the session store does not answer");
    assert_eq!(alive.status, 200);
    // Nobody is told that they are signed out.
    assert!(four.cookies.contains_key("session"));
}

#[tokio::test] // R54
async fn a_redis_that_is_gone_fails_closed_and_loses_no_session() {
    let mut server = RedisServer::lasting();
    let app = app_over(&server).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut stranger = app.browser();
    let callback = stranger.begin(MANAGER, "").await;
    server.kill();
    fails_closed(&mut browser).await;
    assert_eq!(stranger.callback(&callback).await.status, 503);
    server.come_back();
    ready(&mut browser).await;
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    assert_eq!(browser.call("people", "").await.status, 200);
}

#[tokio::test] // R54
async fn a_redis_that_does_not_answer_fails_closed_and_recovers() {
    let server = RedisServer::start();
    let app = app_over(&server).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    server.stall();
    fails_closed(&mut browser).await;
    server.go_on();
    ready(&mut browser).await;
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R54
async fn a_full_redis_takes_no_session_keeps_those_it_has_and_lets_them_sign_out() {
    let server = RedisServer::with(&["--maxmemory-policy", "noeviction"]);
    let app = app_over(&server).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let allow = async |bytes: &[u8]| {
        let answer: String = server.ask(&[b"CONFIG", b"SET", b"maxmemory", bytes]).await;
        assert_eq!(answer, "OK");
    };
    allow(b"1").await;
    let mut stranger = app.browser();
    let callback = stranger.begin(MANAGER, "").await;
    assert_eq!(stranger.callback(&callback).await.status, 503);
    assert!(!stranger.cookies.contains_key("session"));
    assert_eq!(browser.get("/readyz").await.status, 503);
    assert_eq!(
        browser.user().await["username"],
        EMPLOYEE,
        "what is there can be read"
    );
    app.advance(Duration::from_mins(5));
    assert_eq!(browser.get("/").await.status, 503, "and can't be extended");

    let mut leaving = browser.clone();
    assert_eq!(leaving.post("/auth/logout").await.status, 303);
    assert_eq!(browser.user().await, serde_json::Value::Null);
    allow(b"0").await;
    ready(&mut browser).await;
    assert_eq!(stranger.sign_in(MANAGER).await.status, 303);
}

#[tokio::test] // R54
async fn a_file_that_somebody_else_writes_for_too_long_fails_closed_and_recovers() {
    let directory = TempDir::new();
    let store = format!("sqlite:{}", directory.0.join("sessions.db").display());
    let app = TestApp::with(&[("SESSION_STORE", &store)]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut stranger = app.browser();
    let callback = stranger.begin(MANAGER, "").await;
    let mut other = connect(&directory).await;
    let mut run = async |text: &'static str| sqlx::raw_sql(text).execute(&mut other).await.unwrap();
    run("BEGIN EXCLUSIVE").await;
    assert_eq!(
        browser.user().await["username"],
        EMPLOYEE,
        "what is there can be read"
    );
    // Long enough for what a person does to be noted.
    app.advance(Duration::from_mins(5));
    let ((), refused) = tokio::join!(fails_closed(&mut browser), stranger.callback(&callback));
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), "5");
    assert!(!stranger.cookies.contains_key("session"));
    run("ROLLBACK").await;
    ready(&mut browser).await;
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    assert_eq!(browser.call("people", "").await.status, 200);
    assert_eq!(stranger.sign_in(MANAGER).await.status, 303);
}

#[tokio::test] // R54
async fn a_redis_that_comes_later_is_waited_for() {
    let mut server = RedisServer::start();
    server.kill();
    let app = app_over(&server).await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/readyz").await.status, 503);
    server.come_back();
    ready(&mut browser).await;
    assert_eq!(browser.sign_in(EMPLOYEE).await.status, 303);
}

#[tokio::test] // R111
async fn a_redis_that_refuses_the_password_stops_the_start_and_the_password_is_not_shown() {
    let server = RedisServer::with(&["--requirepass", "right"]);
    for (password, right) in [("wr0ng-canary", false), ("", false), ("right", true)] {
        let url = match password {
            "" => server.url(),
            password => server.url().replace("//", &format!("//:{password}@")),
        };
        let authority = "http://127.0.0.1:9/common";
        let map = HashMap::from([
            ("CLIENT_ID", DEMO_CLIENT_ID),
            ("CLIENT_SECRET", DEMO_CLIENT_SECRET),
            ("AUTHORITY", authority),
            ("GRAPH_ENDPOINT", "http://127.0.0.1:9"),
            ("SESSION_STORE", &url),
            ("SESSION_KEY", KEY),
        ]);
        let config = Settings(|name: &str| map.get(name).map(|value| (*value).to_owned()))
            .read(false)
            .unwrap();
        assert!(!format!("{:?}", config.session_store).contains("canary"));
        let opened = Cloakroom::open(config, Clock::system()).await;
        let refused = opened.err().map(|error| format!("{error:#} {error:?}"));
        assert_eq!(refused.is_none(), right, "{refused:?}");
        let text = refused.unwrap_or_default();
        assert!(right || text.contains("SESSION_STORE"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

/// A store over this Redis, as another server has it.
async fn store_over(server: &RedisServer) -> Store {
    let timeouts = Timeouts {
        idle: Duration::from_mins(30),
        max: Duration::from_hours(1),
    };
    let sealer = Sealer::new(Key::from_bytes(&[1; 32]).unwrap(), vec![]);
    let location = StoreLocation::Redis(server.url().into());
    Store::open(&location, sealer, Clock::system(), timeouts)
        .await
        .unwrap()
}

#[tokio::test] // R75
async fn who_listens_for_ends_hears_those_of_other_servers_and_of_a_break() {
    let mut server = RedisServer::start();
    let (here, there) = (store_over(&server).await, store_over(&server).await);
    let mut told = here.ended();
    let maya = crate::kept::signed_in(crate::kept::MAYA, "token");
    let first = crate::kept::begin(&here, &maya).await;
    let first = server::session::StoreKey::of(&first);
    there.end(&first).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(20), told.recv());
    let ended = heard.await.unwrap().unwrap();
    assert_eq!((ended.key, ended.replaced), (first, false));

    server.come_back();
    let heard = tokio::time::timeout(Duration::from_secs(20), told.recv());
    assert_eq!(
        heard.await.unwrap(),
        Err(RecvError::Closed),
        "some may be missed"
    );
    let mut told = here.ended();
    // Either server may have noticed the break before the other.
    let second = async {
        loop {
            if let Ok(()) = there.check().await {
                break crate::kept::begin(&there, &maya).await;
            }
        }
    };
    let second = server::session::StoreKey::of(&second.await);
    let (tenant, maya) = (crate::kept::TENANT, crate::kept::MAYA);
    there.replace(&second, tenant, maya).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(20), told.recv());
    let ended = heard.await.unwrap().unwrap();
    assert_eq!((ended.key, ended.replaced), (second, true));
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
