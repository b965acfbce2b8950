//! What a proxy in front says of the client, through the real accept loop.

use std::{future::pending, net::SocketAddr};

use reqwest::Url;
use server::{router, serve::serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{harness::TestApp, leaks::Log};

/// Serves this app once more, as the binary does it.
async fn served(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router(app.cloakroom.clone()), pending()));
    address
}

/// The answer to a request with this header, byte for byte.
async fn ask(address: SocketAddr, path: &str, header: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let start = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for part in [start.as_bytes(), header, b"\r\n\r\n"] {
        stream.write_all(part).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test] // R113, R10, R112
async fn a_forwarded_address_counts_from_a_trusted_proxy_only_and_a_forwarded_host_never() {
    for (trusted, client) in [
        ("", "127.0.0.1"),
        ("10.0.0.0/8, 2001:db8::/32", "127.0.0.1"),
        ("127.0.0.0/8", "198.51.100.7"),
        ("127.0.0.1, 198.51.100.0/24", "192.0.2.66"),
    ] {
        let app = TestApp::with(&[("TRUSTED_PROXIES", trusted)]).await;
        let address = served(&app).await;
        let (log, _watching) = Log::watch();
        let headers = b"X-Forwarded-For: 192.0.2.66, 198.51.100.7\r\nX-Forwarded-Host: evil.example\r\n\
                        X-Forwarded-Proto: https\r\nForwarded: for=192.0.2.99;host=evil.example;proto=https";
        let answer = ask(address, "/auth/login", headers).await;
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "))
            .unwrap_or_else(|| panic!("{answer}"));
        let location = Url::parse(location).unwrap();
        let back = location
            .query_pairs()
            .find(|(name, _)| name == "redirect_uri");
        assert_eq!(back.unwrap().1, format!("{}/auth/callback", app.origin));
        assert!(!answer.contains("Secure"), "it is still http: {answer}");

        let log = log.text();
        let line = log.lines().find(|line| line.contains("answered")).unwrap();
        assert!(
            line.contains(&format!("client={client} ")),
            "{trusted:?}: {line}"
        );
        for other in ["192.0.2.66", "198.51.100.7", "192.0.2.99", "evil"] {
            assert!(
                other == client || !log.contains(other),
                "{trusted:?}: {line}"
            );
        }
    }
}

#[tokio::test] // R113
async fn a_forwarded_address_of_any_bytes_is_answered_as_if_it_were_not_there() {
    let app = TestApp::with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let address = served(&app).await;
    let long = [b"X-Forwarded-For: ", "127.0.0.1, ".repeat(1000).as_bytes()].concat();
    for header in [
        &b"X-Forwarded-For:"[..],
        b"X-Forwarded-For: ,,,",
        b"X-Forwarded-For: \xff\xfe\x80",
        b"X-Forwarded-For: [::1, ]:, :",
        b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 256.0.0.1",
        &long,
    ] {
        let (log, _watching) = Log::watch();
        let answer = ask(address, "/healthz", header).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{header:?}: {answer}");
        assert!(log.text().contains("client=127.0.0.1 "), "{header:?}");
    }
}
