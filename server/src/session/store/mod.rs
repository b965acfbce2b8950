//! The store of sessions. It knows a session by a hash of its id and holds its record sealed: the dump of a
//! store, even with `SESSION_KEY`, opens nothing without the browser's ticket. Where the records lie is
//! [`Records`]' matter; hashes, seals, times and what they mean are decided here.

mod ends;
mod key;
mod lock;
mod records;
mod redis;
mod sealed;
mod sqlite;
mod tower;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tokio::sync::broadcast;
use tower_sessions::session::Id;
use uuid::Uuid;

use self::redis::Redis;
use super::{
    RECORD, Session,
    seal::{SealError, Sealer},
};
use crate::{clock::Clock, config::StoreLocation};
use ends::Ends;
use records::{Entry, Index, Records, Row};
use sealed::Listing;
use sqlite::Sqlite;

pub use ends::Ended;
pub use key::{NotAKey, StoreKey};
pub use lock::Lock;

/// A store that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is gone.
    #[error("the session store failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Redis refused or is gone.
    #[error("the session store failed: {0}")]
    Redis(#[from] ::redis::RedisError),
    /// No answer in time.
    #[error("the session store did not answer in time")]
    Slow,
    /// A record could not be sealed or written as JSON.
    #[error("a session record could not be sealed")]
    Seal,
    /// A record says nothing of whose it is.
    #[error("a session record names no person")]
    Nobody,
}

impl From<SealError> for StoreError {
    fn from(_: SealError) -> Self {
        Self::Seal
    }
}

/// What ends a session: `idle` after a person's last doing, `max` after sign-in.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Idle time-out.
    pub idle: Duration,
    /// Absolute time-out.
    pub max: Duration,
}

/// A record as it stands in the store. Times are seconds since 1970.
pub struct Stored {
    /// The session's data, unsealed.
    pub data: Value,
    /// When it began.
    pub since: i64,
    /// When a person last did something.
    pub used: i64,
    /// When it ends if nobody does anything.
    pub ends: i64,
    /// When it ends whatever happens.
    pub expires: i64,
}

/// A live session, as a list of a person's sessions shows it. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// By this it can be ended.
    pub key: StoreKey,
    /// What it was begun with, as people call it: "Chrome on Linux".
    pub browser: String,
    /// When it began.
    pub since: i64,
    /// When a person last did something, give or take a thirtieth of the idle time-out.
    pub used: i64,
    /// When it ends if nobody does anything.
    pub ends: i64,
    /// When it ends whatever happens.
    pub expires: i64,
}

/// The sessions of this server and of those that share its store.
#[derive(Clone)]
pub struct Store {
    records: Arc<dyn Records>,
    ends: Ends,
    sealer: Sealer,
    clock: Clock,
    timeouts: Timeouts,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the store at this place.
    pub async fn open(
        location: &StoreLocation,
        sealer: Sealer,
        clock: Clock,
        timeouts: Timeouts,
    ) -> Result<Self, StoreError> {
        let ends = Ends::new();
        let records: Arc<dyn Records> = match location {
            StoreLocation::Memory => Arc::new(Sqlite::memory().await?),
            StoreLocation::File(path) => Arc::new(Sqlite::file(path).await?),
            StoreLocation::Redis(address) => Arc::new(Redis::open(address, ends.clone()).await?),
        };
        Ok(Self {
            records,
            ends,
            sealer,
            clock,
            timeouts,
        })
    }

    /// A live session's record. One that does not open is a signed-out user (R55).
    pub async fn find(&self, id: &Id) -> Result<Option<Stored>, StoreError> {
        let key = StoreKey::of(id);
        let Some(found) = self.records.find(&key).await? else {
            return Ok(None);
        };
        let Some(stored) = sealed::open(&self.sealer, id, found) else {
            unreadable();
            return Ok(None);
        };
        Ok(Some(stored).filter(|stored| stored.ends > self.now()))
    }

