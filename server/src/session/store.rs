//! The store of sessions on SQLite. It knows a session by a hash of its id and holds its record sealed:
//! the dump of the file, even with `SESSION_KEY`, opens nothing without the browser's ticket.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use sqlx::{
    Connection, Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::seal::{Purpose, Sealer};
use crate::clock::Clock;

/// A store that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is gone.
    #[error("the session store failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A record could not be sealed or written as JSON.
    #[error("a session record could not be sealed")]
    Seal,
}

/// What ends a session: `idle` after a person's last doing, `max` after sign-in.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Idle time-out.
    pub idle: Duration,
    /// Absolute time-out.
    pub max: Duration,
}

/// A record as it stands in the store.
pub struct Stored {
    /// The session's data, unsealed.
    pub data: Value,
    /// When it ends if nobody does anything, seconds since 1970.
    pub ends: i64,
    /// When it ends whatever happens, seconds since 1970.
    pub expires: i64,
}

/// How the store knows a session: the SHA-256 of its id, from which nobody gets the id back.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// The key of the session with this id.
    pub fn of(id: &Id) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, &id.0.to_le_bytes()).as_ref());
        Self(key)
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Sessions in SQLite.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
    /// Keeps a database in memory alive.
    _keeper: Option<Arc<Mutex<SqliteConnection>>>,
    sealer: Sealer,
    clock: Clock,
    timeouts: Timeouts,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// What the store finds a session of the platform by.
type Hash = Option<Vec<u8>>;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS session (
        id      BLOB PRIMARY KEY,   -- SHA-256 of the session's id
        record  BLOB NOT NULL,      -- sealed
        ends    INTEGER NOT NULL,   -- idle end, never behind `expires`
        expires INTEGER NOT NULL,   -- absolute end
        sid     BLOB,               -- keyed hash of the platform's session id
        sid_iss BLOB                -- the same with its issuer
    ) STRICT;
    CREATE INDEX IF NOT EXISTS session_ends ON session (ends);
    CREATE INDEX IF NOT EXISTS session_sid ON session (sid);
    CREATE TABLE IF NOT EXISTS spent (
        id      BLOB PRIMARY KEY,   -- SHA-256 of what may be used once
        ends    INTEGER NOT NULL    -- when it would be refused for its age
    ) STRICT;
    CREATE INDEX IF NOT EXISTS spent_ends ON spent (ends);
";

/// Makes the tables, and brings those of a file from before up to date.
async fn prepare(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let known: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info('session')")
        .fetch_all(&mut *connection)
        .await?;
    // A file from before sessions were found by the platform's id.
    if !known.is_empty() && !known.iter().any(|column| column == "sid") {
        let columns =
            "ALTER TABLE session ADD COLUMN sid BLOB; ALTER TABLE session ADD COLUMN sid_iss BLOB;";
        sqlx::raw_sql(columns).execute(&mut *connection).await?;
    }
    sqlx::raw_sql(SCHEMA).execute(connection).await?;
    Ok(())
}

