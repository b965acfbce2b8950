//! `$batch`.

use emulator::{Fault, GraphChange};
use serde_json::{Value, json};

use super::{BASIC, MAYA, TOMAS, graph, ok, refused};

/// The answer to one request of a batch.
fn part<'a>(body: &'a Value, id: &str) -> &'a Value {
    body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["id"] == id)
        .unwrap()
}

#[tokio::test]
async fn a_batch_answers_each_request_by_its_id() {
    let graph = graph(MAYA, BASIC).await;
    let batch = json!({ "requests": [
        { "id": "1", "method": "GET", "url": "/me" },
        { "id": "2", "method": "GET", "url": "users?$search=\"displayName:maya\"&$select=displayName", "headers": { "ConsistencyLevel": "eventual" } },
        { "id": "3", "method": "GET", "url": "/me/manager" },
        { "id": "4", "method": "GET", "url": format!("/users/{TOMAS}/photos/48x48/$value") },
        { "id": "5", "method": "GET", "url": "/users/nobody@fabrikam.example" },
    ]});
    let body = ok(graph.post("/$batch", &batch).await).await;
    assert_eq!(
        body["responses"][0]["id"], "5",
        "in another order than asked"
    );
    assert_eq!(part(&body, "1")["body"]["displayName"], "Maya Lindqvist");
    assert_eq!(part(&body, "1")["headers"]["Odata-Version"], "4.0");
    assert!(
        !part(&body, "2")["body"]["value"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(part(&body, "3")["status"], 403);
    assert_eq!(
        part(&body, "3")["body"]["error"]["code"],
        "Authorization_RequestDenied"
    );
    assert_eq!(part(&body, "4")["headers"]["Content-Type"], "image/jpeg");
    assert!(
        part(&body, "4")["body"]
            .as_str()
            .unwrap()
            .starts_with("/9j/"),
        "base64 of a JPEG"
    );
    assert_eq!(part(&body, "5")["status"], 404);
}

#[tokio::test]
async fn what_depends_on_a_failure_is_424() {
    let graph = graph(MAYA, BASIC).await;
    let batch = json!({ "requests": [
        { "id": "a", "method": "GET", "url": "/me/manager" },
        { "id": "b", "method": "GET", "url": "/me", "dependsOn": ["a"] },
        { "id": "c", "method": "GET", "url": "/me" },
    ]});
    let body = ok(graph.post("/$batch", &batch).await).await;
    assert_eq!(part(&body, "b")["status"], 424);
    assert_eq!(part(&body, "c")["status"], 200);
}

#[tokio::test]
async fn one_request_of_a_batch_can_be_throttled() {
    let graph = graph(MAYA, BASIC).await;
    let change = GraphChange::Error {
        status: 429,
        code: "TooManyRequests".into(),
        retry_after: Some("7".into()),
    };
    graph
        .world
        .control()
        .fault(Fault::graph(change).for_path("/me").once());
    let batch = json!({ "requests": [
        { "id": "1", "method": "GET", "url": "/users?$top=1" },
        { "id": "2", "method": "GET", "url": "/me" },
    ]});
    let body = ok(graph.post("/$batch", &batch).await).await;
    assert_eq!(part(&body, "1")["status"], 200);
    assert_eq!(part(&body, "2")["status"], 429);
    assert_eq!(part(&body, "2")["headers"]["Retry-After"], "7");
}

#[tokio::test]
async fn a_batch_that_breaks_the_rules_is_refused() {
    let graph = graph(MAYA, BASIC).await;
    let many: Vec<Value> = (0..21)
        .map(|id| json!({ "id": id.to_string(), "method": "GET", "url": "/me" }))
        .collect();
    refused(
        graph.post("/$batch", &json!({ "requests": many })).await,
        400,
        "MaximumValueExceeded",
    )
    .await;
    let same = json!({ "id": "A", "method": "GET", "url": "/me" });
    let twice = json!({ "id": "a", "method": "GET", "url": "/me" });
    refused(
        graph
            .post("/$batch", &json!({ "requests": [same, twice] }))
            .await,
        400,
        "BadRequest",
    )
    .await;
    for broken in [json!({}), json!([]), json!({ "requests": [{ "id": 1 }] })] {
        refused(graph.post("/$batch", &broken).await, 400, "BadRequest").await;
    }
    for url in [
        "https://evil.example/v1.0/me",
        "//evil.example/me",
        "/$batch",
        "/%24batch",
    ] {
        let batch = json!({ "requests": [{ "id": "1", "method": "GET", "url": url }] });
        let body = ok(graph.post("/$batch", &batch).await).await;
        assert_eq!(part(&body, "1")["status"], 400, "{url}");
    }
}
