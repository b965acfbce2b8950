//! The directory: paging, searching, and Graph in every mood.

use emulator::{Answer as Bad, Endpoint, Fault, GraphChange};
use serde_json::Value;

use crate::harness::{EMPLOYEE, IMPATIENT, MANAGER, TestApp};

fn names(answer: &Value) -> Vec<String> {
    answer["people"]["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap().to_owned())
        .collect()
}

fn form(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish()
}

#[tokio::test] // R52, R79, R80, R98
async fn the_directory_is_paged_both_ways_by_opaque_cursors() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let first = browser.call("people", "").await.json();
    assert_eq!(names(&first).len(), 25);
    assert_eq!(
        (
            first["people"]["number"].as_u64(),
            &first["people"]["previous"]
        ),
        (Some(1), &Value::Null)
    );
    let mut page = first.clone();
    let mut all = names(&page);
    let mut back = Vec::new();
    while let Some(next) = page["people"]["next"].as_str() {
        back.push(names(&page));
        page = browser.call("people", &form("cursor", next)).await.json();
        assert!(
            !page.to_string().contains("skiptoken") && !page.to_string().contains("http"),
            "{page}"
        );
        all.extend(names(&page));
    }
    assert!(all.len() >= 200, "{}", all.len());
    assert!(
        all.iter().collect::<std::collections::HashSet<_>>().len() + 5 > all.len(),
        "no page twice"
    );
    while let Some(previous) = page["people"]["previous"].as_str() {
        page = browser
            .call("people", &form("cursor", previous))
            .await
            .json();
        assert_eq!(names(&page), back.pop().unwrap());
    }
    assert_eq!(names(&page), names(&first));
    // A nextLink was sent as Graph wrote it, and the bearer went nowhere else.
    let calls = app.calls(Endpoint::Graph);
    assert!(
        calls
            .iter()
            .all(|call| call.header("authorization").unwrap().starts_with("Bearer "))
    );
    assert!(
        calls
            .iter()
            .all(|call| call.header("cookie").is_none()
                && call.header("client-request-id").is_some())
    );
}

#[tokio::test] // R79
async fn a_cursor_is_useless_to_another_user_or_when_forged() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let first = browser.call("people", "").await.json();
    let cursor = first["people"]["next"].as_str().unwrap();
    let mut other = app.signed_in(MANAGER).await;
    let before = app.calls(Endpoint::Graph).len();
    for cursor in [
        cursor,
        "forged",
        "https://evil.example/",
        &format!("{cursor}A"),
    ] {
        let answer = other.call("people", &form("cursor", cursor)).await;
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.json()["error"]["code"].as_str()
            ),
            (404, Some("not_found"))
        );
    }
    assert_eq!(app.calls(Endpoint::Graph).len(), before);
}

#[tokio::test] // R104
async fn a_search_narrows_the_directory() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let found = names(
        &browser
            .call("people", &form("search", "lindqvist"))
            .await
            .json(),
    );
    assert!(
        found.contains(&"Maya Lindqvist".to_owned()) && found.len() < 25,
        "{found:?}"
    );
    let call = app.calls(Endpoint::Graph).pop().unwrap();
    assert_eq!(call.header("consistencylevel"), Some("eventual"));
    assert!(call.parameter("$select").unwrap().contains("displayName"));
    for odd in [
        "\"",
        "\\",
        "a\" OR \"displayName:b",
        "%",
        "<script>",
        "ü 山田",
        &"x".repeat(5000),
    ] {
        let answer = browser.call("people", &form("search", odd)).await;
        assert_eq!(answer.status, 200, "{odd}: {}", answer.body);
    }
    let page = browser.get("/people?search=lindqvist").await;
    assert!(page.body.contains("Maya Lindqvist") && page.body.contains("value=\"lindqvist\""));
    assert!(browser.get("/people?search=zzzzzzzz").await.status == 200);
}

#[tokio::test] // R69
async fn strings_from_graph_are_text() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let page = browser.get("/people?search=onerror").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("&lt;img src=x onerror"),
        "the hostile name is there"
    );
    assert!(
        !page.body.contains("<img onerror") && !page.body.contains("<img src=x"),
        "{}",
        page.body
    );
}

