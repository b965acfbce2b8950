//! Real server processes: several over one Redis behind any balancer, and one that is stopped, killed and started
//! again over its file.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use emulator::{
    Answer as Bad, Control, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator, Endpoint, Fault,
    TokenChange,
};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    faults::KEY,
    harness::{Browser, EMPLOYEE, MANAGER, TempDir},
    redis_server::RedisServer,
};

/// One of several servers. It is killed when dropped.
struct Instance {
    process: Child,
    origin: String,
}

impl Instance {
    fn start(emulator: &Emulator, store: &str) -> Self {
        Self::with(emulator, store, &[])
    }

    fn with(emulator: &Emulator, store: &str, settings: &[(&str, &str)]) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut process = Command::new(env!("CARGO_BIN_EXE_cloakroom"))
            .env_clear()
            .current_dir(std::env::temp_dir())
            .env("CLIENT_ID", DEMO_CLIENT_ID)
            .env("CLIENT_SECRET", DEMO_CLIENT_SECRET)
            .env("AUTHORITY", emulator.authority("common"))
            .env("GRAPH_ENDPOINT", emulator.origin())
            // What browsers see is one origin, whichever server answers.
            .env("PUBLIC_URL", "http://localhost:3999")
            .env("SESSION_STORE", store)
            .env("SESSION_KEY", KEY)
            .env("LEPTOS_SITE_ADDR", address.to_string())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let listens = lines.by_ref().map_while(Result::ok).any(|line| {
            log.push(line);
            log.last().is_some_and(|line| line.contains("listening"))
        });
        assert!(listens, "{log:?}");
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            origin: format!("http://{address}"),
        }
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(user).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    /// As a power cut does it.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As whoever operates it does it.
    fn terminate(&self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Two servers over one Redis.
struct Pair {
    a: Instance,
    b: Instance,
    redis: RedisServer,
    emulator: Emulator,
}

impl Pair {
    async fn start() -> Self {
        let emulator = emulator().await;
        let redis = RedisServer::lasting();
        Self {
            a: Instance::start(&emulator, &redis.url()),
            b: Instance::start(&emulator, &redis.url()),
            redis,
            emulator,
        }
    }

    fn control(&self) -> Arc<Control> {
        self.emulator.control()
    }

    /// Signed in on A, with an access token that is as good as expired; as A and as B see it.
    async fn expired(&self) -> (Browser, Browser) {
        let short = TokenChange::Member {
            name: "expires_in".into(),
            value: json!(1),
        };
        let short = Fault::token(short).for_grant("authorization_code").once();
        self.control().fault(short);
        let on_a = self.a.signed_in(EMPLOYEE).await;
        let on_b = on_a.at(&self.b.origin);
        (on_a, on_b)
    }

    /// The platform takes its time over the next refresh.
    fn hold_a_refresh(&self) {
        let hold = Fault::answer(Endpoint::Token, Bad::Hold);
        let hold = hold.for_grant("refresh_token").once();
        self.control().fault(hold);
    }
}

async fn emulator() -> Emulator {
    Emulator::start(emulator::Settings::default())
        .await
        .unwrap()
}

fn calls(control: &Control, endpoint: Endpoint) -> usize {
    control.calls_to(endpoint).len()
}

/// Waits until something is so; fails if it never is.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "{what}");
}

