//! `$batch` through the proxy.

use emulator::{Answer as Bad, Endpoint, Fault};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Browser, EMPLOYEE, TestApp};

async fn batch(browser: &mut Browser, requests: &Value) -> Answer {
    let headers = [
        ("x-csrf", "1"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];
    let body = json!({ "requests": requests }).to_string();
    browser
        .send(Method::POST, "/graph/v1.0/$batch", &headers, Some(&body))
        .await
}

fn by_id<'a>(answers: &'a Value, id: &str) -> &'a Value {
    let mut all = answers["responses"].as_array().unwrap().iter();
    all.find(|answer| answer["id"] == id).unwrap()
}

#[tokio::test] // R79, R81, R106
async fn answers_come_in_any_order_and_their_links_lead_through_the_proxy() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = batch(
        &mut browser,
        &json!([
            { "id": "me", "method": "GET", "url": "/me?$select=displayName" },
            { "id": "people", "method": "GET", "url": "/users?$top=2", "headers": { "Cookie": "evil", "Prefer": "a" } },
            { "id": "photo", "method": "GET", "url": "me/photos/48x48/$value", "dependsOn": ["me"] },
        ]),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answers = answer.json();
    assert_eq!(
        answers["responses"][0]["id"], "photo",
        "the emulator turns them round"
    );
    assert_eq!(
        by_id(&answers, "me")["body"]["displayName"],
        "Maya Lindqvist"
    );
    let next = by_id(&answers, "people")["body"]["@odata.nextLink"]
        .as_str()
        .unwrap();
    assert!(next.starts_with("/graph/v1.0/users?$top=2&"), "{next}");
    let headers: Vec<_> = answers["responses"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|answer| answer["headers"].as_object())
        .flat_map(|headers| headers.keys().map(|name| name.to_ascii_lowercase()))
        .collect();
    assert!(
        headers.iter().all(
            |name| ["content-type", "etag", "odata-version", "retry-after"]
                .contains(&name.as_str())
        ),
        "{headers:?}"
    );
    let call = &app.calls(Endpoint::Graph)[0];
    assert!(
        !call.body.contains("evil") && call.body.contains("\"Prefer\":\"a\""),
        "{}",
        call.body
    );
}

#[tokio::test] // R81
async fn a_batch_needs_the_permissions_of_all_its_requests() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = batch(
        &mut browser,
        &json!([
            { "id": "1", "method": "GET", "url": "/me" },
            { "id": "2", "method": "GET", "url": "/me/messages" },
            { "id": "3", "method": "GET", "url": "/me/messages?$top=1" },
            { "id": "4", "method": "GET", "url": "/me/people" },
        ]),
    )
    .await;
    assert_eq!(answer.status, 403);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "consent_required");
    assert_eq!(error["scopes"], json!(["Mail.ReadBasic", "People.Read"]));
    assert!(app.calls(Endpoint::Graph).is_empty());
}

#[tokio::test] // R96, R106
async fn a_429_is_its_own_requests_and_a_batch_is_not_sent_twice() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let busy = |retry_after: &str| Bad::Status {
        status: 429,
        retry_after: Some(retry_after.into()),
    };
    let requests = json!([
        { "id": "1", "method": "GET", "url": "/users" },
        { "id": "2", "method": "GET", "url": "/me" },
        { "id": "3", "method": "GET", "url": "/me", "dependsOn": ["1"] },
    ]);
    let fault = Fault::answer(Endpoint::Graph, busy("7"))
        .for_path("/v1.0/users")
        .once();
    app.control().fault(fault);
    let answer = batch(&mut browser, &requests).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answers = answer.json();
    assert_eq!(by_id(&answers, "1")["status"], 429);
    assert_eq!(by_id(&answers, "1")["headers"]["Retry-After"], "7");
    assert_eq!(by_id(&answers, "2")["status"], 200);
    assert_eq!(by_id(&answers, "3")["status"], 424);
    assert_eq!(app.calls(Endpoint::Graph).len(), 1);

    let fault = Fault::answer(Endpoint::Graph, busy("1"))
        .for_path("$batch")
        .once();
    app.control().fault(fault);
    let answer = batch(&mut browser, &requests).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, "1")
    );
    assert_eq!(app.calls(Endpoint::Graph).len(), 2, "a POST goes once");
}

#[tokio::test] // R87
async fn a_batch_that_is_not_answered_as_one_is_no_answer() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let requests = json!([{ "id": "1", "method": "GET", "url": "/me" }]);
    for fault in [
        Bad::Html,
        Bad::Garbage,
        Bad::TruncatedJson,
        Bad::Empty,
        Bad::Giant { bytes: 9 << 20 },
        Bad::Bomb { bytes: 1 << 20 },
        Bad::Redirect {
            status: 302,
            location: "http://evil.example".into(),
        },
    ] {
        app.control()
            .fault(Fault::answer(Endpoint::Graph, fault.clone()).once());
        let answer = batch(&mut browser, &requests).await;
        assert_eq!(answer.status, 502, "{fault:?}");
        assert_eq!(answer.json()["error"]["code"], "graph", "{fault:?}");
    }
}
