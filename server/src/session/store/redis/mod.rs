//! Records in Redis, for several servers over one store. A session is a hash; what else it is found by, sorted sets
//! of sessions by their idle end. Everything has an expiry of Redis' own, so nothing is left over and nothing has to
//! be looked for (R56). What is read and written together is one script: all of it happens, or none.
//!
//! One Redis, or a service that looks like one; not a cluster, whose scripts must not touch several keys.

mod connection;
mod ended;
mod script;

use std::time::Duration;

use async_trait::async_trait;
use redis::cmd;

use super::{
    StoreError, StoreKey,
    ends::{Ended, Ends},
    records::{Entry, FoundBy, Index, Records, Row},
};
use crate::secret::Secret;
use connection::Connection;
use ended::{Listening, channel};

/// What every key begins with. The number is the format: another one is not read.
const PREFIX: &str = "cloakroom:1:";

/// Records in Redis.
pub struct Redis {
    connection: Connection,
    /// To what ends on other servers.
    _listening: Listening,
}

impl Redis {
    /// At this address, which may hold a password. A Redis that is not there is waited for, by every call anew; one
    /// that refuses us is an error.
    pub async fn open(address: &Secret, ends: Ends) -> Result<Self, StoreError> {
        let connection = Connection::new(address)?;
        let listening = Listening::start(connection.client(), ends).await?;
        Ok(Self {
            connection,
            _listening: listening,
        })
    }
}

#[async_trait]
impl Records for Redis {
    async fn create(
        &self,
        key: &StoreKey,
        row: &Row,
        now: i64,
        longest: i64,
    ) -> Result<bool, StoreError> {
        let mut script = script::CREATE.key(session(key));
        script.arg(PREFIX).arg(key.bytes());
        script.arg(&row.record).arg(&row.listing).arg(row.ends);
        hashes(&mut script, &row.found_by);
        script.arg(now).arg(longest);
        self.connection.invoke(&script).await
    }

    async fn find(&self, key: &StoreKey) -> Result<Option<Row>, StoreError> {
        let mut command = cmd("HMGET");
        command.arg(session(key));
        command.arg(&["record", "listing", "ends", "user", "sid", "sid_iss"]);
        let fields: Vec<Option<Vec<u8>>> = self.connection.query(&command).await?;
        let Ok([Some(record), listing, ends, user, sid, sid_iss]) =
            <[Option<Vec<u8>>; 6]>::try_from(fields)
        else {
            return Ok(None);
        };
        // A field that somebody took away is as good as one that they changed.
        Ok(Some(Row {
            record,
            listing: listing.unwrap_or_default(),
            ends: time(&ends.unwrap_or_default()),
            found_by: FoundBy {
                user: user.unwrap_or_default(),
                sid: sid.filter(|hash| !hash.is_empty()),
                sid_iss: sid_iss.filter(|hash| !hash.is_empty()),
            },
        }))
    }

    async fn update(
        &self,
        key: &StoreKey,
        record: &[u8],
        found_by: &FoundBy,
        now: i64,
        longest: i64,
    ) -> Result<bool, StoreError> {
        let mut script = script::UPDATE.key(session(key));
        script.arg(PREFIX).arg(key.bytes()).arg(record);
        hashes(&mut script, found_by);
        script.arg(now).arg(longest);
        self.connection.invoke(&script).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        listing: &[u8],
        ends: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut script = script::TOUCH.key(session(key));
        script.arg(PREFIX).arg(key.bytes());
        script.arg(listing).arg(ends).arg(now);
        self.connection.invoke(&script).await
    }

    async fn found_by(&self, index: Index, hash: &[u8]) -> Result<Vec<Entry>, StoreError> {
        let kind = match index {
            Index::User => "user",
            Index::Sid => "sid",
            Index::SidIss => "sid_iss",
        };
        let mut script = script::FOUND_BY.key(name(kind, hash));
        script.arg(PREFIX);
        let found: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = self.connection.invoke(&script).await?;
        let entries = found.into_iter().filter_map(|(key, listing, ends)| {
            Some(Entry {
                key: StoreKey::from_bytes(&key)?,
                listing,
                ends: time(&ends),
            })
        });
        Ok(entries.collect())
    }

    async fn end(&self, end: Ended) -> Result<bool, StoreError> {
        let mut script = script::END.key(session(&end.key));
        script.arg(PREFIX).arg(end.key.bytes());
        script.arg(channel()).arg(end.mark());
        self.connection.invoke(&script).await
    }

    async fn spend(&self, once: &[u8], ends: i64) -> Result<bool, StoreError> {
        let mut command = cmd("SET");
        command.arg(name("spent", once)).arg("");
        command.arg("NX").arg("EXAT").arg(ends);
        let set: Option<String> = self.connection.query(&command).await?;
        Ok(set.is_some())
    }

    async fn hand_over(
        &self,
        browser: &[u8],
        key: &StoreKey,
        ends: i64,
    ) -> Result<Option<StoreKey>, StoreError> {
        let mut command = cmd("SET");
        command.arg(name("latest", browser)).arg(key.bytes());
        command.arg("GET").arg("EXAT").arg(ends);
        let before: Option<Vec<u8>> = self.connection.query(&command).await?;
        Ok(before.and_then(|before| StoreKey::from_bytes(&before)))
    }

    /// Redis does it by itself.
    async fn purge(&self, _now: i64) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A write, for a Redis that is full or a replica keeps nobody signed in.
        let mut command = cmd("SET");
        command.arg(format!("{PREFIX}check")).arg("");
        command.arg("EX").arg(60);
        self.connection.query(&command).await
    }

    async fn lock(
        &self,
        key: &StoreKey,
        holder: &[u8],
        held: Duration,
    ) -> Result<bool, StoreError> {
        let mut command = cmd("SET");
        command.arg(name("lock", key.bytes())).arg(holder);
        command.arg("NX").arg("PX").arg(milliseconds(held));
        let set: Option<String> = self.connection.query(&command).await?;
        Ok(set.is_some())
    }

    async fn extend(
        &self,
        key: &StoreKey,
        holder: &[u8],
        held: Duration,
    ) -> Result<bool, StoreError> {
        let mut script = script::EXTEND.key(name("lock", key.bytes()));
        script.arg(holder).arg(milliseconds(held));
        self.connection.invoke(&script).await
    }

    async fn unlock(&self, key: &StoreKey, holder: &[u8]) -> Result<(), StoreError> {
        let mut script = script::UNLOCK.key(name("lock", key.bytes()));
        script.arg(holder);
        self.connection.invoke(&script).await
    }

    /// The connection goes with its last call.
    async fn close(&self) {}
}

/// The key of a thing of this kind.
fn name(kind: &str, of: &[u8]) -> Vec<u8> {
    [PREFIX.as_bytes(), kind.as_bytes(), b":", of].concat()
}

fn session(key: &StoreKey) -> Vec<u8> {
    name("session", key.bytes())
}

/// In the order of the scripts; none is empty.
fn hashes(script: &mut redis::ScriptInvocation<'_>, found_by: &FoundBy) {
    script.arg(&found_by.user);
    script.arg(found_by.sid.as_deref().unwrap_or_default());
    script.arg(found_by.sid_iss.as_deref().unwrap_or_default());
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is no number was tampered with; no listing proves this one.
fn time(bytes: &[u8]) -> i64 {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(i64::MIN)
}
