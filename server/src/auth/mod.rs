//! The callback that ends a sign-in, and "who am I": plain axum routes. A sign-in begins in `login`; the ways out are in
//! `sign_out`. Which requests reach them is decided in `browser`; what a session is, in `session`.

pub mod attempt;
pub mod claims;
pub mod credential;
pub mod help;
pub mod id_token;
pub mod local_path;
mod login;
pub mod metadata;
pub mod problem;
mod query;
pub mod sign_out;
pub mod token_endpoint;

use std::sync::Arc;

use app::model::Preferences;
use axum::{
    Extension, Json,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::Instrument;

use crate::{
    Cloakroom,
    browser::CorrelationId,
    pages,
    session::{RECORD, SignedIn, StoreKey, Visitor, browser, record_value},
    upstream::UpstreamError,
};
use attempt::Attempt;
use claims::Challenge;
use id_token::Expected;
use problem::{Asked, SignInError};
use query::Query;
use token_endpoint::{Grant, PlatformError, TokenError};

pub use login::login;

/// `GET {REDIRECT_PATH}`: ends a sign-in.
pub async fn callback(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    session: tower_sessions::Session,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let https = cloakroom.config.is_https();
    let now = cloakroom.clock.now().unix_timestamp();
    let parsed = Query::parse(query.as_deref());
    let state = parsed.one("state").ok().flatten().unwrap_or_default();
    let attempt = Attempt::find(https, &cloakroom.sealer, &headers, state, now);
    let first = Attempt::first(https, &cloakroom.sealer, &headers, now);
    let asked = cloakroom.asked(attempt.as_ref());

    // In a task of its own: a browser that goes away, or loads the page again, must not lose a code that
    // is already spent.
    let finished = {
        let (cloakroom, session) = (cloakroom.clone(), session.clone());
        let (query, attempt) = (query.clone(), attempt.clone());
        let user_agent = headers.get(header::USER_AGENT);
        let browser = browser::name(user_agent.and_then(|value| value.to_str().ok()));
        let finishing = async move {
            finish(
                &cloakroom,
                &Query::parse(query.as_deref()),
                attempt.as_ref(),
                first.as_ref(),
                &session,
                browser,
            )
            .await
        };
        tokio::spawn(finishing.in_current_span())
            .await
            .unwrap_or_else(|error| Err(SignInError::Unavailable(error.to_string())))
    };
    let mut response = match finished {
        Ok(()) => {
            let mut response = pages::onward(&headers, &asked.return_to, preferences.locale);
            if let Some(id) = session.id() {
                let new = StoreKey::of(&id);
                let sealer = &cloakroom.sealer;
                for cookie in Attempt::replace(https, sealer, &headers, now, new, state) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
            response
        }
        Err(error) => fail(&cloakroom, &id, preferences, &error, &asked),
    };
    if attempt.is_some()
        && let Some(cookie) = Attempt::forget(https, state)
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // R13: the address holds the code.
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        header::HeaderValue::from_static("no-referrer"),
    );
    response
}

async fn finish(
    cloakroom: &Cloakroom,
    query: &Query<'_>,
    attempt: Option<&Attempt>,
    first: Option<&Attempt>,
    session: &tower_sessions::Session,
    browser: String,
) -> Result<(), SignInError> {
    let attempt = attempt.ok_or(SignInError::UnknownAttempt)?;
    let spent = cloakroom
        .sessions
        .store
        .spend(attempt.state.expose().as_bytes(), attempt.ends())
        .await;
    if !spent.map_err(|error| store_failed(&error))? {
        return Err(SignInError::UsedAttempt);
    }
    let metadata = cloakroom.platform.metadata().await?;
    let issuer = query.one("iss")?;
    if issuer.is_some_and(|issuer| !is_issuer(issuer, &metadata.issuer)) {
        return Err(ANOTHER_ISSUER);
    }
    if let Some(error) = query.one("error")? {
        let description = query.one("error_description").ok().flatten();
        let refusal = PlatformError::of_callback(error, description.unwrap_or_default());
        return Err(SignInError::Refused(Box::new(refusal)));
    }
    let code = query
        .one("code")?
        .filter(|code| !code.is_empty())
        .ok_or(SignInError::BadAnswer("no code"))?;
    let now = cloakroom.clock.now();
    let challenge = attempt.claims.as_deref().and_then(Challenge::parse);
    let grant = Grant::Code {
        code,
        verifier: &attempt.verifier,
    };
    let tokens = cloakroom
        .token_endpoint
        .redeem(grant, &attempt.scopes, challenge.as_ref())
        .await?;
    let id_token = tokens
        .id_token
        .ok_or_else(|| SignInError::Unavailable("no ID token".to_owned()))?;
    let user = id_token::validate(
        id_token.expose(),
        Expected::Nonce(attempt.nonce.expose()),
        &cloakroom.config,
        &cloakroom.platform,
        now,
    )
    .await
    .map_err(SignInError::IdToken)?;
    // R8: of any tenant till here; now it is known of which one.
    if issuer.is_some_and(|issuer| issuer != user.iss) {
        return Err(ANOTHER_ISSUER);
    }

    let (tid, oid) = (user.tid, user.oid.clone());
    // Asked as one, answered by another: nothing of theirs is taken, and the session stays as it is.
    if let Some(expected) = attempt
        .expects
        .as_ref()
        .filter(|expected| !expected.is(&user))
    {
        return Err(SignInError::AnotherPerson {
            expected: expected.username.clone().into(),
            came: user.username.into(),
        });
    }
    let signed_in = SignedIn {
        user,
        access: tokens.access,
        refresh_token: tokens.refresh_token,
        browser,
    };
    let record =
        record_value(&signed_in).map_err(|error| SignInError::Unavailable(error.to_string()))?;
    // R48: the old session dies, a new id is made, nothing is carried over. Its pages hear whether it is the same person's.
    if let Some(old) = &attempt.replaces {
        cloakroom
            .sessions
            .store
            .replace(old, tid, &oid)
            .await
            .map_err(|error| store_failed(&error))?;
    }
    // Not `flush`: after it, tower-sessions 0.15 would give the new record the id that the request came with (R49).
    session.clear().await;
    session
        .cycle_id()
        .await
        .map_err(|error| store_failed(&error))?;
    session
        .insert_value(RECORD, record)
        .await
        .map_err(|error| store_failed(&error))?;
    session.save().await.map_err(|error| store_failed(&error))?;
    // R48: the callbacks of two tabs at the same moment know nothing of each other's session; the later one ends it.
    if let Some(new) = session.id() {
        let name = first.unwrap_or(attempt).state.expose().as_bytes();
        cloakroom
            .sessions
            .store
            .supersede(name, &StoreKey::of(&new), attempt.ends())
            .await
            .map_err(|error| store_failed(&error))?;
    }
    tracing::info!(event = "signed_in", %tid, oid, "a user signed in");
    Ok(())
}

const ANOTHER_ISSUER: SignInError = SignInError::BadAnswer("another issuer (RFC 9207)");

/// RFC 9207 §2.4: exactly the issuer; that of some tenant where the metadata leaves it open.
fn is_issuer(issuer: &str, template: &str) -> bool {
    let Some((before, after)) = template.split_once("{tenantid}") else {
        return issuer == template;
    };
    let tenant = issuer
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    tenant.is_some_and(|text| {
        uuid::Uuid::try_parse(text).is_ok_and(|tenant| tenant.to_string() == text)
    })
}

/// `/auth/session`: the minimum (R53). To GET it does not slide the session's end; a POST says that a person is here, and
/// does (R50). `now` is for browsers whose clock is wrong.
pub async fn session(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(Visitor(visitor)): Extension<Visitor>,
) -> Response {
    let Some(session) = visitor else {
        return Json(json!({ "user": null })).into_response();
    };
    let user = &session.signed_in.user;
    Json(json!({
        "user": { "name": user.name, "username": user.username, "oid": user.oid, "tid": user.tid },
        "now": pages::rfc3339(cloakroom.clock.now()),
        "idle_expires_at": pages::rfc3339_of(session.ends),
        "expires_at": pages::rfc3339_of(session.expires),
    }))
    .into_response()
}

impl Cloakroom {
    /// What this attempt was for. What every sign-in asks for, and what this app would not be asked for by a link, goes
    /// without saying.
    fn asked(&self, attempt: Option<&Attempt>) -> Asked {
        let always = self.config.scopes_to_ask();
        let is_always = |scope: &str| always.iter().any(|known| known.eq_ignore_ascii_case(scope));
        Asked::by(attempt, |scope| {
            !is_always(scope) && self.knows_scope(scope)
        })
    }
}

/// The page of a failed sign-in, and its line in the log (R112).
fn fail(
    cloakroom: &Cloakroom,
    id: &CorrelationId,
    preferences: Preferences,
    error: &SignInError,
    asked: &Asked,
) -> Response {
    tracing::warn!(event = "sign_in_failed", %error, "a sign-in failed");
    let locale = preferences.locale;
    let details = pages::details(cloakroom, locale, &id.0);
    let problem = error.problem(asked, locale, details);
    let path = asked.return_to.as_str();
    let mut response = pages::problem(cloakroom, preferences, None, error.status(), path, problem);
    if matches!(error, SignInError::Store) {
        let soon = header::HeaderValue::from_static("5");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

fn store_failed(error: &dyn std::fmt::Display) -> SignInError {
    tracing::error!(event = "store_failed", %error, "the session store failed");
    SignInError::Store
}

impl From<TokenError> for SignInError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(refusal) => Self::Refused(refusal),
            TokenError::Credential(refusal) => Self::Credential(refusal),
            TokenError::Unproven(_) => Self::Credential(Box::default()),
            TokenError::Metadata(error) => error.into(),
            TokenError::Upstream(UpstreamError::Timeout) => Self::Timeout,
            other => Self::Unavailable(other.to_string()),
        }
    }
}