    /// Writes a session's record again if the session still exists, and says whether it did: a sign-out
    /// beats a refresh in flight (R31).
    pub async fn update(&self, id: &Id, data: &Value) -> Result<bool, StoreError> {
        let found_by = sealed::found_by(&self.sealer, data)?;
        let record = sealed::record(&self.sealer, id, &found_by, data)?;
        let (key, now) = (StoreKey::of(id), self.now());
        self.records
            .update(&key, &record, &found_by, now, self.longest(now))
            .await
    }

    /// Slides the idle end because a person did something, without rewriting the record.
    pub async fn touch(&self, session: &Session) -> Result<(), StoreError> {
        let now = self.now();
        let user = &session.signed_in.user;
        let listing = Listing {
            browser: session.signed_in.browser.clone(),
            since: session.since,
            used: now,
            ends: self.idle_end(now, session.expires),
            expires: session.expires,
        };
        let key = StoreKey::of(&session.id);
        let sealed = sealed::listing(
            &self.sealer,
            &user.tid.to_string(),
            &user.oid,
            &key,
            &listing,
        )?;
        self.records.touch(&key, &sealed, listing.ends, now).await
    }

    /// A person's live sessions (R43), the newest first.
    pub async fn list(&self, tid: Uuid, oid: &str) -> Result<Vec<Listed>, StoreError> {
        let tid = tid.to_string();
        let now = self.now();
        let mut sessions = Vec::new();
        for entry in self
            .find_by(Index::User, &sealed::user_parts(&tid, oid))
            .await?
        {
            let opened = sealed::open_listing(&self.sealer, &tid, oid, &entry);
            let Some(listing) = opened else {
                unreadable();
                continue;
            };
            if listing.ends > now {
                sessions.push(Listed {
                    key: entry.key,
                    browser: listing.browser,
                    since: listing.since,
                    used: listing.used,
                    ends: listing.ends,
                    expires: listing.expires,
                });
            }
        }
        sessions.sort_by_key(|session| std::cmp::Reverse((session.since, session.used)));
        Ok(sessions)
    }

    /// Ends a session.
    pub async fn end(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.end_if_there(key, false).await.map(|_| ())
    }

    /// Ends a session because its browser gets another one, of this person.
    pub async fn replace(&self, key: &StoreKey, tid: Uuid, oid: &str) -> Result<(), StoreError> {
        let theirs = self.is_of(tid, oid, key).await?;
        self.end_if_there(key, theirs).await.map(|_| ())
    }

    /// Ends a session if it is this person's, and says whether it was.
    pub async fn end_of(&self, tid: Uuid, oid: &str, key: &StoreKey) -> Result<bool, StoreError> {
        // A session never changes hands, so what is theirs here is theirs below.
        Ok(self.is_of(tid, oid, key).await? && self.end_if_there(key, false).await?)
    }

    /// Ends a person's sessions but for one to keep, and says how many.
    pub async fn end_others(
        &self,
        tid: Uuid,
        oid: &str,
        keep: Option<&StoreKey>,
    ) -> Result<u64, StoreError> {
        let tid = tid.to_string();
        let theirs = self
            .find_by(Index::User, &sealed::user_parts(&tid, oid))
            .await?;
        self.end_all(theirs.iter().filter(|entry| Some(&entry.key) != keep))
            .await
    }

    /// Ends the sessions that a session of the platform began, and says how many they were (R73).
    pub async fn end_platform_session(
        &self,
        sid: &str,
        iss: Option<&str>,
    ) -> Result<u64, StoreError> {
        let named = match iss {
            None => self.find_by(Index::Sid, &[sid]).await?,
            Some(iss) => self.find_by(Index::SidIss, &[sid, iss]).await?,
        };
        self.end_all(named.iter()).await
    }

    /// Every session that is ended by anybody, here or on another instance, from now on: signed out, revoked,
    /// replaced at a sign-in. One may be told twice. Those that run out of time are not told; their end is known
    /// beforehand. When the channel closes or lags, some may have been missed: ask [`Store::find`] and listen anew.
    pub fn ended(&self) -> broadcast::Receiver<Ended> {
        self.ends.listen()
    }

