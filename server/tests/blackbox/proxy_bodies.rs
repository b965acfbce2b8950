//! Bodies through the proxy: their caps, their time, their memory. Graph is played here by a few lines that do exactly what
//! a test wants.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Response},
};
use emulator::{Answer as Bad, Endpoint, Fault};
use futures_util::{Stream, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use crate::{
    harness::{Browser, EMPLOYEE, IMPATIENT, TempDir, TestApp},
    proxy_hostile::raw,
};

const PATIENT: Duration = Duration::from_mins(1);

/// A server that answers every call by this.
async fn upstream<F, A>(answer: F) -> String
where
    F: Fn(Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    origin
}

/// An app whose Graph is `origin`, with a call that may send. It is patient: a busy machine is no reason to fail.
async fn app(origin: &str) -> (TestApp, Browser, TempDir) {
    app_with(origin, PATIENT).await
}

/// The same, with another deadline for calls to Graph.
async fn app_with(origin: &str, deadline: Duration) -> (TestApp, Browser, TempDir) {
    let folder = TempDir::new();
    let file = folder.0.join("allowed.toml");
    std::fs::write(&file, "[\"PATCH /me\"]\nscopes = [\"User.Read\"]\n").unwrap();
    let settings = [
        ("GRAPH_ENDPOINT", origin),
        ("GRAPH_ALLOW_LIST", file.to_str().unwrap()),
    ];
    let app = TestApp::with_deadline(&settings, deadline).await;
    let browser = app.signed_in(EMPLOYEE).await;
    (app, browser, folder)
}

/// A request by a page, whose answer is read in pieces.
fn page(
    app: &TestApp,
    browser: &Browser,
    method: reqwest::Method,
    path: &str,
) -> reqwest::RequestBuilder {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.request(method, format!("{}{path}", app.origin))
        .header("cookie", format!("session={}", browser.cookies["session"]))
        .header("x-csrf", "1")
        .header("sec-fetch-site", "same-origin")
}

fn me(app: &TestApp, browser: &Browser) -> reqwest::RequestBuilder {
    page(app, browser, reqwest::Method::GET, "/graph/v1.0/me")
}

fn typed(kind: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder()
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

/// So many bytes in pieces of 64 KB, made while they are sent.
fn zeros(bytes: u64) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let piece = Bytes::from(vec![b'0'; 1 << 16]);
    stream::iter((0..bytes >> 16).map(move |_| Ok(piece.clone())))
}

#[tokio::test] // R86
async fn a_body_passes_to_the_letter_with_a_length_and_without() {
    type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;
    let seen = Seen::default();
    let kept = seen.clone();
    let origin = upstream(move |request: Request| {
        let kept = kept.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            kept.lock().unwrap().push((parts.headers, body));
            typed("application/json", "{}")
        }
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    let patch = || {
        page(&app, &browser, reqwest::Method::PATCH, "/graph/v1.0/me")
            .header("content-type", "application/json")
    };
    for size in [1_u64, 1000, 1 << 16, 3 << 20, 4 << 20] {
        let body: Vec<u8> = (0..size)
            .map(|at| b'a' + u8::try_from(at % 26).unwrap())
            .collect();
        let answer = patch().body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{size}");
        let pieces: Vec<_> = body
            .chunks(10_000)
            .map(|piece| Ok::<_, Infallible>(piece.to_vec()))
            .collect();
        let chunked = reqwest::Body::wrap_stream(stream::iter(pieces));
        assert_eq!(
            patch().body(chunked).send().await.unwrap().status(),
            200,
            "{size}"
        );
        for (headers, came) in seen.lock().unwrap().drain(..) {
            assert!(came == body, "{size}");
            assert_eq!(headers["content-type"], "application/json");
            assert!(!headers.contains_key("cookie") && !headers.contains_key("x-csrf"));
        }
    }
    let untyped = page(&app, &browser, reqwest::Method::PATCH, "/graph/v1.0/me").body("x");
    assert_eq!(untyped.send().await.unwrap().status(), 415);
}

#[tokio::test] // R86
async fn a_body_beyond_the_cap_is_413_with_a_length_and_without() {
    let came = Arc::new(AtomicU64::new(0));
    let counted = came.clone();
    let origin = upstream(move |request: Request| {
        let counted = counted.clone();
        async move {
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(piece)) = body.next().await {
                counted.fetch_add(piece.len() as u64, Ordering::SeqCst);
            }
            typed("application/json", "{}")
        }
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    let own = app.origin.strip_prefix("http://").unwrap();
    let head = format!(
        "PATCH /graph/v1.0/me HTTP/1.1\r\nHost: {own}\r\nCookie: session={}\r\nX-CSRF: 1\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/json\r\nConnection: close\r\n",
        browser.cookies["session"]
    );
    let size = (4 << 20) + 1;
    let long = format!("{head}Content-Length: {size}\r\n\r\n");
    let answer = raw(own, long.as_bytes()).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(answer.body.contains("\"too_large\""), "{}", answer.body);
    assert_eq!(
        came.load(Ordering::SeqCst),
        0,
        "nothing of it was passed on"
    );

    let chunk = format!("100000\r\n{}\r\n", "a".repeat(1 << 20));
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{}1\r\na\r\n",
        chunk.repeat(4)
    );
    let answer = raw(own, chunked.as_bytes()).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(answer.body.contains("\"too_large\""), "{}", answer.body);
    assert!(came.load(Ordering::SeqCst) <= 4 << 20);
}

#[tokio::test] // R86, R89
async fn broken_chunks_are_a_bad_request_and_no_large_one() {
    let origin = upstream(|request: Request| async {
        _ = to_bytes(request.into_body(), usize::MAX).await;
        typed("application/json", "{}")
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    let own = app.origin.strip_prefix("http://").unwrap();
    let common = format!(
        "Host: {own}\r\nCookie: session={}\r\nX-CSRF: 1\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        browser.cookies["session"]
    );
    for line in [
        "PATCH /graph/v1.0/me",
        "POST /graph/v1.0/$batch",
        "POST /api/people",
        "POST /auth/logout",
    ] {
        for body in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n"] {
            let common = if line.ends_with("logout") {
                common.replace("application/json", "application/x-www-form-urlencoded")
            } else {
                common.clone()
            };
            let request = format!("{line} HTTP/1.1\r\n{common}{body}");
            let answer = raw(own, request.as_bytes()).await;
            assert_eq!(answer.status, 400, "{line} {body:?}: {}", answer.body);
            assert!(answer.body.contains("did not arrive whole"), "{line}");
        }
    }
}

#[tokio::test] // R87
async fn json_beyond_the_cap_is_cut_off_and_a_packed_answer_refused() {
    let app = TestApp::with_deadline(&[], PATIENT).await;
    let browser = app.signed_in(EMPLOYEE).await;
    let fault = |fault| {
        app.control()
            .fault(Fault::answer(Endpoint::Graph, fault).once());
    };
    fault(Bad::Giant { bytes: 15 << 20 });
    let body = me(&app, &browser)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(body.len(), 15 << 20);
    fault(Bad::Giant { bytes: 17 << 20 });
    let answer = me(&app, &browser).send().await.unwrap();
    assert_eq!(answer.status(), 200, "it had begun");
    assert!(answer.bytes().await.is_err(), "and is visibly cut off");
    fault(Bad::Bomb { bytes: 17 << 20 });
    let answer = me(&app, &browser).send().await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("\"graph\""));
    let calls = app.calls(Endpoint::Graph);
    assert!(
        calls
            .iter()
            .all(|call| call.header("accept-encoding") == Some("identity"))
    );
}

#[tokio::test] // R87
async fn json_that_says_it_is_too_large_is_refused() {
    let origin = upstream(|_| async {
        let mut answer = typed("application/json", Body::from_stream(zeros(17 << 20)));
        let length = (17 << 20).into();
        answer.headers_mut().insert("content-length", length);
        answer
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    assert_eq!(me(&app, &browser).send().await.unwrap().status(), 502);
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

#[tokio::test] // R87
async fn a_large_file_streams_through_a_little_memory() {
    let size: u64 = 512 << 20;
    let origin = upstream(move |_| async move {
        typed("application/octet-stream", Body::from_stream(zeros(size)))
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    let mut answer = me(&app, &browser).send().await.unwrap();
    let before = resident();
    let (mut came, mut most) = (0, before);
    while let Some(piece) = answer.chunk().await.unwrap() {
        came += piece.len() as u64;
        most = most.max(resident());
    }
    assert_eq!(came, size);
    // Other tests run beside this one; held as a whole it would be eight times as much.
    assert!(
        most.saturating_sub(before) < 64 << 20,
        "{} MB",
        (most - before) >> 20
    );
}

#[tokio::test] // R88
async fn an_answer_that_does_not_begin_is_504_and_one_that_stands_still_is_cut_off() {
    let app = TestApp::with_deadline(&[], IMPATIENT).await;
    let browser = app.signed_in(EMPLOYEE).await;
    app.control()
        .fault(Fault::answer(Endpoint::Graph, Bad::Hold).once());
    let answer = me(&app, &browser).send().await.unwrap();
    assert_eq!(answer.status(), 504);
    assert!(answer.text().await.unwrap().contains("\"timeout\""));

    let origin = upstream(|_| async {
        let begun = stream::iter([Ok::<_, Infallible>("{\"a\":")]);
        typed(
            "application/json",
            Body::from_stream(begun.chain(stream::pending())),
        )
    })
    .await;
    let (app, browser, _folder) = app_with(&origin, Duration::from_secs(3)).await;
    let answer = me(&app, &browser).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = timeout(PATIENT, answer.bytes()).await;
    assert!(body.expect("an end").is_err(), "visibly cut off");
}

/// A body that never ends and tells when it is dropped.
struct Endless(Option<oneshot::Sender<()>>);

impl Stream for Endless {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Bytes::from_static(&[b'0'; 4096]))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        if let Some(gone) = self.0.take() {
            _ = gone.send(());
        }
    }
}

#[tokio::test] // R88
async fn a_page_that_goes_away_ends_the_call() {
    let (gone, told) = oneshot::channel();
    let gone = Arc::new(Mutex::new(Some(gone)));
    let origin = upstream(move |_| {
        let gone = gone.lock().unwrap().take();
        async { typed("application/octet-stream", Body::from_stream(Endless(gone))) }
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    let mut answer = me(&app, &browser).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    timeout(PATIENT, told)
        .await
        .expect("the call ended")
        .unwrap();
}

#[tokio::test] // R88
async fn a_page_that_goes_away_before_the_answer_ends_the_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (app, browser, _folder) = app(&origin).await;
    let own = app.origin.strip_prefix("http://").unwrap();
    let mut page = TcpStream::connect(own).await.unwrap();
    let request = format!(
        "GET /graph/v1.0/me HTTP/1.1\r\nHost: {own}\r\nCookie: session={}\r\nX-CSRF: 1\r\nSec-Fetch-Site: same-origin\r\n\r\n",
        browser.cookies["session"]
    );
    page.write_all(request.as_bytes()).await.unwrap();
    let (mut graph, _) = listener.accept().await.unwrap();
    let mut asked = [0; 16];
    graph.read_exact(&mut asked).await.unwrap();
    drop(page);
    let mut rest = Vec::new();
    let end = timeout(PATIENT / 2, graph.read_to_end(&mut rest)).await;
    assert!(
        end.is_ok(),
        "the connection to Graph ends, and before any deadline"
    );
}

#[tokio::test] // R90
async fn a_session_has_so_many_calls_at_once() {
    let origin = upstream(|_| async {
        let begun = stream::iter([Ok::<_, Infallible>("{")]);
        typed(
            "application/json",
            Body::from_stream(begun.chain(stream::pending())),
        )
    })
    .await;
    let (app, browser, _folder) = app(&origin).await;
    let mut open = Vec::new();
    let refused = loop {
        let answer = me(&app, &browser).send().await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        open.push(answer);
        assert!(open.len() < 100);
    };
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(
        open.len() >= 16,
        "browsers have six connections, some pages several tabs"
    );
    drop(open);
    let freed = async {
        while me(&app, &browser).send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENT, freed)
        .await
        .expect("places are free again");
}
