//! Photos: pictures or nothing, kept for a while by this server and by the browser, for one person.

use emulator::{Answer as Bad, Endpoint, Fault, GraphChange};
use reqwest::Method;

use crate::{
    harness::{Answer, Browser, EMPLOYEE, MANAGER, TestApp},
    leaks::Log,
};

async fn photo(browser: &mut Browser, id: &str, more: &[(&str, &str)]) -> Answer {
    let headers = [&[("sec-fetch-site", "same-origin")], more].concat();
    let path = format!("/photo/{id}");
    browser.send(Method::GET, &path, &headers, None).await
}

/// The ids on the first page of the directory.
async fn ids(browser: &mut Browser) -> Vec<String> {
    let answer = browser.call("people", "").await.json();
    let people = answer["people"]["people"].as_array().unwrap();
    people
        .iter()
        .map(|person| person["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Somebody with a photo, or without.
async fn somebody(browser: &mut Browser, status: u16) -> String {
    for id in ids(browser).await {
        if photo(browser, &id, &[]).await.status == status {
            return id;
        }
    }
    panic!("nobody whose photo is {status}");
}

#[tokio::test] // R66, R70, R107
async fn a_photo_is_a_picture_or_nothing_and_kept_either_way() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let ids = ids(&mut browser).await;
    app.control().forget_calls();
    let mut kinds = std::collections::BTreeMap::new();
    for _ in 0..2 {
        for id in &ids {
            let answer = photo(&mut browser, id, &[]).await;
            *kinds.entry(answer.status.as_u16()).or_insert(0) += 1;
            assert_eq!(answer.header("cache-control"), "private, max-age=600");
            assert_eq!(answer.header("vary").to_ascii_lowercase(), "cookie");
            if answer.status == 200 {
                assert_eq!(answer.header("content-type"), "image/jpeg");
                assert!(answer.header("etag").starts_with('"'));
            }
        }
    }
    assert!(
        kinds[&200] > 5 && kinds[&404] > 2 && kinds.len() == 2,
        "{kinds:?}"
    );
    let asked = app.calls(Endpoint::Graph);
    assert_eq!(
        asked.len(),
        ids.len(),
        "Graph was asked for each of them once"
    );
    // R70: another site gets none, and neither does a page without its word.
    for site in ["cross-site", "same-site", "none"] {
        let path = format!("/photo/{}", ids[0]);
        let headers = [("sec-fetch-site", site)];
        let answer = browser.send(Method::GET, &path, &headers, None).await;
        assert_eq!(answer.status, 403, "{site}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    for (path, status) in [
        (format!("{}?size=47", ids[0]), 404),
        ("..%2f..%2fme?size=48".into(), 404),
        ("nobody?size=48".into(), 404),
        (format!("{}?size=x", ids[0]), 404),
        (format!("{}?size=48&size=48", ids[0]), 404),
        ("%ff".into(), 404),
    ] {
        let answer = photo(&mut browser, &path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(
            answer.body.is_empty() || answer.json()["error"]["code"] == "not_found",
            "{path}"
        );
    }
}

#[tokio::test] // R112
async fn whose_photo_is_asked_for_is_not_in_the_log() {
    let (log, _watching) = Log::watch();
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let id = ids(&mut browser).await.remove(0);
    photo(&mut browser, &id, &[]).await;
    let text = log.text();
    let mut lines = text.lines().filter(|line| line.contains("answered"));
    assert!(lines.any(|line| line.contains("/photo/{id}")), "{text}");
    let mut lines = text.lines().filter(|line| line.contains("answered"));
    assert!(lines.all(|line| !line.contains(&id)));
}

#[tokio::test] // R66, R107
async fn a_page_may_ask_for_nothing_instead_of_a_404() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let without = somebody(&mut browser, 404).await;
    let with = somebody(&mut browser, 200).await;
    for (path, status) in [
        (format!("{without}?size=48&none=empty"), 204),
        (format!("{without}?none=empty"), 204),
        ("nobody?none=empty".into(), 204),
        (format!("{without}?size=48&none=missing"), 404),
        (format!("{with}?size=48&none=empty"), 200),
        (format!("{without}?none=what"), 404),
    ] {
        let answer = photo(&mut browser, &path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 204 {
            assert_eq!(answer.body, "");
            assert_eq!(answer.header("cache-control"), "private, max-age=600");
            assert_eq!(answer.header("vary").to_ascii_lowercase(), "cookie");
        }
    }
    // Who may not look is told so, whatever the page would rather hear.
    let path = format!("{without}?none=empty");
    browser.post("/auth/logout").await;
    assert_eq!(photo(&mut browser, &path, &[]).await.status, 401);
}

#[tokio::test]
async fn every_size_of_graphs_is_served_and_known_again_by_its_etag() {
    // The emulator draws the larger ones slowly when it is not optimised.
    let app = TestApp::with_deadline(&[], std::time::Duration::from_mins(1)).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let id = somebody(&mut browser, 200).await;
    let mut tags = std::collections::HashSet::new();
    for size in [48, 64, 96, 120, 240, 360, 432, 504, 648] {
        let path = format!("{id}?size={size}");
        let first = photo(&mut browser, &path, &[]).await;
        assert_eq!(first.status, 200, "{size}");
        let etag = first.header("etag").to_owned();
        assert!(tags.insert(etag.clone()));
        app.control().forget_calls();
        for known in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"other\", {etag}"),
            "*".into(),
        ] {
            let again = photo(&mut browser, &path, &[("if-none-match", &known)]).await;
            assert_eq!(
                (again.status.as_u16(), again.body.len()),
                (304, 0),
                "{known}"
            );
            assert_eq!(again.header("etag"), etag);
            assert_eq!(again.header("cache-control"), "private, max-age=600");
        }
        let other = [("if-none-match", "\"other\"")];
        assert_eq!(photo(&mut browser, &path, &other).await.status, 200);
        assert!(
            app.calls(Endpoint::Graph).is_empty(),
            "Graph was not asked again"
        );
    }
}

#[tokio::test] // R68
async fn what_one_person_was_shown_is_no_answer_for_another_or_after_a_sign_out() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let id = somebody(&mut browser, 200).await;
    let mut other = app.signed_in(MANAGER).await;
    app.control().forget_calls();
    assert_eq!(photo(&mut other, &id, &[]).await.status, 200);
    assert_eq!(
        app.calls(Endpoint::Graph).len(),
        1,
        "asked with the other's token"
    );
    browser.post("/auth/logout").await;
    let gone = photo(&mut browser, &id, &[]).await;
    assert_eq!(gone.status, 401);
    assert_eq!(gone.header("cache-control"), "no-store");
}

#[tokio::test] // R107
async fn every_code_for_no_photo_means_initials() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let ids = ids(&mut browser).await;
    let codes = [
        (404, "ImageNotFound"),
        (404, "ErrorEntityNotFound"),
        (404, "ConsumerPhotoIsNotSupported"),
        (404, "Request_ResourceNotFound"),
        (404, "SomethingNew"),
        (400, "ConsumerPhotoIsNotSupported"),
    ];
    for ((status, code), id) in codes.into_iter().zip(&ids) {
        app.control().fault(
            Fault::graph(GraphChange::Error {
                status,
                code: code.into(),
                retry_after: None,
            })
            .once(),
        );
        let answer = photo(&mut browser, id, &[]).await;
        assert_eq!(answer.status, 404, "{code}");
        assert_eq!(answer.header("cache-control"), "private, max-age=600");
    }
}

#[tokio::test] // R84
async fn what_can_act_is_no_picture() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let id = somebody(&mut browser, 200).await;
    for (change, size) in [(GraphChange::Svg, 64), (GraphChange::ActiveContent, 96)] {
        app.control().fault(Fault::graph(change).once());
        let answer = photo(&mut browser, &format!("{id}?size={size}"), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, ""));
    }
}

#[tokio::test] // R94
async fn a_photo_too_many_keeps_nothing_and_takes_no_page_with_it() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let id = somebody(&mut browser, 200).await;
    app.control().fault(
        Fault::answer(
            Endpoint::Graph,
            Bad::Status {
                status: 429,
                retry_after: Some("30".into()),
            },
        )
        .once(),
    );
    let path = format!("{id}?size=120");
    let answer = photo(&mut browser, &path, &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, "30")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(browser.call("people", "").await.status, 200);
    assert_eq!(photo(&mut browser, &path, &[]).await.status, 429);
    app.advance(std::time::Duration::from_secs(30));
    assert_eq!(photo(&mut browser, &path, &[]).await.status, 200);
}
