//! When Graph is asked again, and when not.

use std::time::Duration;

use emulator::{Answer as Bad, Call as Logged, Endpoint, Fault, GraphChange};
use reqwest::Method;
use server::graph::{Call, GraphError, permission};
use uuid::Uuid;

use crate::harness::{Answer, EMPLOYEE, MANAGER, TestApp};

fn busy(status: u16, retry_after: Option<&str>) -> emulator::Rule {
    let retry_after = retry_after.map(str::to_owned);
    Fault::answer(
        Endpoint::Graph,
        Bad::Status {
            status,
            retry_after,
        },
    )
}

/// All that a call says, but for what tells a retry.
fn said(call: &Logged) -> (String, String, String, Vec<(String, String)>, String) {
    let mut headers = call.headers.clone();
    headers.retain(|(name, _)| name != "retry-attempt");
    (
        call.method.clone(),
        call.path.clone(),
        call.query.clone(),
        headers,
        call.body.clone(),
    )
}

fn milliseconds(waits: &[Duration]) -> Vec<u128> {
    waits.iter().map(Duration::as_millis).collect()
}

#[tokio::test] // R92, R94, R95, R102
async fn what_passes_is_asked_again_in_the_same_words() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for status in [429, 503, 504] {
        app.control().forget_calls();
        app.control().fault(busy(status, None).times(2));
        let answer = browser.call("people", "").await;
        assert_eq!(answer.status, 200, "{status}: {}", answer.body);
        let calls = app.calls(Endpoint::Graph);
        assert_eq!(calls.len(), 3, "{status}");
        let attempts: Vec<_> = calls
            .iter()
            .map(|call| call.header("retry-attempt"))
            .collect();
        assert_eq!(attempts, [None, Some("1"), Some("2")]);
        assert!(calls.iter().all(|call| said(call) == said(&calls[0])));
        let id = calls[0].header("client-request-id").unwrap();
        assert!(Uuid::try_parse(id).is_ok());
        let waits = milliseconds(&app.waits());
        assert!(
            waits.len() == 2 && (250..=500).contains(&waits[0]) && (500..=1000).contains(&waits[1]),
            "{waits:?}"
        );
    }
    let ids: std::collections::HashSet<_> = app
        .calls(Endpoint::Graph)
        .iter()
        .map(|call| call.header("client-request-id").unwrap().to_owned())
        .collect();
    browser.call("people", "").await;
    let last = app.calls(Endpoint::Graph).pop().unwrap();
    assert!(!ids.contains(last.header("client-request-id").unwrap()));
}

#[tokio::test] // R92, R94
async fn three_attempts_are_all_and_other_statuses_get_one() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for (status, attempts) in [
        (429, 3),
        (503, 3),
        (504, 3),
        (400, 1),
        (403, 1),
        (404, 1),
        (408, 1),
        (409, 1),
        (500, 1),
        (501, 1),
        (502, 1),
    ] {
        app.control().forget_calls();
        app.control().fault(busy(status, None));
        let answer = browser.call("people", "").await;
        // A directory that is closed to this account is an answer (R108).
        let json = answer.json();
        assert!(
            !json["error"].is_null() || (status == 403 && json == "not_permitted"),
            "{status}: {json}"
        );
        if status == 429 {
            assert_eq!(
                answer.header("retry-after"),
                "5",
                "who must wait is told how long"
            );
        }
        app.control().clear();
        assert_eq!(app.calls(Endpoint::Graph).len(), attempts, "{status}");
    }
}

#[tokio::test] // R93, R94
async fn retry_after_is_waited_out_in_every_form() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let date = |seconds| {
        let at = std::time::SystemTime::now() + Duration::from_secs(seconds);
        httpdate::fmt_http_date(at)
    };
    for (value, least, most) in [
        ("2".to_owned(), 2000, 2000),
        ("1.5".to_owned(), 1500, 1500),
        ("1, 3".to_owned(), 3000, 3000),
        ("0".to_owned(), 0, 0),
        (date(4), 2000, 4000),
        (date(0), 0, 0),
        ("soon".to_owned(), 250, 500),
        (String::new(), 250, 500),
        ("-7".to_owned(), 250, 500),
    ] {
        for status in [429, 503] {
            app.control().forget_calls();
            app.control().fault(busy(status, Some(&value)).once());
            assert_eq!(browser.call("people", "").await.status, 200, "{value}");
            let waits = milliseconds(&app.waits());
            assert!(
                waits.len() == 1 && (least..=most).contains(&waits[0]),
                "{value}: {waits:?}"
            );
            let calls = app.calls(Endpoint::Graph);
            assert_eq!(calls.len(), 2, "{value}");
            let between = (calls[1].at - calls[0].at).whole_milliseconds();
            assert!(
                between >= i128::try_from(waits[0]).unwrap(),
                "{value}: {between}"
            );
        }
    }
}

