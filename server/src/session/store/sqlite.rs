//! Records in SQLite: one file for one server, or in memory.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::{OpenFlags, OptionalExtension};
use sqlx::{
    Connection, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Ended, StoreError, StoreKey,
    records::{Entry, FoundBy, Index, Records, Row},
};

/// Records in SQLite.
pub struct Sqlite {
    pool: SqlitePool,
    /// None for a database in memory.
    readers: Option<Readers>,
    /// Keeps a database in memory alive.
    _keeper: Option<Arc<Mutex<SqliteConnection>>>,
}

const FIND: &str = "SELECT record, listing, ends, user, sid, sid_iss FROM session WHERE id = ?";

/// Connections for look-ups, which come with every request. They ask on the thread at hand: one row by its key takes some
/// ten microseconds, and to have another thread do it, as the pool does, and asks it before and after whether it still
/// works, several times that.
struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<rusqlite::Connection>>,
}

impl Readers {
    fn of(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            idle: Mutex::default(),
        }
    }

    /// A connection that fails is closed.
    fn find(&self, key: &StoreKey) -> rusqlite::Result<Option<Row>> {
        let kept = self.idle().pop();
        let reader = match kept {
            Some(reader) => reader,
            None => self.open()?,
        };
        let row = reader
            .prepare_cached(FIND)?
            .query_row([key.bytes()], |row| {
                Ok(Row {
                    record: row.get(0)?,
                    listing: row.get(1)?,
                    ends: row.get(2)?,
                    found_by: FoundBy {
                        user: row.get(3)?,
                        sid: row.get(4)?,
                        sid_iss: row.get(5)?,
                    },
                })
            })
            .optional()?;
        self.idle().push(reader);
        Ok(row)
    }

    fn open(&self) -> rusqlite::Result<rusqlite::Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = rusqlite::Connection::open_with_flags(&self.file, flags)?;
        // This thread serves others too. With a log (WAL) readers hardly ever wait; when they would, the pool does.
        reader.busy_timeout(Duration::ZERO)?;
        Ok(reader)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<rusqlite::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The format of the tables and of what is sealed in them, as `PRAGMA user_version`.
const FORMAT: i64 = 3;

/// The format before, whose sessions are as they are now.
const WITHOUT_LATEST: i64 = 2;

const SESSIONS: &str = "
    DROP TABLE IF EXISTS session;
    CREATE TABLE session (
        id      BLOB PRIMARY KEY,   -- SHA-256 of the session's id
        record  BLOB NOT NULL,      -- sealed under the session's id
        listing BLOB NOT NULL,      -- sealed under the person
        ends    INTEGER NOT NULL,   -- idle end
        user    BLOB NOT NULL,      -- keyed hash of tid and oid
        sid     BLOB,               -- keyed hash of the platform's session id
        sid_iss BLOB                -- the same with its issuer
    ) STRICT;
    CREATE INDEX session_ends ON session (ends);
    CREATE INDEX session_user ON session (user);
    CREATE INDEX session_sid ON session (sid);
    CREATE INDEX session_sid_iss ON session (sid_iss);
";

const ALL_ELSE: &str = "
    CREATE TABLE IF NOT EXISTS spent (
        id      BLOB PRIMARY KEY,   -- SHA-256 of what may be used once
        ends    INTEGER NOT NULL    -- when it would be refused for its age
    ) STRICT;
    CREATE INDEX IF NOT EXISTS spent_ends ON spent (ends);
    CREATE TABLE IF NOT EXISTS latest (
        name    BLOB PRIMARY KEY,   -- SHA-256 of what a browser's sign-ins of one moment have in common
        session BLOB NOT NULL,      -- the last one that it was given
        before  BLOB,               -- the one before that
        ends    INTEGER NOT NULL    -- when no such sign-in can still end
    ) STRICT;
    CREATE INDEX IF NOT EXISTS latest_ends ON latest (ends);
    PRAGMA user_version = 3;
";

/// So many ended sessions are deleted at once: other writers wait for no more than these.
const PURGED_AT_ONCE: i64 = 1000;

/// Makes the tables. Those of another format are made anew: their sessions can't be listed, so they are refused,
/// and whoever had one signs in again.
async fn prepare(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let format = "PRAGMA user_version";
    if sqlx::query_scalar::<_, i64>(format)
        .fetch_one(&mut *connection)
        .await?
        == FORMAT
    {
        return Ok(());
    }
    // Another connection may be at it too: look again when it is our turn.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found: i64 = sqlx::query_scalar(format)
        .fetch_one(&mut *transaction)
        .await?;
    if found != FORMAT && found != WITHOUT_LATEST {
        let older = "SELECT count(*) FROM sqlite_schema WHERE name = 'session'";
        if sqlx::query_scalar::<_, i64>(older)
            .fetch_one(&mut *transaction)
            .await?
            > 0
        {
            tracing::warn!(
                event = "sessions_of_another_format",
                "the session file has another version's format: everybody signs in again"
            );
        }
        sqlx::raw_sql(SESSIONS).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql(ALL_ELSE).execute(&mut *transaction).await?;
    transaction.commit().await
}

impl Sqlite {
    /// Opens the file, and makes it where there is none.
    pub async fn file(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(5))
            // Each connection: a file that was taken away while we run is made anew by the next.
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_with(options)
            .await?;
        Ok(Self {
            pool,
            readers: Some(Readers::of(path)),
            _keeper: None,
        })
    }

    /// A database in memory, gone with the last clone of its store.
    pub async fn memory() -> Result<Self, StoreError> {
        // It lives as long as a connection to it. The pool's own is not enough: a request that is given up while
        // it takes it may close it, and everybody would be signed out.
        let options: SqliteConnectOptions = "sqlite::memory:".parse()?;
        let keeper = SqliteConnection::connect_with(&options).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_with(options)
            .await?;
        Ok(Self {
            pool,
            readers: None,
            _keeper: Some(Arc::new(Mutex::new(keeper))),
        })
    }
}

