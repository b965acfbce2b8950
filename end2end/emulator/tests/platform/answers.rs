//! Bad answers at the level of HTTP, at any endpoint.

use std::time::{Duration, Instant};

use emulator::{Answer, Endpoint, Fault};
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use crate::support::{World, world};

const KEYS: &str = "/common/discovery/v2.0/keys";

async fn keys_with(with: Answer) -> (World, Result<Response, reqwest::Error>) {
    let world = world().await;
    world
        .control()
        .fault(Fault::answer(Endpoint::Keys, with).once());
    let response = world.http.get(world.url(KEYS)).send().await;
    (world, response)
}

#[tokio::test]
async fn a_status_comes_with_retry_after_word_for_word() {
    for (status, retry_after) in [
        (429, "7"),
        (503, "2.5"),
        (500, "soon"),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT"),
    ] {
        let with = Answer::Status {
            status,
            retry_after: Some(retry_after.into()),
        };
        let (_world, response) = keys_with(with).await;
        let response = response.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[header::RETRY_AFTER], retry_after);
        assert!(response.json::<Value>().await.unwrap()["error_description"].is_string());
    }
}

#[tokio::test]
async fn the_token_endpoint_and_graph_answer_a_status_in_their_own_shapes() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    world
        .control()
        .fault(Fault::status(Endpoint::Token, 503).once());
    let refused = world.redeem(&code).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["error"],
        "temporarily_unavailable"
    );
    assert_eq!(
        world.redeem(&code).await.status(),
        StatusCode::OK,
        "the code was not spent"
    );
    let tokens = world.tokens(&user).await;
    world
        .control()
        .fault(Fault::status(Endpoint::Graph, 429).once());
    let refused = world.graph("/v1.0/me", &tokens).await;
    assert_eq!(
        refused.json::<Value>().await.unwrap()["error"]["code"],
        "TooManyRequests"
    );
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let start = Instant::now();
    let (_world, response) = keys_with(Answer::Delay { millis: 150 }).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn an_answer_can_wait_until_it_is_let_go() {
    let world = world().await;
    world
        .control()
        .fault(Fault::answer(Endpoint::Keys, Answer::Hold).once());
    let request = tokio::spawn(world.http.get(world.url(KEYS)).send());
    while world.control().calls_to(Endpoint::Keys).is_empty()
        || !world.control().faults().is_empty()
    {
        tokio::task::yield_now().await;
    }
    assert!(!request.is_finished());
    while !request.is_finished() {
        world.control().release();
        tokio::task::yield_now().await;
    }
    assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_connection_can_be_dropped() {
    let (world, response) = keys_with(Answer::Drop).await;
    assert!(response.is_err());
    assert_eq!(world.control().calls_to(Endpoint::Keys)[0].status, None);
}

#[tokio::test]
async fn an_answer_can_end_before_its_length() {
    let (_world, response) = keys_with(Answer::CutOff).await;
    let response = response.unwrap();
    assert!(response.content_length().unwrap() > 100);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn json_can_be_malformed_truncated_garbage_or_absent() {
    for with in [
        Answer::MalformedJson,
        Answer::TruncatedJson,
        Answer::Garbage,
        Answer::Empty,
    ] {
        let (_world, response) = keys_with(with.clone()).await;
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(
            response.headers()[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("application/json")
        );
        assert!(response.json::<Value>().await.is_err(), "{with:?}");
    }
}

#[tokio::test]
async fn html_can_come_in_place_of_json() {
    let (_world, response) = keys_with(Answer::Html).await;
    let response = response.unwrap();
    assert!(
        response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(response.text().await.unwrap().contains("<!doctype html>"));
}

#[tokio::test]
async fn an_answer_can_drip() {
    let (_world, response) = keys_with(Answer::SlowDrip { millis: 5 }).await;
    let mut response = response.unwrap();
    let start = Instant::now();
    let mut bytes = 0;
    while bytes < 20 {
        bytes += response.chunk().await.unwrap().unwrap().len();
    }
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn an_answer_can_be_giant() {
    let (_world, response) = keys_with(Answer::Giant { bytes: 3_000_001 }).await;
    let text = response.unwrap().text().await.unwrap();
    assert_eq!(text.len(), 3_000_001);
    assert!(serde_json::from_str::<String>(&text).is_ok());
}

#[tokio::test]
async fn a_small_answer_can_unpack_to_a_giant_one() {
    let (_world, response) = keys_with(Answer::Bomb { bytes: 5_000_000 }).await;
    let response = response.unwrap();
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() < 100_000);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed), &mut unpacked)
        .unwrap();
    assert_eq!(unpacked.len(), 5_000_000);
    assert!(serde_json::from_str::<Value>(&unpacked).is_ok());
}

#[tokio::test]
async fn an_answer_can_redirect_anywhere() {
    let (_world, response) = keys_with(Answer::Redirect {
        status: 307,
        location: "https://evil.example/keys".into(),
    })
    .await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(
        response.headers()[header::LOCATION],
        "https://evil.example/keys"
    );
}

#[tokio::test]
async fn an_answer_can_have_further_headers_or_be_exactly_what_a_test_says() {
    let headers = vec![("x-odd".to_owned(), "value".to_owned())];
    let (_world, response) = keys_with(Answer::Headers { headers }).await;
    let response = response.unwrap();
    assert_eq!(response.headers()["x-odd"], "value");
    assert!(response.json::<Value>().await.unwrap()["keys"].is_array());
    let exactly = Answer::Exactly {
        status: 418,
        content_type: "text/plain".into(),
        body: "tea".into(),
    };
    let (_world, response) = keys_with(exactly).await;
    let response = response.unwrap();
    assert_eq!(response.status().as_u16(), 418);
    assert_eq!(response.text().await.unwrap(), "tea");
}

#[tokio::test]
async fn a_fault_can_strike_one_path_only() {
    let world = world().await;
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    world
        .control()
        .fault(Fault::status(Endpoint::Graph, 503).for_path("/photo"));
    assert_eq!(
        world.graph("/v1.0/me", &tokens).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        world.graph("/v1.0/me/photo/$value", &tokens).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}
