//! `GET /graph/v1.0/me` through the proxy, beside the same call to the emulator directly and through nginx with a fixed
//! bearer: same machine, same run, in turns, at 16 connections. Part of `make bench`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use emulator::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator, Endpoint};
use server::{
    Cloakroom,
    clock::Clock,
    config::Settings,
    graph::proxy::limits::{Limits, Pace},
    router, serve,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::JoinSet,
};

const PERSON: &str = "maya.lindqvist@fabrikam.example";
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// Limits that a benchmark does not meet; they are asked all the same.
const PACE: Pace = Pace {
    burst: 1_000_000,
    rate: 1_000_000,
    at_once: 1000,
};

/// One way to Graph: where, and what is sent.
struct Way {
    name: &'static str,
    address: SocketAddr,
    request: String,
    latencies: Vec<Duration>,
    calls_a_second: Vec<f64>,
}

impl Way {
    fn new(name: &'static str, address: SocketAddr, path: &str, headers: &str) -> Self {
        Self {
            name,
            address,
            request: format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"),
            latencies: Vec::new(),
            calls_a_second: Vec::new(),
        }
    }

    async fn round(&mut self, lasts: Duration) {
        let mut connections = JoinSet::new();
        let started = Instant::now();
        for _ in 0..CONNECTIONS {
            let (address, request) = (self.address, self.request.clone());
            connections
                .spawn(async move { calls(address, &request, started + lasts).await.unwrap() });
        }
        let latencies: Vec<_> = connections.join_all().await.into_iter().flatten().collect();
        #[expect(clippy::cast_precision_loss)]
        self.calls_a_second
            .push(latencies.len() as f64 / started.elapsed().as_secs_f64());
        self.latencies.extend(latencies);
    }

    /// The median of the rounds.
    fn throughput(&mut self) -> f64 {
        self.calls_a_second.sort_by(f64::total_cmp);
        self.calls_a_second[self.calls_a_second.len() / 2]
    }

    fn percentile(&mut self, of_100: usize) -> f64 {
        self.latencies.sort_unstable();
        self.latencies[self.latencies.len() * of_100 / 100].as_secs_f64() * 1000.0
    }
}

/// One call after the other over one connection, and how long each took.
async fn calls(address: SocketAddr, request: &str, until: Instant) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut answer = Vec::with_capacity(16 * 1024);
    while Instant::now() < until {
        let started = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        answer.clear();
        while !is_whole(&answer) {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        latencies.push(started.elapsed());
        let good = answer.starts_with(b"HTTP/1.1 200 ");
        assert!(good, "{}", String::from_utf8_lossy(&answer));
    }
    Ok(latencies)
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => answer.len() >= end + 4 + length.parse::<usize>().unwrap(),
        None => answer.ends_with(b"\r\n0\r\n\r\n"),
    }
}

/// Each server by itself has as many threads as the machine.
fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().unwrap()
}

async fn cloakroom(emulator: &Emulator) -> (Arc<Cloakroom>, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let settings: HashMap<&str, String> = HashMap::from([
        ("CLIENT_ID", DEMO_CLIENT_ID.to_owned()),
        ("CLIENT_SECRET", DEMO_CLIENT_SECRET.to_owned()),
        ("AUTHORITY", emulator.authority("common")),
        ("GRAPH_ENDPOINT", emulator.origin()),
        ("PUBLIC_URL", origin),
        (
            "SESSION_STORE",
            format!("sqlite:{}", folder().join("sessions.db").display()),
        ),
    ]);
    let config = Settings(|name: &str| settings.get(name).cloned())
        .read(false)
        .unwrap();
    let cloakroom = Cloakroom::open(config, Clock::system()).await.unwrap();
    let mut cloakroom = Arc::into_inner(cloakroom).unwrap();
    cloakroom.proxy.limits = Limits::new(PACE, Clock::system());
    (Arc::new(cloakroom), listener)
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

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cloakroom-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// nginx in front of the emulator, until it is dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM ends its workers too; a kill would leave them.
        let id = self.0.id().to_string();
        _ = Command::new("kill").arg(id).status();
        _ = self.0.wait();
    }
}