#[async_trait]
impl Records for Sqlite {
    async fn create(
        &self,
        key: &StoreKey,
        row: &Row,
        _now: i64,
        _longest: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO session (id, record, listing, ends, user, sid, sid_iss) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(key.bytes())
        .bind(&row.record)
        .bind(&row.listing)
        .bind(row.ends)
        .bind(&row.found_by.user)
        .bind(&row.found_by.sid)
        .bind(&row.found_by.sid_iss)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn find(&self, key: &StoreKey) -> Result<Option<Row>, StoreError> {
        if let Some(readers) = &self.readers
            && !self.pool.is_closed()
            && let Ok(row) = readers.find(key)
        {
            return Ok(row);
        }
        // It waits where there is something to wait for, and says what is wrong where something is.
        let row = sqlx::query(FIND)
            .bind(key.bytes())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Row {
            record: row.try_get("record")?,
            listing: row.try_get("listing")?,
            ends: row.try_get("ends")?,
            found_by: FoundBy {
                user: row.try_get("user")?,
                sid: row.try_get("sid")?,
                sid_iss: row.try_get("sid_iss")?,
            },
        }))
    }

    async fn update(
        &self,
        key: &StoreKey,
        record: &[u8],
        found_by: &FoundBy,
        now: i64,
        _longest: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE session SET record = ?, user = ?, sid = ?, sid_iss = ? WHERE id = ? AND ends > ?",
        )
        .bind(record)
        .bind(&found_by.user)
        .bind(&found_by.sid)
        .bind(&found_by.sid_iss)
        .bind(key.bytes())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        listing: &[u8],
        ends: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE session SET listing = ?, ends = ? WHERE id = ? AND ends > ?")
            .bind(listing)
            .bind(ends)
            .bind(key.bytes())
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn found_by(&self, index: Index, hash: &[u8]) -> Result<Vec<Entry>, StoreError> {
        let query = match index {
            Index::User => "SELECT id, listing, ends FROM session WHERE user = ?",
            Index::Sid => "SELECT id, listing, ends FROM session WHERE sid = ?",
            Index::SidIss => "SELECT id, listing, ends FROM session WHERE sid_iss = ?",
        };
        let rows = sqlx::query(query).bind(hash).fetch_all(&self.pool).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let key: Vec<u8> = row.try_get("id")?;
            // A name that is none can't be looked up, nor ended.
            let Some(key) = StoreKey::from_bytes(&key) else {
                continue;
            };
            entries.push(Entry {
                key,
                listing: row.try_get("listing")?,
                ends: row.try_get("ends")?,
            });
        }
        Ok(entries)
    }

    async fn end(&self, end: Ended) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM session WHERE id = ?")
            .bind(end.key.bytes())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn spend(&self, once: &[u8], ends: i64) -> Result<bool, StoreError> {
        let done = sqlx::query("INSERT INTO spent (id, ends) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(once)
            .bind(ends)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn hand_over(
        &self,
        name: &[u8],
        key: &StoreKey,
        ends: i64,
    ) -> Result<Option<StoreKey>, StoreError> {
        let before: Option<Vec<u8>> = sqlx::query_scalar(
            "INSERT INTO latest (name, session, ends) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET before = session, session = excluded.session RETURNING before",
        )
        .bind(name)
        .bind(key.bytes())
        .bind(ends)
        .fetch_one(&self.pool)
        .await?;
        Ok(before.and_then(|before| StoreKey::from_bytes(&before)))
    }

    /// By the index on `ends`, never by a look at every session.
    async fn purge(&self, now: i64) -> Result<u64, StoreError> {
        let mut ended = 0;
        loop {
            let done = sqlx::query(
                "DELETE FROM session WHERE rowid IN (SELECT rowid FROM session WHERE ends <= ? LIMIT ?)",
            )
            .bind(now)
            .bind(PURGED_AT_ONCE)
            .execute(&self.pool)
            .await?;
            ended += done.rows_affected();
            if done.rows_affected() == 0 {
                break;
            }
        }
        for query in [
            "DELETE FROM spent WHERE ends <= ?",
            "DELETE FROM latest WHERE ends <= ?",
        ] {
            sqlx::query(query).bind(now).execute(&self.pool).await?;
        }
        // Where somebody writes at every moment, SQLite never comes to begin its log again, and it would grow for ever.
        // https://sqlite.org/wal.html#avoiding_excessively_large_wal_files
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.pool)
            .await?;
        Ok(ended)
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A write that reaches the file, for one that can only be read or has no room keeps nobody signed in. The next
        // purge takes it away.
        sqlx::query("INSERT OR REPLACE INTO spent (id, ends) VALUES (x'', 0)")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
