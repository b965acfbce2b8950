//! Several server processes over one Redis, behind any balancer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use emulator::{Answer as Bad, Control, Emulator, Endpoint, Fault, TokenChange};
use serde_json::{Value, json};

use crate::{
    events::{ENDED, heard, listen_at},
    harness::{Browser, EMPLOYEE, MANAGER},
    instance::{Instance, calls, calls_reach, emulator, until},
    redis_server::RedisServer,
};

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

#[tokio::test(flavor = "multi_thread")] // R75
async fn a_page_hears_of_one_server_that_its_session_was_ended_on_the_other() {
    let pair = Pair::start().await;
    let mut on_a = pair.a.signed_in(EMPLOYEE).await;
    let mut other = pair.a.signed_in(MANAGER).await;
    let on_b = on_a.at(&pair.b.origin);
    let stream = listen_at(&pair.b.origin, &on_b).await;
    let others = listen_at(&pair.b.origin, &other).await;
    assert_eq!(on_a.post("/auth/logout").await.status, 303);
    assert_eq!(heard(stream).await, ENDED);
    // Nobody else's.
    assert_eq!(other.user().await["username"], MANAGER);
    pair.b.terminate();
    assert_eq!(heard(others).await, "");
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
