//! An access token for the session at hand: the one it has, or one refresh, or why there is none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tower_sessions::session::Id;
use tracing::Instrument;

use crate::{
    auth::{
        metadata::{MetadataError, Platform},
        token_endpoint::{self, Grant, TokenError},
    },
    clock::Clock,
    config::Config,
    secret::Secret,
    session::{Session, Sessions, SignedIn, StoreKey, store::StoreError},
    upstream::UpstreamError,
};

/// Tokens are refreshed this long before they expire (R28).
const EARLY: time::Duration = time::Duration::minutes(5);

/// Why there is no access token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The session has ended meanwhile.
    #[error("the session has ended")]
    SignedOut,
    /// The refresh token is dead: the session ends with it (R25, R51).
    #[error("the refresh token is no longer accepted")]
    Reauthenticate,
    /// The platform wants the person for these scopes (R26).
    #[error("the platform wants the person's consent or presence")]
    Consent(Vec<String>),
    /// The platform can't be had; the session is kept (R24, R27).
    #[error("the platform can't be had just now")]
    Unavailable {
        /// Seconds to wait, if it said so.
        retry_after: Option<u32>,
    },
    /// The platform did not answer in time; the session is kept.
    #[error("the platform did not answer in time")]
    Timeout,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(event = "store_failed", %error, "the session store failed");
        Self::Unavailable { retry_after: None }
    }
}

/// Which token will do.
#[derive(Clone, PartialEq, Eq)]
pub enum Want {
    /// The current one, if it has five minutes left.
    Current,
    /// Another one than this, which Graph refused (R100).
    Other(Secret),
}

/// The tokens of all sessions.
pub struct Tokens {
    config: Arc<Config>,
    http: reqwest::Client,
    clock: Clock,
    platform: Arc<Platform>,
    sessions: Sessions,
    /// One refresh per session at a time (R29).
    locks: Cache<i128, Arc<Refreshing>>,
}

/// The refresh of one session. Who waited for the lock while one failed gets the same answer, instead of
/// waiting for the platform in turns.
#[derive(Default)]
struct Refreshing {
    failure: Mutex<Option<Refusal>>,
    failures: AtomicU64,
}

impl Tokens {
    /// Over these sessions and this platform.
    pub fn new(
        config: Arc<Config>,
        http: reqwest::Client,
        clock: Clock,
        platform: Arc<Platform>,
        sessions: Sessions,
    ) -> Self {
        let locks = Cache::builder()
            .time_to_idle(Duration::from_mins(10))
            .build();
        Self {
            config,
            http,
            clock,
            platform,
            sessions,
            locks,
        }
    }

    /// An access token with the scopes of sign-in.
    pub async fn access(
        self: &Arc<Self>,
        session: &Arc<Session>,
        want: Want,
    ) -> Result<Secret, Refusal> {
        if want == Want::Current && self.lasts(&session.signed_in) {
            return Ok(session.signed_in.access.token.clone());
        }
        // In a task of its own: a browser that goes away must not lose a refresh token that the platform
        // has already rotated.
        let (tokens, session) = (self.clone(), session.clone());
        let renewing = async move { tokens.renew(&session, want).await };
        tokio::spawn(renewing.in_current_span())
            .await
            .unwrap_or(Err(Refusal::Unavailable { retry_after: None }))
    }

    async fn renew(&self, session: &Session, want: Want) -> Result<Secret, Refusal> {
        let lock = self
            .locks
            .get_with(session.id.0, async { Arc::default() })
            .await;
        let before = lock.failures.load(Ordering::SeqCst);
        let mut failure = lock.failure.lock().await;
        let failed_meanwhile = (lock.failures.load(Ordering::SeqCst) != before)
            .then(|| failure.clone())
            .flatten();
        // Another request may have refreshed while we waited: look again.
        let current = self
            .sessions
            .find(&session.id)
            .await?
            .ok_or(Refusal::SignedOut)?
            .signed_in;
        let renewed = current.access.token != session.signed_in.access.token
            && self.clock.now() < current.access.expires_at;
        let serves = match &want {
            Want::Current => self.lasts(&current) || renewed,
            Want::Other(refused) => self.lasts(&current) && current.access.token != *refused,
        };
        if serves {
            return Ok(current.access.token);
        }
        let answer = match failed_meanwhile {
            Some(refusal) => Err(refusal),
            None => self.refresh(&session.id, &current).await,
        };
        if let Err(refusal @ (Refusal::Unavailable { .. } | Refusal::Timeout)) = &answer {
            *failure = Some(refusal.clone());
            lock.failures.fetch_add(1, Ordering::SeqCst);
            // R24: a busy platform is no reason to refuse a token that is still good.
            if want == Want::Current && self.clock.now() < current.access.expires_at {
                return Ok(current.access.token);
            }
        }
        answer
    }

