//! One call to Graph: where its token goes, where a download leads, how an error comes back, when it ends.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderValue, header};
use emulator::{Answer as Bad, Endpoint, Fault, GraphChange};
use reqwest::Method;
use server::{
    graph::{Call, GraphError, permission},
    session::Session,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::harness::{EMPLOYEE, TestApp};

#[tokio::test] // R98
async fn the_bearer_goes_to_graph_alone() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let graph = &app.cloakroom.graph;
    let origin = app.emulator.origin();
    app.control().forget_calls();
    for url in [
        "https://evil.example/v1.0/me".to_owned(),
        origin.replace("http://", "https://") + "/v1.0/me",
        origin.replace("127.0.0.1", "localhost") + "/v1.0/me",
        origin.replace("http://", "http://user@") + "/v1.0/me",
        format!("{origin}/beta/me"),
        format!("{origin}/v1.0/../beta/me"),
        format!("{origin}/v1.0/%2e%2e/beta/me"),
        format!("{origin}/v1.0"),
    ] {
        let call = Call::new(Method::GET, url.parse().unwrap());
        let refused = graph.send(&session, permission::ME, call).await;
        assert!(matches!(refused, Err(GraphError::Foreign)), "{url}");
        assert!(graph.link(&url).is_err(), "{url}");
    }
    let mut call = Call::new(Method::GET, graph.url("/v1.0/me").unwrap());
    let forged = HeaderValue::from_static("Bearer forged");
    call.headers.insert(header::AUTHORIZATION, forged.clone());
    call.headers.insert("client-request-id", forged);
    let answer = graph.send(&session, permission::ME, call).await.unwrap();
    assert_eq!(answer.status(), 200);
    let calls = app.calls(Endpoint::Graph);
    assert_eq!(calls.len(), 1);
    assert!(
        calls[0]
            .headers
            .iter()
            .all(|(_, value)| !value.contains("forged"))
    );
    assert!(!calls[0].query.contains("token"));
}

/// A host that must never see a token: it keeps the head of every request and answers each with `answer`.
async fn sentinel(answer: String) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let heads: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let kept = heads.clone();
    let answer = answer.replace("{origin}", &origin);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = head(&mut stream).await;
            kept.lock().unwrap().push(head.to_ascii_lowercase());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (origin, heads)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn download(app: &TestApp, session: &Arc<Session>) -> Result<reqwest::Response, GraphError> {
    let graph = &app.cloakroom.graph;
    let url = graph.url("/v1.0/me/drive/items/1/content?x=1").unwrap();
    let headers = HeaderMap::from_iter([
        (header::RANGE, HeaderValue::from_static("bytes=0-9")),
        (header::COOKIE, HeaderValue::from_static("a=secret")),
    ]);
    graph.download(session, permission::ME, url, headers).await
}

#[tokio::test] // R85, R97, R98
async fn a_download_is_followed_and_the_token_stays_behind() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbytes";
    let (elsewhere, heads) = sentinel(ok.into()).await;
    let redirect = |status, location: String| {
        Fault::answer(Endpoint::Graph, Bad::Redirect { status, location })
    };
    for status in [301, 302, 303, 307, 308] {
        // First a relative address on Graph, then another host.
        app.control().forget_calls();
        app.control()
            .fault(redirect(status, "content2?y=%2b".into()).once());
        app.control().fault(
            redirect(status, format!("{elsewhere}/file"))
                .once()
                .for_path("content2"),
        );
        let answer = download(&app, &session).await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "bytes");
        let calls = app.calls(Endpoint::Graph);
        assert_eq!(calls[1].path, "/v1.0/me/drive/items/1/content2");
        assert_eq!(calls[1].query, "y=%2b");
        assert_eq!(calls.len(), 2);
        assert!(
            calls
                .iter()
                .all(|call| call.header("authorization").is_some()
                    && call.header("cookie").is_none()
                    && call.header("range") == Some("bytes=0-9"))
        );
    }
    let heads = heads.lock().unwrap().clone();
    assert_eq!(heads.len(), 5);
    for head in heads {
        assert!(head.starts_with("get /file "), "{head}");
        assert!(head.contains("range: bytes=0-9"), "{head}");
        assert!(
            !head.contains("authorization") && !head.contains("cookie"),
            "{head}"
        );
    }

    // Round and round, there and back: five hops, and never the token again.
    let back = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/v1.0/me\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        app.emulator.origin()
    );
    let (elsewhere, heads) = sentinel(back).await;
    app.control().forget_calls();
    app.control()
        .fault(redirect(302, format!("{elsewhere}/")).for_path("/v1.0/"));
    let refused = download(&app, &session).await;
    assert!(
        matches!(refused, Err(GraphError::Redirect("too often"))),
        "{refused:?}"
    );
    let calls = app.calls(Endpoint::Graph);
    assert_eq!((calls.len(), heads.lock().unwrap().len()), (3, 3));
    assert!(
        calls[1..]
            .iter()
            .all(|call| call.header("authorization").is_none())
    );

    // Any other call is answered with the redirect itself.
    let graph = &app.cloakroom.graph;
    let call = Call::new(Method::GET, graph.url("/v1.0/me").unwrap());
    let answer = graph.send(&session, permission::ME, call).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(heads.lock().unwrap().len(), 3);
}

