//! The ways out: the person's own, Microsoft's word that somebody has signed out there, and ending every
//! session at Microsoft.

use std::sync::Arc;

use app::{
    i18n::tag,
    model::{Preferences, Problem},
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos_i18n::td_string;

use super::{local_path::LocalPath, query::Query};
use crate::{
    Cloakroom,
    browser::{CorrelationId, Framed},
    graph::{GraphError, permission},
    pages,
    session::{Session, StoreKey, Visitor},
    tokens::Refusal,
};

/// `POST /auth/logout`: ends the session here, then at Microsoft.
pub async fn logout(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    session: tower_sessions::Session,
) -> Response {
    // R71: first of all, and if it can't be done nobody is told that it was.
    if !end_here(&cloakroom, visitor.as_deref(), &session).await {
        return pages::unavailable(&cloakroom, preferences, &id.0, &LocalPath::root());
    }
    signed_out(&sign_out_address(&cloakroom, visitor.as_deref()).await)
}

/// Ends the session of the request, and says whether that was done. Two cookies of its name can come, from a neighbour
/// on the same host: the session that serves ends, whichever tower-sessions has read.
async fn end_here(
    cloakroom: &Cloakroom,
    visitor: Option<&Session>,
    session: &tower_sessions::Session,
) -> bool {
    let flushed = session.flush().await;
    let ended = match visitor {
        Some(visitor) => {
            let key = StoreKey::of(&visitor.id);
            cloakroom.sessions.store.end(&key).await
        }
        None => Ok(()),
    };
    let done = flushed.is_ok() && ended.is_ok();
    if !done {
        tracing::error!(
            event = "store_failed",
            ?flushed,
            ?ended,
            "a sign-out could not be done"
        );
    }
    done
}

fn signed_out(location: &str) -> Response {
    let mut response = pages::see_other(location);
    response.extensions_mut().insert(SignedOut);
    response
}

/// Marks a response that deletes the session's cookie.
#[derive(Clone)]
pub struct SignedOut;

/// Where a sign-out goes on: to Microsoft, which comes back to the start page.
async fn sign_out_address(cloakroom: &Cloakroom, visitor: Option<&Session>) -> String {
    let home = "/".to_owned();
    let Some(visitor) = visitor else { return home };
    let user = &visitor.signed_in.user;
    tracing::info!(event = "signed_out", tid = %user.tid, oid = user.oid, "a user signed out");
    // R74: the platform being down is no reason to stay signed in here.
    let Some(mut url) = cloakroom
        .platform
        .metadata()
        .await
        .ok()
        .and_then(|m| m.end_session_endpoint.clone())
    else {
        return home;
    };
    let back = format!("{}/", cloakroom.config.origin());
    url.query_pairs_mut()
        .append_pair("post_logout_redirect_uri", &back);
    if let Some(hint) = &user.login_hint {
        url.query_pairs_mut().append_pair("logout_hint", hint);
    }
    url.into()
}

/// `GET /auth/frontchannel-logout?sid`: Microsoft's page loads this in a frame when somebody signs out there
/// (R73). It comes without our cookie, so `sid` names the session; it is as hard to guess as a ticket. The
/// answer is the same whether or not there was one.
/// <https://openid.net/specs/openid-connect-frontchannel-1_0.html>
pub async fn front_channel(
    State(cloakroom): State<Arc<Cloakroom>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::parse(query.as_deref());
    let status = match (query.one("sid"), query.one("iss")) {
        (Ok(Some(sid)), Ok(iss)) if (1..=LONGEST_SID).contains(&sid.len()) => {
            match cloakroom
                .sessions
                .store
                .end_platform_session(sid, iss)
                .await
            {
                Ok(ended) => {
                    if ended > 0 {
                        tracing::info!(
                            event = "signed_out_elsewhere",
                            ended,
                            "Microsoft signed a user out"
                        );
                    }
                    StatusCode::OK
                }
                Err(error) => {
                    tracing::error!(event = "store_failed", %error, "the session store failed");
                    StatusCode::SERVICE_UNAVAILABLE
                }
            }
        }
        _ => StatusCode::OK,
    };
    let mut response = status.into_response();
    // An empty answer may be framed by anybody: there is nothing in it to click on.
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors *"),
    );
    response.headers_mut().insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    response.extensions_mut().insert(Framed);
    response
}

/// A `sid` is a GUID; longer than this it is none.
const LONGEST_SID: usize = 200;

/// `POST /auth/revoke`: ends this person's sessions everywhere at Microsoft, then the one here. A sign-out alone
/// forgets the refresh token but can't revoke it: the platform has no endpoint for that (R76).
/// <https://learn.microsoft.com/graph/api/user-revokesigninsessions>
pub async fn revoke(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    session: tower_sessions::Session,
) -> Response {
    let Some(visitor) = visitor else {
        return pages::see_other("/");
    };
    let revoked = match cloakroom.graph.url("/v1.0/me/revokeSignInSessions") {
        Ok(url) => cloakroom.graph.act(&visitor, permission::REVOKE, url).await,
        Err(error) => Err(error),
    };
    if let Err(error) = revoked {
        tracing::warn!(event = "revocation_failed", %error, "a user's sessions were not revoked");
        return not_revoked(&cloakroom, preferences, &visitor, &id, &error);
    }
    let user = &visitor.signed_in.user;
    tracing::info!(event = "revoked", tid = %user.tid, oid = user.oid, "a user ended all their sessions at Microsoft");
    if !end_here(&cloakroom, Some(&*visitor), &session).await {
        return pages::unavailable(&cloakroom, preferences, &id.0, &LocalPath::root());
    }
    signed_out("/")
}

fn not_revoked(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    visitor: &Session,
    id: &CorrelationId,
    error: &GraphError,
) -> Response {
    let locale = preferences.locale;
    let refusal = crate::backend::refusal(error, locale, &id.0);
    let login = |name: &str, value: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", "/account")
            .append_pair(name, value)
            .finish();
        format!("/auth/login?{query}")
    };
    let (text, (label, href)) = match error {
        GraphError::Token(Refusal::Consent(scopes)) => (
            td_string!(locale, problems.revoke_needs, scopes = scopes.join(" ")),
            (
                td_string!(locale, problems.allow),
                login("scope", &scopes.join(" ")),
            ),
        ),
        GraphError::Token(Refusal::Claims(Some(challenge))) => (
            refusal.message.clone(),
            (
                td_string!(locale, problems.at_microsoft),
                login("claims", &challenge.to_string()),
            ),
        ),
        GraphError::Token(Refusal::Reauthenticate | Refusal::Presence | Refusal::Claims(None)) => (
            refusal.message.clone(),
            (
                td_string!(locale, problems.sign_in_again),
                "/auth/login?return_to=%2Faccount".to_owned(),
            ),
        ),
        _ => (
            refusal.message.clone(),
            (td_string!(locale, problems.go_start), "/".to_owned()),
        ),
    };
    let mend = match error {
        // R51: with the refresh token the session here is over too.
        GraphError::Token(Refusal::Reauthenticate | Refusal::SignedOut) => {
            td_string!(locale, problems.revoke_out)
        }
        _ => td_string!(locale, problems.revoke_same),
    };
    let problem = Problem {
        lang: tag(locale),
        title: td_string!(locale, problems.revoke_title).to_owned(),
        text,
        mend: mend.to_owned(),
        actions: vec![(label.to_owned(), href)],
        details: pages::details(cloakroom, locale, &id.0),
    };
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let path = "/auth/revoke";
    pages::problem(cloakroom, preferences, Some(visitor), status, path, problem)
}
