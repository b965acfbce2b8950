//! What the proxy sends to Graph, and what of Graph's answers it passes on.

use std::time::Duration;

use emulator::{Answer as Bad, Endpoint, Fault, GraphChange};
use reqwest::Method;
use server::graph::proxy::limits::Pace;

use crate::{
    harness::{Answer, Browser, EMPLOYEE, TempDir, TestApp},
    leaks::Log,
    proxy_hostile::Sentinel,
};

const PAGE: [(&str, &str); 2] = [("x-csrf", "1"), ("sec-fetch-site", "same-origin")];

async fn get(browser: &mut Browser, path: &str, more: &[(&str, &str)]) -> Answer {
    let headers: Vec<_> = PAGE.iter().chain(more).copied().collect();
    browser.send(Method::GET, path, &headers, None).await
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test] // R77, R98
async fn a_listed_call_is_answered_by_graph_with_the_sessions_token() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = get(&mut browser, "/graph/v1.0/me?$select=id,displayName", &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["displayName"], "Maya Lindqvist");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("request-id").is_empty());
    let calls = app.calls(Endpoint::Graph);
    assert_eq!(calls.len(), 1);
    assert!(
        calls[0]
            .header("authorization")
            .unwrap()
            .starts_with("Bearer emu-access-")
    );
}

#[tokio::test] // R77
async fn a_call_whose_permission_is_missing_is_consent_required_before_graph_is_asked() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = get(&mut browser, "/graph/v1.0/me/messages", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), code(&answer).as_str()),
        (403, "consent_required")
    );
    assert_eq!(
        answer.json()["error"]["scopes"],
        serde_json::json!(["Mail.ReadBasic"])
    );
    assert!(app.calls(Endpoint::Graph).is_empty());
}

#[tokio::test] // R77
async fn an_operators_list_adds_calls() {
    let folder = TempDir::new();
    let file = folder.0.join("allowed.toml");
    std::fs::write(
        &file,
        "[\"GET /me/todo/lists\"]\nscopes = [\"User.Read\"]\n",
    )
    .unwrap();
    let app = TestApp::with(&[("GRAPH_ALLOW_LIST", file.to_str().unwrap())]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    get(&mut browser, "/graph/v1.0/me/todo/lists", &[]).await;
    let calls = app.calls(Endpoint::Graph);
    assert_eq!(
        calls.len(),
        1,
        "the emulator has no such thing, but was asked"
    );
    assert_eq!(calls[0].path, "/v1.0/me/todo/lists");
}

#[tokio::test] // R82, R98
async fn only_listed_headers_reach_graph() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let sent = [
        ("authorization", "Bearer evil"),
        ("proxy-authorization", "Basic evil"),
        ("origin", "http://evil.example"),
        ("referer", "http://evil.example/"),
        ("forwarded", "for=evil"),
        ("x-forwarded-for", "evil"),
        ("x-forwarded-host", "evil"),
        ("x-http-method-override", "DELETE"),
        ("x-ms-version", "evil"),
        ("client-request-id", "evil"),
        ("accept-encoding", "gzip, br"),
        ("te", "trailers"),
        ("connection", "keep-alive, if-match"),
        ("if-match", "evil"),
        ("accept", "application/json;odata.metadata=none"),
        ("accept-language", "nl"),
        ("consistencylevel", "eventual"),
        ("prefer", "odata.maxpagesize=5"),
    ];
    let answer = get(&mut browser, "/graph/v1.0/me", &sent).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let call = &app.calls(Endpoint::Graph)[0];
    let mut names: Vec<_> = call.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "client-request-id",
        "consistencylevel",
        "host",
        "prefer",
        "user-agent",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        call.header("accept"),
        Some("application/json;odata.metadata=none")
    );
    assert_eq!(call.header("accept-encoding"), Some("identity"));
    assert!(!format!("{:?}", call.headers).contains("evil"));
    assert!(uuid::Uuid::try_parse(call.header("client-request-id").unwrap()).is_ok());
}

#[tokio::test] // R83
async fn only_listed_headers_come_back() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let cookies = browser.cookies.clone();
    app.control().fault(Fault::graph(GraphChange::Headers));
    let answer = get(&mut browser, "/graph/v1.0/me", &[]).await;
    assert_eq!(answer.status, 200);
    for name in [
        "set-cookie",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "www-authenticate",
        "location",
        "clear-site-data",
        "refresh",
        "x-ms-ags-diagnostic",
    ] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert!(!answer.header("content-security-policy").contains('*'));
    assert!(!answer.header("request-id").is_empty());
    assert_eq!(browser.cookies, cookies);
}