    fn lasts(&self, signed_in: &SignedIn) -> bool {
        self.clock.now() + EARLY < signed_in.access.expires_at
    }

    async fn refresh(&self, id: &Id, current: &SignedIn) -> Result<Secret, Refusal> {
        let Some(refresh_token) = &current.refresh_token else {
            self.end(id, current, "there is no refresh token").await?;
            return Err(Refusal::Reauthenticate);
        };
        let metadata = self
            .platform
            .metadata()
            .await
            .map_err(|error| unavailable(&error))?;
        let now: OffsetDateTime = self.clock.now();
        let answer = token_endpoint::redeem(
            Grant::Refresh(refresh_token),
            &self.config.scopes_to_ask(),
            &metadata.token_endpoint,
            &self.config,
            &self.http,
            now,
        )
        .await;
        let tokens = match answer {
            Ok(tokens) => tokens,
            Err(TokenError::Refused(refusal)) => {
                tracing::warn!(event = "refresh_refused", tid = %current.user.tid, oid = current.user.oid, %refusal, "the platform refused a refresh");
                return match refusal.error.as_str() {
                    "interaction_required" | "consent_required" | "login_required" => {
                        Err(Refusal::Consent(self.config.scopes.clone()))
                    }
                    _ => {
                        self.end(id, current, "its refresh token is dead").await?;
                        Err(Refusal::Reauthenticate)
                    }
                };
            }
            Err(error) => {
                tracing::error!(event = "refresh_failed", tid = %current.user.tid, oid = current.user.oid, %error, "a refresh failed; the session is kept");
                return Err(match error {
                    TokenError::Upstream(UpstreamError::Timeout) => Refusal::Timeout,
                    TokenError::Upstream(UpstreamError::Busy { retry_after, .. }) => {
                        Refusal::Unavailable { retry_after }
                    }
                    _ => Refusal::Unavailable { retry_after: None },
                });
            }
        };
        let access_token = tokens.access.token.clone();
        let refreshed = SignedIn {
            user: current.user.clone(),
            access: tokens.access,
            // R30: a rotated refresh token is stored; if none is returned the old one stays.
            refresh_token: tokens
                .refresh_token
                .or_else(|| current.refresh_token.clone()),
        };
        // R31: a sign-out during the refresh has deleted the record, and nothing is written back.
        if self.sessions.update(id, &refreshed).await? {
            Ok(access_token)
        } else {
            Err(Refusal::SignedOut)
        }
    }

    async fn end(&self, id: &Id, ended: &SignedIn, why: &str) -> Result<(), Refusal> {
        let user = &ended.user;
        tracing::info!(event = "session_ended", tid = %user.tid, oid = user.oid, why, "a session ended");
        self.sessions.store.end(&StoreKey::of(id)).await?;
        Ok(())
    }
}

fn unavailable(error: &MetadataError) -> Refusal {
    tracing::error!(event = "platform_unavailable", %error, "the platform's metadata can't be had");
    match error {
        MetadataError::Upstream {
            source: UpstreamError::Timeout,
            ..
        } => Refusal::Timeout,
        MetadataError::Upstream {
            source: UpstreamError::Busy { retry_after, .. },
            ..
        } => Refusal::Unavailable {
            retry_after: *retry_after,
        },
        _ => Refusal::Unavailable { retry_after: None },
    }
}