#[tokio::test] // R108
async fn a_personal_account_and_a_guest_are_told_plainly() {
    let app = TestApp::start().await;
    let directory = emulator::directory::Directory::standard();
    let personal = directory
        .personas()
        .iter()
        .find(|persona| persona.personal)
        .unwrap()
        .username
        .clone();
    let guest = directory
        .personas()
        .iter()
        .find(|persona| persona.guest)
        .unwrap();
    let mut browser = app.signed_in(&personal).await;
    let page = browser.get("/people").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.to_lowercase().contains("work or school account"),
        "{}",
        page.body
    );
    let home = browser.get("/").await;
    assert_eq!(home.status, 200, "/me works");

    let hint = url::form_urlencoded::byte_serialize(guest.username.as_bytes()).collect::<String>();
    let tenant = guest.tid.clone();
    drop(app);
    let app = TestApp::with(&[("AUTHORITY", &format!("{{emulator}}/{tenant}"))]).await;
    let mut browser = app.browser();
    browser.sign_in(&hint).await;
    let answer = browser.call("people", "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, Value::String("not_permitted".into()))
    );
}

#[tokio::test] // R53, R54, R101
async fn graph_in_trouble_is_a_page_that_says_so_and_the_session_is_kept() {
    let app = TestApp::with_deadline(&[], IMPATIENT).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let graph = |with| Fault::answer(Endpoint::Graph, with);
    for (rule, status, code) in [
        (Fault::status(Endpoint::Graph, 503), 503, "unavailable"),
        (Fault::status(Endpoint::Graph, 500), 500, "graph"),
        (Fault::status(Endpoint::Graph, 404), 404, "not_found"),
        (
            graph(Bad::Status {
                status: 429,
                retry_after: Some("9".into()),
            }),
            429,
            "throttled",
        ),
        (graph(Bad::Drop), 503, "unavailable"),
        (graph(Bad::MalformedJson), 502, "graph"),
        (graph(Bad::TruncatedJson), 502, "graph"),
        (graph(Bad::Html), 502, "graph"),
        (graph(Bad::Empty), 502, "graph"),
        (graph(Bad::Giant { bytes: 30_000_000 }), 502, "graph"),
        (
            graph(Bad::Redirect {
                status: 302,
                location: "http://evil.example/".into(),
            }),
            502,
            "graph",
        ),
        (graph(Bad::Delay { millis: 20_000 }), 504, "timeout"),
        (
            Fault::graph(GraphChange::NextLink(
                "https://evil.example/v1.0/users?$skiptoken=x".into(),
            )),
            502,
            "graph",
        ),
    ] {
        let name = format!("{rule:?}");
        app.control().fault(rule);
        let call = browser.call("people", "").await;
        assert_eq!(
            (call.status.as_u16(), call.json()["error"]["code"].as_str()),
            (status, Some(code)),
            "{name}"
        );
        let page = browser.get("/people").await;
        assert_eq!(page.status, status, "{name}");
        assert!(
            page.body.contains(page.header("x-correlation-id")),
            "{name}: the id to quote"
        );
        if status == 429 {
            assert_eq!(call.header("retry-after"), "9");
            app.advance(std::time::Duration::from_secs(9));
        }
        app.control().clear();
        assert_eq!(browser.user().await["username"], EMPLOYEE, "{name}");
    }
    assert_eq!(browser.get("/people").await.status, 200);
}

#[tokio::test] // R100
async fn a_plain_401_is_worth_one_refresh_and_one_replay() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control()
        .fault(Fault::graph(GraphChange::Expired).once());
    assert_eq!(browser.call("people", "").await.status, 200);
    assert_eq!(app.token_calls(), 2);
    app.control().forget_calls();
    app.control().fault(Fault::graph(GraphChange::Expired));
    let answer = browser.call("people", "").await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["error"]["code"].as_str()
        ),
        (401, Some("reauthenticate"))
    );
    assert_eq!(
        (app.token_calls(), app.calls(Endpoint::Graph).len()),
        (1, 2)
    );
}

#[tokio::test] // R69, R101
async fn a_page_token_that_has_aged_leads_back_to_the_first_page() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let first = browser.call("people", "").await.json();
    let cursor = first["people"]["next"].as_str().unwrap();
    app.control().fault(
        Fault::graph(GraphChange::Error {
            status: 400,
            code: "Directory_ExpiredPageToken".into(),
            retry_after: None,
        })
        .once(),
    );
    let page = browser.get(&format!("/people?cursor={cursor}")).await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("href=\"/people\""));
}
