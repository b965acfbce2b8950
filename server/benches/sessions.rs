//! What a session costs among a thousand, a hundred thousand and a million of them, in an SQLite file and in Redis:
//! `make bench`, or `cargo bench -p server --bench sessions -- 1000 100000` for other counts.
//!
//! A load generator. It fills a store of each size, then looks sessions up one after the other, at random, in all sizes by
//! turns, so that whatever else the machine does falls on all of them alike. It prints the median and the 95th of a
//! hundred while the system has the file in memory, the median when it has not, and what the store and this process take.
//! Tokens have the size of a real platform's.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    collections::HashMap,
    hint::black_box,
    io::{BufRead, BufReader},
    path::PathBuf,
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
/// The first ones fill the caches, as in a server that has been up for a while.
const WARM_UP: usize = 2_000;
/// Few, for each leaves something in memory.
const COLD: usize = 500;
/// The server purges once a minute.
const BETWEEN_PURGES: u128 = 20_000;

#[tokio::main]
async fn main() {
    let mut counts: Vec<u128> = std::env::args()
        .filter_map(|text| text.parse().ok())
        .collect();
    if counts.is_empty() {
        counts = vec![1_000, 100_000, 1_000_000];
    }
    println!(
        "| store | sessions | look-up, median | 95th of 100 | of the first | median from disk | bytes a session in the store | this process |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    measure::<File>(&counts).await;
    measure::<Redis>(&counts).await;
}

/// Where sessions lie; gone with the run.
trait Place {
    const NAME: &str;
    /// How many write at once while it is filled.
    const WRITERS: u128;
    /// Brings its file into the system's memory, as on a machine that has enough of it.
    fn warm(&self) {}
    /// Takes its file out of the system's memory; false if it has none.
    fn cool(&self) -> bool {
        false
    }
    fn new() -> Self;
    fn location(&self) -> StoreLocation;
    /// What it takes, in bytes.
    fn size(&self) -> u64;
}

/// One size of a store under measurement.
struct Measured<P> {
    sessions: Sessions,
    place: P,
    count: u128,
    random: Random,
    each: u128,
    resident: u64,
    times: Vec<Duration>,
}

async fn measure<P: Place>(counts: &[u128]) {
    let mut stores = Vec::new();
    for &count in counts {
        stores.push(Measured::<P>::filled(count).await);
    }
    for store in &stores {
        store.place.warm();
    }
    for n in 0..WARM_UP + LOOK_UPS {
        for store in &mut stores {
            let time = store.look_up().await;
            if n >= WARM_UP {
                store.times.push(time);
            }
        }
    }
    let mut first = None;
    for store in &mut stores {
        let median = hundredth(&mut store.times, 50);
        let late = hundredth(&mut store.times, 95);
        let cold = if store.place.cool() {
            let mut times = store.look_ups(COLD).await;
            format!("{:.0} µs", hundredth(&mut times, 50))
        } else {
            "–".to_owned()
        };
        println!(
            "| {} | {} | {median:.0} µs | {late:.0} µs | {:.2} | {cold} | {} | {} MB |",
            P::NAME,
            store.count,
            median / *first.get_or_insert(median),
            store.each,
            store.resident / 1_000_000,
        );
    }
    for store in stores {
        store.sessions.store.close().await;
    }
}

impl<P: Place> Measured<P> {
    async fn filled(count: u128) -> Self {
        let place = P::new();
        let sealer = Sealer::new(Key::random().unwrap(), vec![]);
        let timeouts = Timeouts {
            idle: Duration::from_hours(12),
            max: Duration::from_hours(12),
        };
        let store = Store::open(&place.location(), sealer, Clock::system(), timeouts)
            .await
            .unwrap();
        let empty = place.size();
        let started = Instant::now();
        for from in (0..count).step_by(BETWEEN_PURGES as usize) {
            fill(&store, from, count.min(from + BETWEEN_PURGES), P::WRITERS).await;
            store.purge().await.unwrap();
        }
        eprintln!("{}: {count} sessions in {:.0?}", P::NAME, started.elapsed());
        let mut filled = Self {
            each: u128::from(place.size() - empty) / count,
            sessions: Sessions { store },
            place,
            count,
            random: Random(1),
            resident: 0,
            times: Vec::new(),
        };
        filled.look_ups(WARM_UP).await;
        filled.resident = resident();
        filled
    }

    async fn look_up(&mut self) -> Duration {
        let id = id(self.random.below(self.count));
        let started = Instant::now();
        let session = self.sessions.find(&id).await.unwrap();
        let time = started.elapsed();
        black_box(session.expect("every one is there"));
        time
    }

    async fn look_ups(&mut self, count: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            times.push(self.look_up().await);
        }
        times
    }
}

/// In microseconds.
fn hundredth(times: &mut [Duration], of_hundred: usize) -> f64 {
    times.sort_unstable();
    times[times.len() * of_hundred / 100].as_secs_f64() * 1e6
}

/// Knuth's linear congruential numbers: any order will do that is not the stored one.
struct Random(u64);

impl Random {
    fn below(&mut self, count: u128) -> u128 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u128::from(self.0 >> 16) % count
    }
}

/// An id like a random one, and the same for the same number.
fn id(number: u128) -> Id {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &number.to_le_bytes());
    Id(i128::from_le_bytes(
        digest.as_ref()[..16].try_into().unwrap(),
    ))
}

async fn fill(store: &Store, from: u128, to: u128, writers_at_once: u128) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..writers_at_once {
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
                number += writers_at_once;
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

/// An SQLite file in a folder of its own.
struct File(PathBuf);

impl Place for File {
    const NAME: &str = "SQLite file";
    const WRITERS: u128 = 4;

    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("cloakroom-bench-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn location(&self) -> StoreLocation {
        StoreLocation::File(self.file())
    }

    fn warm(&self) {
        let mut file = std::fs::File::open(self.file()).unwrap();
        std::io::copy(&mut file, &mut std::io::sink()).unwrap();
    }

    fn cool(&self) -> bool {
        // What is written stays, what is only kept goes.
        let of = format!("of={}", self.file().display());
        Command::new("dd")
            .args([
                &of,
                "oflag=nocache",
                "conv=notrunc,fdatasync",
                "count=0",
                "status=none",
            ])
            .status()
            .is_ok_and(|status| status.success())
    }

    fn size(&self) -> u64 {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum()
    }
}

impl File {
    fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A Redis of its own, that keeps nothing on disk.
struct Redis {
    process: Child,
    port: u16,
}

impl Place for Redis {
    const NAME: &str = "Redis";
    const WRITERS: u128 = 64;

    fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut process = Command::new("/usr/bin/redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
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

    fn location(&self) -> StoreLocation {
        StoreLocation::Redis(self.url().into())
    }

    /// `used_memory` of INFO: what its data and its own tables take.
    fn size(&self) -> u64 {
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

impl Redis {
    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
