//! Sign-in, callback and "who am I": plain axum routes; the ways out are in `sign_out`. Which requests reach them is decided in
//! `browser`; what a session is, in `session`.

pub mod attempt;
pub mod claims;
pub mod credential;
pub mod help;
pub mod id_token;
pub mod local_path;
pub mod metadata;
pub mod problem;
mod query;
pub mod sign_out;
pub mod token_endpoint;

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use oauth2::{CsrfToken, PkceCodeChallenge};
use serde_json::json;
use time::OffsetDateTime;
use tracing::Instrument;

use crate::{
    Cloakroom,
    browser::CorrelationId,
    config::is_scope,
    pages,
    secret::Secret,
    session::{RECORD, Session, SignedIn, StoreKey, Visitor, record_value},
    upstream::UpstreamError,
};
use attempt::{Attempt, Person};
use claims::Challenge;
use help::Lang;
use id_token::Expected;
use local_path::LocalPath;
use problem::SignInError;
use query::Query;
use token_endpoint::{Grant, PlatformError, TokenError};

/// What a sign-in may be asked to do at the platform (R14).
const PROMPTS: [&str; 5] = ["login", "select_account", "consent", "none", "create"];

/// More permissions than this are not carried from session to session.
const MOST_SCOPES: usize = 30;

/// `GET /auth/login`: starts a sign-in.
pub async fn login(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = Query::parse(query.as_deref());
    let return_to = query
        .one("return_to")
        .ok()
        .flatten()
        .and_then(LocalPath::parse)
        .unwrap_or_else(LocalPath::root);
    match start(&cloakroom, &query, &return_to, visitor.as_deref(), &headers).await {
        Ok(response) => response,
        Err(error) => fail(&cloakroom, &id, &error, &return_to, &headers, None),
    }
}

