//! What the platform and Graph share: the directory, the tokens handed out, the clock.

use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};
use url::Url;

use crate::{
    clouds,
    control::Control,
    directory::Directory,
    memory::AccessToken,
    random::guid,
    serve::{Proxied, Secure},
};

/// Everything the emulator knows while it runs. Handlers share it in an [`Arc`].
pub struct State {
    /// Tenants and the people in them.
    pub directory: Arc<Directory>,
    /// Faults, calls, clock, keys, and what the platform remembers.
    pub control: Arc<Control>,
    /// `http://127.0.0.1:PORT`.
    pub origin: String,
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

impl Origins {
    /// By the host that was asked, if it is a name of ours.
    pub(crate) fn of(state: &State, request: &Request) -> Self {
        let extensions = request.extensions();
        if let Some((login, graph)) = extensions
            .get::<Proxied>()
            .and_then(|Proxied(host)| clouds::hosts(host))
        {
            return Self {
                platform: format!("https://{login}"),
                graph: format!("https://{graph}"),
            };
        }
        let scheme = if extensions.get::<Secure>().is_some() {
            "https"
        } else {
            "http"
        };
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let origin = Url::parse(&format!("{scheme}://{host}"))
            .ok()
            .filter(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")))
            .map_or_else(
                || state.origin.clone(),
                |url| url.origin().ascii_serialization(),
            );
        Self {
            platform: origin.clone(),
            graph: origin,
        }
    }
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

/// `authorization_uri` and the rest of Graph's plain challenge.
const CHALLENGE: &str = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
                         client_id=\"00000003-0000-0000-c000-000000000000\"";

impl State {
    /// The emulator's own time, which tests can move.
    pub fn now(&self) -> OffsetDateTime {
        self.control.now()
    }

    /// Who calls Graph: looks the bearer token up, or answers 401 in Graph's shape.
    pub fn access(&self, headers: &HeaderMap) -> Result<Access, Box<Response>> {
        let Some(value) = bearer(headers) else {
            return Err(Box::new(self.unauthorized(
                headers,
                "Access token is empty.",
                CHALLENGE,
            )));
        };
        let Some(token) = self.control.memory.access_token(value) else {
            return Err(Box::new(self.unauthorized(
                headers,
                "IDX14100: JWT is not well formed, there are no dots (.).",
                CHALLENGE,
            )));
        };
        if !token.resource.is_empty() {
            let text = "Access token validation failure. Invalid audience.";
            return Err(Box::new(self.unauthorized(headers, text, CHALLENGE)));
        }
        if token.expires_at <= self.now() {
            return Err(Box::new(self.expired(headers)));
        }
        if self.is_stale(&token) {
            return Err(Box::new(self.claims_challenge(headers, false)));
        }
        let roles = self
            .directory
            .account(&token.oid)
            .map(|person| person.roles.clone())
            .unwrap_or_default();
        Ok(Access {
            tid: token.tid,
            oid: token.oid,
            client_id: token.client_id,
            scopes: token.scopes,
            roles,
            expires_at: token.expires_at,
        })
    }

    /// Ends every session and refresh token of a person (`POST /me/revokeSignInSessions`).
    pub fn revoke_sessions(&self, oid: &str) {
        self.control.revoke_sessions(oid);
    }

    /// Continuous access evaluation strikes only clients that announced `cp1`; others live with the token's lifetime.
    fn is_stale(&self, token: &AccessToken) -> bool {
        let memory = &self.control.memory;
        let since = [memory.stale_at(&token.oid), memory.revoked_at(&token.oid)];
        token.can_be_challenged && since.into_iter().flatten().any(|at| at >= token.issued_at)
    }

    pub(crate) fn expired(&self, headers: &HeaderMap) -> Response {
        self.unauthorized(
            headers,
            "Lifetime validation failed, the token is expired.",
            CHALLENGE,
        )
    }

    /// The 401 of continuous access evaluation, alone or as one of several challenges.
    /// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
    pub(crate) fn claims_challenge(&self, headers: &HeaderMap, among_others: bool) -> Response {
        let since = self.now().unix_timestamp().to_string();
        let claims =
            json!({ "access_token": { "nbf": { "essential": true, "value": since } } }).to_string();
        let mut challenge = format!(
            "{CHALLENGE}, error=\"insufficient_claims\", claims=\"{}\"",
            BASE64_STANDARD.encode(claims)
        );
        if among_others {
            challenge = format!(
                "Basic realm=\"a, b\", {challenge}, Digest realm=\"c\", nonce=\"MTIzNA==\""
            );
        }
        let text = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: \
                    TokenIssuedBeforeRevocationTimestamp";
        self.unauthorized(headers, text, &challenge)
    }

    fn unauthorized(&self, headers: &HeaderMap, message: &str, challenge: &str) -> Response {
        let mut response = self.graph_error(
            headers,
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            message,
        );
        if let Ok(challenge) = challenge.parse() {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// An error in Graph's shape. <https://learn.microsoft.com/graph/errors>
    pub(crate) fn graph_error(
        &self,
        headers: &HeaderMap,
        status: StatusCode,
        code: &str,
        message: &str,
    ) -> Response {
        let request_id = guid();
        let client_request_id = headers
            .get("client-request-id")
            .and_then(|value| value.to_str().ok())
            .map_or_else(|| request_id.clone(), str::to_owned);
        let date = self.now().format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]"
        ));
        let body = json!({
            "error": {
                "code": code,
                "message": message,
                "innerError": {
                    "date": date.unwrap_or_default(),
                    "request-id": request_id,
                    "client-request-id": client_request_id,
                },
            }
        });
        (
            status,
            [
                ("request-id", request_id),
                ("client-request-id", client_request_id),
            ],
            Json(body),
        )
            .into_response()
    }
}

/// The bearer token in `Authorization`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}
