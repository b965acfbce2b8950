//! `GET /auth/login`: a link becomes a request to the platform, and an attempt that the answer must belong to.
//!
//! Anybody can make such a link, and who follows it reads at Microsoft that *this* app asks. So it may ask for nothing
//! that this app does not ask for by itself.

use std::sync::Arc;

use app::model::Preferences;
use axum::{
    Extension,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::Response,
};
use oauth2::{CsrfToken, PkceCodeChallenge};
use url::Url;

use super::{
    attempt::{Attempt, Person},
    claims::{self, Challenge},
    fail,
    local_path::LocalPath,
    problem::{Asked, BadLink, SignInError},
    query::Query,
};
use crate::{
    Cloakroom,
    browser::CorrelationId,
    config::{Config, is_identity},
    graph::permission,
    pages,
    secret::Secret,
    session::{Session, StoreKey, Visitor},
};

/// What a sign-in may be asked to do at the platform (R14).
const PROMPTS: [&str; 5] = ["login", "select_account", "consent", "none", "create"];

/// What a session was granted is asked for again as long as all of it is no longer than this: the platform may have
/// granted more than an attempt can carry.
const MOST_CARRIED: usize = 1500;

/// A hint that is longer is nobody's name.
const LONGEST_HINT: usize = 2000;

/// `GET /auth/login`: starts a sign-in.
pub async fn login(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = Query::parse(query.as_deref());
    let said = |name| query.one(name).ok().flatten().unwrap_or_default();
    let asked = Asked {
        return_to: LocalPath::parse(said("return_to"))
            .filter(|path| !path.is_at(&cloakroom.config.redirect_path))
            .unwrap_or_else(LocalPath::root),
        scope: said("scope").to_owned(),
        claims: said("claims").to_owned(),
        steps_up: false,
    };
    let visitor = visitor.as_deref();
    match start(&cloakroom, &query, &asked.return_to, visitor, &headers).await {
        Ok(response) => response,
        Err(error) => fail(&cloakroom, &id, preferences, &error, &asked),
    }
}

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
            .map_err(|_| SignInError::BadLink(BadLink::Repeated))
    };
    let prompt = one("prompt")?;
    if prompt.is_some_and(|prompt| !PROMPTS.contains(&prompt)) {
        return Err(SignInError::BadLink(BadLink::Prompt));
    }
    let more = one("scope")?.unwrap_or_default();
    let wanted = one("claims")?.filter(|claims| !claims.is_empty());
    // A session that is asked for more keeps what it has.
    let steps_up = !more.is_empty() || wanted.is_some();
    let expects = visitor.filter(|_| steps_up && prompt != Some("select_account"));
    let scopes = scopes(cloakroom, expects, more)?;
    // It can only ask for more proof: whatever it says, the ID token is held to the same rules, and what this app
    // announces (`cp1`) stays. Nothing of it is shown or kept beyond the attempt.
    let wanted = wanted
        .map(|claims| Challenge::parse(claims).ok_or(SignInError::BadLink(BadLink::Claims)))
        .transpose()?;
    let hint = |name| match one(name)? {
        Some(hint) if hint.len() > LONGEST_HINT => Err(TOO_LONG),
        hint => Ok(hint.filter(|hint| !hint.is_empty())),
    };
    // Who is asked for more need not pick their account again.
    let known = expects
        .map(|session| &session.signed_in.user)
        .map(|user| user.login_hint.as_ref().unwrap_or(&user.username).as_str());
    let hints = [
        ("prompt", prompt),
        ("login_hint", hint("login_hint")?.or(known)),
        ("domain_hint", hint("domain_hint")?),
    ];

    let metadata = cloakroom.platform.metadata().await?;
    let now = cloakroom.clock.now().unix_timestamp();
    let (pkce, verifier) = PkceCodeChallenge::new_random_sha256();
    let attempt = Attempt {
        state: random(),
        nonce: random(),
        verifier: Secret::from(verifier.secret().clone()),
        return_to: return_to.to_string(),
        scopes,
        started: now,
        replaces: visitor.map(|session| StoreKey::of(&session.id)),
        expects: expects.map(|session| Person::from(&session.signed_in.user)),
        claims: wanted.as_ref().map(ToString::to_string),
    };
    let endpoint = metadata.authorization_endpoint.clone();
    let url = request(endpoint, config, &attempt, &pkce, wanted.as_ref(), &hints);

    let cookies = attempt
        .cookies(config.is_https(), &cloakroom.sealer, headers, now)
        .map_err(|error| SignInError::Unavailable(error.to_string()))?
        .ok_or(TOO_LONG)?;
    let mut response = pages::see_other(url.as_str());
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

