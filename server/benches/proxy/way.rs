//! One way to an answer, and how long it takes.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::process::Process;

/// Where, and what is sent.
pub struct Way<'a> {
    pub name: &'static str,
    address: SocketAddr,
    request: String,
    connections: usize,
    /// Whose time on the processor counts.
    server: Option<&'a Process>,
    latencies: Vec<Duration>,
    calls_a_second: Vec<f64>,
    processor: Duration,
}

impl<'a> Way<'a> {
    pub fn new(
        name: &'static str,
        address: SocketAddr,
        path: &str,
        headers: &str,
        connections: usize,
        server: Option<&'a Process>,
    ) -> Self {
        Self {
            name,
            address,
            request: format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"),
            connections,
            server,
            latencies: Vec::new(),
            calls_a_second: Vec::new(),
            processor: Duration::ZERO,
        }
    }

    /// One call after the other on each connection, for so long.
    pub async fn round(&mut self, lasts: Duration) {
        let mut connections = JoinSet::new();
        let before = self.server.map(Process::processor);
        let started = Instant::now();
        for _ in 0..self.connections {
            let (address, request) = (self.address, self.request.clone());
            connections
                .spawn(async move { calls(address, &request, started + lasts).await.unwrap() });
        }
        let latencies: Vec<_> = connections.join_all().await.into_iter().flatten().collect();
        #[expect(clippy::cast_precision_loss)]
        self.calls_a_second
            .push(latencies.len() as f64 / started.elapsed().as_secs_f64());
        self.latencies.extend(latencies);
        if let (Some(server), Some(before)) = (self.server, before) {
            self.processor += server.processor().saturating_sub(before);
        }
    }

    /// Forgets what was measured until now.
    pub fn forget(&mut self) {
        self.latencies.clear();
        self.calls_a_second.clear();
        self.processor = Duration::ZERO;
    }

    /// Calls a second, the median of the rounds.
    pub fn throughput(&mut self) -> f64 {
        self.calls_a_second.sort_by(f64::total_cmp);
        self.calls_a_second[self.calls_a_second.len() / 2]
    }

    /// Milliseconds.
    pub fn percentile(&mut self, of_100: usize) -> f64 {
        self.latencies.sort_unstable();
        self.latencies[self.latencies.len() * of_100 / 100].as_secs_f64() * 1000.0
    }

    /// Microseconds of the server's time on the processor a call.
    #[expect(clippy::cast_precision_loss)]
    pub fn processor(&self) -> Option<f64> {
        self.server?;
        Some(self.processor.as_secs_f64() * 1e6 / self.latencies.len() as f64)
    }
}

/// One call after the other over one connection, and how long each took.
async fn calls(address: SocketAddr, request: &str, until: Instant) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut answer = Vec::with_capacity(64 * 1024);
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