fn nginx(emulator: SocketAddr, bearer: &str) -> Option<(Nginx, SocketAddr)> {
    let unpacked = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/tools/nginx/usr/sbin/nginx"
    );
    let mut programs = ["/usr/sbin/nginx", unpacked].into_iter();
    let program = programs.find(|program| std::path::Path::new(program).exists())?;
    let folder = folder();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = format!(
        "daemon off; worker_processes auto; pid {0}/nginx.pid; error_log {0}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;\n\
         uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi; keepalive_requests 100000000;\n\
         upstream graph {{ server {emulator}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{ listen {address}; location /graph/ {{ proxy_pass http://graph/; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Authorization \"{bearer}\"; proxy_set_header Cookie \"\"; }} }}\n\
         }}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let child = Command::new(program)
        .arg("-p")
        .arg(&folder)
        .arg("-c")
        .arg(&file)
        .arg("-e")
        .arg(folder.join("error.log"))
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let nginx = Nginx(child);
    for _ in 0..100 {
        if std::net::TcpStream::connect(address).is_ok() {
            return Some((nginx, address));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nginx does not listen; see {}", folder.display());
}

fn main() {
    let (platform, bff, load) = (
        runtime(),
        runtime(),
        Builder::new_current_thread().enable_all().build().unwrap(),
    );
    let emulator = platform.block_on(async {
        Emulator::start(emulator::Settings::default())
            .await
            .unwrap()
    });
    let (cloakroom, listener) = bff.block_on(cloakroom(&emulator));
    let own = listener.local_addr().unwrap();
    let app = router(cloakroom);
    bff.spawn(async move { serve::serve(listener, app, std::future::pending()).await });
    let there: SocketAddr = emulator
        .origin()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();

    let session = load.block_on(sign_in(own));
    let page = format!("Cookie: {session}\r\nX-CSRF: 1\r\nSec-Fetch-Site: same-origin\r\n");
    let mut ways = vec![Way::new("Cloakroom", own, "/graph/v1.0/me", &page)];
    load.block_on(ways[0].round(Duration::from_millis(100)));
    let call = emulator.control().calls_to(Endpoint::Graph).pop().unwrap();
    let bearer = call.header("authorization").unwrap().to_owned();
    let with_bearer = format!("Authorization: {bearer}\r\n");
    ways.push(Way::new(
        "emulator, directly",
        there,
        "/v1.0/me",
        &with_bearer,
    ));
    let nginx = nginx(there, &bearer);
    match &nginx {
        Some((_, address)) => ways.push(Way::new("nginx", *address, "/graph/v1.0/me", "")),
        None => println!("There is no nginx to compare with; scripts/install bench installs it."),
    }

    for way in &mut ways {
        load.block_on(way.round(Duration::from_secs(1)));
        way.latencies.clear();
        way.calls_a_second.clear();
    }
    for _ in 0..ROUNDS {
        for way in &mut ways {
            load.block_on(way.round(ROUND));
        }
    }

    println!(
        "\nGET /graph/v1.0/me, {CONNECTIONS} connections, {ROUNDS} rounds of {} s in turns",
        ROUND.as_secs()
    );
    println!("{:20} {:>9} {:>9} {:>9}", "", "calls/s", "p50 ms", "p99 ms");
    let figures: Vec<_> = ways
        .iter_mut()
        .map(|way| {
            (
                way.name,
                way.throughput(),
                way.percentile(50),
                way.percentile(99),
            )
        })
        .collect();
    for (name, throughput, p50, p99) in &figures {
        println!("{name:20} {throughput:9.0} {p50:9.3} {p99:9.3}");
    }
    let (_, throughput, p50, p99) = figures[0];
    for (name, other, other_p50, other_p99) in &figures[1..] {
        println!(
            "Cloakroom : {name}: throughput {:.2}, p50 {:.2} ({:+.3} ms), p99 {:.2}",
            throughput / other,
            p50 / other_p50,
            p50 - other_p50,
            p99 / other_p99
        );
    }
    drop(nginx);
    _ = std::fs::remove_dir_all(folder());
}