#[allow(clippy::too_many_lines)] // one sequence, read from top to bottom
async fn start(
    cloakroom: &Cloakroom,
    query: &Query<'_>,
    return_to: &LocalPath,
    visitor: Option<&Session>,
    headers: &HeaderMap,
) -> Result<Response, SignInError> {
    let config = &cloakroom.config;
    let one = |name| {
        query
            .one(name)
            .map_err(|_| SignInError::BadRequest("It says the same thing twice."))
    };
    let prompt = one("prompt")?;
    if prompt.is_some_and(|prompt| !PROMPTS.contains(&prompt)) {
        return Err(SignInError::BadRequest(
            "It asks for something that Microsoft's sign-in does not know (prompt).",
        ));
    }
    // A session that is asked for more keeps what it has.
    let steps_up = ["scope", "claims"]
        .into_iter()
        .any(|name| matches!(query.one(name), Ok(Some(value)) if !value.is_empty()));
    let expects = visitor.filter(|_| steps_up && prompt != Some("select_account"));
    let mut scopes = config.scopes_to_ask();
    for scope in expects
        .iter()
        .flat_map(|session| config.graph_scopes(&session.signed_in.access.scopes))
    {
        if !scopes.contains(&scope) && scopes.len() < MOST_SCOPES {
            scopes.push(scope);
        }
    }
    for scope in one("scope")?
        .unwrap_or_default()
        .split(' ')
        .filter(|scope| !scope.is_empty())
    {
        if !is_scope(scope) || scopes.len() >= MOST_SCOPES + 10 {
            return Err(SignInError::BadRequest(
                "It asks for a permission that is none (scope).",
            ));
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    let wanted = query.one("claims")?.filter(|claims| !claims.is_empty());
    let wanted = wanted
        .map(|claims| {
            Challenge::parse(claims).ok_or(SignInError::BadRequest(
                "It carries a claims challenge that is none (claims).",
            ))
        })
        .transpose()?;
    let metadata = cloakroom.platform.metadata().await?;
    let now = cloakroom.clock.now();
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let attempt = Attempt {
        state: random(),
        nonce: random(),
        verifier: Secret::from(verifier.secret().clone()),
        return_to: return_to.to_string(),
        scopes,
        started: now.unix_timestamp(),
        replaces: visitor.map(|session| StoreKey::of(&session.id)),
        expects: expects.map(|session| Person::from(&session.signed_in.user)),
        claims: wanted.as_ref().map(ToString::to_string),
    };

    let mut url = metadata.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("client_id", &config.client_id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &config.redirect_uri())
        // R6: a form post from the platform would come without the Lax cookie.
        .append_pair("response_mode", "query")
        .append_pair("scope", &attempt.scopes.join(" "))
        .append_pair("state", attempt.state.expose())
        .append_pair("nonce", attempt.nonce.expose())
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", "S256")
        // R99: `cp1` is announced where the tokens come from.
        .append_pair("claims", &claims::parameter(wanted.as_ref()));
    for name in ["prompt", "login_hint", "domain_hint"] {
        let given = one(name)?.filter(|value| !value.is_empty());
        if given.is_some_and(|value| value.len() > 2000) {
            return Err(SignInError::BadRequest("It is too long."));
        }
        // Who is asked for more need not pick their account again.
        let known = expects
            .filter(|_| name == "login_hint")
            .map(|session| &session.signed_in.user)
            .map(|user| user.login_hint.as_ref().unwrap_or(&user.username).as_str());
        if let Some(value) = given.or(known) {
            url.query_pairs_mut().append_pair(name, value);
        }
    }

    let mut response = pages::see_other(url.as_str());
    let cookies = attempt
        .cookies(
            config.is_https(),
            &cloakroom.sealer,
            headers,
            now.unix_timestamp(),
        )
        .map_err(|error| SignInError::Unavailable(error.to_string()))?;
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET {REDIRECT_PATH}`: ends a sign-in.
pub async fn callback(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    session: tower_sessions::Session,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let https = cloakroom.config.is_https();
    let now = cloakroom.clock.now().unix_timestamp();
    let parsed = Query::parse(query.as_deref());
    let state = parsed.one("state").ok().flatten().unwrap_or_default();
    let attempt = Attempt::find(https, &cloakroom.sealer, &headers, state, now);
    let return_to = attempt
        .as_ref()
        .and_then(|attempt| LocalPath::parse(&attempt.return_to))
        .unwrap_or_else(LocalPath::root);

    // In a task of its own: a browser that goes away, or loads the page again, must not lose a code that
    // is already spent.
    let finished = {
        let (cloakroom, session) = (cloakroom.clone(), session.clone());
        let (query, attempt) = (query.clone(), attempt.clone());
        let finishing = async move {
            finish(
                &cloakroom,
                &Query::parse(query.as_deref()),
                attempt.as_ref(),
                &session,
            )
            .await
        };
        tokio::spawn(finishing.in_current_span())
            .await
            .unwrap_or_else(|error| Err(SignInError::Unavailable(error.to_string())))
    };
    let mut response = match finished {
        Ok(()) => {
            let mut response = pages::onward(&headers, &return_to);
            if let Some(id) = session.id() {
                let new = StoreKey::of(&id);
                for cookie in Attempt::replace(https, &cloakroom.sealer, &headers, now, new) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
            response
        }
        Err(error) => fail(
            &cloakroom,
            &id,
            &error,
            &return_to,
            &headers,
            attempt.as_ref(),
        ),
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
    session: &tower_sessions::Session,
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
    if query
        .one("iss")?
        .is_some_and(|issuer| !is_issuer(issuer, &metadata.issuer))
    {
        return Err(SignInError::BadAnswer("another issuer (RFC 9207)"));
    }
    if let Some(error) = query.one("error")? {
        return Err(SignInError::Refused(Box::new(PlatformError {
            error: error.to_owned(),
            error_description: query
                .one("error_description")
                .ok()
                .flatten()
                .unwrap_or_default()
                .to_owned(),
            ..PlatformError::default()
        })));
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
    };
    let record =
        record_value(&signed_in).map_err(|error| SignInError::Unavailable(error.to_string()))?;
    // R48: the old session dies, a new id is made, nothing is carried over. Not `flush`: after it,
    // tower-sessions 0.15 would give the new record the id that the request came with (R49).
    session.clear().await;
    session
        .cycle_id()
        .await
        .map_err(|error| store_failed(&error))?;
    if let Some(old) = &attempt.replaces {
        cloakroom
            .sessions
            .store
            .end(old)
            .await
            .map_err(|error| store_failed(&error))?;
    }
    session
        .insert_value(RECORD, record)
        .await
        .map_err(|error| store_failed(&error))?;
    session.save().await.map_err(|error| store_failed(&error))?;
    tracing::info!(event = "signed_in", %tid, oid, "a user signed in");
    Ok(())
}

/// RFC 9207 §2.4: exactly the issuer; the tenant's own where the metadata leaves it open.
fn is_issuer(issuer: &str, template: &str) -> bool {
    let Some((before, after)) = template.split_once("{tenantid}") else {
        return issuer == template;
    };
    let tenant = issuer
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    tenant.is_some_and(|tenant| uuid::Uuid::try_parse(tenant).is_ok())
}

/// `GET /auth/session`: the minimum (R53). Asking does not slide the session's end (R50).
pub async fn session(Extension(Visitor(visitor)): Extension<Visitor>) -> Response {
    let Some(session) = visitor else {
        return Json(json!({ "user": null })).into_response();
    };
    let user = &session.signed_in.user;
    let time = |seconds| {
        OffsetDateTime::from_unix_timestamp(seconds)
            .map(pages::rfc3339)
            .unwrap_or_default()
    };
    Json(json!({
        "user": { "name": user.name, "username": user.username, "oid": user.oid, "tid": user.tid },
        "idle_expires_at": time(session.ends),
        "expires_at": time(session.expires),
    }))
    .into_response()
}

/// The page of a failed sign-in, and its line in the log (R112).
fn fail(
    cloakroom: &Cloakroom,
    id: &CorrelationId,
    error: &SignInError,
    return_to: &LocalPath,
    headers: &HeaderMap,
    attempt: Option<&Attempt>,
) -> Response {
    tracing::warn!(event = "sign_in_failed", %error, "a sign-in failed");
    let mut problem = error.problem(
        return_to,
        Lang::of(headers),
        pages::details(cloakroom, &id.0),
    );
    // Who only declined to give more is still signed in, and goes back to where they were.
    if attempt.is_some_and(|attempt| attempt.expects.is_some()) {
        let back = ("Go back".to_owned(), return_to.to_string());
        problem.actions.retain(|action| *action != back);
        problem.actions.insert(0, back);
    }
    pages::problem(cloakroom, None, error.status(), return_to.as_str(), problem)
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

/// 256 random bits, as text for a URL.
fn random() -> Secret {
    CsrfToken::new_random_len(32).secret().clone().into()
}
