//! A store that an earlier run left, or another version: it is opened, brought up to date, or refused, never misread.

use std::{collections::HashMap, time::Duration};

use emulator::Endpoint;
use serde_json::json;
use server::{
    clock::Clock,
    config::StoreLocation,
    session::{
        RECORD, Sessions, StoreKey,
        seal::{Key, Sealer},
        store::{Store, Timeouts},
    },
};
use sqlx::Connection;
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};

use crate::{
    at_rest::{UNREADABLE, places},
    harness::{EMPLOYEE, TempDir, TestApp},
    kept::{Kept, MAYA, MINUTE, Place, TENANT, begin, keys_of, signed_in},
    leaks::Log,
};

fn store_clock() -> Clock {
    Clock::system()
}

async fn open(path: &std::path::Path, key: u8) -> Store {
    let sealer = Sealer::new(Key::from_bytes(&[key; 32]).unwrap(), vec![]);
    let timeouts = Timeouts {
        idle: Duration::from_mins(30),
        max: Duration::from_hours(1),
    };
    let file = StoreLocation::File(path.into());
    Store::open(&file, sealer, store_clock(), timeouts)
        .await
        .unwrap()
}

#[tokio::test] // R55, R56, R117
async fn sessions_survive_a_restart_and_their_file_tells_nothing() {
    let directory = TempDir::new();
    let file = directory.0.join("sessions.db");
    let settings = format!("sqlite:{}", file.display());
    let app = TestApp::with(&[("SESSION_STORE", &settings)]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    let token = app.calls(Endpoint::Token)[0].clone();
    assert!(directory.0.join("session.key").exists());

    let mut dump = Vec::new();
    for entry in std::fs::read_dir(&directory.0).unwrap() {
        dump.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let dump = String::from_utf8_lossy(&dump).into_owned();
    let id = browser.cookies["session"].clone();
    for canary in [
        "Maya",
        "Lindqvist",
        EMPLOYEE,
        "signed_in",
        &id,
        &token.field("code").unwrap(),
    ] {
        assert!(!dump.contains(canary), "{canary} lies open in the store");
    }

    // Another store over the same file, with the same key: the session is there. With another key: a
    // signed-out user, and the file is still readable.
    let id: tower_sessions::session::Id = id.parse().unwrap();
    app.cloakroom.sessions.store.close().await;
    let key = std::fs::read_to_string(directory.0.join("session.key")).unwrap();
    let key = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, key.trim()).unwrap();
    let sealer = Sealer::new(Key::from_bytes(&key).unwrap(), vec![]);
    let timeouts = Timeouts {
        idle: Duration::from_mins(30),
        max: Duration::from_hours(1),
    };
    let location = StoreLocation::File(file.clone());
    let again = Store::open(&location, sealer, store_clock(), timeouts)
        .await
        .unwrap();
    assert!(again.find(&id).await.unwrap().is_some());
    assert!(open(&file, 9).await.find(&id).await.unwrap().is_none());
    assert_eq!(again.purge().await.unwrap(), 0);
    let later = Clock::new(|| time::OffsetDateTime::now_utc() + time::Duration::hours(2));
    let sealer = Sealer::new(Key::from_bytes(&key).unwrap(), vec![]);
    let late = Store::open(&location, sealer, later, timeouts)
        .await
        .unwrap();
    assert!(late.find(&id).await.unwrap().is_none());
    assert_eq!(late.purge().await.unwrap(), 1);
}

#[tokio::test] // R73, R117
async fn a_file_from_before_sessions_were_found_by_sid_is_brought_up_to_date() {
    let directory = TempDir::new();
    let file = directory.0.join("sessions.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true);
    let old = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE session (id BLOB PRIMARY KEY, record BLOB NOT NULL, ends INTEGER NOT NULL, \
         expires INTEGER NOT NULL) STRICT",
    )
    .execute(&old)
    .await
    .unwrap();
    old.close().await;
    let settings = format!("sqlite:{}", file.display());
    for _ in 0..2 {
        let app = TestApp::with(&[("SESSION_STORE", &settings)]).await;
        let mut browser = app.signed_in(EMPLOYEE).await;
        assert_eq!(browser.user().await["username"], EMPLOYEE);
        app.cloakroom.sessions.store.close().await;
    }
}

#[tokio::test] // R55
async fn a_record_of_another_format_is_refused_and_never_misread() {
    for place in places() {
        let kept = Kept::at(place).await;
        let mut record = Record {
            id: Id::default(),
            data: HashMap::from([(
                RECORD.to_owned(),
                json!({ "user": { "tid": TENANT, "oid": MAYA }, "from": "the future" }),
            )]),
            expiry_date: OffsetDateTime::UNIX_EPOCH,
        };
        kept.store.create(&mut record).await.unwrap();
        let sessions = Sessions {
            store: kept.store.clone(),
        };
        let (log, _watching) = Log::watch();
        assert!(sessions.find(&record.id).await.unwrap().is_none());
        assert!(log.text().contains(UNREADABLE));
    }
}

#[tokio::test] // R55, R117
async fn a_file_of_another_format_is_made_anew() {
    for (version, table) in [
        (
            0,
            "record BLOB NOT NULL, ends INTEGER NOT NULL, expires INTEGER NOT NULL",
        ),
        (99, "record BLOB NOT NULL, novelty TEXT"),
    ] {
        let directory = TempDir::new();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(directory.0.join("sessions.db"))
            .create_if_missing(true);
        let mut file = sqlx::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        let make = format!(
            "CREATE TABLE session (id BLOB PRIMARY KEY, {table}) STRICT; PRAGMA user_version = {version};"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(make))
            .execute(&mut file)
            .await
            .unwrap();
        file.close().await.unwrap();
        let (log, _watching) = Log::watch();
        let kept = Kept::at(Place::File(directory)).await;
        assert!(log.text().contains("sessions_of_another_format"));
        let id = begin(&kept.store, &signed_in(MAYA, "a")).await;
        let again = kept.again(&[1]).await;
        assert!(again.find(&id).await.unwrap().is_some());
    }
}

#[tokio::test] // R117
async fn a_file_of_the_format_before_keeps_its_sessions() {
    let kept = Kept::at(Place::file()).await;
    let id = begin(&kept.store, &signed_in(MAYA, "a")).await;
    kept.store.close().await;
    let Place::File(directory) = &kept.place else {
        unreachable!()
    };
    let mut file = crate::kept::connect(directory).await;
    // Its pages were smaller, too.
    let as_before = "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM; \
        DROP TABLE latest; PRAGMA user_version = 2; PRAGMA journal_mode = WAL";
    sqlx::raw_sql(as_before).execute(&mut file).await.unwrap();
    let store = kept.again(&[1]).await;
    assert!(store.find(&id).await.unwrap().is_some());
    let key = StoreKey::of(&id);
    let ends = kept.hand.now() + MINUTE;
    store.supersede(b"browser", &key, ends).await.unwrap();
    assert_eq!(keys_of(&store, MAYA).await, [key]);
}
