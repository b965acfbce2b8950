//! What of a session is sealed with what, and what the store finds it by.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_sessions::session::Id;

use super::{
    StoreError, StoreKey, Stored,
    records::{Entry, FoundBy, Row},
};
use crate::session::{
    RECORD,
    seal::{Purpose, Sealer},
};

/// What is sealed under the person and the session: readable for who knows the person, without the ticket. It also
/// proves the times, which lie open beside it.
#[derive(Serialize, Deserialize)]
pub struct Listing {
    pub browser: String,
    pub since: i64,
    pub used: i64,
    pub ends: i64,
    pub expires: i64,
}

/// Whose session this data is (R43).
pub fn person(data: &Value) -> Result<(&str, &str), StoreError> {
    let user = &data[RECORD]["user"];
    let tid = user["tid"].as_str();
    tid.zip(user["oid"].as_str()).ok_or(StoreError::Nobody)
}

/// What the hash of a person is made of. The first part keeps it apart from a `sid` and its issuer.
pub fn user_parts<'a>(tid: &'a str, oid: &'a str) -> [&'a str; 3] {
    ["user", tid, oid]
}

/// What a session with this data is found by.
pub fn found_by(sealer: &Sealer, data: &Value) -> Result<FoundBy, StoreError> {
    let hash = |parts: &[&str]| {
        let hashes = sealer.index(parts)?;
        hashes.into_iter().next().ok_or(StoreError::Seal)
    };
    let (tid, oid) = person(data)?;
    let user = &data[RECORD]["user"];
    let sid = user["sid"].as_str();
    let with_issuer = sid.zip(user["iss"].as_str());
    Ok(FoundBy {
        user: hash(&user_parts(tid, oid))?,
        sid: sid.map(|sid| hash(&[sid])).transpose()?,
        sid_iss: with_issuer
            .map(|(sid, iss)| hash(&[sid, iss]))
            .transpose()?,
    })
}

/// Seals a record under its session's id.
pub fn record(
    sealer: &Sealer,
    id: &Id,
    found_by: &FoundBy,
    data: &Value,
) -> Result<Vec<u8>, StoreError> {
    let plain = serde_json::to_vec(data).map_err(|_| StoreError::Seal)?;
    Ok(sealer.seal(Purpose::Session, &record_id(id, found_by), &plain)?)
}

/// Seals a listing under its person and session.
pub fn listing(
    sealer: &Sealer,
    tid: &str,
    oid: &str,
    key: &StoreKey,
    listing: &Listing,
) -> Result<Vec<u8>, StoreError> {
    let plain = serde_json::to_vec(listing).map_err(|_| StoreError::Seal)?;
    Ok(sealer.seal(Purpose::Listing, &listing_id(tid, oid, key), &plain)?)
}

/// Opens a record, and the listing that proves its times.
pub fn open(sealer: &Sealer, id: &Id, row: Row) -> Option<Stored> {
    let plain = sealer.open(Purpose::Session, &record_id(id, &row.found_by), &row.record)?;
    let data: Value = serde_json::from_slice(&plain).ok()?;
    let (tid, oid) = person(&data).ok()?;
    let entry = Entry {
        key: StoreKey::of(id),
        listing: row.listing,
        ends: row.ends,
    };
    let listing = open_listing(sealer, tid, oid, &entry)?;
    Some(Stored {
        since: listing.since,
        used: listing.used,
        ends: listing.ends,
        expires: listing.expires,
        data,
    })
}

/// Opens a listing.
pub fn open_listing(sealer: &Sealer, tid: &str, oid: &str, entry: &Entry) -> Option<Listing> {
    let id = listing_id(tid, oid, &entry.key);
    let plain = sealer.open(Purpose::Listing, &id, &entry.listing)?;
    let listing: Listing = serde_json::from_slice(&plain).ok()?;
    (listing.ends == entry.ends).then_some(listing)
}

/// What a session is found by is part of its record's key: who changes it in the store, to keep a session off its
/// person's list, ends the session.
fn record_id(id: &Id, found_by: &FoundBy) -> Vec<u8> {
    let mut bytes = id.0.to_le_bytes().to_vec();
    bytes.extend(&found_by.user);
    for hash in [&found_by.sid, &found_by.sid_iss] {
        bytes.push(u8::from(hash.is_some()));
        bytes.extend(hash.iter().flatten());
    }
    bytes
}

/// Its session is part of a listing's key, so that one can't be put in another's place.
fn listing_id(tid: &str, oid: &str, key: &StoreKey) -> Vec<u8> {
    [key.bytes(), tid.as_bytes(), b".", oid.as_bytes()].concat()
}
