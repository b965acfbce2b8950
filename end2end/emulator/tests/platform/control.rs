//! The control endpoint, as a test in any language would use it.

use emulator::Emulator;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{World, world};

async fn post(world: &World, path: &str, body: Value) -> StatusCode {
    world
        .http
        .post(world.url(path))
        .json(&body)
        .send()
        .await
        .unwrap()
        .status()
}

#[tokio::test]
async fn faults_are_set_listed_and_cleared_as_json() {
    let world = world().await;
    let faults = [
        json!({ "fault": "id_token", "forgery": "alg_none", "times": 1 }),
        json!({ "fault": "id_token", "forgery": { "missing": "oid" }, "user": "somebody" }),
        json!({ "fault": "callback", "change": { "error": { "error": "server_error" } } }),
        json!({ "fault": "token", "change": { "error": { "error": "invalid_grant", "number": 50173 } }, "grant": "refresh_token" }),
        json!({ "fault": "metadata", "change": { "evil_endpoint": "token_endpoint" } }),
        json!({ "fault": "keys", "change": "empty" }),
        json!({ "fault": "graph", "change": { "next_link": "https://evil.example" } }),
        json!({ "fault": "answer", "at": "graph", "with": { "kind": "status", "status": 429, "retry_after": "2" } }),
    ];
    for fault in &faults {
        assert_eq!(
            post(&world, "/_control/faults", fault.clone()).await,
            StatusCode::NO_CONTENT,
            "{fault}"
        );
    }
    let listed = world.json("/_control/faults").await;
    assert_eq!(listed.as_array().unwrap().len(), faults.len());
    assert_eq!(listed[0], faults[0], "what was set is what is listed");
    world
        .http
        .delete(world.url("/_control/faults"))
        .send()
        .await
        .unwrap();
    assert_eq!(world.json("/_control/faults").await, json!([]));
    let unknown = post(&world, "/_control/faults", json!({ "fault": "earthquake" })).await;
    assert_eq!(unknown, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_clock_moves_and_keys_rotate() {
    let world = world().await;
    let before = world.json("/_control/clock").await["unix"]
        .as_i64()
        .unwrap();
    post(&world, "/_control/clock", json!({ "seconds": 3600 })).await;
    let after = world.json("/_control/clock").await["unix"]
        .as_i64()
        .unwrap();
    assert!((3600..3660).contains(&(after - before)));
    let keys = world.raw_keys("common").await;
    assert_eq!(
        post(&world, "/_control/keys/rotate", json!({})).await,
        StatusCode::NO_CONTENT
    );
    assert_ne!(world.raw_keys("common").await, keys);
}

#[tokio::test]
async fn calls_are_told_with_their_headers_and_forgotten_on_demand() {
    let world = world().await;
    world
        .http
        .get(world.url("/v1.0/me?a=b"))
        .header("x-probe", "here")
        .send()
        .await
        .unwrap();
    let calls = world.json("/_control/calls").await;
    assert_eq!(calls[0]["path"], "/v1.0/me");
    assert_eq!(calls[0]["query"], "a=b");
    assert_eq!(calls[0]["status"], 401);
    assert!(
        calls[0]["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["x-probe", "here"]))
    );
    world
        .http
        .delete(world.url("/_control/calls"))
        .send()
        .await
        .unwrap();
    assert_eq!(world.json("/_control/calls").await, json!([]));
}

#[tokio::test]
async fn people_are_listed_revoked_and_made_stale_by_name() {
    let world = world().await;
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    assert_eq!(
        post(&world, "/_control/stale", json!({ "user": user })).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        post(&world, "/_control/revoke", json!({ "user": user })).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        post(&world, "/_control/revoke", json!({ "user": "nobody" })).await,
        StatusCode::NOT_FOUND
    );
    let refused = world
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn reset_forgets_everything_but_the_keys() {
    let world = world().await;
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    let keys = world.raw_keys("common").await;
    post(&world, "/_control/clock", json!({ "seconds": 3600 })).await;
    assert_eq!(
        post(&world, "/_control/reset", json!({})).await,
        StatusCode::NO_CONTENT
    );
    assert!(world.control().calls().is_empty());
    assert_eq!(
        world.graph("/v1.0/me", &tokens).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(world.raw_keys("common").await, keys);
    let now = world.control().now().unix_timestamp();
    assert!((now - time::OffsetDateTime::now_utc().unix_timestamp()).abs() < 60);
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let world = world().await;
    let url = world.url("/_control/clock");
    let World { emulator, http, .. } = world;
    drop(emulator);
    while http.get(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_refuses_to_listen_on_anything_but_loopback() {
    let settings = emulator::Settings {
        addr: ([0, 0, 0, 0], 0).into(),
        ..emulator::Settings::default()
    };
    let Err(refused) = Emulator::start(settings).await else {
        panic!("it listens on every interface");
    };
    assert!(refused.to_string().contains("loopback"));
}
