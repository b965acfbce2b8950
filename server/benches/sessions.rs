//! What a session costs among a thousand, a hundred thousand and a million of them, in an SQLite file and in Redis:
//! `make bench`, or `cargo bench -p server --bench sessions -- 1000 100000` for other counts.
//!
//! A load generator: it fills a store, looks sessions up one after the other at random, and prints the median and the
//! 95th of a hundred, with what the store and this process take. Tokens have the size of a real platform's.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    collections::HashMap,
    hint::black_box,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use server::{
    clock::Clock,
    config::StoreLocation,
    session::{
        RECORD, Sessions, SignedIn, record_value,
        seal::{Key, Sealer},
        store::{Store, Timeouts},
    },
};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};
use uuid::Uuid;

const LOOK_UPS: usize = 20_000;
/// The server purges once a minute.
const BETWEEN_PURGES: u128 = 20_000;
/// Written at once while a store is filled.
const WRITERS: u128 = 64;

#[tokio::main]
async fn main() {
    let mut counts: Vec<u128> = std::env::args()
        .filter_map(|text| text.parse().ok())
        .collect();
    if counts.is_empty() {
        counts = vec![1_000, 100_000, 1_000_000];
    }
    let directory = Directory::new();
    println!(
        "| store | sessions | look-up, median | 95th of 100 | bytes a session in the store | this process |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let file = directory.0.join("sessions.db");
    measure(
        "SQLite file",
        &StoreLocation::File(file.clone()),
        &counts,
        || size_of(&file),
    )
    .await;
    let redis = Redis::start(&directory.0);
    let location = StoreLocation::Redis(redis.url().into());
    measure("Redis", &location, &counts, || redis.memory()).await;
}

async fn measure(name: &str, location: &StoreLocation, counts: &[u128], taken: impl Fn() -> u64) {
    let sealer = Sealer::new(Key::random().unwrap(), vec![]);
    let timeouts = Timeouts {
        idle: Duration::from_hours(12),
        max: Duration::from_hours(12),
    };
    let store = Store::open(location, sealer, Clock::system(), timeouts)
        .await
        .unwrap();
    let sessions = Sessions {
        store: store.clone(),
    };
    let empty = taken();
    let mut filled = 0;
    for &count in counts {
        while filled < count {
            let to = count.min(filled + BETWEEN_PURGES);
            fill(&store, filled, to).await;
            store.purge().await.unwrap();
            filled = to;
        }
        // The first ones fill the caches, as in a server that has been up for a while.
        look_up(&sessions, count, LOOK_UPS / 10).await;
        let mut times = look_up(&sessions, count, LOOK_UPS).await;
        times.sort_unstable();
        let of = |hundredth: usize| times[times.len() * hundredth / 100].as_secs_f64() * 1e6;
        let each = u128::from(taken() - empty) / count;
        let resident = resident() / 1_000_000;
        println!(
            "| {name} | {count} | {:.0} µs | {:.0} µs | {each} | {resident} MB |",
            of(50),
            of(95)
        );
    }
    store.close().await;
}

async fn look_up(sessions: &Sessions, count: u128, times: usize) -> Vec<Duration> {
    let mut at: u128 = 1;
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        // Knuth's linear congruential numbers: any order will do that is not the stored one.
        at = at
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407)
            % (1 << 64);
        let id = id((at >> 16) % count);
        let started = Instant::now();
        let session = sessions.find(&id).await.unwrap();
        taken.push(started.elapsed());
        black_box(session.expect("every one is there"));
    }
    taken
}

/// An id like a random one, and the same for the same number.
fn id(number: u128) -> Id {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &number.to_le_bytes());
    Id(i128::from_le_bytes(
        digest.as_ref()[..16].try_into().unwrap(),
    ))
}

async fn fill(store: &Store, from: u128, to: u128) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let mut number = from + writer;
            while number < to {
                let data = record_value(&signed_in(number)).unwrap();
                let mut record = Record {
                    id: id(number),
                    data: HashMap::from([(RECORD.to_owned(), data)]),
                    expiry_date: OffsetDateTime::UNIX_EPOCH,
                };
                store.create(&mut record).await.unwrap();
                number += WRITERS;
            }
        });
    }
    writers.join_all().await;
}

/// A work account's session: an access token of 2.5 KB, a refresh token of 1.8 KB.
fn signed_in(number: u128) -> SignedIn {
    let tenant = Uuid::from_u128(7);
    let signed_in = json!({
        "user": {
            "tid": tenant,
            "oid": Uuid::from_u128(number),
            "sub": "subject-of-forty-three-characters-000000000",
            "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            "name": "Maya Lindqvist",
            "username": "maya.lindqvist@fabrikam.example",
            "sid": Uuid::from_u128(!number),
            "login_hint": format!("O.{}", "h".repeat(150)),
        },
        "access": {
            "token": "a".repeat(2560),
            "expires_at": 0,
            "scopes": ["User.Read", "User.ReadBasic.All"],
        },
        "refresh_token": "r".repeat(1843),
        "browser": "Chrome on Linux",
    });
    serde_json::from_value(signed_in).unwrap()
}

/// What lies in the file and beside it.
fn size_of(file: &Path) -> u64 {
    ["", "-wal", "-shm"]
        .iter()
        .filter_map(|end| std::fs::metadata(format!("{}{end}", file.display())).ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// What this process has in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// A folder that goes with the run.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("cloakroom-bench-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A Redis of its own, that keeps nothing on disk.
struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    fn start(directory: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut process = Command::new("/usr/bin/redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ])
            .arg(directory)
            .args(["--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server; install it with: apt install redis-server");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("Ready to accept connections"));
        assert!(ready, "redis-server did not start");
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `used_memory` of INFO: what its data and its own tables take.
    fn memory(&self) -> u64 {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        let info: String = redis::cmd("INFO")
            .arg("memory")
            .query(&mut connection)
            .unwrap();
        let line = info.lines().find(|line| line.starts_with("used_memory:"));
        line.and_then(|line| line["used_memory:".len()..].trim().parse().ok())
            .unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
