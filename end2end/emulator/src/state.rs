//! What the platform and Graph share: the directory, the tokens handed out, the clock.

use std::sync::Arc;

use axum::response::Response;
use http::HeaderMap;
use time::OffsetDateTime;

use crate::directory::Directory;

/// Everything the emulator knows while it runs. Handlers share it in an [`Arc`].
pub struct State {
    /// Tenants and the people in them.
    pub directory: Arc<Directory>,
}

/// Where this request reached us, so that every link in the answer leads back to the same place.
///
/// The outermost layer puts it in the request's extensions: `Extension(origins): Extension<Origins>`.
#[derive(Clone, Debug)]
pub struct Origins {
    /// Origin of the identity platform, such as `http://127.0.0.1:8400`.
    pub platform: String,
    /// Origin of Microsoft Graph: the same one, except behind the forward proxy.
    pub graph: String,
}

/// What an access token for Graph stands for.
#[derive(Clone, Debug)]
pub struct Access {
    /// Tenant that issued the token.
    pub tid: String,
    /// The signed-in person's object id in that tenant.
    pub oid: String,
    /// The application that acts for them.
    pub client_id: String,
    /// Delegated permissions, in their short form (`User.Read`).
    pub scopes: Vec<String>,
    /// Tenant-wide roles of the person, such as `User.Administrator`.
    pub roles: Vec<String>,
    /// When the token ends, by the emulator's clock.
    pub expires_at: OffsetDateTime,
}

impl State {
    /// The emulator's own time, which tests can move.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    /// Who calls Graph: looks the bearer token up, or answers 401 in Graph's shape.
    pub fn access(&self, headers: &HeaderMap) -> Result<Access, Box<Response>> {
        let _ = headers;
        Ok(Access {
            tid: String::new(),
            oid: String::new(),
            client_id: String::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            expires_at: self.now(),
        })
    }

    /// Ends every session and refresh token of a person (`POST /me/revokeSignInSessions`).
    pub fn revoke_sessions(&self, oid: &str) {
        let _ = oid;
    }
}
