//! The table of hostile requests: each sent as it stands over a raw socket, and neither Graph nor another host sees one
//! that was refused.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use emulator::Endpoint;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::harness::{EMPLOYEE, TestApp};

/// A host that must never be called: it counts who does.
pub struct Sentinel {
    pub address: SocketAddr,
    calls: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Sentinel {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            address,
            calls,
            task,
        }
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What came back over the socket until it was closed.
pub struct RawAnswer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends bytes and reads until the server closes.
pub async fn raw(address: &str, bytes: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses early may close before it has read everything.
    _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    let reading = timeout(Duration::from_secs(10), stream.read_to_end(&mut all)).await;
    let mut text = String::from_utf8_lossy(&all).into_owned();
    if reading.is_err() {
        text.insert_str(0, "left open: ");
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    RawAnswer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

struct Row {
    line: usize,
    status: u16,
    code: String,
    bytes: Vec<u8>,
}

fn rows(own: &str, evil: &str, cookie: &str) -> Vec<Row> {
    let table = include_str!("hostile.txt");
    table
        .lines()
        .zip(1..)
        .filter(|(text, _)| !text.is_empty() && !text.starts_with('#'))
        .map(|(text, line)| {
            let text = text.replace("{own}", own).replace("{evil}", evil);
            let mut columns = text.split(" | ");
            let (status, code) = columns.next().unwrap().split_once(' ').unwrap();
            let request = columns.next().unwrap();
            let mut headers = vec![
                format!("Host: {own}"),
                format!("Cookie: {cookie}"),
                "X-CSRF: 1".to_owned(),
                "Sec-Fetch-Site: same-origin".to_owned(),
            ];
            let mut body = None;
            for column in columns {
                if let Some(text) = column.strip_prefix("body=") {
                    body = Some(unescaped(text));
                } else if let Some(name) = column.strip_prefix('-') {
                    let name = format!("{name}:");
                    let at = headers.iter().position(|header| header.starts_with(&name));
                    headers.remove(at.unwrap());
                } else {
                    headers.push(column.to_owned());
                }
            }
            let framed = headers.iter().any(|header| {
                let lower = header.to_ascii_lowercase();
                lower.starts_with("content-length") || lower.starts_with("transfer-encoding")
            });
            let body = body.unwrap_or_default();
            if !framed && !body.is_empty() {
                headers.push(format!("Content-Length: {}", body.len()));
            }
            headers.push("Connection: close".to_owned());
            let version = if request.contains(" HTTP/") {
                ""
            } else {
                " HTTP/1.1"
            };
            let mut bytes = unescaped(request);
            bytes.extend(version.bytes());
            for header in headers {
                bytes.extend(b"\r\n");
                bytes.extend(unescaped(&header));
            }
            bytes.extend(b"\r\n\r\n");
            bytes.extend(body);
            Row {
                line,
                status: status.parse().unwrap(),
                code: code.to_owned(),
                bytes,
            }
        })
        .collect()
}

/// `\r`, `\xff`, `\\` and `{a*9}`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut text = text.to_owned();
    if let Some((before, rest)) = text.split_once("{a*") {
        let (count, after) = rest.split_once('}').unwrap();
        text = format!("{before}{}{after}", "a".repeat(count.parse().unwrap()));
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}

#[tokio::test] // R77, R78, R81, R82, R85, R89, R91
async fn no_hostile_request_gets_past_the_list() {
    let app = TestApp::start().await;
    let sentinel = Sentinel::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let cookie = format!("session={}", browser.cookies["session"]);
    let own = app.origin.strip_prefix("http://").unwrap();
    let rows = rows(own, &sentinel.address.to_string(), &cookie);
    assert!(rows.len() >= 150, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        app.control().forget_calls();
        // The table is longer than a session may ask in one go (R90).
        app.advance(Duration::from_secs(1));
        let answer = raw(own, &row.bytes).await;
        let asked: Vec<_> = app
            .calls(Endpoint::Graph)
            .iter()
            .map(|call| {
                let mark = if call.query.is_empty() { "" } else { "?" };
                format!("{}{mark}{}", call.path, call.query)
            })
            .collect();
        let code = serde_json::from_str::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|json| json["error"]["code"].as_str().map(str::to_owned));
        let right = if row.code.starts_with('/') {
            asked == [row.code.clone()]
        } else {
            asked.is_empty() && code.as_deref().unwrap_or("-") == row.code
        };
        if answer.status != row.status || !right {
            wrong.push(format!(
                "line {}: {} {} was expected, {} {code:?} came, Graph was asked {asked:?}\n{}",
                row.line, row.status, row.code, answer.status, answer.head
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(sentinel.calls(), 0, "another host was called");
}

#[tokio::test] // R89
async fn nothing_is_read_of_a_connection_after_an_ambiguous_or_a_chunked_request() {
    let app = TestApp::start().await;
    let browser = app.signed_in(EMPLOYEE).await;
    let own = app.origin.strip_prefix("http://").unwrap();
    let common = format!(
        "Host: {own}\r\nCookie: session={}\r\nX-CSRF: 1\r\nSec-Fetch-Site: same-origin\r\n",
        browser.cookies["session"]
    );
    let get = format!("GET /graph/v1.0/me HTTP/1.1\r\n{common}\r\n");
    let batch =
        format!("POST /graph/v1.0/$batch HTTP/1.1\r\n{common}Content-Type: application/json\r\n");
    let ambiguous =
        format!("{batch}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{get}");
    let answer = raw(own, ambiguous.as_bytes()).await;
    assert_eq!(answer.status, 400, "{}", answer.head);
    assert!(answer.body.contains("ambiguous"), "{}", answer.body);
    assert!(
        !answer.body.contains("HTTP/1.1"),
        "the second request has no answer"
    );
    // R65
    let head = answer.head.to_ascii_lowercase();
    for line in [
        "connection: close",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'",
        "cache-control: no-store",
        "x-correlation-id: ",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    let chunked = format!("{batch}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{get}");
    let answer = raw(own, chunked.as_bytes()).await;
    assert_eq!(answer.status, 403, "an empty batch");
    assert!(
        answer
            .head
            .to_ascii_lowercase()
            .contains("connection: close")
    );
    assert!(!answer.body.contains("HTTP/1.1"), "{}", answer.body);
    assert!(app.calls(Endpoint::Graph).is_empty());
}
