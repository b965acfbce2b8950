//! What the server costs between a page and Graph: `make bench`, or `cargo bench -p server --bench proxy -- memory` for one
//! part.
//!
//! - `proxy`: `GET /graph/v1.0/me` through the proxy, beside the same call to the emulator directly and through nginx with
//!   a fixed bearer, in turns, at 16 connections. Beside them the least that axum and reqwest take for it. None of them
//!   writes a log.
//! - `people`: the page `/people` as the server renders it, beside the call to Graph that it makes.
//! - `memory`: what the server takes while much passes through it.
//!
//! Emulator, server and nginx are processes of their own; all share this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod memory;
mod process;
mod way;

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use emulator::{Call, Endpoint};
use tokio::runtime::{Builder, Runtime};

use process::{Folder, Process};
use way::Way;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PERSON: &str = "maya.lindqvist@fabrikam.example";
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    if let Some(role @ ("emulator" | "cloakroom" | "bare")) = words.first().map(String::as_str) {
        return process::play(role);
    }
    let parts = ["proxy", "people", "memory"];
    let wanted = |part: &str| {
        !words.iter().any(|word| parts.contains(&word.as_str()))
            || words.iter().any(|word| word == part)
    };
    let load = Builder::new_current_thread().enable_all().build().unwrap();
    if wanted("proxy") {
        proxy(&load);
    }
    if wanted("people") {
        people(&load);
    }
    if wanted("memory") {
        load.block_on(memory::measure());
    }
}

fn proxy(load: &Runtime) {
    let folder = Folder::new();
    let emulator = Process::emulator();
    let there = emulator.address;
    let cloakroom = Process::cloakroom(there, there, &folder.0);
    let session = load.block_on(sign_in(cloakroom.address));
    let page = format!("Cookie: {session}\r\nX-CSRF: 1\r\nSec-Fetch-Site: same-origin\r\n");
    let through = |connections| {
        let (here, path) = (cloakroom.address, "/graph/v1.0/me");
        Way::new(
            "Cloakroom",
            here,
            path,
            &page,
            connections,
            Some(&cloakroom),
        )
    };
    let call = load.block_on(graph_call_of(there, through(1)));
    let bearer = call.header("authorization").unwrap();
    let with_bearer = format!("Authorization: {bearer}\r\n");
    let bare = Process::bare(there, bearer);
    let nginx = Process::nginx(there, bearer, &folder.0);
    if nginx.is_none() {
        println!("There is no nginx to compare with; scripts/install bench installs it.");
    }
    for (connections, rounds) in [(1, 3), (CONNECTIONS, ROUNDS)] {
        let direct = Way::new(
            "emulator, directly",
            there,
            "/v1.0/me",
            &with_bearer,
            connections,
            None,
        );
        let least = Way::new(
            "axum and reqwest",
            bare.address,
            "/",
            "",
            connections,
            Some(&bare),
        );
        let mut ways = vec![through(connections), direct, least];
        ways.extend(nginx.as_ref().map(|nginx| {
            let (here, path) = (nginx.address, "/graph/v1.0/me");
            Way::new("nginx", here, path, "", connections, Some(nginx))
        }));
        load.block_on(by_turns(&mut ways, rounds));
        say("GET /graph/v1.0/me", connections, rounds, &mut ways);
    }
}

fn people(load: &Runtime) {
    let folder = Folder::new();
    let emulator = Process::emulator();
    let there = emulator.address;
    let cloakroom = Process::cloakroom(there, there, &folder.0);
    let session = load.block_on(sign_in(cloakroom.address));
    let page = format!(
        "Cookie: {session}\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nAccept: text/html\r\n"
    );
    let here = cloakroom.address;
    let through = || Way::new("the page", here, "/people", &page, 1, Some(&cloakroom));
    let call = load.block_on(graph_call_of(there, through()));
    let mut headers = String::new();
    for (name, value) in call.headers.iter().filter(|(name, _)| name != "host") {
        write!(headers, "{name}: {value}\r\n").unwrap();
    }
    let path = format!("{}?{}", call.path, call.query);
    let direct = Way::new("its call to Graph", there, &path, &headers, 1, None);
    let mut ways = [through(), direct];
    load.block_on(by_turns(&mut ways, 3));
    say("GET /people", 1, 3, &mut ways);
}

/// The call to Graph that comes of a request.
async fn graph_call_of(emulator: SocketAddr, mut way: Way<'_>) -> Call {
    let calls = format!("http://{emulator}/_control/calls");
    way.round(Duration::from_millis(10)).await;
    let answer = reqwest::get(calls).await.unwrap();
    let calls: Vec<Call> = answer.json().await.unwrap();
    let mut graph = calls.into_iter().rev();
    graph.find(|call| call.endpoint == Endpoint::Graph).unwrap()
}

async fn by_turns(ways: &mut [Way<'_>], rounds: usize) {
    for way in &mut *ways {
        way.round(Duration::from_secs(1)).await;
        way.forget();
    }
    for _ in 0..rounds {
        for way in &mut *ways {
            way.round(ROUND).await;
        }
    }
}

fn say(what: &str, connections: usize, rounds: usize, ways: &mut [Way<'_>]) {
    let plural = if connections == 1 { "" } else { "s" };
    println!(
        "\n{what}, {connections} connection{plural}, {rounds} rounds of {} s in turns",
        ROUND.as_secs()
    );
    println!(
        "{:20} {:>9} {:>9} {:>9} {:>17}",
        "", "calls/s", "p50 ms", "p99 ms", "processor µs/call"
    );
    let mut figures = Vec::new();
    for way in ways {
        let (throughput, p50, p99) = (way.throughput(), way.percentile(50), way.percentile(99));
        let processor = way
            .processor()
            .map_or_else(String::new, |it| format!("{it:17.0}"));
        println!(
            "{:20} {throughput:9.0} {p50:9.3} {p99:9.3} {processor}",
            way.name
        );
        figures.push((way.name, throughput, p50, p99));
    }
    let (first, throughput, p50, p99) = figures[0];
    for (name, other, other_p50, other_p99) in &figures[1..] {
        println!(
            "{first} : {name}: throughput {:.2}, p50 {:.2} ({:+.3} ms), p99 {:.2}",
            throughput / other,
            p50 / other_p50,
            p50 - other_p50,
            p99 / other_p99
        );
    }
}

/// Signs in, and says the session's cookie.
async fn sign_in(address: SocketAddr) -> String {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let header = |answer: &reqwest::Response, name: &str| {
        answer.headers()[name].to_str().unwrap().to_owned()
    };
    let pair = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
    let start = format!("http://{address}/auth/login?login_hint={PERSON}");
    let start = http.get(start).send().await.unwrap();
    let attempt = pair(&header(&start, "set-cookie"));
    let platform = http.get(header(&start, "location")).send().await.unwrap();
    let back = header(&platform, "location");
    let back = http
        .get(back)
        .header("cookie", attempt)
        .send()
        .await
        .unwrap();
    let cookies = back.headers().get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| pair(cookie.to_str().unwrap()));
    cookies
        .find(|cookie| cookie.starts_with("session="))
        .unwrap()
}
