//! A store of a test's own, wherever it lies, and what lies in it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use server::{
    clock::Clock,
    config::StoreLocation,
    session::{
        RECORD, Session, Sessions, SignedIn, StoreKey, record_value,
        seal::{Key, Sealer},
        store::{Store, Timeouts},
    },
};
use sqlx::{Connection, Row as _};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};
use uuid::Uuid;

use crate::{harness::TempDir, redis_server::RedisServer};

pub const MINUTE: i64 = 60;
pub const TENANT: Uuid = Uuid::from_u128(0x7e1f_5c1a_3b8d_4c57_9a44_0d2f_6b9c_8e10);
pub const MAYA: &str = "0a51c3c2-7a50-4f8e-9a3c-5d1f30b6f001";
pub const TOMAS: &str = "0a51c3c2-7a50-4f8e-9a3c-5d1f30b6f002";
pub const ISSUER: &str = "https://login.example/7e1f5c1a/v2.0";

/// Where a store lies. What it holds goes with it.
pub enum Place {
    Memory,
    File(TempDir),
    Redis(RedisServer),
}

impl Place {
    pub fn file() -> Self {
        Self::File(TempDir::new())
    }

    pub fn redis() -> Self {
        Self::Redis(RedisServer::start())
    }

    fn location(&self) -> StoreLocation {
        match self {
            Self::Memory => StoreLocation::Memory,
            Self::File(directory) => StoreLocation::File(directory.0.join("sessions.db")),
            Self::Redis(server) => StoreLocation::Redis(server.url().into()),
        }
    }
}

/// A clock that stands, and is moved by hand. It begins now, for Redis forgets by its own clock.
#[derive(Clone)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(
            OffsetDateTime::now_utc().unix_timestamp(),
        )))
    }

    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::new(move || OffsetDateTime::from_unix_timestamp(hand.now()).unwrap())
    }
}

/// A store, where it lies and its clock. Idle after 30 minutes, over after an hour.
pub struct Kept {
    pub place: Place,
    pub hand: Hand,
    pub store: Store,
}

impl Kept {
    pub async fn at(place: Place) -> Self {
        let hand = Hand::new();
        let store = open(&place, &hand, &[1]).await;
        Self { place, hand, store }
    }

    /// Another server's store over the same records, with these keys.
    pub async fn again(&self, keys: &[u8]) -> Store {
        open(&self.place, &self.hand, keys).await
    }

    pub fn sessions(&self) -> Sessions {
        Sessions {
            store: self.store.clone(),
        }
    }

    pub async fn session(&self, id: &Id) -> Session {
        self.sessions().find(id).await.unwrap().unwrap()
    }

    pub async fn is_live(&self, id: &Id) -> bool {
        self.store.find(id).await.unwrap().is_some()
    }

    /// Changes what lies there behind the store's back: the session's field, as bytes.
    pub async fn overwrite(&self, key: &StoreKey, field: &str, value: &[u8]) {
        match &self.place {
            Place::Memory => unreachable!("nobody else gets there"),
            Place::File(directory) => {
                let mut file = connect(directory).await;
                let query = match field {
                    "ends" => "UPDATE session SET ends = ? WHERE hex(id) = upper(?)".to_owned(),
                    field => format!("UPDATE session SET {field} = ? WHERE hex(id) = upper(?)"),
                };
                let query = sqlx::query(sqlx::AssertSqlSafe(query));
                let query = match field {
                    "ends" => query.bind(i64::from_be_bytes(value.try_into().unwrap())),
                    _ => query.bind(value.to_vec()),
                };
                let done = query.bind(key.to_string()).execute(&mut file).await;
                assert_eq!(done.unwrap().rows_affected(), 1);
            }
            Place::Redis(server) => {
                let name = redis_key(key);
                let _: i64 = server.ask(&[b"HSET", &name, field.as_bytes(), value]).await;
            }
        }
    }