#[tokio::test] // R83
async fn a_photo_is_asked_for_again_by_its_etag() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let photo = "/graph/v1.0/me/photos/48x48/$value";
    let first = get(&mut browser, photo, &[]).await;
    assert_eq!(
        (first.status.as_u16(), first.header("content-type")),
        (200, "image/jpeg")
    );
    assert_eq!(first.header("content-disposition"), "");
    let etag = first.header("etag").to_owned();
    let again = get(&mut browser, photo, &[("if-none-match", &etag)]).await;
    assert_eq!(
        (again.status.as_u16(), again.header("etag")),
        (304, etag.as_str())
    );
}

#[tokio::test] // R84
async fn active_content_is_a_file_to_keep_and_never_a_page() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for fault in [
        Fault::graph(GraphChange::ActiveContent),
        Fault::graph(GraphChange::Svg),
        Fault::answer(Endpoint::Graph, Bad::Html),
        Fault::answer(
            Endpoint::Graph,
            Bad::Exactly {
                status: 200,
                content_type: "application/xhtml+xml".into(),
                body: "<script/>".into(),
            },
        ),
    ] {
        app.control().fault(fault.once());
        let answer = get(&mut browser, "/graph/v1.0/me", &[]).await;
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("content-disposition"), "attachment");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("sandbox"));
    }
}

#[tokio::test] // R85
async fn a_redirect_is_neither_followed_nor_passed_on() {
    let app = TestApp::start().await;
    let sentinel = Sentinel::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://{}/v1.0/me", sentinel.address);
        let fault = Bad::Redirect { status, location };
        app.control()
            .fault(Fault::answer(Endpoint::Graph, fault).once());
        let answer = get(&mut browser, "/graph/v1.0/me", &[]).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer).as_str()),
            (502, "graph")
        );
        assert_eq!(answer.header("location"), "");
        assert!(!answer.body.contains(&sentinel.address.to_string()));
    }
    assert_eq!(sentinel.calls(), 0);
}

#[tokio::test] // R79, R80
async fn next_links_lead_through_the_proxy_to_the_letter() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut link =
        "/graph/v1.0/users?$top=100&$select=id,displayName&%24orderby=displayName&$count=true"
            .to_owned();
    let mut people = Vec::new();
    for _ in 0..10 {
        let answer = get(&mut browser, &link, &[("consistencylevel", "eventual")]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        let ids = page["value"].as_array().unwrap().iter();
        people.extend(ids.map(|person| person["id"].as_str().unwrap().to_owned()));
        let call = app.calls(Endpoint::Graph).pop().unwrap();
        let (_, query) = link.split_once('?').unwrap();
        assert_eq!(call.query, query, "byte by byte");
        match page["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut link),
            None => break,
        }
        assert!(link.starts_with("/graph/v1.0/users?"), "{link}");
    }
    let all = people.len();
    people.sort();
    people.dedup();
    assert!(all > 200 && people.len() == all, "{all}");
}

#[tokio::test] // R79
async fn an_evil_next_link_is_dropped_and_nobody_calls_it() {
    let app = TestApp::start().await;
    let sentinel = Sentinel::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let evil = format!("http://{}", sentinel.address);
    for origin in [
        evil.clone(),
        format!("{}@{}", app.emulator.origin(), sentinel.address),
        format!("{}.evil.example", app.emulator.origin()),
        format!("//{}", sentinel.address),
    ] {
        let fault = Fault::graph(GraphChange::NextLink(origin.clone()));
        app.control().fault(fault.once());
        let answer = get(&mut browser, "/graph/v1.0/users?$top=2", &[]).await;
        let page = answer.json();
        assert!(page.as_object().unwrap().contains_key("@odata.nextLink"));
        assert!(page["@odata.nextLink"].is_null(), "{origin}: {page}");
        assert_eq!(page["value"].as_array().unwrap().len(), 2);
    }
    assert_eq!(sentinel.calls(), 0);
}