    /// Waits until nobody else refreshes this session, on any server (R29).
    pub async fn lock(&self, key: StoreKey) -> Result<Lock, StoreError> {
        Lock::take(self.records.clone(), key).await
    }

    /// Uses up what may be used once before `ends`; false if it already was.
    pub async fn spend(&self, once: &[u8], ends: i64) -> Result<bool, StoreError> {
        let once = digest(&SHA256, once);
        self.records.spend(once.as_ref(), ends).await
    }

    /// Of the sessions that a browser is given under one name only the last lives (R48). `ends`: when no more can come.
    pub async fn supersede(
        &self,
        name: &[u8],
        key: &StoreKey,
        ends: i64,
    ) -> Result<(), StoreError> {
        let name = digest(&SHA256, name);
        match self.records.hand_over(name.as_ref(), key, ends).await? {
            Some(before) => self.end(&before).await,
            None => Ok(()),
        }
    }

    /// Deletes what has ended, where that does not happen by itself (R56).
    pub async fn purge(&self) -> Result<u64, StoreError> {
        self.records.purge(self.now()).await
    }

    /// Whether the store can be read and written.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.records.check().await
    }

    /// Closes the file; every call fails from then on. A Redis is left alone.
    pub async fn close(&self) {
        self.records.close().await;
    }

    /// The time-outs, for who decides when a touch is due.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    async fn insert(&self, id: &Id, data: &Value) -> Result<bool, StoreError> {
        let now = self.now();
        let key = StoreKey::of(id);
        let expires = self.longest(now);
        let (tid, oid) = sealed::person(data)?;
        let listing = Listing {
            browser: data[RECORD]["browser"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            since: now,
            used: now,
            ends: self.idle_end(now, expires),
            expires,
        };
        let found_by = sealed::found_by(&self.sealer, data)?;
        let row = Row {
            record: sealed::record(&self.sealer, id, &found_by, data)?,
            listing: sealed::listing(&self.sealer, tid, oid, &key, &listing)?,
            ends: listing.ends,
            found_by,
        };
        self.records.create(&key, &row, now, expires).await
    }

    async fn is_of(&self, tid: Uuid, oid: &str, key: &StoreKey) -> Result<bool, StoreError> {
        let tid = tid.to_string();
        let theirs = self
            .find_by(Index::User, &sealed::user_parts(&tid, oid))
            .await?;
        Ok(theirs.iter().any(|entry| entry.key == *key))
    }

    async fn end_if_there(&self, key: &StoreKey, replaced: bool) -> Result<bool, StoreError> {
        let end = Ended {
            key: *key,
            replaced,
        };
        let ended = self.records.end(end).await?;
        if ended {
            self.ends.tell(end);
        }
        Ok(ended)
    }

    async fn end_all(
        &self,
        entries: impl Iterator<Item = &Entry> + Send,
    ) -> Result<u64, StoreError> {
        let mut ended = 0;
        for entry in entries {
            ended += u64::from(self.end_if_there(&entry.key, false).await?);
        }
        Ok(ended)
    }

    /// Under whichever key it was written: that is how `SESSION_KEY` rotates.
    async fn find_by(&self, index: Index, parts: &[&str]) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for hash in self.sealer.index(parts)? {
            entries.extend(self.records.found_by(index, &hash).await?);
        }
        Ok(entries)
    }

    /// The absolute end of a session that begins now.
    fn longest(&self, now: i64) -> i64 {
        now.saturating_add(seconds(self.timeouts.max))
    }

    fn idle_end(&self, now: i64, expires: i64) -> i64 {
        now.saturating_add(seconds(self.timeouts.idle)).min(expires)
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_timestamp()
    }
}

fn unreadable() {
    tracing::warn!(
        event = "session_unreadable",
        "a session record does not open: tampered with, or its key is gone"
    );
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