const TOO_LONG: SignInError = SignInError::BadLink(BadLink::TooLong);

/// Those of every sign-in, those that the session has, and those that the link names: none but this app's own.
fn scopes(
    cloakroom: &Cloakroom,
    session: Option<&Session>,
    more: &str,
) -> Result<Vec<String>, SignInError> {
    let config = &cloakroom.config;
    let mut scopes = config.scopes_to_ask();
    let is_new = |scopes: &[String], scope: &str| {
        let mut known = scopes.iter();
        !known.any(|known| known.eq_ignore_ascii_case(scope))
    };
    let granted = session.map_or(&[][..], |session| {
        session.signed_in.access.scopes.as_slice()
    });
    let more = more.split(' ').filter(|scope| !scope.is_empty());
    for scope in more.filter(|scope| !is_identity(scope)) {
        if is_new(granted, scope) && !cloakroom.knows_scope(scope) {
            return Err(SignInError::BadLink(BadLink::Scope));
        }
        if is_new(&scopes, scope) {
            scopes.push(scope.to_owned());
        }
    }
    if !granted.is_empty() {
        let mut length: usize = scopes.iter().map(|scope| scope.len() + 1).sum();
        for scope in config.graph_scopes(granted) {
            length += scope.len() + 1;
            if length <= MOST_CARRIED && is_new(&scopes, &scope) {
                scopes.push(scope);
            }
        }
    }
    Ok(scopes)
}

impl Cloakroom {
    /// Whether this app has a use for this permission: one of `SCOPES`, or the least that a call of its own or one that
    /// the proxy passes on needs.
    /// Permissions are compared without regard to case, as the platform does.
    pub fn knows_scope(&self, scope: &str) -> bool {
        let is_it = |known: &str| known.eq_ignore_ascii_case(scope);
        self.config.scopes.iter().any(|known| is_it(known))
            || permission::asked_for().any(is_it)
            || self.config.allowed.knows_scope(scope)
    }
}

/// The authorization request; OpenID Connect Core §3.1.2.1, RFC 7636 §4.3.
fn request(
    endpoint: Url,
    config: &Config,
    attempt: &Attempt,
    pkce: &PkceCodeChallenge,
    wanted: Option<&Challenge>,
    hints: &[(&str, Option<&str>)],
) -> Url {
    let mut url = endpoint;
    url.query_pairs_mut()
        .append_pair("client_id", &config.client_id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &config.redirect_uri())
        // R6: a form post from the platform would come without the Lax cookie.
        .append_pair("response_mode", "query")
        .append_pair("scope", &attempt.scopes.join(" "))
        .append_pair("state", attempt.state.expose())
        .append_pair("nonce", attempt.nonce.expose())
        .append_pair("code_challenge", pkce.as_str())
        .append_pair("code_challenge_method", "S256")
        // R99: `cp1` is announced where the tokens come from.
        .append_pair("claims", &claims::parameter(wanted));
    for (name, value) in hints {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}

/// 256 random bits, as text for a URL.
fn random() -> Secret {
    CsrfToken::new_random_len(32).secret().clone().into()
}
