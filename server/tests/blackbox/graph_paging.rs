//! Pages of a collection: nextLinks to the letter, empty pages, circles, and links that lead elsewhere.

use emulator::{Answer as Bad, Endpoint, Fault, GraphChange};
use serde_json::{Value, json};
use server::graph::{
    GraphError,
    paging::{Page, Walk},
    permission,
};
use tokio::net::TcpListener;

use crate::harness::{Answer, Browser, EMPLOYEE, TestApp};

fn next_of(answer: &Answer) -> Option<String> {
    answer.json()["people"]["next"].as_str().map(str::to_owned)
}

fn count(answer: &Answer) -> usize {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["people"]["people"].as_array().unwrap().len()
}

async fn page(browser: &mut Browser, search: &str, cursor: &str) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("search", search)
        .append_pair("cursor", cursor)
        .finish();
    browser.call("people", &form).await
}

/// A page of Graph's with this nextLink.
fn link_to(link: &str) -> emulator::Rule {
    let person = json!({"id": "1", "displayName": "Ada"});
    let body = json!({"value": [person], "@odata.nextLink": link}).to_string();
    Fault::answer(
        Endpoint::Graph,
        Bad::Exactly {
            status: 200,
            content_type: "application/json".into(),
            body,
        },
    )
}

#[tokio::test] // R80
async fn a_next_links_query_goes_out_byte_by_byte_as_it_came_in() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for query in [
        "$skiptoken=RFNwdAIAAQ",
        "%24skiptoken=a%2Bb%2fc+d%20e%7Ef~g",
        "$skiptoken=m~%e2%82%ac%E2%82%AC&$select=id,displayName&$top=25",
        "$filter=startswith(displayName,%27O%27%27Neil%27)&x=%00%0d%0a%zz%",
        "a=1&a=2&&=&b;c:d@e!f*g(h)i/j?k[l]m{n}o|p^q`r\\s",
        "$skiptoken=%252e%252e/../%2e%2e/x",
    ] {
        let link = format!("{}/v1.0/users?{query}", app.emulator.origin());
        app.control().fault(link_to(&link).once());
        let cursor = next_of(&page(&mut browser, "", "").await).unwrap();
        app.control().forget_calls();
        page(&mut browser, "", &cursor).await;
        let calls = app.calls(Endpoint::Graph);
        assert_eq!(calls[0].query, query);
        assert_eq!(calls[0].path, "/v1.0/users");
    }
}

#[tokio::test] // R79, R98
async fn a_link_to_another_host_is_neither_followed_nor_handed_out() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let sentinel = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let evil = sentinel.local_addr().unwrap();
    let own = app.emulator.origin();
    let host = own.strip_prefix("http://").unwrap();
    for link in [
        format!("http://{evil}/v1.0/users?$skiptoken=x"),
        format!("http://{host}@{evil}/v1.0/users"),
        format!("//{evil}/v1.0/users"),
        format!("http:\\\\{evil}\\v1.0\\users"),
        format!("{own}.evil.example/v1.0/users"),
        own.replace("http:", "https:") + "/v1.0/users",
        format!("{own}/beta/users"),
        format!("{own}/v1.0/%2e%2e/_control/calls"),
        "/v1.0/users?$skiptoken=x".into(),
        "javascript:alert(1)".into(),
        String::new(),
    ] {
        app.control().forget_calls();
        app.control().fault(link_to(&link).once());
        let answer = page(&mut browser, "", "").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (502, &"graph".into()),
            "{link}"
        );
        assert_eq!(app.calls(Endpoint::Graph).len(), 1, "{link}");
    }
    // Nobody has knocked.
    let knock = std::future::poll_fn(|context| {
        std::task::Poll::Ready(sentinel.poll_accept(context).is_ready())
    });
    assert!(!knock.await, "the other host was called");
}

