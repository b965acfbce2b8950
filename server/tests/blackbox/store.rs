//! One contract for every store: SQLite in memory, SQLite in a file, Redis (R57).

use std::time::Duration;

use server::session::{SignedIn, StoreKey};
use tower_sessions::{SessionStore, session::Id};
use uuid::Uuid;

use crate::kept::{
    ISSUER, Kept, MAYA, MINUTE, TENANT, TOMAS, begin, keys_of, on_every_store, record, signed_in,
};

on_every_store! {
    a_session_is_found_by_its_id_and_by_no_other
    an_id_that_is_taken_is_not_given_a_second_time
    a_session_is_listed_for_its_person_and_for_nobody_else
    a_person_ends_their_own_sessions_and_no_others
    a_session_of_the_platform_ends_what_it_began
    only_a_session_that_is_still_there_is_written
    an_idle_session_ends_and_a_touch_slides_its_end
    nothing_slides_the_absolute_end
    every_end_is_told
}

// R49
async fn a_session_is_found_by_its_id_and_by_no_other(kept: Kept) {
    let id = begin(&kept.store, &signed_in(MAYA, "token")).await;
    let session = kept.session(&id).await;
    assert_eq!(session.signed_in.user.oid, MAYA);
    assert_eq!(session.signed_in.access.token.expose(), "token");
    let now = kept.hand.now();
    assert_eq!(
        (session.since, session.used, session.ends, session.expires),
        (now, now, now + 30 * MINUTE, now + 60 * MINUTE)
    );
    for other in [Id(id.0 ^ 1), Id(0), Id::default()] {
        assert!(!kept.is_live(&other).await);
    }
}

// R49
async fn an_id_that_is_taken_is_not_given_a_second_time(kept: Kept) {
    let id = begin(&kept.store, &signed_in(MAYA, "first")).await;
    let mut second = record(id, &signed_in(TOMAS, "second"));
    kept.store.create(&mut second).await.unwrap();
    assert_ne!(second.id, id);
    let of = async |id| kept.session(&id).await.signed_in.user.oid;
    assert_eq!(
        (of(id).await, of(second.id).await),
        (MAYA.into(), TOMAS.into())
    );
}

// R43, R58
async fn a_session_is_listed_for_its_person_and_for_nobody_else(kept: Kept) {
    let first = begin(&kept.store, &signed_in(MAYA, "a")).await;
    let began = kept.hand.now();
    kept.hand.advance(10 * MINUTE);
    let firefox = SignedIn {
        browser: "Firefox on macOS".to_owned(),
        ..signed_in(MAYA, "b")
    };
    let second = begin(&kept.store, &firefox).await;
    begin(&kept.store, &signed_in(TOMAS, "c")).await;
    kept.hand.advance(10 * MINUTE);
    let session = kept.session(&first).await;
    kept.store.touch(&session).await.unwrap();

    let listed = kept.store.list(TENANT, MAYA).await.unwrap();
    let keys: Vec<_> = listed.iter().map(|session| session.key).collect();
    assert_eq!(keys, [StoreKey::of(&second), StoreKey::of(&first)]);
    assert_eq!(listed[0].browser, "Firefox on macOS");
    assert_eq!(
        (listed[0].since, listed[0].used),
        (began + 10 * MINUTE, began + 10 * MINUTE)
    );
    let first = &listed[1];
    assert_eq!(first.browser, "Chrome on Linux");
    assert_eq!(
        (first.since, first.used, first.ends, first.expires),
        (
            began,
            began + 20 * MINUTE,
            began + 50 * MINUTE,
            began + 60 * MINUTE
        )
    );

    let other_tenant = Uuid::from_u128(1);
    assert_eq!(kept.store.list(other_tenant, MAYA).await.unwrap(), []);
    assert_eq!(kept.store.list(TENANT, "nobody").await.unwrap(), []);
    // What has run out of time is not shown.
    kept.hand.advance(25 * MINUTE);
    assert_eq!(
        keys_of(&kept.store, MAYA).await,
        [StoreKey::of(&kept_id(listed[1].key, &[session.id]))]
    );
}

fn kept_id(key: StoreKey, ids: &[Id]) -> Id {
    *ids.iter().find(|id| StoreKey::of(id) == key).unwrap()
}

// R58
async fn a_person_ends_their_own_sessions_and_no_others(kept: Kept) {
    let store = &kept.store;
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(begin(store, &signed_in(MAYA, "a")).await);
    }
    let theirs = begin(store, &signed_in(TOMAS, "b")).await;
    let key = |n: usize| StoreKey::of(&mine[n]);
    assert!(
        !store
            .end_of(TENANT, MAYA, &StoreKey::of(&theirs))
            .await
            .unwrap()
    );
    assert!(
        !store
            .end_of(Uuid::from_u128(1), MAYA, &key(0))
            .await
            .unwrap()
    );
    assert!(kept.is_live(&theirs).await && kept.is_live(&mine[0]).await);

    assert!(store.end_of(TENANT, MAYA, &key(0)).await.unwrap());
    assert!(!store.end_of(TENANT, MAYA, &key(0)).await.unwrap(), "once");
    assert!(!kept.is_live(&mine[0]).await);
    assert_eq!(
        store.end_others(TENANT, MAYA, Some(&key(1))).await.unwrap(),
        2
    );
    assert_eq!(keys_of(store, MAYA).await, [key(1)]);
    assert!(kept.is_live(&mine[1]).await && !kept.is_live(&mine[2]).await);
    assert_eq!(store.end_others(TENANT, MAYA, None).await.unwrap(), 1);
    assert_eq!(keys_of(store, MAYA).await, []);
    assert!(kept.is_live(&theirs).await);
}