    /// The session's fields, as bytes.
    pub async fn fields(&self, key: &StoreKey) -> Vec<(&'static str, Vec<u8>)> {
        const FIELDS: [&str; 6] = ["record", "listing", "ends", "user", "sid", "sid_iss"];
        let mut fields = Vec::new();
        match &self.place {
            Place::Memory => {}
            Place::File(directory) => {
                let mut file = connect(directory).await;
                let query = "SELECT * FROM session WHERE hex(id) = upper(?)";
                let row = sqlx::query(query).bind(key.to_string());
                let row = row.fetch_one(&mut file).await.unwrap();
                for field in FIELDS {
                    let value = match field {
                        "ends" => row.get::<i64, _>(field).to_be_bytes().to_vec(),
                        _ => row.get(field),
                    };
                    fields.push((field, value));
                }
            }
            Place::Redis(server) => {
                for field in FIELDS {
                    let name = redis_key(key);
                    let value = server.ask(&[b"HGET", &name, field.as_bytes()]).await;
                    fields.push((field, value));
                }
            }
        }
        fields
    }
}

pub async fn connect(directory: &TempDir) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(directory.0.join("sessions.db"))
        .busy_timeout(Duration::from_secs(20));
    sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap()
}

pub fn redis_key(key: &StoreKey) -> Vec<u8> {
    let hex = key.to_string();
    let bytes = (0..32).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap());
    b"cloakroom:1:session:"
        .iter()
        .copied()
        .chain(bytes)
        .collect()
}

async fn open(place: &Place, hand: &Hand, keys: &[u8]) -> Store {
    let mut keys = keys.iter().map(|n| Key::from_bytes(&[*n; 32]).unwrap());
    let sealer = Sealer::new(keys.next().unwrap(), keys.collect());
    let timeouts = Timeouts {
        idle: Duration::from_mins(30),
        max: Duration::from_hours(1),
    };
    Store::open(&place.location(), sealer, hand.clock(), timeouts)
        .await
        .unwrap()
}

/// What a sign-in of this person keeps.
pub fn signed_in(oid: &str, token: &str) -> SignedIn {
    let signed_in = json!({
        "user": {
            "tid": TENANT,
            "oid": oid,
            "sub": "subject",
            "iss": ISSUER,
            "name": "Maya Lindqvist",
            "username": "maya.lindqvist@fabrikam.example",
            "sid": format!("sid of {oid}"),
        },
        "access": { "token": token, "expires_at": 0, "scopes": ["User.Read"] },
        "refresh_token": "refresh",
        "browser": "Chrome on Linux",
    });
    serde_json::from_value(signed_in).unwrap()
}

pub fn record(id: Id, signed_in: &SignedIn) -> Record {
    Record {
        id,
        data: HashMap::from([(RECORD.to_owned(), record_value(signed_in).unwrap())]),
        expiry_date: OffsetDateTime::UNIX_EPOCH,
    }
}

/// A session of this person, as a sign-in begins it.
pub async fn begin(store: &Store, signed_in: &SignedIn) -> Id {
    let mut record = record(Id::default(), signed_in);
    store.create(&mut record).await.unwrap();
    record.id
}

pub async fn keys_of(store: &Store, oid: &str) -> Vec<StoreKey> {
    let sessions = store.list(TENANT, oid).await.unwrap();
    sessions.into_iter().map(|session| session.key).collect()
}

/// Runs each of these on every store.
macro_rules! on_every_store {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test] async fn $name() {
                super::$name($crate::kept::Kept::at($crate::kept::Place::Memory).await).await;
            })*
        }
        mod in_a_file {
            $(#[tokio::test] async fn $name() {
                super::$name($crate::kept::Kept::at($crate::kept::Place::file()).await).await;
            })*
        }
        mod in_redis {
            $(#[tokio::test] async fn $name() {
                super::$name($crate::kept::Kept::at($crate::kept::Place::redis()).await).await;
            })*
        }
    };
}
pub(crate) use on_every_store;
