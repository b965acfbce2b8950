//! The token endpoint: a code or a refresh token becomes tokens, by the oauth2 crate over the project's
//! one HTTP client. What comes back is sorted into what the callers can act on.

use oauth2::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    ErrorResponse, ExtraTokenFields, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse,
    TokenUrl,
    basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::{
    config::Config,
    secret::Secret,
    session::AccessToken,
    upstream::{UpstreamError, oauth2_call},
};

/// What the platform says no with; RFC 6749 §5.2 and Entra's additions.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PlatformError {
    /// The code that behaviour keys on (R9).
    pub error: String,
    /// Text for people, with the AADSTS number; shown, never acted on.
    pub error_description: String,
    /// AADSTS numbers.
    pub error_codes: Vec<u32>,
    /// The platform's id of the event.
    pub trace_id: String,
    /// The platform's id of the whole exchange.
    pub correlation_id: String,
    /// When, as the platform writes it.
    pub timestamp: String,
}

impl std::fmt::Display for PlatformError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {:?} (correlation {}, trace {})",
            self.error.chars().take(100).collect::<String>(),
            self.error_codes,
            self.correlation_id,
            self.trace_id
        )
    }
}

impl ErrorResponse for PlatformError {}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The platform refused this person, code or refresh token.
    #[error("refused: {0}")]
    Refused(Box<PlatformError>),
    /// R27: it refused *us*; only the operator can mend it.
    #[error("the client credential is refused: {0}")]
    Credential(Box<PlatformError>),
    /// No answer, or a busy one; the session is kept (R24).
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// An answer that is not what RFC 6749 §5.1 says.
    #[error("the token endpoint's answer makes no sense: {0}")]
    Nonsense(&'static str),
}

/// The ID token beside the standard members.
#[derive(Clone, Deserialize, Serialize)]
struct IdTokenField {
    id_token: Option<Secret>,
}

impl std::fmt::Debug for IdTokenField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdTokenField(…)")
    }
}

impl ExtraTokenFields for IdTokenField {}

type Response = StandardTokenResponse<IdTokenField, BasicTokenType>;
type OAuthClient = Client<
    PlatformError,
    Response,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What a grant yields.
pub struct Tokens {
    /// For Graph.
    pub access: AccessToken,
    /// For the next one; `None` keeps the old one (R30).
    pub refresh_token: Option<Secret>,
    /// Who signed in.
    pub id_token: Option<Secret>,
}

/// A grant: RFC 6749 §4.1.3 or §6.
pub enum Grant<'a> {
    /// A code with its PKCE verifier.
    Code {
        /// The authorization code.
        code: &'a str,
        /// The PKCE verifier.
        verifier: &'a Secret,
    },
    /// A refresh token.
    Refresh(&'a Secret),
}

/// Redeems a grant for tokens for these scopes.
pub async fn redeem(
    grant: Grant<'_>,
    scopes: &[String],
    token_endpoint: &url::Url,
    config: &Config,
    http: &reqwest::Client,
    now: OffsetDateTime,
) -> Result<Tokens, TokenError> {
    let client: OAuthClient = Client::new(ClientId::new(config.client_id.clone()))
        .set_client_secret(ClientSecret::new(config.client_secret.expose().to_owned()))
        // In the form's body, as the platform documents it; the crate URL-encodes it (R19).
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::from_url(token_endpoint.clone()));
    let call = |request| oauth2_call(http.clone(), request);
    let response = match grant {
        Grant::Code { code, verifier } => {
            let redirect = RedirectUrl::new(config.redirect_uri())
                .map_err(|_| TokenError::Nonsense("the redirect URI is no URL"))?;
            client
                .exchange_code(AuthorizationCode::new(code.to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
                .set_redirect_uri(std::borrow::Cow::Owned(redirect))
                .request_async(&call)
                .await
        }
        Grant::Refresh(token) => {
            client
                .exchange_refresh_token(&RefreshToken::new(token.expose().to_owned()))
                .add_scopes(scopes.iter().cloned().map(Scope::new))
                .request_async(&call)
                .await
        }
    };
    let response = response.map_err(sort).inspect_err(|error| {
        if let TokenError::Credential(refusal) = error {
            // R27: only the operator can mend this, so the log says it plainly.
            tracing::error!(event = "credential_refused", %refusal, "the platform refuses CLIENT_ID or CLIENT_SECRET: wrong, or expired");
        }
    })?;
    read(&response, scopes, now)
}

/// The parse error's text and body may hold tokens: they stop here (R111).
fn sort(error: RequestTokenError<UpstreamError, PlatformError>) -> TokenError {
    match error {
        RequestTokenError::ServerResponse(refusal) if refusal.error.is_empty() => {
            TokenError::Nonsense("an error without a code")
        }
        RequestTokenError::ServerResponse(refusal)
            if matches!(
                refusal.error.as_str(),
                "invalid_client" | "unauthorized_client"
            ) =>
        {
            TokenError::Credential(refusal.into())
        }
        RequestTokenError::ServerResponse(refusal) => TokenError::Refused(refusal.into()),
        RequestTokenError::Request(upstream) => TokenError::Upstream(upstream),
        RequestTokenError::Parse(..) => TokenError::Nonsense("not the expected JSON"),
        RequestTokenError::Other(_) => TokenError::Nonsense("not JSON, or empty"),
    }
}

fn read(response: &Response, asked: &[String], now: OffsetDateTime) -> Result<Tokens, TokenError> {
    if *response.token_type() != BasicTokenType::Bearer {
        return Err(TokenError::Nonsense("not a bearer token"));
    }
    let token = Secret::from(response.access_token().secret().clone());
    if token.expose().is_empty() {
        return Err(TokenError::Nonsense("an empty access token"));
    }
    // RFC 6749 §5.1: without `expires_in` the lifetime is documented: an hour. A day is the most we believe.
    let seconds = response
        .expires_in()
        .map_or(3600, |lifetime| lifetime.as_secs().min(86_400));
    let scopes = match response.scopes() {
        Some(granted) => granted.iter().map(|scope| short(scope)).collect(),
        None => asked.to_vec(),
    };
    Ok(Tokens {
        access: AccessToken {
            token,
            expires_at: now + Duration::seconds(i64::try_from(seconds).unwrap_or(3600)),
            scopes,
        },
        refresh_token: response
            .refresh_token()
            .map(|token| Secret::from(token.secret().clone())),
        id_token: response.extra_fields().id_token.clone(),
    })
}

/// Graph's scopes come back with or without their resource: `https://graph.microsoft.com/User.Read`.
fn short(scope: &str) -> String {
    match scope.rsplit_once('/') {
        Some((resource, name)) if resource.starts_with("https://") => name.to_owned(),
        _ => scope.to_owned(),
    }
}