async fn calls_reach(control: &Control, endpoint: Endpoint, count: usize) {
    until("a call comes in", async || {
        calls(control, endpoint) >= count
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")] // R48, R53, R71
async fn who_signs_in_on_one_server_is_signed_in_on_the_other_and_so_with_signing_out() {
    let pair = Pair::start().await;
    // The sign-in itself may begin on one and end on the other.
    let mut on_a = pair.a.browser();
    let callback = on_a.begin(EMPLOYEE, "").await;
    let mut on_b = on_a.at(&pair.b.origin);
    assert_eq!(on_b.callback(&callback).await.status, 303);
    let again = on_a.callback(&callback).await;
    assert_eq!(again.status, 400, "its state is used up on both");
    on_a.cookies = on_b.cookies.clone();
    assert_eq!(on_a.user().await["username"], EMPLOYEE);
    assert_eq!(on_b.call("people", "").await.status, 200);

    let mut replay = on_b.clone();
    assert_eq!(on_a.post("/auth/logout").await.status, 303);
    assert_eq!(replay.call("people", "").await.status, 401);
    assert_eq!(replay.user().await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")] // R29
async fn fifty_parallel_calls_over_two_servers_make_one_refresh() {
    let pair = Pair::start().await;
    let (on_a, on_b) = pair.expired().await;
    let control = pair.control();
    pair.hold_a_refresh();
    // How often Redis was asked for a lock, among other things.
    let asked = async || {
        let stats: String = pair.redis.ask(&[b"INFO", b"commandstats"]).await;
        let sets = stats.split("cmdstat_set:calls=").nth(1).unwrap();
        sets.split(',').next().unwrap().parse::<usize>().unwrap()
    };
    let before = asked().await;
    let parallel: Vec<_> = (0..50)
        .map(|n| {
            let mut browser = if n % 2 == 0 { &on_a } else { &on_b }.clone();
            let name = if n % 4 < 2 { "people" } else { "home" };
            tokio::spawn(async move { browser.call(name, "").await.status })
        })
        .collect();
    calls_reach(&control, Endpoint::Token, 2).await;
    // One server has the lock, the other asks for it again and again.
    until("the other server waits", async || {
        asked().await > before + 5
    })
    .await;
    control.release();
    for call in parallel {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(
        calls(&control, Endpoint::Token),
        2,
        "a code, and one refresh"
    );
}

#[tokio::test(flavor = "multi_thread")] // R31
async fn a_sign_out_on_one_server_beats_a_refresh_on_the_other() {
    let pair = Pair::start().await;
    let (mut on_a, mut on_b) = pair.expired().await;
    let control = pair.control();
    pair.hold_a_refresh();
    let mut replay = on_b.clone();
    let refreshing = tokio::spawn(async move { on_a.call("people", "").await.status });
    calls_reach(&control, Endpoint::Token, 2).await;
    assert_eq!(on_b.post("/auth/logout").await.status, 303);
    assert_eq!(replay.call("people", "").await.status, 401, "at once");
    control.release();
    assert_eq!(refreshing.await.unwrap(), 401);
    assert_eq!(replay.user().await, Value::Null, "nothing was written back");
    let keys = pair.redis.keys().await;
    let session = |key: &Vec<u8>| key.starts_with(b"cloakroom:1:session:");
    assert!(!keys.iter().any(session));
}

#[tokio::test(flavor = "multi_thread")] // R29
async fn a_server_that_dies_in_the_middle_of_a_refresh_holds_up_nobody_for_long() {
    let mut pair = Pair::start().await;
    let (mut on_a, mut on_b) = pair.expired().await;
    let control = pair.control();
    pair.hold_a_refresh();
    // The answer never comes.
    let dying = tokio::spawn(async move { on_a.call("people", "").await });
    calls_reach(&control, Endpoint::Token, 2).await;
    pair.a.kill();
    assert!(dying.await.is_err(), "its caller gets no answer");
    // Less than the dead one's call to the platform would have been waited for.
    let answer = tokio::time::timeout(Duration::from_secs(10), on_b.call("people", ""));
    assert_eq!(answer.await.expect("within seconds").status, 200);
    assert_eq!(calls(&control, Endpoint::Token), 3);
    assert_eq!(on_b.user().await["username"], EMPLOYEE);
}

#[tokio::test(flavor = "multi_thread")] // R54, R57
async fn a_redis_that_dies_and_comes_back_under_load_gives_right_answers_or_503() {
    let mut pair = Pair::start().await;
    let maya = pair.a.signed_in(EMPLOYEE).await;
    let tomas = pair.b.signed_in(MANAGER).await;
    let over = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicUsize::new(0));
    let served = Arc::new(AtomicUsize::new(0));
    let mut load = tokio::task::JoinSet::new();
    for n in 0..12 {
        let (person, username) = if n % 2 == 0 {
            (&maya, EMPLOYEE)
        } else {
            (&tomas, MANAGER)
        };
        let server = if n % 4 < 2 { &pair.a } else { &pair.b };
        let mut browser = person.at(&server.origin);
        let (over, refused, served) = (over.clone(), refused.clone(), served.clone());
        load.spawn(async move {
            while !over.load(Ordering::SeqCst) {
                let answer = browser.fetch("/auth/session").await;
                match answer.status.as_u16() {
                    200 => {
                        assert_eq!(answer.json()["user"]["username"], username);
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                    503 => _ = refused.fetch_add(1, Ordering::SeqCst),
                    other => panic!("{other}: {answer:?}"),
                }
                let answer = browser.call("home", "").await;
                match answer.status.as_u16() {
                    200 => assert!(answer.body.contains(username), "{answer:?}"),
                    503 => assert!(!answer.body.contains(username), "{answer:?}"),
                    other => panic!("{other}: {answer:?}"),
                }
            }
        });
    }
    for _ in 0..2 {
        let (before, refusals) = (
            served.load(Ordering::SeqCst),
            refused.load(Ordering::SeqCst),
        );
        until("it serves", async || {
            served.load(Ordering::SeqCst) > before + 20
        })
        .await;
        pair.redis.kill();
        until("it refuses", async || {
            refused.load(Ordering::SeqCst) > refusals + 20
        })
        .await;
        pair.redis.come_back();
        for server in [&pair.a, &pair.b] {
            let mut browser = maya.at(&server.origin);
            until("it recovers by itself", async || {
                browser.fetch("/auth/session").await.status == 200
            })
            .await;
            assert_eq!(browser.user().await["username"], EMPLOYEE);
        }
    }
    over.store(true, Ordering::SeqCst);
    while let Some(worker) = load.join_next().await {
        worker.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")] // R117
async fn a_server_that_is_told_to_stop_finishes_what_is_in_flight_and_sessions_survive_it() {
    for redis in [None, Some(RedisServer::start())] {
        let directory = TempDir::new();
        let file = format!("sqlite:{}", directory.0.join("sessions.db").display());
        let store = redis.as_ref().map_or(file, RedisServer::url);
        let emulator = emulator().await;
        let mut server = Instance::start(&emulator, &store);
        let browser = server.signed_in(EMPLOYEE).await;
        let control = emulator.control();
        control.fault(Fault::answer(Endpoint::Graph, Bad::Hold).once());
        let mut caller = browser.clone();
        let in_flight = tokio::spawn(async move { caller.call("people", "").await });
        calls_reach(&control, Endpoint::Graph, 1).await;
        server.terminate();
        let address = server.origin.trim_start_matches("http://").to_owned();
        until("it takes no more connections", async || {
            tokio::net::TcpStream::connect(&address).await.is_err()
        })
        .await;
        // Long enough for a server that waits for nothing to be gone.
        tokio::time::sleep(Duration::from_millis(500)).await;
        control.release();
        let answer = in_flight.await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("Lindqvist") || answer.body.contains("people"));
        let ended = tokio::task::spawn_blocking(move || server.process.wait().unwrap());
        assert!(ended.await.unwrap().success());

        let next = Instance::start(&emulator, &store);
        let mut browser = browser.at(&next.origin);
        assert_eq!(browser.user().await["username"], EMPLOYEE);
        assert_eq!(browser.call("people", "").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")] // R54, R117
async fn a_server_that_is_killed_while_it_writes_leaves_a_readable_file() {
    let directory = TempDir::new();
    let path = directory.0.join("sessions.db");
    let store = format!("sqlite:{}", path.display());
    let emulator = emulator().await;
    let mut people = Vec::new();
    for round in 1..=3 {
        let mut server = Instance::start(&emulator, &store);
        for browser in &people {
            let mut browser = Browser::at(browser, &server.origin);
            assert_eq!(browser.user().await["username"], EMPLOYEE, "round {round}");
        }
        people.push(server.signed_in(EMPLOYEE).await);
        let written = Arc::new(AtomicUsize::new(0));
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (origin, written) = (server.origin.clone(), written.clone());
            writers.spawn(async move {
                loop {
                    let mut browser = Browser::new(&origin);
                    browser.sign_in(EMPLOYEE).await;
                    browser.post("/auth/logout").await;
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        until("it writes", async || {
            written.load(Ordering::SeqCst) >= 10 * round
        })
        .await;
        server.kill();
        while let Some(writer) = writers.join_next().await {
            assert!(writer.is_err(), "until the server is gone");
        }
        let options = SqliteConnectOptions::new().filename(&path);
        let mut file = SqliteConnection::connect_with(&options).await.unwrap();
        let check = sqlx::query_scalar("PRAGMA integrity_check");
        let check: String = check.fetch_one(&mut file).await.unwrap();
        assert_eq!(check, "ok");
    }
}

#[tokio::test(flavor = "multi_thread")] // R114
async fn redis_is_spoken_to_over_tls_and_a_certificate_that_nobody_vouches_for_is_refused() {
    let emulator = emulator().await;
    let (redis, certificate) = RedisServer::over_tls();
    let trusted = [("SSL_CERT_FILE", certificate.to_str().unwrap())];
    let server = Instance::with(&emulator, &redis.tls_url(), &trusted);
    let mut browser = server.signed_in(EMPLOYEE).await;
    assert_eq!(browser.user().await["username"], EMPLOYEE);

    let wary = Instance::start(&emulator, &redis.tls_url());
    let ready = wary.browser().get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["store"], "the session store does not answer");
}