#[tokio::test] // R101
async fn graphs_error_reaches_the_page_as_its_status_and_nothing_of_its_words() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for status in [400, 409, 412, 423, 500, 501] {
        app.control().fault(
            Fault::graph(GraphChange::Error {
                status,
                code: "canary<script>".into(),
                retry_after: None,
            })
            .times(2),
        );
        let answer = browser.call("people", "").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (status, &"graph".into())
        );
        assert!(!answer.body.contains("canary"), "{}", answer.body);
        let page = browser.get("/people").await;
        assert_eq!(page.status, status);
        assert!(!page.body.contains("canary"));
    }
    let session = app.session(&browser).await;
    let graph = &app.cloakroom.graph;
    let url = graph.url("/v1.0/me").unwrap();
    app.control().fault(Fault::answer(
        Endpoint::Graph,
        Bad::Exactly {
            status: 418,
            content_type: "text/html".into(),
            body: "<h1>Gateway</h1>\r\nforged line".into(),
        },
    ));
    let error = graph
        .get(&session, permission::ME, url, HeaderMap::new())
        .await
        .unwrap_err();
    let line = error.to_string();
    assert!(
        line.contains("418") && line.contains("text/html: <h1>Gateway</h1>\\r\\n"),
        "{line}"
    );
    assert_eq!(error.status(), 418);
}

#[tokio::test] // R101, R102
async fn an_error_carries_the_codes_and_the_request_id() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let graph = &app.cloakroom.graph;
    app.control().fault(Fault::answer(
        Endpoint::Graph,
        Bad::Exactly {
            status: 409,
            content_type: "application/json".into(),
            body: r#"{"error":{"code":"a","message":"m","innererror":{"code":"b","request-id":"7d2f","innerError":{"code":"c"}}}}"#.into(),
        },
    ));
    let url = graph.url("/v1.0/me").unwrap();
    let answer = graph
        .get(&session, permission::ME, url, HeaderMap::new())
        .await;
    let Err(GraphError::Refused(refused)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(refused.codes, ["a", "b", "c"]);
    assert_eq!(refused.message, "m");
    assert!(refused.to_string().contains(&refused.request_id) && !refused.request_id.is_empty());
}

/// A Graph that gives these answers, a connection each; `{origin}` is its own. It tells when it has given the last one,
/// which it does not end, and is done when the other side hangs up.
pub async fn scripted_graph(
    answers: &[&str],
) -> (String, oneshot::Receiver<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = answers
        .iter()
        .map(|answer| answer.replace("{origin}", &origin))
        .collect();
    let (tell, given) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let mut last: Option<TcpStream> = None;
        for answer in answers {
            // The answer before ends with its connection.
            drop(last.take());
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            last = Some(stream);
        }
        tell.send(()).unwrap();
        // Nothing, or a reset.
        let read = last.unwrap().read(&mut [0]).await;
        assert_eq!(read.unwrap_or_default(), 0);
    });
    (origin, given, serving)
}

pub const UNFINISHED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"value\":";

#[tokio::test] // R88
async fn a_browser_that_goes_away_ends_the_call_to_graph() {
    // Before the head of the answer has come, and in the middle of its body.
    for first in ["", UNFINISHED] {
        let (graph, asked, serving) = scripted_graph(&[first]).await;
        // No deadline of ours ends it instead.
        let hour = Duration::from_hours(1);
        let app = TestApp::with_deadline(&[("GRAPH_ENDPOINT", &graph)], hour).await;
        let mut browser = app.signed_in(EMPLOYEE).await;
        let call = tokio::spawn(async move { browser.call("people", "").await });
        asked.await.unwrap();
        call.abort();
        let ended = tokio::time::timeout(Duration::from_secs(20), serving).await;
        ended.expect("the call ends").unwrap();
    }
}

#[tokio::test] // R88
async fn a_whole_answer_has_a_deadline_and_a_streamed_one_must_only_not_stand_still() {
    let deadline = Duration::from_millis(400);
    let app = TestApp::with_deadline(&[], deadline).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let session = app.session(&browser).await;
    let graph = &app.cloakroom.graph;
    app.control()
        .fault(Fault::answer(Endpoint::Graph, Bad::SlowDrip { millis: 10 }));
    // Some hundred bytes, longer than all deadlines together.
    let whole = browser.call("home", "").await;
    assert_eq!(
        (whole.status.as_u16(), &whole.json()["error"]["code"]),
        (504, &"timeout".into())
    );
    let call = Call::new(Method::GET, graph.url("/v1.0/me").unwrap());
    let answer = graph.send(&session, permission::ME, call).await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.ends_with('}') && text.len() > 200, "{text}");
    drop(app);

    let (silent, _asked, serving) = scripted_graph(&[UNFINISHED]).await;
    let app = TestApp::with_deadline(&[("GRAPH_ENDPOINT", &silent)], deadline).await;
    let session = app.session(&app.signed_in(EMPLOYEE).await).await;
    let graph = &app.cloakroom.graph;
    let call = Call::new(Method::GET, graph.url("/v1.0/me").unwrap());
    let answer = graph.send(&session, permission::ME, call).await.unwrap();
    assert!(answer.bytes().await.unwrap_err().is_timeout());
    serving.await.unwrap();
}

#[tokio::test]
async fn graph_is_offered_http_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let app = TestApp::with(&[("GRAPH_ENDPOINT", &origin)]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let call = tokio::spawn(async move { browser.call("people", "").await });
    let (mut stream, _) = listener.accept().await.unwrap();
    // A TLS record's length (RFC 8446 §5.1), the ClientHello, and in it the names of RFC 7301.
    let mut start = [0; 5];
    stream.read_exact(&mut start).await.unwrap();
    let mut hello = vec![0; usize::from(u16::from_be_bytes([start[3], start[4]]))];
    stream.read_exact(&mut hello).await.unwrap();
    let offer = b"\x02h2\x08http/1.1";
    assert!(hello.windows(offer.len()).any(|window| window == offer));
    drop(stream);
    drop(listener);
    assert_eq!(call.await.unwrap().status, 503);
}
