//! Pages that hear when their session ends, and people who put its end off: R75, and what of R50 they meet.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    account::{ADMIN, form, is_signed_in, key, oid},
    harness::{Answer, Browser, EMPLOYEE, MANAGER, TestApp},
};

const MINUTE: Duration = Duration::from_mins(1);
pub const ENDED: &str = "event: ended\ndata: ended\n\n";

async fn listen_from(origin: &str, browser: &Browser, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client
        .get(format!("{origin}/auth/events"))
        .header("accept-encoding", "br, gzip");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(ticket) = browser.cookies.get("session") {
        request = request.header("cookie", format!("session={ticket}"));
    }
    request.send().await.unwrap()
}

/// An open stream of events.
async fn listen(app: &TestApp, browser: &Browser) -> Response {
    listen_at(&app.origin, browser).await
}

/// The same, of the server at this origin.
pub async fn listen_at(origin: &str, browser: &Browser) -> Response {
    let answer = listen_from(origin, browser, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(answer.status(), 200);
    answer
}

/// All that a stream says until it ends.
pub async fn heard(stream: Response) -> String {
    let text = timeout(Duration::from_secs(20), stream.text());
    text.await.expect("the stream ends").unwrap()
}

#[tokio::test] // R75
async fn a_page_hears_that_its_session_has_ended_whoever_ended_it() {
    let app = TestApp::start().await;
    for way in [
        "sign-out",
        "another device",
        "an admin",
        "Microsoft",
        "another sign-in",
    ] {
        let mut browser = app.signed_in(EMPLOYEE).await;
        let stream = listen(&app, &browser).await;
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        assert_eq!(stream.headers()["cache-control"], "no-store");
        assert!(!stream.headers().contains_key("content-encoding"));
        let key = key(&browser);
        match way {
            "sign-out" => _ = browser.post("/auth/logout").await,
            "another device" => {
                let mut other = app.signed_in(EMPLOYEE).await;
                form(&mut other, "/account/end", &format!("session={key}")).await;
            }
            "an admin" => {
                let mut admin = app.signed_in(ADMIN).await;
                let oid = oid(&mut browser).await;
                form(&mut admin, "/account/end-others", &format!("person={oid}")).await;
            }
            "Microsoft" => {
                let id = browser.cookies["session"].parse().unwrap();
                let session = app.cloakroom.sessions.find(&id).await.unwrap().unwrap();
                let sid = session.signed_in.user.sid.unwrap();
                let path = format!("/auth/frontchannel-logout?sid={sid}");
                app.browser().get_from_elsewhere(&path).await;
            }
            _ => {
                let callback = browser.begin(MANAGER, "").await;
                browser.get_from_elsewhere(&callback).await;
            }
        }
        assert_eq!(heard(stream).await, ENDED, "{way}");
    }
}

#[tokio::test] // R48, R75
async fn a_page_hears_that_the_same_person_has_signed_in_again() {
    let app = TestApp::start().await;
    app.allow(&["Mail.ReadBasic"]);
    for ask in ["", "&scope=Mail.ReadBasic"] {
        let mut browser = app.signed_in(EMPLOYEE).await;
        let stream = listen(&app, &browser).await;
        let callback = browser.begin(EMPLOYEE, ask).await;
        browser.get_from_elsewhere(&callback).await;
        assert_eq!(heard(stream).await, "event: replaced\ndata: replaced\n\n");
        assert!(is_signed_in(&browser).await);
    }
}

#[tokio::test] // R75, R117
async fn a_page_hears_nothing_of_other_sessions_and_streams_end_with_the_server() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let stream = listen(&app, &browser).await;
    let mut other = app.signed_in(EMPLOYEE).await;
    assert_eq!(other.post("/auth/logout").await.status, 303);
    app.cloakroom.events.stop();
    assert_eq!(heard(stream).await, "");
    assert_eq!(
        heard(listen(&app, &browser).await).await,
        "",
        "nor is another begun"
    );
    assert!(is_signed_in(&browser).await);
}