// R73
async fn a_session_of_the_platform_ends_what_it_began(kept: Kept) {
    let store = &kept.store;
    let first = begin(store, &signed_in(MAYA, "a")).await;
    let second = begin(store, &signed_in(MAYA, "b")).await;
    let other = begin(store, &signed_in(TOMAS, "c")).await;
    let mut nameless = signed_in(MAYA, "d");
    nameless.user.sid = None;
    let nameless = begin(store, &nameless).await;
    let sid = format!("sid of {MAYA}");
    for (sid, iss) in [
        ("", None),
        ("user", None),
        (sid.as_str(), Some("https://evil.example/")),
        (sid.as_str(), Some("")),
    ] {
        assert_eq!(store.end_platform_session(sid, iss).await.unwrap(), 0);
    }
    // A refresh keeps it findable.
    assert!(
        kept.sessions()
            .update(&first, &signed_in(MAYA, "e"))
            .await
            .unwrap()
    );
    assert_eq!(
        store
            .end_platform_session(&sid, Some(ISSUER))
            .await
            .unwrap(),
        2
    );
    assert!(!kept.is_live(&first).await && !kept.is_live(&second).await);
    assert!(kept.is_live(&other).await && kept.is_live(&nameless).await);
    let sid = format!("sid of {TOMAS}");
    assert_eq!(store.end_platform_session(&sid, None).await.unwrap(), 1);
    assert!(!kept.is_live(&other).await && kept.is_live(&nameless).await);
}

// R31
async fn only_a_session_that_is_still_there_is_written(kept: Kept) {
    let sessions = kept.sessions();
    let id = begin(&kept.store, &signed_in(MAYA, "old")).await;
    assert!(sessions.update(&id, &signed_in(MAYA, "new")).await.unwrap());
    let session = kept.session(&id).await;
    assert_eq!(session.signed_in.access.token.expose(), "new");
    kept.store.end(&StoreKey::of(&id)).await.unwrap();
    kept.hand.advance(5 * MINUTE);
    assert!(
        !sessions
            .update(&id, &signed_in(MAYA, "newer"))
            .await
            .unwrap()
    );
    kept.store.touch(&session).await.unwrap();
    kept.store
        .save(&record(id, &signed_in(MAYA, "newest")))
        .await
        .unwrap();
    assert!(!kept.is_live(&id).await);
    assert_eq!(keys_of(&kept.store, MAYA).await, []);
}

// R50
async fn an_idle_session_ends_and_a_touch_slides_its_end(kept: Kept) {
    let sessions = kept.sessions();
    let id = begin(&kept.store, &signed_in(MAYA, "a")).await;
    let began = kept.hand.now();
    kept.hand.advance(20 * MINUTE);
    kept.store.touch(&kept.session(&id).await).await.unwrap();
    let session = kept.session(&id).await;
    assert_eq!(
        (session.used, session.ends),
        (began + 20 * MINUTE, began + 50 * MINUTE)
    );
    kept.hand.advance(30 * MINUTE - 1);
    assert!(kept.is_live(&id).await);
    kept.hand.advance(1);
    assert!(!kept.is_live(&id).await);
    // Nothing brings it back.
    kept.store.touch(&session).await.unwrap();
    assert!(!sessions.update(&id, &signed_in(MAYA, "b")).await.unwrap());
    assert!(!kept.is_live(&id).await);
}

// R50
async fn nothing_slides_the_absolute_end(kept: Kept) {
    let id = begin(&kept.store, &signed_in(MAYA, "a")).await;
    let began = kept.hand.now();
    for _ in 0..3 {
        kept.hand.advance(19 * MINUTE);
        let session = kept.session(&id).await;
        kept.store.touch(&session).await.unwrap();
        let updated = kept.sessions().update(&id, &signed_in(MAYA, "b")).await;
        assert!(updated.unwrap());
    }
    let session = kept.session(&id).await;
    assert_eq!(
        (session.used, session.ends),
        (began + 57 * MINUTE, began + 60 * MINUTE)
    );
    kept.hand.advance(3 * MINUTE);
    assert!(!kept.is_live(&id).await);
}

// R75
async fn every_end_is_told(kept: Kept) {
    let store = &kept.store;
    let mut told = store.ended();
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(StoreKey::of(&begin(store, &signed_in(MAYA, "a")).await));
    }
    let signed_out = begin(store, &signed_in(MAYA, "a")).await;
    expected.push(StoreKey::of(&signed_out));
    store.end(&expected[0]).await.unwrap();
    store.end(&expected[0]).await.unwrap();
    store.end_of(TENANT, MAYA, &expected[1]).await.unwrap();
    store.end_of(TENANT, TOMAS, &expected[2]).await.unwrap();
    store.delete(&signed_out).await.unwrap();
    store
        .end_others(TENANT, MAYA, Some(&expected[2]))
        .await
        .unwrap();
    let sid = format!("sid of {MAYA}");
    store.end_platform_session(&sid, None).await.unwrap();
    let last = StoreKey::of(&begin(store, &signed_in(TOMAS, "b")).await);
    store.end(&last).await.unwrap();

    let mut heard = Vec::new();
    while heard.last() != Some(&last) {
        let next = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        let key = next.expect("every end is told").unwrap().key;
        if !heard.contains(&key) {
            heard.push(key);
        }
    }
    expected.push(last);
    heard.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(heard, expected);
}
