//! An access token with these permissions for the session at hand: the one it has, or one refresh, or why
//! there is none. Nothing else asks the platform for tokens of a session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;
use tokio::sync::Mutex;
use tower_sessions::session::Id;
use tracing::Instrument;

use crate::{
    auth::{
        claims::Challenge,
        id_token::{self, Expected, IdTokenError},
        metadata::{MetadataError, Platform},
        token_endpoint::{Grant, PlatformError, TokenEndpoint, TokenError},
    },
    clock::Clock,
    config::Config,
    secret::Secret,
    session::{Session, Sessions, SignedIn, StoreKey, User, store::StoreError},
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
    /// The person has not allowed these scopes, or no longer (R26).
    #[error("a permission is missing: {0:?}")]
    Consent(Vec<String>),
    /// The platform wants another sign-in of a kind: a second factor, or one that meets this challenge (R26).
    /// The session is kept.
    #[error("the platform wants a sign-in that meets its claims")]
    Claims(Option<Challenge>),
    /// The platform wants the person to sign in again (R26). The session is kept.
    #[error("the platform wants the person to sign in again")]
    Presence,
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

/// Permissions of which one is enough, the least first: as Graph's documentation lists them for a call.
pub type AnyOf<'a> = &'a [&'a str];

/// Whether a token that still has some time may serve.
#[derive(Clone)]
pub enum Want {
    /// The current one, if it has five minutes left.
    Current,
    /// Another one than this, which Graph refused (R100).
    Other(Secret),
    /// Another one, that meets the challenge with which Graph refused it (R99).
    Meeting(Challenge),
}

/// What the store has for a request that wants a token.
enum Current {
    /// One that serves.
    Serves(Secret),
    /// What there is to refresh.
    Stale(Box<SignedIn>),
}

/// The tokens of all sessions.
pub struct Tokens {
    config: Arc<Config>,
    clock: Clock,
    platform: Arc<Platform>,
    endpoint: Arc<TokenEndpoint>,
    sessions: Sessions,
    /// One refresh per session at a time (R29).
    turns: Cache<i128, Arc<Turn>>,
}

/// Who waited while a refresh was refused gets the same refusal, instead of asking the same again.
#[derive(Default)]
struct Turn {
    last: Mutex<Option<Refusal>>,
    refusals: AtomicU64,
}

impl Tokens {
    /// Over these sessions and this platform.
    pub fn new(
        config: Arc<Config>,
        clock: Clock,
        platform: Arc<Platform>,
        endpoint: Arc<TokenEndpoint>,
        sessions: Sessions,
    ) -> Self {
        let turns = Cache::builder()
            .time_to_idle(Duration::from_mins(10))
            .build();
        Self {
            config,
            clock,
            platform,
            endpoint,
            sessions,
            turns,
        }
    }

    /// An access token with one of these permissions. Where the person has given none of them, that is the
    /// answer, before anybody is asked.
    pub async fn access(
        self: &Arc<Self>,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        want: Want,
    ) -> Result<Secret, Refusal> {
        let known = &session.signed_in.access;
        let granted = |wanted: &&str| {
            let mut scopes = known.scopes.iter();
            scopes.any(|scope| scope.eq_ignore_ascii_case(wanted))
        };
        if let Some(least) = need.first()
            && !need.iter().any(granted)
        {
            return Err(Refusal::Consent(vec![(*least).to_owned()]));
        }
        let is_current = matches!(want, Want::Current);
        if is_current && self.lasts(&session.signed_in) {
            return Ok(known.token.clone());
        }
        // In a task of its own: a browser that goes away must not lose a refresh token that the platform
        // has already rotated.
        let (tokens, mine) = (self.clone(), session.clone());
        let renewing = async move { tokens.in_turn(&mine, want).await };
        let answer = tokio::spawn(renewing.in_current_span()).await;
        match answer.unwrap_or(Err(Refusal::Unavailable { retry_after: None })) {
            // R24: a busy platform is no reason to refuse a token that is still good.
            Err(Refusal::Unavailable { .. } | Refusal::Timeout)
                if is_current && self.clock.now() < known.expires_at =>
            {
                Ok(known.token.clone())
            }
            answer => answer,
        }
    }

    async fn in_turn(&self, session: &Session, want: Want) -> Result<Secret, Refusal> {
        let turn = self
            .turns
            .get_with(session.id.0, async { Arc::default() })
            .await;
        let before = turn.refusals.load(Ordering::SeqCst);
        let mut last = turn.last.lock().await;
        if let Some(refusal) = &*last
            && turn.refusals.load(Ordering::SeqCst) != before
        {
            return Err(refusal.clone());
        }
        // Another request may have refreshed while we waited: look again, and once more when no other server is at it.
        if let Current::Serves(token) = self.current(session, &want).await? {
            return Ok(token);
        }
        let lock = self.sessions.store.lock(StoreKey::of(&session.id)).await?;
        let answer = match self.current(session, &want).await {
            Ok(Current::Serves(token)) => Ok(token),
            Ok(Current::Stale(current)) => {
                let challenge = match &want {
                    Want::Meeting(challenge) => Some(challenge),
                    Want::Current | Want::Other(_) => None,
                };
                let answer = self.refresh(&session.id, &current, challenge).await;
                if let Err(refusal) = &answer {
                    *last = Some(refusal.clone());
                    turn.refusals.fetch_add(1, Ordering::SeqCst);
                }
                answer
            }
            Err(refusal) => Err(refusal),
        };
        lock.release().await;
        answer
    }

    /// The session as it now is in the store.
    async fn current(&self, session: &Session, want: &Want) -> Result<Current, Refusal> {
        let current = self
            .sessions
            .find(&session.id)
            .await?
            .ok_or(Refusal::SignedOut)?
            .signed_in;
        let changed = current.access.token != session.signed_in.access.token;
        let serves = match want {
            Want::Current => {
                self.lasts(&current) || (changed && self.clock.now() < current.access.expires_at)
            }
            Want::Other(refused) => self.lasts(&current) && current.access.token != *refused,
            Want::Meeting(_) => self.lasts(&current) && changed,
        };
        Ok(if serves {
            Current::Serves(current.access.token)
        } else {
            Current::Stale(Box::new(current))
        })
    }

    fn lasts(&self, signed_in: &SignedIn) -> bool {
        self.clock.now() + EARLY < signed_in.access.expires_at
    }

    async fn refresh(
        &self,
        id: &Id,
        current: &SignedIn,
        challenge: Option<&Challenge>,
    ) -> Result<Secret, Refusal> {
        let Some(refresh_token) = &current.refresh_token else {
            self.end(id, current, "there is no refresh token").await?;
            return Err(Refusal::Reauthenticate);
        };
        // R16: what was granted, not what was asked for; asking again would be refused again.
        let scopes = self.config.with_identity(&current.access.scopes);
        let answer = self
            .endpoint
            .redeem(Grant::Refresh(refresh_token), &scopes, challenge)
            .await;
        let tokens = match answer {
            Ok(tokens) => tokens,
            Err(TokenError::Refused(refusal)) => {
                return Err(self.refused(id, &refusal, current, challenge).await?);
            }
            Err(error) => return Err(failed(&error)),
        };
        let mut user = current.user.clone();
        if let Some(id_token) = &tokens.id_token {
            // An app role may have been taken away since the sign-in.
            user.roles = self.check(id, id_token, current).await?.roles;
        }
        let access_token = tokens.access.token.clone();
        let refreshed = SignedIn {
            user,
            access: tokens.access,
            // R30: a rotated refresh token is stored; if none is returned the old one stays.
            refresh_token: tokens
                .refresh_token
                .or_else(|| current.refresh_token.clone()),
            browser: current.browser.clone(),
        };
        // R31: a sign-out during the refresh has deleted the record, and nothing is written back.
        if self.sessions.update(id, &refreshed).await? {
            Ok(access_token)
        } else {
            Err(Refusal::SignedOut)
        }
    }

    /// Sorts a refused refresh by `error` and `suberror` (R25, R26), never by the AADSTS number (R9).
    /// <https://learn.microsoft.com/entra/msal/dotnet/advanced/exceptions/#msaluirequiredexception-classification-enumeration>
    async fn refused(
        &self,
        id: &Id,
        refusal: &PlatformError,
        current: &SignedIn,
        challenge: Option<&Challenge>,
    ) -> Result<Refusal, StoreError> {
        tracing::warn!(event = "refresh_refused", tid = %current.user.tid, oid = current.user.oid, %refusal, "the platform refused a refresh");
        let claims = || Refusal::Claims(Challenge::parse(&refusal.claims).or(challenge.cloned()));
        let wants_person = matches!(
            refusal.suberror.as_str(),
            "basic_action" | "additional_action" | "message_only" | "user_password_expired"
        );
        Ok(match (refusal.error.as_str(), refusal.suberror.as_str()) {
            ("consent_required", _)
            | ("interaction_required" | "invalid_grant", "consent_required") => {
                Refusal::Consent(self.config.graph_scopes(&current.access.scopes))
            }
            ("login_required", _) => Refusal::Presence,
            ("interaction_required", _) => claims(),
            ("invalid_grant", _) if wants_person => claims(),
            _ => {
                self.end(id, current, "its refresh token is dead").await?;
                Refusal::Reauthenticate
            }
        })
    }

    /// R33: a session whose tokens are suddenly about somebody else, or about nobody that can be proven, ends.
    async fn check(&self, id: &Id, id_token: &Secret, current: &SignedIn) -> Result<User, Refusal> {
        let expected = Expected::SamePerson(&current.user);
        let (config, now) = (&self.config, self.clock.now());
        match id_token::validate(id_token.expose(), expected, config, &self.platform, now).await {
            Ok(user) => Ok(user),
            Err(IdTokenError::Platform(error)) => Err(unavailable(&error)),
            Err(error) => {
                tracing::error!(event = "id_token_refused", %error, "a refreshed ID token was refused");
                self.end(id, current, "its refreshed ID token was refused")
                    .await?;
                Err(Refusal::Reauthenticate)
            }
        }
    }

    async fn end(&self, id: &Id, ended: &SignedIn, why: &str) -> Result<(), StoreError> {
        let user = &ended.user;
        tracing::info!(event = "session_ended", tid = %user.tid, oid = user.oid, why, "a session ended");
        self.sessions.store.end(&StoreKey::of(id)).await
    }
}

/// R24, R27: the session is kept.
fn failed(error: &TokenError) -> Refusal {
    tracing::error!(event = "refresh_failed", %error, "a refresh failed; the session is kept");
    match error {
        TokenError::Metadata(error) => unavailable(error),
        TokenError::Upstream(UpstreamError::Timeout) => Refusal::Timeout,
        TokenError::Upstream(UpstreamError::Busy { retry_after, .. }) => Refusal::Unavailable {
            retry_after: *retry_after,
        },
        _ => Refusal::Unavailable { retry_after: None },
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
