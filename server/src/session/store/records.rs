//! What a store of records must do. It is told keyed hashes and sealed bytes, never who somebody is; what they
//! mean is [`Store`](super::Store)'s.

use std::time::Duration;

use async_trait::async_trait;

use super::{Ended, StoreError, StoreKey};

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct Row {
    /// Tokens and person, sealed under the session's id.
    pub record: Vec<u8>,
    /// Browser and times, sealed under the person.
    pub listing: Vec<u8>,
    /// When it ends if nobody does anything, seconds since 1970. Also in `listing`, which proves it.
    pub ends: i64,
    /// What else it is found by. Part of the key that `record` is sealed with, which proves it.
    pub found_by: FoundBy,
}

/// Keyed hashes that a session is found by, other than its own.
#[derive(Clone, Debug)]
pub struct FoundBy {
    /// Of the person: `tid` and `oid` (R43).
    pub user: Vec<u8>,
    /// Of the platform's session, if it named one (R73).
    pub sid: Option<Vec<u8>>,
    /// The same with its issuer.
    pub sid_iss: Option<Vec<u8>>,
}

/// One of [`FoundBy`].
#[derive(Clone, Copy, Debug)]
pub enum Index {
    /// The person.
    User,
    /// The platform's session.
    Sid,
    /// The platform's session with its issuer.
    SidIss,
}

/// What a list of sessions is made of.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The session.
    pub key: StoreKey,
    /// Browser and times, sealed.
    pub listing: Vec<u8>,
    /// The idle end.
    pub ends: i64,
}

/// Records by key. `now` is the caller's clock, in seconds since 1970; `longest`, when no session of today still lives.
#[async_trait]
pub trait Records: Send + Sync {
    /// Writes a new session; false if there is one with this key.
    async fn create(
        &self,
        key: &StoreKey,
        row: &Row,
        now: i64,
        longest: i64,
    ) -> Result<bool, StoreError>;
    /// The session with this key, also one that has ended and is not yet gone.
    async fn find(&self, key: &StoreKey) -> Result<Option<Row>, StoreError>;
    /// Writes the record of a session that has not ended; false if there is none (R31).
    async fn update(
        &self,
        key: &StoreKey,
        record: &[u8],
        found_by: &FoundBy,
        now: i64,
        longest: i64,
    ) -> Result<bool, StoreError>;
    /// Moves the idle end of a session that has not ended. Its record is not written.
    async fn touch(
        &self,
        key: &StoreKey,
        listing: &[u8],
        ends: i64,
        now: i64,
    ) -> Result<(), StoreError>;
    /// The sessions with this hash.
    async fn found_by(&self, index: Index, hash: &[u8]) -> Result<Vec<Entry>, StoreError>;
    /// Deletes a session and tells other servers; false if there was none.
    async fn end(&self, end: Ended) -> Result<bool, StoreError>;
    /// Notes what may be used once; false if it already was.
    async fn spend(&self, once: &[u8], ends: i64) -> Result<bool, StoreError>;
    /// Notes the last session that a browser was given under this name, and says which was the last before.
    async fn hand_over(
        &self,
        name: &[u8],
        key: &StoreKey,
        ends: i64,
    ) -> Result<Option<StoreKey>, StoreError>;
    /// Deletes what has ended, where that does not happen by itself (R56), and says how many sessions.
    async fn purge(&self, now: i64) -> Result<u64, StoreError>;
    /// Whether records can be read and written.
    async fn check(&self) -> Result<(), StoreError>;
    /// Takes a session's lock for so long; false if another holder has it. One server needs none: its own turns do.
    async fn lock(
        &self,
        _key: &StoreKey,
        _holder: &[u8],
        _held: Duration,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }
    /// Keeps a lock for so long from now; false if it is lost.
    async fn extend(
        &self,
        _key: &StoreKey,
        _holder: &[u8],
        _held: Duration,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }
    /// Gives a lock back.
    async fn unlock(&self, _key: &StoreKey, _holder: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
    /// Closes what has to be closed.
    async fn close(&self);
}
