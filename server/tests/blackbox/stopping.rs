//! A server process that is stopped, killed and started again, or has no room to write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use emulator::{Answer as Bad, Endpoint, Fault};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    events::{heard, listen_at},
    harness::{Answer, Browser, EMPLOYEE, MANAGER, TempDir},
    instance::{Instance, calls_reach, emulator, until},
    redis_server::RedisServer,
};

#[tokio::test(flavor = "multi_thread")] // R117
async fn a_server_that_is_told_to_stop_finishes_what_is_in_flight_and_sessions_survive_it() {
    for redis in [None, Some(RedisServer::start())] {
        let directory = TempDir::new();
        let file = format!("sqlite:{}", directory.0.join("sessions.db").display());
        let store = redis.as_ref().map_or(file, RedisServer::url);
        let emulator = emulator().await;
        let server = Instance::start(&emulator, &store);
        let browser = server.signed_in(EMPLOYEE).await;
        let control = emulator.control();
        control.fault(Fault::answer(Endpoint::Graph, Bad::Hold).once());
        let mut caller = browser.clone();
        let in_flight = tokio::spawn(async move { caller.call("people", "").await });
        calls_reach(&control, Endpoint::Graph, 1).await;
        server.terminate();
        let address = server.origin.trim_start_matches("http://").to_owned();
        until("it takes no more connections", async || {
            tokio::net::TcpStream::connect(&address).await.is_err()
        })
        .await;
        // Long enough for a server that waits for nothing to be gone.
        tokio::time::sleep(Duration::from_millis(500)).await;
        control.release();
        let answer = in_flight.await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("Lindqvist") || answer.body.contains("people"));
        assert!(server.ends_well().await);

        let next = Instance::start(&emulator, &store);
        let mut browser = browser.at(&next.origin);
        assert_eq!(browser.user().await["username"], EMPLOYEE);
        assert_eq!(browser.call("people", "").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")] // R117, R75
async fn a_server_that_is_told_to_stop_ends_the_streams_of_its_pages() {
    let emulator = emulator().await;
    let server = Instance::start(&emulator, "sqlite::memory:");
    let browser = server.signed_in(EMPLOYEE).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(listen_at(&server.origin, &browser).await);
    }
    server.terminate();
    for stream in streams {
        assert_eq!(heard(stream).await, "", "and not that the session has");
    }
    assert!(server.ends_well().await);
}

#[tokio::test(flavor = "multi_thread")] // R54, R117
async fn a_server_that_is_killed_while_it_writes_leaves_a_readable_file() {
    let directory = TempDir::new();
    let path = directory.0.join("sessions.db");
    let store = format!("sqlite:{}", path.display());
    let emulator = emulator().await;
    let mut people = Vec::new();
    for round in 1..=3 {
        let mut server = Instance::start(&emulator, &store);
        for browser in &people {
            let mut browser = Browser::at(browser, &server.origin);
            assert_eq!(browser.user().await["username"], EMPLOYEE, "round {round}");
        }
        people.push(server.signed_in(EMPLOYEE).await);
        let written = Arc::new(AtomicUsize::new(0));
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (origin, written) = (server.origin.clone(), written.clone());
            writers.spawn(async move {
                loop {
                    let mut browser = Browser::new(&origin);
                    browser.sign_in(EMPLOYEE).await;
                    browser.post("/auth/logout").await;
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        until("it writes", async || {
            written.load(Ordering::SeqCst) >= 10 * round
        })
        .await;
        server.kill();
        while let Some(writer) = writers.join_next().await {
            assert!(writer.is_err(), "until the server is gone");
        }
        let options = SqliteConnectOptions::new().filename(&path);
        let mut file = SqliteConnection::connect_with(&options).await.unwrap();
        let check = sqlx::query_scalar("PRAGMA integrity_check");
        let check: String = check.fetch_one(&mut file).await.unwrap();
        assert_eq!(check, "ok");
    }
}

#[tokio::test(flavor = "multi_thread")] // R54
async fn a_full_disk_takes_no_session_keeps_those_it_has_and_recovers() {
    let directory = TempDir::new();
    let store = format!("sqlite:{}", directory.0.join("sessions.db").display());
    let emulator = emulator().await;
    let server = Instance::on_a_small_disk(&emulator, &store);
    let mut browser = server.signed_in(EMPLOYEE).await;
    let mut stranger = server.browser();
    let callback = stranger.begin(MANAGER, "").await;
    assert_eq!(browser.get("/readyz").await.status, 200);

    server.disk_is_full(true);
    let refused = stranger.callback(&callback).await;
    let down = |answer: &Answer| {
        (
            answer.status.as_u16(),
            answer.header("retry-after").to_owned(),
        )
    };
    assert_eq!(down(&refused), (503, "5".to_owned()));
    assert!(!stranger.cookies.contains_key("session"));
    let ready = browser.get("/readyz").await;
    assert_eq!(down(&ready), (503, "5".to_owned()));
    assert_eq!(ready.json()["store"], "the session store does not answer");
    assert_eq!(
        browser.user().await["username"],
        EMPLOYEE,
        "what is there can be read"
    );
    let out = browser.post("/auth/logout").await;
    assert_eq!(
        down(&out),
        (503, "5".to_owned()),
        "nobody is told that they are signed out"
    );

    server.disk_is_full(false);
    assert_eq!(browser.get("/readyz").await.status, 200);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    assert_eq!(stranger.sign_in(MANAGER).await.status, 303);
    let mut replay = browser.clone();
    assert_eq!(browser.post("/auth/logout").await.status, 303);
    assert_eq!(replay.user().await, Value::Null);
}
