//! `/people.csv`: the whole directory, streamed, safe to open, and honest about its end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::Uri};
use emulator::{Answer as Bad, Endpoint, Fault, GraphChange};
use reqwest::Method;
use server::graph::export::{self, Export};
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    graph_calls::{UNFINISHED, scripted_graph},
    harness::{Answer, Browser, EMPLOYEE, TestApp},
};

/// A link of this site that is followed.
async fn download(browser: &mut Browser, query: &str) -> Answer {
    browser.get(&format!("/people.csv{query}")).await
}

fn rows(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.body.strip_prefix('\u{feff}').expect("Excel's mark");
    csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes())
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[tokio::test] // R104, R105
async fn everybody_is_in_the_table_once() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = download(&mut browser, "").await;
    assert_eq!(
        answer.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    let disposition = answer.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"people-20"),
        "{disposition}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let rows = rows(&answer);
    assert_eq!(
        rows[0],
        ["Name", "Job title", "Mail", "Phone", "Office", "Id"]
    );
    let people = &rows[1..];
    assert_eq!(answer.header("x-total-count"), people.len().to_string());
    assert!(people.len() >= 200);
    let ids: std::collections::HashSet<_> = people.iter().map(|row| &row[5]).collect();
    assert_eq!(ids.len(), people.len());
    let call = app.calls(Endpoint::Graph).pop().unwrap();
    assert_eq!(call.header("consistencylevel"), Some("eventual"));

    let found = download(&mut browser, "?q=lindqvist").await;
    let names: Vec<_> = rows_of(&found);
    assert!(
        names.contains(&"Maya Lindqvist".to_owned()) && names.len() < 25,
        "{names:?}"
    );
    let nobody = download(&mut browser, "?q=zzzzzzzz").await;
    assert_eq!(
        (rows_of(&nobody).len(), nobody.header("x-total-count")),
        (0, "0")
    );
}

fn rows_of(answer: &Answer) -> Vec<String> {
    let names = rows(answer).into_iter().skip(1).map(|row| row[0].clone());
    names.collect()
}

#[tokio::test] // R69
async fn no_cell_of_the_table_is_a_formula() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let hostile = [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "a\"b,c\r\nd",
    ];
    let people: Vec<_> = hostile
        .iter()
        .map(|name| serde_json::json!({"id": "1", "displayName": name, "mobilePhone": "+31 6"}))
        .collect();
    app.control().fault(Fault::answer(
        Endpoint::Graph,
        Bad::Exactly {
            status: 200,
            content_type: "application/json".into(),
            body: serde_json::json!({ "value": people }).to_string(),
        },
    ));
    let answer = download(&mut browser, "").await;
    let rows = rows(&answer);
    for (row, name) in rows[1..].iter().zip(hostile) {
        assert_eq!(row[0].trim_start_matches('\''), name);
        assert_eq!(row[3], "'+31 6");
    }
    for cell in rows.iter().flatten() {
        assert!(
            !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
            "{cell:?}"
        );
    }
}

#[tokio::test] // R60, R108
async fn who_gets_no_table_is_told_why() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().forget_calls();
    for (site, mode) in [
        ("cross-site", "navigate"),
        ("cross-site", "no-cors"),
        ("same-site", "navigate"),
        ("none", "cors"),
    ] {
        let headers = [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
        let answer = browser
            .send(Method::GET, "/people.csv", &headers, None)
            .await;
        assert_eq!(answer.status, 403, "{site} {mode}");
    }
    assert!(app.calls(Endpoint::Graph).is_empty());
    let by_hand = [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
    let answer = browser
        .send(Method::GET, "/people.csv", &by_hand, None)
        .await;
    assert_eq!(answer.status, 200);

    // What can't be read leads nowhere.
    let answer = browser.fetch("/people.csv?q=a&q=b").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"]["code"], "not_found");
    let page = download(&mut browser, "?q=a&q=b").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("href=\"/people\""), "{}", page.body);

    // A script gets the refusal as every data call has it, a person a page.
    let mut stranger = app.browser();
    let answer = stranger.fetch("/people.csv").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["error"]["code"], "signed_out");
    let page = download(&mut stranger, "").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("href=\"/people\"") && page.body.contains("Sign in"));

    let directory = emulator::directory::Directory::standard();
    let personal = directory.personas().iter().find(|persona| persona.personal);
    let mut browser = app.signed_in(&personal.unwrap().username).await;
    app.control().forget_calls();
    let page = download(&mut browser, "").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("personal account"), "{}", page.body);
    assert!(app.calls(Endpoint::Graph).is_empty());

    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().fault(Fault::graph(GraphChange::Error {
        status: 403,
        code: "Authorization_RequestDenied".into(),
        retry_after: None,
    }));
    let answer = browser.fetch("/people.csv").await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.body.contains("does not let this account list"),
        "{}",
        answer.body
    );
}

