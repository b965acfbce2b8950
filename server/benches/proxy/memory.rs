//! What the server takes of memory while much passes through it. Graph is played here by a few lines.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, Response, header},
    middleware::map_request,
    response::IntoResponse,
    routing::get as get_route,
};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;

use crate::{
    process::{Folder, Process},
    sign_in,
};

/// 2 GB.
const LARGE: u64 = 2 << 30;
const PAGES: u64 = 10_000;
/// As many as a table takes in all.
const PEOPLE_A_PAGE: u64 = 5;

/// Each of these leaves the server under 100 MB.
pub async fn measure() {
    let folder = Folder::new();
    let emulator = Process::emulator();
    let graph = graph().await;
    let cloakroom = Process::cloakroom(emulator.address, graph, &folder.0);
    let session = sign_in(cloakroom.address).await;
    println!("\nMemory of the server, MB");
    println!("{:44} {:>9} {:>9}", "", "at most", "after");
    let say = |what: &str| {
        let (now, most) = cloakroom.memory();
        println!("{what:44} {most:9} {now:9}");
        cloakroom.forget_peak();
    };
    say("started, one person signed in");
    let (status, bytes) = get(&cloakroom, &session, "/graph/v1.0/me/photo/$value").await;
    assert_eq!((status, bytes), (200, LARGE), "a large file comes whole");
    say("2 GB of one file");
    for path in ["/graph/v1.0/me", "/api/home"] {
        let (status, _) = get(&cloakroom, &session, path).await;
        assert!(status >= 400, "{path}: what is packed is refused");
    }
    say("2 GB that Graph packed into 2 MB");
    let (status, bytes) = get(&cloakroom, &session, "/people.csv").await;
    assert!(status == 200 && bytes > PAGES * PEOPLE_A_PAGE * 30);
    say("10,000 pages of people, by their nextLinks");
}

async fn get(cloakroom: &Process, session: &str, path: &str) -> (u16, u64) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = format!("http://{}{path}", cloakroom.address);
    let request = if path.starts_with("/api/") {
        http.post(address)
            .header("content-type", "application/x-www-form-urlencoded")
    } else {
        http.get(address)
    };
    let request = request
        .header("cookie", session)
        .header("x-csrf", "1")
        .header("sec-fetch-site", "same-origin");
    let mut answer = request.send().await.unwrap();
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await.unwrap() {
        bytes += piece.len() as u64;
    }
    (answer.status().as_u16(), bytes)
}

async fn graph() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let packed = get_route(|| async { typed("application/json", Body::from_stream(zeros())) })
        .layer(CompressionLayer::new())
        // Whatever the server says: it never asks for it.
        .layer(map_request(|mut request: Request| async {
            let gzip = HeaderValue::from_static("gzip");
            request.headers_mut().insert(header::ACCEPT_ENCODING, gzip);
            request
        }));
    let app = Router::new()
        .route("/v1.0/me", packed)
        .route(
            "/v1.0/me/photo/$value",
            get_route(|| async { typed("image/jpeg", Body::from_stream(zeros())) }),
        )
        .fallback(move |request: Request| async move { page(address, &request) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn typed(kind: &'static str, body: Body) -> Response<Body> {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// In pieces of 64 KB, made while they are sent.
fn zeros() -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let piece = Bytes::from(vec![b'0'; 1 << 16]);
    stream::iter((0..LARGE >> 16).map(move |_| Ok(piece.clone())))
}

fn page(address: SocketAddr, request: &Request) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let number = query
        .split_once("$skiptoken=")
        .map_or(0, |(_, number)| number.parse::<u64>().unwrap());
    let people = (0..PEOPLE_A_PAGE).map(|person| {
        let id = number * PEOPLE_A_PAGE + person;
        json!({ "id": id.to_string(), "displayName": format!("Person {id}"), "mail": "someone@fabrikam.example" })
    });
    let mut page = json!({ "value": people.collect::<Vec<_>>() });
    if number + 1 < PAGES {
        page["@odata.nextLink"] =
            format!("http://{address}/v1.0/users?$skiptoken={}", number + 1).into();
    }
    typed("application/json", Body::from(page.to_string()))
}