#[tokio::test] // R94
async fn whoever_is_throttled_for_ten_seconds_asks_no_earlier_by_any_call() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let mut other = app.signed_in(MANAGER).await;
    app.control().forget_calls();
    app.control()
        .fault(busy(429, Some("10")).for_user(EMPLOYEE));
    let first = browser.clone().call("people", "").await;
    assert_eq!(
        (first.status.as_u16(), first.header("retry-after")),
        (429, "10")
    );
    assert_eq!(app.calls(Endpoint::Graph).len(), 1);
    app.advance(Duration::from_secs(4));
    let calls = (0..20).map(|n| {
        let mut browser = browser.clone();
        tokio::spawn(async move {
            if n % 2 == 0 {
                browser.call("people", "").await
            } else {
                browser.call("home", "").await
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, 429);
        let left: u32 = answer.header("retry-after").parse().unwrap();
        assert!((5..=6).contains(&left), "{left}");
        assert_eq!(answer.json()["error"]["code"], "throttled");
        assert_eq!(answer.json()["error"]["retry_after"], left);
    }
    let page = browser.clone().get("/people").await;
    assert_eq!(page.status, 429);
    assert!(page.body.contains("in 6 seconds."), "{}", page.body);
    assert_eq!(app.calls(Endpoint::Graph).len(), 1, "nobody asked again");
    assert_eq!(other.call("people", "").await.status, 200, "others may");
    // What is left fits into a page's patience: it is waited out, and asked once.
    app.control().clear();
    app.advance(Duration::from_secs(3));
    app.waits();
    let mut browser = browser.clone();
    assert_eq!(browser.call("people", "").await.status, 200);
    let told: Vec<_> = app
        .calls(Endpoint::Graph)
        .into_iter()
        .filter(|call| call.oid == first_oid(&app))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(told[1].at - told[0].at >= time::Duration::seconds(10));
    assert_eq!(app.waits().len(), 1);
}

#[tokio::test] // R93, R94
async fn an_absurd_wait_is_passed_on_as_told_and_locks_nobody_out_for_a_day() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().forget_calls();
    app.control().fault(busy(429, Some("86400")).once());
    let left = |answer: &Answer| answer.header("retry-after").parse::<u32>().unwrap();
    let first = browser.call("people", "").await;
    assert_eq!((first.status.as_u16(), left(&first)), (429, 86_400));
    assert!(first.body.contains("in 10 minutes"), "{}", first.body);
    app.advance(Duration::from_mins(5));
    for answer in [
        browser.call("home", "").await,
        browser.fetch("/graph/v1.0/me").await,
        browser.get("/people").await,
    ] {
        assert_eq!(answer.status, 429);
        assert!((86_000..86_400).contains(&left(&answer)), "{answer:?}");
        assert!(answer.body.contains("in 5 minutes"), "{}", answer.body);
    }
    assert_eq!(app.calls(Endpoint::Graph).len(), 1);
    app.advance(Duration::from_mins(5));
    assert_eq!(browser.call("people", "").await.status, 200);
    // A pause that Graph's limits know is as long as told.
    app.control().fault(busy(429, Some("600")).once());
    let told = browser.call("people", "").await;
    assert!(!told.body.contains("minutes"), "{}", told.body);
    app.advance(Duration::from_secs(590));
    assert_eq!(browser.call("people", "").await.status, 429);
}

fn first_oid(app: &TestApp) -> Option<String> {
    app.calls(Endpoint::Graph)[0].oid.clone()
}

fn put(app: &TestApp, method: Method, body: reqwest::Body) -> Call {
    let url = app.cloakroom.graph.url("/v1.0/me/photo/$value").unwrap();
    let mut call = Call::new(method, url);
    call.body = Some(body);
    call
}

fn streamed() -> reqwest::Body {
    let pieces = ["a", "b", "c"].map(Ok::<_, std::io::Error>);
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}

#[tokio::test] // R96, R100
async fn what_is_streamed_or_posted_is_sent_once() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let graph = &app.cloakroom.graph;
    let send = |call| graph.send(&session, permission::ME, call);
    let sent = || app.calls(Endpoint::Graph);

    app.control().fault(busy(503, Some("1")));
    for call in [
        put(&app, Method::PUT, streamed()),
        put(&app, Method::POST, streamed()),
        put(&app, Method::POST, "abc".into()),
    ] {
        app.control().forget_calls();
        assert_eq!(send(call).await.unwrap().status(), 503);
        assert_eq!(sent().len(), 1);
        assert_eq!(sent()[0].body, "abc");
    }
    // What is held can be said again, word by word.
    app.control().forget_calls();
    let held = put(&app, Method::PATCH, "abc".into());
    assert_eq!(send(held).await.unwrap().status(), 503);
    assert_eq!(sent().len(), 3);
    assert!(sent().iter().all(|call| said(call) == said(&sent()[0])));
    app.control().clear();

    // A refused token: the body has gone, but the next try has another token.
    app.control().forget_calls();
    app.control()
        .fault(Fault::graph(GraphChange::Expired).once());
    let refused = send(put(&app, Method::PUT, streamed())).await;
    assert!(matches!(refused, Err(GraphError::SendAgain)), "{refused:?}");
    assert_eq!((sent().len(), app.token_calls()), (1, 1));
    let session = app.session(&browser).await;
    let next = put(&app, Method::PUT, streamed());
    graph.send(&session, permission::ME, next).await.unwrap();
    let bearers: Vec<_> = sent()
        .iter()
        .map(|call| call.header("authorization").unwrap().to_owned())
        .collect();
    assert!(bearers[0] != bearers[1], "the next call has another token");
    assert_eq!(app.token_calls(), 1);

    // Graph did nothing with what it refused to authenticate: a POST that is held is replayed.
    app.control().forget_calls();
    app.control()
        .fault(Fault::graph(GraphChange::Expired).once());
    let replayed = graph
        .send(
            &session,
            permission::ME,
            put(&app, Method::POST, "abc".into()),
        )
        .await
        .unwrap();
    assert_ne!(replayed.status(), 401);
    assert_eq!(
        sent()
            .iter()
            .map(|call| call.body.as_str())
            .collect::<Vec<_>>(),
        ["abc", "abc"]
    );
}
