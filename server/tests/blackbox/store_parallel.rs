//! The contract of every store, as far as many are at it at once (R57).

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use server::session::{StoreKey, store::Store};
use tower_sessions::session::Id;

use crate::kept::{Kept, MAYA, MINUTE, Place, begin, keys_of, on_every_store, signed_in};

on_every_store! {
    what_may_be_used_once_is_used_once
    of_sessions_that_one_browser_is_given_at_once_the_last_one_lives
    parallel_writes_lose_nothing
    a_session_that_ends_among_parallel_writes_stays_ended
    one_server_at_a_time_holds_a_lock
}

// R3, R7
async fn what_may_be_used_once_is_used_once(kept: Kept) {
    let ends = kept.hand.now() + MINUTE;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = kept.store.clone();
        tries.spawn(async move { store.spend(b"state", ends).await.unwrap() });
    }
    let firsts = tries
        .join_all()
        .await
        .into_iter()
        .filter(|first| *first)
        .count();
    assert_eq!(firsts, 1);
    assert!(kept.store.spend(b"another", ends).await.unwrap());
}

/// A session, as a browser is given it.
async fn give(store: &Store, name: &[u8], ends: i64) -> Id {
    let id = begin(store, &signed_in(MAYA, "a")).await;
    let key = StoreKey::of(&id);
    store.supersede(name, &key, ends).await.unwrap();
    id
}

// R48
async fn of_sessions_that_one_browser_is_given_at_once_the_last_one_lives(kept: Kept) {
    let ends = kept.hand.now() + MINUTE;
    let elsewhere = give(&kept.store, b"another browser", ends).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let store = kept.store.clone();
        tries.spawn(async move { give(&store, b"browser", ends).await });
    }
    let mut live = 0;
    for id in tries.join_all().await {
        live += usize::from(kept.is_live(&id).await);
    }
    assert_eq!(live, 1);
    let last = give(&kept.store, b"browser", ends).await;
    assert!(kept.is_live(&last).await && kept.is_live(&elsewhere).await);
    assert_eq!(keys_of(&kept.store, MAYA).await.len(), 2);
}

// R57: a refresh and a person's doing write different things, and neither undoes the other.
async fn parallel_writes_lose_nothing(kept: Kept) {
    let id = begin(&kept.store, &signed_in(MAYA, "before")).await;
    for round in 1..=20 {
        kept.hand.advance(2 * MINUTE);
        let session = kept.session(&id).await;
        let now = kept.hand.now();
        let token = format!("token {round}");
        let refreshed = signed_in(MAYA, &token);
        let (refresher, person) = (kept.sessions(), kept.store.clone());
        let (written, touched) = tokio::join!(
            tokio::spawn(async move { refresher.update(&id, &refreshed).await }),
            tokio::spawn(async move { person.touch(&session).await }),
        );
        assert!(written.unwrap().unwrap());
        touched.unwrap().unwrap();
        let session = kept.session(&id).await;
        assert_eq!(session.signed_in.access.token.expose(), token);
        assert_eq!(session.used, now);
        assert_eq!(keys_of(&kept.store, MAYA).await, [StoreKey::of(&id)]);
    }
}

// R31, R57
async fn a_session_that_ends_among_parallel_writes_stays_ended(kept: Kept) {
    for _ in 0..10 {
        let id = begin(&kept.store, &signed_in(MAYA, "before")).await;
        let session = kept.session(&id).await;
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..20 {
            let (sessions, session) = (kept.sessions(), session.clone());
            writers.spawn(async move {
                match n {
                    10 => sessions.store.end(&StoreKey::of(&id)).await.unwrap(),
                    n if n % 2 == 0 => sessions.store.touch(&session).await.unwrap(),
                    _ => drop(
                        sessions
                            .update(&id, &signed_in(MAYA, "after"))
                            .await
                            .unwrap(),
                    ),
                }
            });
        }
        writers.join_all().await;
        assert!(!kept.is_live(&id).await);
        assert_eq!(keys_of(&kept.store, MAYA).await, []);
        let sid = format!("sid of {MAYA}");
        assert_eq!(
            kept.store.end_platform_session(&sid, None).await.unwrap(),
            0
        );
    }
}

// R29: SQLite serves one server, whose own turns are enough; there a lock is had for the asking.
async fn one_server_at_a_time_holds_a_lock(kept: Kept) {
    let key = StoreKey::of(&Id(7));
    if !matches!(kept.place, Place::Redis(_)) {
        let first = kept.store.lock(key).await.unwrap();
        kept.store.lock(key).await.unwrap().release().await;
        first.release().await;
        return;
    }
    let other = kept.again(&[1]).await;
    let holds = Arc::new(AtomicI64::new(0));
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..10 {
        let store = if n % 2 == 0 { &kept.store } else { &other }.clone();
        let holds = holds.clone();
        tries.spawn(async move {
            let lock = store.lock(key).await.unwrap();
            assert_eq!(holds.fetch_add(1, Ordering::SeqCst), 0, "alone");
            tokio::task::yield_now().await;
            holds.fetch_sub(1, Ordering::SeqCst);
            lock.release().await;
        });
    }
    tries.join_all().await;
    // Another session's lock is another.
    let _mine = kept.store.lock(key).await.unwrap();
    other
        .lock(StoreKey::of(&Id(8)))
        .await
        .unwrap()
        .release()
        .await;
}