#[tokio::test] // R75, R50
async fn a_page_hears_when_the_time_is_over() {
    let app = TestApp::with(&[("SESSION_IDLE", "1s")]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    assert_eq!(heard(listen(&app, &browser).await).await, ENDED);
    assert!(!is_signed_in(&browser).await);
}

#[tokio::test] // R75, R50
async fn a_page_hears_nothing_at_an_end_that_was_put_off() {
    let app = TestApp::with(&[("SESSION_IDLE", "2s")]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    let stream = listen(&app, &browser).await;
    let time = |answer: &Answer, name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let first = time(
        &browser.clone().fetch("/auth/session").await,
        "idle_expires_at",
    );
    // Somebody is here until well after the end that the stream was opened with.
    loop {
        let answer = here(&mut browser.clone()).await;
        if time(&answer, "now") > first && time(&answer, "idle_expires_at") > time(&answer, "now") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.cloakroom.events.stop();
    assert_eq!(heard(stream).await, "");
}

/// A script of this site says that somebody is here.
async fn here(browser: &mut Browser) -> Answer {
    let headers = [("x-csrf", "1"), ("sec-fetch-site", "same-origin")];
    browser
        .send(Method::POST, "/auth/session", &headers, None)
        .await
}

#[tokio::test] // R50
async fn a_person_who_is_here_puts_the_end_off_and_a_page_that_asks_or_listens_does_not() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let ends = |answer: Answer| {
        answer.json()["idle_expires_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = ends(browser.fetch("/auth/session").await);
    app.advance(20 * MINUTE);
    listen(&app, &browser).await;
    assert_eq!(ends(browser.fetch("/auth/session").await), first);
    let answer = here(&mut browser).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["user"]["username"], EMPLOYEE);
    let second = ends(answer);
    assert!(second > first, "the answer has the new end");
    let asked = browser.fetch("/auth/session").await;
    assert!(asked.json()["now"].as_str().unwrap() < second.as_str());
    assert_eq!(ends(asked), second);
    app.advance(20 * MINUTE);
    assert!(is_signed_in(&browser).await);
    app.advance(11 * MINUTE);
    assert_eq!(here(&mut browser).await.json(), json!({ "user": null }));
}

#[tokio::test] // R50
async fn nobody_puts_the_absolute_end_off() {
    let app = TestApp::with(&[("SESSION_IDLE", "30m"), ("SESSION_MAX", "40m")]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(20 * MINUTE);
    let answer = here(&mut browser).await.json();
    assert_eq!(answer["idle_expires_at"], answer["expires_at"]);
    app.advance(21 * MINUTE);
    assert!(!is_signed_in(&browser).await);
}

#[tokio::test] // R59, R60
async fn only_pages_of_this_site_may_listen_and_only_a_script_says_that_somebody_is_here() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let own = app.origin.clone();
    let cases: [(&[(&str, &str)], u16); 8] = [
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("origin", &own)], 200),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", &own)], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("origin", "http://evil.example")], 403),
        (&[], 403),
    ];
    for (headers, status) in cases {
        let answer = listen_from(&app.origin, &browser, headers).await;
        assert_eq!(answer.status(), status, "{headers:?}");
    }
    let site = ("sec-fetch-site", "same-origin");
    let answer = browser
        .send(Method::POST, "/auth/session", &[site], None)
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test] // R54
async fn a_store_that_is_down_has_nothing_to_tell() {
    let app = TestApp::start().await;
    let maya = app.signed_in(EMPLOYEE).await;
    app.cloakroom.sessions.store.close().await;
    let answer = listen_from(&app.origin, &maya, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(answer.status(), 503);
}

#[tokio::test] // R53
async fn who_is_signed_out_hears_so_at_once() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let answer = browser
        .send(
            Method::GET,
            "/auth/events",
            &[("sec-fetch-site", "same-origin")],
            None,
        )
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["error"]["code"], "signed_out");
}

#[tokio::test]
async fn a_session_has_a_few_streams_and_no_more() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(listen(&app, &browser).await);
    }
    let site = [("sec-fetch-site", "same-origin")];
    let answer = listen_from(&app.origin, &browser, &site).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()["retry-after"], "10");
    // Other sessions have their own.
    listen(&app, &app.signed_in(EMPLOYEE).await).await;
    // A page that goes gives its place back.
    open.pop();
    let again = async {
        while listen_from(&app.origin, &browser, &site).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), again)
        .await
        .expect("a place");
}

#[tokio::test] // R117
async fn open_streams_do_not_keep_a_server_from_stopping() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let cloakroom = app.cloakroom.clone();
    let server = tokio::spawn(async move {
        let stop = async {
            _ = stopped.await;
            cloakroom.events.stop();
        };
        server::serve::serve(listener, server::router(cloakroom.clone()), stop).await
    });
    let stream = Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(format!("http://{address}/auth/events"))
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("session={}", browser.cookies["session"]))
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    stop.send(()).unwrap();
    assert_eq!(heard(stream).await, "");
    // Else it would wait 30 seconds for it.
    let ended = timeout(Duration::from_secs(20), server).await;
    ended.expect("it stops").unwrap().unwrap();
}