#[tokio::test] // R103
async fn an_empty_page_goes_on_and_a_circle_ends() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control()
        .fault(Fault::graph(GraphChange::EmptyPage).times(3));
    app.control().forget_calls();
    let first = page(&mut browser, "", "").await;
    assert_eq!(count(&first), 25, "a person is not shown the empty ones");
    assert_eq!(app.calls(Endpoint::Graph).len(), 4);
    assert_eq!(first.json()["people"]["number"], 1);
    let second = page(&mut browser, "", &next_of(&first).unwrap()).await;
    assert_eq!(second.json()["people"]["number"], 2);
    let back = second.json()["people"]["previous"]
        .as_str()
        .map(str::to_owned);
    assert_eq!(back.as_deref(), Some(""));

    // Who is on a page that leads back to itself is shown, and there is no next one.
    app.control()
        .fault(Fault::graph(GraphChange::NextLinkCycle).times(1));
    let circle = page(&mut browser, "", "").await;
    assert_eq!((count(&circle), next_of(&circle)), (25, None));
    // So is one that leads back to a page before it.
    app.control()
        .fault(Fault::graph(GraphChange::NextLinkCycle).times(1));
    let circle = page(&mut browser, "", &next_of(&first).unwrap()).await;
    assert_eq!((count(&circle), next_of(&circle)), (25, None));

    // Nothing but empty pages, round and round: an end with a word.
    let link = format!("{}/v1.0/users?$skiptoken=x", app.emulator.origin());
    app.control().fault(Fault::answer(
        Endpoint::Graph,
        Bad::Exactly {
            status: 200,
            content_type: "application/json".into(),
            body: json!({"value": [], "@odata.nextLink": link}).to_string(),
        },
    ));
    app.control().forget_calls();
    let answer = page(&mut browser, "", "").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("round in a circle"), "{}", answer.body);
    assert_eq!(app.calls(Endpoint::Graph).len(), 2);
}

#[tokio::test] // R104, R105
async fn every_page_is_asked_for_with_select_and_consistency_and_never_by_skip() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().forget_calls();
    for search in ["", "a"] {
        let mut cursor = String::new();
        loop {
            let answer = page(&mut browser, search, &cursor).await;
            count(&answer);
            match next_of(&answer) {
                Some(next) => cursor = next,
                None => break,
            }
        }
    }
    browser.get("/").await;
    browser.get("/people").await;
    browser.get("/people.csv").await;
    let calls = app.calls(Endpoint::Graph);
    assert!(calls.len() > 12, "{}", calls.len());
    let mut searched = 0;
    for call in calls {
        assert_eq!(call.status, Some(200));
        assert!(
            !call.query.to_ascii_lowercase().contains("skip="),
            "{}",
            call.query
        );
        if call.path.ends_with("/$value") {
            continue;
        }
        let select = call.parameter("$select").unwrap_or_default();
        assert!(
            select.contains("displayName"),
            "{} {}",
            call.path,
            call.query
        );
        if call.path == "/v1.0/users" {
            assert_eq!(call.header("consistencylevel"), Some("eventual"));
            searched += u32::from(call.parameter("$search").is_some());
        }
    }
    assert!(searched > 1, "a search has several pages: {searched}");
}

#[tokio::test] // R103, R79
async fn a_walk_ends_at_a_circle_however_wide_and_goes_on_after_an_error() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let graph = &app.cloakroom.graph;
    let address = |n: u32| format!("{}/v1.0/users?$skiptoken={n}", app.emulator.origin());
    let mut walk = Walk::new(graph.link(&address(0)).unwrap());
    for n in 1..=5 {
        if n == 3 {
            app.control()
                .fault(Fault::status(Endpoint::Graph, 500).once());
        }
        app.control().fault(link_to(&address(n % 5)).once());
        let mut turn = walk
            .next::<Value>(graph, &session, permission::PEOPLE)
            .await;
        if turn.is_err() {
            app.control().fault(link_to(&address(n)).once());
            turn = walk
                .next::<Value>(graph, &session, permission::PEOPLE)
                .await;
        }
        let page: Page<Value> = turn.unwrap().unwrap();
        assert_eq!(page.value[0]["displayName"], "Ada");
    }
    app.control().forget_calls();
    assert!(walk.leads_back());
    let end = walk
        .next::<Value>(graph, &session, permission::PEOPLE)
        .await;
    assert!(matches!(end, Err(GraphError::Endless)));
    assert!(app.calls(Endpoint::Graph).is_empty());
}
