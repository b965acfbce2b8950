//! A Redis of a test's own: Debian's `redis-server` on a loopback port, gone with the test.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use redis::{FromRedisValue, aio::MultiplexedConnection};

use crate::harness::TempDir;

const PROGRAM: &str = "/usr/bin/redis-server";

/// A running Redis. It is killed when dropped.
pub struct RedisServer {
    process: Option<Child>,
    port: u16,
    directory: TempDir,
    arguments: Vec<String>,
}

/// Where the port goes in the arguments.
const PORT: &str = "{port}";

impl RedisServer {
    /// Keeps nothing on disk.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "no"])
    }

    /// Keeps what it was told, also when it is killed.
    pub fn lasting() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let port = ["--port", PORT];
        let arguments = port.iter().chain(arguments).map(|text| (*text).to_owned());
        Self::new(TempDir::new(), arguments.collect())
    }

    /// Over TLS, with a certificate for localhost; and the path of that certificate.
    pub fn over_tls() -> (Self, PathBuf) {
        let directory = TempDir::new();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (directory.0.join("redis.pem"), directory.0.join("redis.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let file = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let arguments = [
            ["--port", "0"],
            ["--tls-port", PORT],
            ["--tls-cert-file", &file(&certificate)],
            ["--tls-key-file", &file(&key)],
            ["--tls-auth-clients", "no"],
        ];
        let arguments = arguments.iter().flatten().map(|text| (*text).to_owned());
        (Self::new(directory, arguments.collect()), certificate)
    }

    fn new(directory: TempDir, arguments: Vec<String>) -> Self {
        let mut server = Self {
            process: None,
            port: 0,
            directory,
            arguments,
        };
        // Somebody else may take a free port before Redis does.
        for _ in 0..10 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            server.port = free.local_addr().unwrap().port();
            drop(free);
            if server.run() {
                return server;
            }
        }
        panic!("redis-server did not start");
    }

    /// Starts it at its port, and waits until it serves.
    fn run(&mut self) -> bool {
        let port = self.port.to_string();
        let arguments = self.arguments.iter().map(|text| text.replace(PORT, &port));
        let mut process = Command::new(PROGRAM)
            .args(["--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&self.directory.0)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{PROGRAM}: {error}. Install it: apt install redis-server (or scripts/install test)")
            });
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("Ready to accept connections"));
        self.process = Some(process);
        // Its log would fill the pipe and stop it.
        std::thread::spawn(move || lines.for_each(drop));
        ready
    }

    /// As a power cut does it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            _ = process.kill();
            _ = process.wait();
        }
    }

    /// Comes back at the same port, with what it kept.
    pub fn come_back(&mut self) {
        self.kill();
        assert!(self.run(), "redis-server came back");
    }

    /// Holds its breath: it takes connections, and answers nothing.
    pub fn stall(&self) {
        self.signal("-STOP");
    }

    /// Answers again.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    pub async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Asks it something.
    pub async fn ask<T: FromRedisValue>(&self, command: &[&[u8]]) -> T {
        let mut asked = redis::Cmd::new();
        for part in command {
            asked.arg(*part);
        }
        asked
            .query_async(&mut self.connection().await)
            .await
            .unwrap()
    }

    pub async fn keys(&self) -> Vec<Vec<u8>> {
        self.ask(&[b"KEYS", b"*"]).await
    }

    /// Every key and every value, one after the other.
    pub async fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        for key in self.keys().await {
            let kind: String = self.ask(&[b"TYPE", &key]).await;
            let values: Vec<Vec<u8>> = match kind.as_str() {
                "hash" => self.ask(&[b"HGETALL", &key]).await,
                "zset" => {
                    self.ask(&[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"])
                        .await
                }
                "string" => vec![self.ask(&[b"GET", &key]).await],
                other => panic!("a {other}?"),
            };
            dump.extend(key);
            dump.extend(values.concat());
        }
        dump
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