impl Store {
    /// Opens the file, or a database in memory for `None`, and makes its tables.
    pub async fn open(
        file: Option<&Path>,
        sealer: Sealer,
        clock: Clock,
        timeouts: Timeouts,
    ) -> Result<Self, StoreError> {
        let mut keeper = None;
        let pool = if let Some(path) = file {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(5));
            SqlitePoolOptions::new()
                .max_connections(4)
                .acquire_timeout(Duration::from_secs(5))
                // Each connection: a file that was taken away while we run is made anew by the next.
                .after_connect(|connection, _| Box::pin(prepare(connection)))
                .connect_with(options)
                .await?
        } else {
            // A database in memory lives as long as a connection to it. The pool's own is not enough: a request
            // that is given up while it takes it may close it, and everybody would be signed out.
            let options: SqliteConnectOptions = "sqlite::memory:".parse()?;
            keeper = Some(Arc::new(Mutex::new(
                SqliteConnection::connect_with(&options).await?,
            )));
            SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(|connection, _| Box::pin(prepare(connection)))
                .connect_with(options)
                .await?
        };
        Ok(Self {
            pool,
            _keeper: keeper,
            sealer,
            clock,
            timeouts,
        })
    }

    /// A live session's record. One that does not open is a signed-out user (R55).
    pub async fn find(&self, id: &Id) -> Result<Option<Stored>, StoreError> {
        let key = StoreKey::of(id);
        let row =
            sqlx::query("SELECT record, ends, expires FROM session WHERE id = ? AND ends > ?")
                .bind(key.bytes())
                .bind(self.now())
                .fetch_optional(&self.pool)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed: Vec<u8> = row.try_get("record")?;
        let data = self
            .sealer
            .open(Purpose::Session, &id.0.to_le_bytes(), &sealed)
            .and_then(|plain| serde_json::from_slice(&plain).ok());
        let Some(data) = data else {
            tracing::warn!(
                event = "session_unreadable",
                "a session record does not open: tampered with, or its key is gone"
            );
            return Ok(None);
        };
        Ok(Some(Stored {
            data,
            ends: row.try_get("ends")?,
            expires: row.try_get("expires")?,
        }))
    }

    /// Writes a session's record again if the session still exists, and says whether it did: a sign-out
    /// beats a refresh in flight (R31).
    pub async fn update(&self, id: &Id, data: &Value) -> Result<bool, StoreError> {
        let (sid, sid_iss) = self.platform_session(data)?;
        let done = sqlx::query(
            "UPDATE session SET record = ?, sid = ?, sid_iss = ? WHERE id = ? AND ends > ?",
        )
        .bind(self.seal(id, data)?)
        .bind(sid)
        .bind(sid_iss)
        .bind(StoreKey::of(id).bytes())
        .bind(self.now())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Slides the idle end, without rewriting the record.
    pub async fn touch(&self, id: &Id) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query("UPDATE session SET ends = min(?, expires) WHERE id = ? AND ends > ?")
            .bind(now.saturating_add(seconds(self.timeouts.idle)))
            .bind(StoreKey::of(id).bytes())
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end(&self, key: &StoreKey) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM session WHERE id = ?")
            .bind(key.bytes())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends the sessions that a session of the platform began, and says how many they were (R73).
    pub async fn end_platform_session(
        &self,
        sid: &str,
        iss: Option<&str>,
    ) -> Result<u64, StoreError> {
        let (parts, query) = match iss {
            None => (vec![sid], "DELETE FROM session WHERE sid = ?"),
            Some(iss) => (vec![sid, iss], "DELETE FROM session WHERE sid_iss = ?"),
        };
        let mut ended = 0;
        for hash in self.sealer.index(&parts).map_err(|_| StoreError::Seal)? {
            let done = sqlx::query(query).bind(hash).execute(&self.pool).await?;
            ended += done.rows_affected();
        }
        Ok(ended)
    }

    /// Uses up what may be used once before `ends`; false if it already was.
    pub async fn spend(&self, once: &[u8], ends: i64) -> Result<bool, StoreError> {
        let done = sqlx::query("INSERT INTO spent (id, ends) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(digest(&SHA256, once).as_ref())
            .bind(ends)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes what has ended (R56), by the index.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        let now = self.now();
        let sessions = sqlx::query("DELETE FROM session WHERE ends <= ?")
            .bind(now)
            .execute(&self.pool)
            .await?;
        sqlx::query("DELETE FROM spent WHERE ends <= ?")
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(sessions.rows_affected())
    }

    /// Whether the store can be read and written.
    pub async fn check(&self) -> Result<(), StoreError> {
        // A write, for a store that can only be read keeps nobody signed in.
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM spent WHERE ends < 0")
            .execute(&mut *transaction)
            .await?;
        transaction.rollback().await?;
        Ok(())
    }

    /// Closes the connections; every call fails from then on.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The idle time-out, for who decides when a touch is due.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    fn platform_session(&self, data: &Value) -> Result<(Hash, Hash), StoreError> {
        let user = &data[super::RECORD]["user"];
        let (Some(sid), Some(iss)) = (user["sid"].as_str(), user["iss"].as_str()) else {
            return Ok((None, None));
        };
        let hash = |parts: &[&str]| {
            let hashes = self.sealer.index(parts).map_err(|_| StoreError::Seal)?;
            Ok::<Hash, StoreError>(hashes.into_iter().next())
        };
        Ok((hash(&[sid])?, hash(&[sid, iss])?))
    }

    fn seal(&self, id: &Id, data: &Value) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(data).map_err(|_| StoreError::Seal)?;
        self.sealer
            .seal(Purpose::Session, &id.0.to_le_bytes(), &plain)
            .map_err(|_| StoreError::Seal)
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_timestamp()
    }
}

/// What tower-sessions asks of a store. It makes the ids and the cookie; the ends are this store's own.
#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let now = self.now();
        let expires = now.saturating_add(seconds(self.timeouts.max));
        let ends = now.saturating_add(seconds(self.timeouts.idle)).min(expires);
        let data = to_value(record)?;
        let (sid, sid_iss) = self.platform_session(&data).map_err(backend)?;
        loop {
            let sealed = self.seal(&record.id, &data).map_err(backend)?;
            let done = sqlx::query("INSERT INTO session (id, record, ends, expires, sid, sid_iss) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(StoreKey::of(&record.id).bytes())
                .bind(sealed)
                .bind(ends)
                .bind(expires)
                .bind(&sid)
                .bind(&sid_iss)
                .execute(&self.pool)
                .await
                .map_err(backend)?;
            if done.rows_affected() == 1 {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.update(&record.id, &to_value(record)?)
            .await
            .map(|_| ())
            .map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let Some(stored) = self.find(id).await.map_err(backend)? else {
            return Ok(None);
        };
        let data = serde_json::from_value(stored.data)
            .map_err(|e| session_store::Error::Decode(e.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(stored.ends)
            .map_err(|e| session_store::Error::Decode(e.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.end(&StoreKey::of(id)).await.map_err(backend)
    }
}

fn to_value(record: &Record) -> session_store::Result<Value> {
    serde_json::to_value(&record.data).map_err(|e| session_store::Error::Encode(e.to_string()))
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn backend(error: impl ToString) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