#[tokio::test] // R83, R94, R101
async fn graphs_own_refusals_pass_in_its_words() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let missing = get(
        &mut browser,
        "/graph/v1.0/users/nobody@fabrikam.example",
        &[],
    )
    .await;
    assert_eq!(missing.status, 404);
    assert_eq!(code(&missing), "Request_ResourceNotFound");
    let fault = Bad::Status {
        status: 429,
        retry_after: Some("100".into()),
    };
    app.control()
        .fault(Fault::answer(Endpoint::Graph, fault).once());
    let busy = get(&mut browser, "/graph/v1.0/me", &[]).await;
    assert_eq!(
        (busy.status.as_u16(), busy.header("retry-after")),
        (429, "100")
    );
    assert_eq!(code(&busy), "TooManyRequests");
}

#[tokio::test] // R83, R99, R100
async fn a_refused_token_is_said_in_our_own_words() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().fault(Fault::graph(GraphChange::Expired));
    let answer = get(&mut browser, "/graph/v1.0/me", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), code(&answer).as_str()),
        (401, "reauthenticate")
    );
    assert_eq!(answer.header("www-authenticate"), "");
    app.control().clear();
    app.control()
        .fault(Fault::graph(GraphChange::ClaimsChallenge));
    let answer = get(&mut browser, "/graph/v1.0/me", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), code(&answer).as_str()),
        (401, "claims_required")
    );
    assert!(
        !answer.json()["error"]["claims"]
            .as_str()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test] // R102, R111
async fn a_call_is_logged_in_one_line_without_whom_it_is_about() {
    let (log, _watching) = Log::watch();
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let person = "tomas.okafor%40fabrikam.example";
    let answer = get(
        &mut browser,
        &format!("/graph/v1.0/users/{person}?$select=id"),
        &[],
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = log.text();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("graph_passed"))
        .collect();
    assert_eq!(lines.len(), 1, "{text}");
    for part in [
        "method=GET",
        "/users/{id}",
        "status=200",
        "milliseconds=",
        answer.header("request-id"),
    ] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    for whom in ["tomas", "select"] {
        assert!(!lines[0].contains(whom), "{}", lines[0]);
    }
}

#[tokio::test] // R90
async fn the_pace_is_the_sessions_whichever_way_it_asks() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut other = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let limits = &app.cloakroom.proxy.limits;
    let all = limits.enter(&session.id, Pace::USUAL.at_once).await;
    app.control().forget_calls();
    for answer in [
        get(&mut browser, "/graph/v1.0/me", &[]).await,
        browser.call("people", "").await,
        browser.call("home", "").await,
        browser.fetch("/people.csv").await,
    ] {
        assert_eq!(
            (answer.status.as_u16(), code(&answer).as_str()),
            (429, "throttled")
        );
        assert_eq!(answer.header("retry-after"), "1");
        assert!(answer.body.contains("This session asks for too much"));
    }
    assert_eq!(browser.get("/people").await.status, 429);
    assert!(app.calls(Endpoint::Graph).is_empty());
    assert_eq!(other.call("people", "").await.status, 200);
    drop(all);
    assert_eq!(browser.call("people", "").await.status, 200);
}

#[tokio::test] // R90
async fn a_session_that_asks_too_much_is_told_when_to_come_back() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut other = app.signed_in(EMPLOYEE).await;
    // A batch counts for as many calls as it carries, so a slow machine gets there too.
    let requests: Vec<_> = (0..20)
        .map(|id| serde_json::json!({ "id": id.to_string(), "method": "GET", "url": "/me?$select=id" }))
        .collect();
    let batch = serde_json::json!({ "requests": requests }).to_string();
    let headers = [PAGE[0], PAGE[1], ("content-type", "application/json")];
    let mut passed = 0;
    let answer = loop {
        let answer = browser
            .send(Method::POST, "/graph/v1.0/$batch", &headers, Some(&batch))
            .await;
        if answer.status != 200 {
            break answer;
        }
        passed += requests.len();
        assert!(passed < 1000, "there is a limit");
    };
    assert!(
        passed >= 100,
        "a page that opens may ask some dozens of things: {passed}"
    );
    assert_eq!(
        (answer.status.as_u16(), code(&answer).as_str()),
        (429, "throttled")
    );
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!(wait >= 1);
    assert_eq!(get(&mut other, "/graph/v1.0/me", &[]).await.status, 200);
    app.advance(Duration::from_secs(wait));
    assert_eq!(get(&mut browser, "/graph/v1.0/me", &[]).await.status, 200);
}