/// Small pages of the directory, and no more than so many people.
async fn export(app: &TestApp, browser: &Browser, top: usize, most: usize) -> Export {
    let first = export::first_page(&app.cloakroom.graph, "").unwrap();
    let first = first
        .as_str()
        .replace("%24top=999", &format!("%24top={top}"));
    assert!(first.contains(&format!("top={top}&")));
    let first = app.cloakroom.graph.link(&first).unwrap();
    let session = app.session(browser).await;
    let (graph, clock) = (&app.cloakroom.graph, &app.cloakroom.clock);
    Export::start(graph, clock, &session, first, most)
        .await
        .unwrap()
}

async fn rest(app: &TestApp, browser: &Browser, mut export: Export) -> String {
    let session = app.session(browser).await;
    let (graph, clock) = (&app.cloakroom.graph, &app.cloakroom.clock);
    let mut text = String::new();
    while let Some(rows) = export.next(graph, clock, &session).await.unwrap() {
        text += std::str::from_utf8(&rows).unwrap();
    }
    text
}

#[tokio::test]
async fn a_table_that_is_cut_short_says_so_in_its_last_row() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let total = 220;
    for (top, most, pages) in [(10, 25, 3), (10, 20, 2), (50, 7, 1), (total, total - 1, 1)] {
        app.control().forget_calls();
        let export = export(&app, &browser, top, most).await;
        let text = rest(&app, &browser, export).await;
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), most + 1, "{top} {most}");
        assert!(
            lines[most].starts_with("\"The list ends here"),
            "{}",
            lines[most]
        );
        assert_eq!(app.calls(Endpoint::Graph).len(), pages);
    }
    for (top, most) in [(total, total), (50, total), (10, 999)] {
        let export = export(&app, &browser, top, most).await;
        let everybody = export.total;
        assert_eq!(everybody, Some(total as u64));
        let text = rest(&app, &browser, export).await;
        assert_eq!(text.lines().count(), total, "{top} {most}");
    }
}

#[tokio::test] // R94
async fn a_table_waits_longer_than_a_page_would_and_not_for_ever() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let throttled = |seconds: &str| {
        Fault::answer(
            Endpoint::Graph,
            Bad::Status {
                status: 429,
                retry_after: Some(seconds.into()),
            },
        )
    };
    let begun = export(&app, &browser, 100, 999).await;
    app.control().fault(throttled("20").once());
    app.control().forget_calls();
    assert_eq!(rest(&app, &browser, begun).await.lines().count(), 220);
    assert_eq!(app.waits(), [Duration::from_secs(20)]);
    let calls = app.calls(Endpoint::Graph);
    assert!(calls[1].at - calls[0].at >= time::Duration::seconds(20));

    for (seconds, waits) in [("20", 5), ("31", 0)] {
        let mut begun = export(&app, &browser, 100, 999).await;
        let session = app.session(&browser).await;
        let (graph, clock) = (&app.cloakroom.graph, &app.cloakroom.clock);
        begun.next(graph, clock, &session).await.unwrap();
        app.control().fault(throttled(seconds));
        let error = begun.next(graph, clock, &session).await.unwrap_err();
        assert_eq!(error.status(), 429);
        assert_eq!(app.waits().len(), waits);
        app.control().clear();
        app.advance(Duration::from_secs(31));
    }
}

