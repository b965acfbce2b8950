//! The session: who is signed in and with which tokens. It is written at sign-in, at refresh and at
//! sign-out, and nowhere else; what touches a session goes through here.

pub mod browser;
pub mod cookie;
pub mod events;
pub mod seal;
pub mod store;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tower_sessions::session::Id;
use uuid::Uuid;

use crate::{config::cloud::PERSONAL_TENANT, secret::Secret};
use store::{Store, StoreError};

pub use store::StoreKey;

/// Where the record lies in tower-sessions' map.
pub const RECORD: &str = "signed_in";

/// The signed-in user. The key is `tid` + `oid`, never an address (R43).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Tenant id.
    pub tid: Uuid,
    /// Object id within the tenant.
    pub oid: String,
    /// The ID token's subject, pairwise for this client.
    pub sub: String,
    /// The ID token's issuer.
    pub iss: String,
    /// Display name.
    pub name: String,
    /// `preferred_username`, to show.
    pub username: String,
    /// The platform's session, for front-channel sign-out.
    pub sid: Option<String>,
    /// The opaque hint that spares the account picker at sign-out.
    pub login_hint: Option<String>,
    /// App roles in this tenant.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The preferred language of the profile, if the registration asks for the optional claim `xms_pl`.
    #[serde(default)]
    pub language: Option<String>,
    /// When the ID token was made, in seconds since 1970; 0 if the record is older than this field.
    #[serde(default)]
    pub issued: i64,
    /// When it expires, likewise.
    #[serde(default)]
    pub expires: i64,
}

impl User {
    /// The bytes that name this user.
    pub fn key(&self) -> Vec<u8> {
        format!("{}.{}", self.tid, self.oid).into_bytes()
    }

    /// Whether this is a personal Microsoft account.
    pub fn is_personal(&self) -> bool {
        self.tid == PERSONAL_TENANT
    }
}

/// An access token for Graph, never parsed (R32).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// When it is no longer accepted.
    #[serde(with = "time::serde::timestamp")]
    pub expires_at: OffsetDateTime,
    /// The Graph scopes that were granted with it.
    pub scopes: Vec<String>,
}

/// The record of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The current access token.
    pub access: AccessToken,
    /// What gets the next one; personal consent may leave it out.
    pub refresh_token: Option<Secret>,
    /// What they signed in with, as people call it: "Chrome on Linux".
    #[serde(default)]
    pub browser: String,
}

/// A live session, as one request found it. Times are seconds since 1970.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id. Whoever holds it is signed in.
    pub id: Id,
    /// Its record.
    pub signed_in: SignedIn,
    /// When it began.
    pub since: i64,
    /// When a person last did something.
    pub used: i64,
    /// When it ends if nobody does anything.
    pub ends: i64,
    /// When it ends whatever happens.
    pub expires: i64,
}

/// What the middleware found for the request at hand; `None` is a signed-out visitor.
#[derive(Clone)]
pub struct Visitor(pub Option<Arc<Session>>);

/// The sessions of this server.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Where they are kept.
    pub store: Store,
}

impl Sessions {
    /// The live session with this id.
    pub async fn find(&self, id: &Id) -> Result<Option<Session>, StoreError> {
        let Some(stored) = self.store.find(id).await? else {
            return Ok(None);
        };
        // A record of another format is refused, never misread.
        let Some(signed_in) = stored
            .data
            .get(RECORD)
            .and_then(|value| SignedIn::deserialize(value).ok())
        else {
            tracing::warn!(
                event = "session_unreadable",
                "a session record has an unknown format"
            );
            return Ok(None);
        };
        Ok(Some(Session {
            id: *id,
            signed_in,
            since: stored.since,
            used: stored.used,
            ends: stored.ends,
            expires: stored.expires,
        }))
    }

    /// Writes refreshed tokens; false if the session has ended meanwhile.
    pub async fn update(&self, id: &Id, signed_in: &SignedIn) -> Result<bool, StoreError> {
        self.store.update(id, &json!({ RECORD: signed_in })).await
    }

    /// Slides the idle end when a person did something; at most once in a thirtieth of the idle time,
    /// so that a page with many requests writes once. The answer is that end.
    pub async fn touch(&self, session: &Session, now: i64) -> Result<i64, StoreError> {
        let idle = i64::try_from(self.store.timeouts().idle.as_secs()).unwrap_or(i64::MAX);
        if now - session.used > idle / 30 {
            self.store.touch(session).await?;
            Ok(now.saturating_add(idle).min(session.expires))
        } else {
            Ok(session.ends)
        }
    }
}

/// The record as tower-sessions stores it.
pub fn record_value(signed_in: &SignedIn) -> Result<Value, serde_json::Error> {
    serde_json::to_value(signed_in)
}