/// A first page, after which there should be another.
const FIRST: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\
    {\"value\": [{\"id\": \"1\", \"displayName\": \"Ada\"}], \
    \"@odata.nextLink\": \"{origin}/v1.0/users?$skiptoken=2\"}";

async fn streamed(app: &TestApp, browser: &Browser) -> reqwest::Response {
    let session = format!("session={}", browser.cookies["session"]);
    let request = reqwest::Client::new()
        .get(format!("{}/people.csv", app.origin))
        .header("sec-fetch-site", "same-origin")
        .header("cookie", session);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_table_that_tears_off_is_a_failed_download_with_a_last_word() {
    let nonsense = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nnonsense";
    let (graph, _given, _serving) = scripted_graph(&[FIRST, nonsense]).await;
    let app = TestApp::with(&[("GRAPH_ENDPOINT", &graph)]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    let mut answer = streamed(&app, &browser).await;
    assert_eq!(answer.status(), 200);
    let mut text = Vec::new();
    let end = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => text.extend(chunk),
            end => break end,
        }
    };
    assert!(end.is_err(), "a short file is no whole one");
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[1], r#""Ada","","","","","1""#);
    assert!(lines[2].starts_with("\"The list is incomplete"), "{text}");
}

#[tokio::test] // R71
async fn a_table_ends_with_its_session() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let graph = format!("http://{}", listener.local_addr().unwrap());
    let pages: Arc<Mutex<Vec<String>>> = Arc::default();
    let (asked, signed_out) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let app = {
        let (graph, pages) = (graph.clone(), pages.clone());
        let (asked, signed_out) = (asked.clone(), signed_out.clone());
        Router::new().fallback(move |uri: Uri| {
            let query = uri.query().unwrap_or_default().to_owned();
            let number = {
                let mut pages = pages.lock().unwrap();
                pages.push(query);
                pages.len()
            };
            let page = serde_json::json!({
                "value": [{ "id": number.to_string(), "displayName": "Ada" }],
                "@odata.nextLink": format!("{graph}/v1.0/users?$skiptoken={number}"),
            });
            let (asked, signed_out) = (asked.clone(), signed_out.clone());
            async move {
                if number == 2 {
                    asked.notify_one();
                    signed_out.notified().await;
                }
                axum::Json(page)
            }
        })
    };
    tokio::spawn(async move { axum::serve(listener, app).await });
    let app = TestApp::with(&[("GRAPH_ENDPOINT", &graph)]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut answer = streamed(&app, &browser).await;
    asked.notified().await;
    browser.post("/auth/logout").await;
    signed_out.notify_one();
    let mut text = Vec::new();
    let end = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => text.extend(chunk),
            end => break end,
        }
    };
    assert!(end.is_err(), "a short file is no whole one");
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("you signed out meanwhile"), "{text}");
    assert_eq!(pages.lock().unwrap().len(), 2, "Graph was not asked again");
}

#[tokio::test] // R88
async fn a_browser_that_goes_away_ends_the_table_and_its_calls() {
    for second in ["", UNFINISHED] {
        let (graph, given, serving) = scripted_graph(&[FIRST, second]).await;
        let hour = Duration::from_hours(1);
        let app = TestApp::with_deadline(&[("GRAPH_ENDPOINT", &graph)], hour).await;
        let browser = app.signed_in(EMPLOYEE).await;
        let mut answer = streamed(&app, &browser).await;
        assert!(answer.chunk().await.unwrap().is_some());
        given.await.unwrap();
        drop(answer);
        let ended = tokio::time::timeout(Duration::from_secs(20), serving).await;
        ended.expect("the call ends").unwrap();
    }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test] // R103
#[ignore = "takes a while; for its figures: cargo test -p server --test blackbox ten_thousand -- --ignored --nocapture"]
async fn ten_thousand_pages_take_no_more_memory_than_one() {
    let app = TestApp::start().await;
    let browser = app.signed_in("noa.shapiro@adatum.example").await;
    let mut export = export(&app, &browser, 10, 100_000).await;
    let session = app.session(&browser).await;
    let (graph, clock) = (&app.cloakroom.graph, &app.cloakroom.clock);
    let (mut pages, mut rows, mut least) = (0, 0, u64::MAX);
    while let Some(piece) = export.next(graph, clock, &session).await.unwrap() {
        pages += 1;
        rows += std::str::from_utf8(&piece).unwrap().lines().count();
        if pages % 500 == 0 {
            // The emulator's log is not what is weighed.
            app.control().forget_calls();
            least = least.min(resident());
            println!("{pages} pages, {} MB resident", resident() / 1024);
        }
    }
    assert_eq!((pages, rows), (10_000, 100_000));
    assert!(
        resident() < least + 20 * 1024,
        "{least} kB grew to {} kB",
        resident()
    );
}
