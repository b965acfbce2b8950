//! The token endpoint: a code or a refresh token becomes tokens, by the oauth2 crate over the project's
//! one HTTP client. What comes back is sorted into what the callers can act on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oauth2::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    ErrorResponse, ExtraTokenFields, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse,
    TokenUrl,
    basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{
    claims::{self, Challenge},
    credential::{CredentialError, Proof},
    metadata::{MetadataError, Platform},
};
use crate::{
    clock::Clock,
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
    #[serde(deserialize_with = "word")]
    pub error: String,
    /// Text for people, with the AADSTS number; shown, never acted on.
    pub error_description: String,
    /// AADSTS numbers.
    pub error_codes: Vec<u32>,
    /// What kind of `invalid_grant` or `interaction_required` it is; for behaviour too.
    /// <https://learn.microsoft.com/entra/msal/dotnet/advanced/exceptions/#msaluirequiredexception-classification-enumeration>
    #[serde(deserialize_with = "word")]
    pub suberror: String,
    /// A claims challenge that the next sign-in has to carry.
    pub claims: String,
    /// The platform's id of the event.
    #[serde(deserialize_with = "word")]
    pub trace_id: String,
    /// The platform's id of the whole exchange.
    #[serde(deserialize_with = "word")]
    pub correlation_id: String,
    /// When, as the platform writes it.
    #[serde(deserialize_with = "word")]
    pub timestamp: String,
}

impl PlatformError {
    /// One that came back with the browser: anybody could have written it.
    pub fn of_callback(error: &str, description: &str) -> Self {
        Self {
            error: safe(error),
            error_description: description.to_owned(),
            ..Self::default()
        }
    }
}

/// Codes, ids and times are short and in ASCII (RFC 6749 §5.2). They go into the log (R112), so nothing else comes in:
/// what is none of these stays recognisable as wrong.
fn safe(text: &str) -> String {
    let plain = |c: char| {
        if c == ' ' || c.is_ascii_graphic() {
            c
        } else {
            '?'
        }
    };
    text.chars().take(100).map(plain).collect()
}

fn word<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|text| safe(&text))
}

impl std::fmt::Display for PlatformError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {:?} (correlation {}, trace {})",
            self.error, self.error_codes, self.correlation_id, self.trace_id
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
    /// R27: there is nothing to prove ourselves with.
    #[error(transparent)]
    Unproven(#[from] CredentialError),
    /// Where the token endpoint is can't be found out.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
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

/// The one way to the token endpoint.
pub struct TokenEndpoint {
    config: Arc<Config>,
    http: reqwest::Client,
    clock: Clock,
    platform: Arc<Platform>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// R24: the platform wants to be left alone until then.
    pause: Option<OffsetDateTime>,
    /// R27: why it refuses the credential, in the operator's words.
    refused: Option<String>,
}

impl TokenEndpoint {
    /// Nothing is asked yet.
    pub fn new(
        config: Arc<Config>,
        http: reqwest::Client,
        clock: Clock,
        platform: Arc<Platform>,
    ) -> Self {
        Self {
            config,
            http,
            clock,
            platform,
            state: Mutex::default(),
        }
    }

    /// What is wrong with the credential, as far as the platform's last word on it goes.
    pub fn trouble(&self) -> Option<String> {
        self.state().refused.clone()
    }

    /// Redeems a grant for tokens for these scopes that meet the challenge.
    pub async fn redeem(
        &self,
        grant: Grant<'_>,
        scopes: &[String],
        challenge: Option<&Challenge>,
    ) -> Result<Tokens, TokenError> {
        let now = self.clock.now();
        self.keep_away(now)?;
        let answer = self.call(grant, scopes, challenge, now).await;
        self.learn(answer.as_ref().err(), now);
        answer
    }

    async fn call(
        &self,
        grant: Grant<'_>,
        scopes: &[String],
        challenge: Option<&Challenge>,
        now: OffsetDateTime,
    ) -> Result<Tokens, TokenError> {
        let config = &self.config;
        let endpoint = self.platform.metadata().await?.token_endpoint.clone();
        let mut client: OAuthClient = Client::new(ClientId::new(config.client_id.clone()))
            // In the form's body, as the platform documents it; the crate URL-encodes it (R19).
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(endpoint.clone()));
        let mut extra = vec![("claims", claims::parameter(challenge))];
        match config
            .credential
            .proof(&config.client_id, endpoint.as_str(), now)
            .await?
        {
            Proof::Secret(secret) => {
                client = client.set_client_secret(ClientSecret::new(secret.expose().to_owned()));
            }
            // RFC 7523 §2.2.
            Proof::Assertion(assertion) => {
                extra.push(("client_assertion_type", ASSERTION_TYPE.to_owned()));
                extra.push(("client_assertion", assertion.expose().to_owned()));
            }
        }
        let call = |request| oauth2_call(self.http.clone(), request, now);
        let response = match grant {
            Grant::Code { code, verifier } => {
                let redirect = RedirectUrl::new(config.redirect_uri())
                    .map_err(|_| TokenError::Nonsense("the redirect URI is no URL"))?;
                let request = client
                    .exchange_code(AuthorizationCode::new(code.to_owned()))
                    .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
                    .set_redirect_uri(std::borrow::Cow::Owned(redirect));
                let request = extra.into_iter().fold(request, |request, (name, value)| {
                    request.add_extra_param(name, value)
                });
                request.request_async(&call).await
            }
            Grant::Refresh(token) => {
                let token = RefreshToken::new(token.expose().to_owned());
                let request = client
                    .exchange_refresh_token(&token)
                    .add_scopes(scopes.iter().cloned().map(Scope::new));
                let request = extra.into_iter().fold(request, |request, (name, value)| {
                    request.add_extra_param(name, value)
                });
                request.request_async(&call).await
            }
        };
        read(&response.map_err(sort)?, scopes, now)
    }

    /// R24: no call before Retry-After is over.
    fn keep_away(&self, now: OffsetDateTime) -> Result<(), TokenError> {
        let left = self.state().pause.map(|until| until - now);
        match left {
            Some(left) if left.is_positive() => {
                let seconds = left.whole_seconds() + i64::from(left.subsec_nanoseconds() > 0);
                Err(TokenError::Upstream(UpstreamError::Busy {
                    status: 429,
                    retry_after: u32::try_from(seconds).ok(),
                }))
            }
            _ => Ok(()),
        }
    }

    fn learn(&self, error: Option<&TokenError>, now: OffsetDateTime) {
        let refused = match error {
            Some(TokenError::Credential(refusal)) => Some(self.refusal(refusal)),
            Some(TokenError::Unproven(error)) => Some(error.to_string()),
            // Whom it says no to, it has recognised the app before.
            None | Some(TokenError::Refused(_)) => None,
            Some(TokenError::Upstream(error)) => {
                if let UpstreamError::Busy {
                    retry_after: Some(seconds),
                    ..
                } = error
                {
                    self.state().pause = Some(now + Duration::seconds(i64::from(*seconds)));
                }
                return;
            }
            Some(TokenError::Metadata(_) | TokenError::Nonsense(_)) => return,
        };
        if let Some(cause) = &refused {
            // R27: only the operator can mend this, so the log says it plainly.
            tracing::error!(
                event = "credential_refused",
                cause,
                "no sign-in works: the platform does not accept this app's credential"
            );
        }
        self.state().refused = refused;
    }

    /// What the number means for who runs this app. It chooses the words, nothing else (R9).
    fn refusal(&self, refusal: &PlatformError) -> String {
        let setting = self.config.credential.setting();
        let number = refusal.error_codes.first().copied().unwrap_or_default();
        let mend = match number {
            7_000_222 => "the client secret has expired; create a new one".to_owned(),
            7_000_215 => {
                "it is not a client secret of the registration; give the secret's value, not its id"
                    .to_owned()
            }
            700_016 => "CLIENT_ID is unknown in this tenant".to_owned(),
            700_027 | 700_021 | 700_023 => {
                "the certificate is not the registration's; upload it there".to_owned()
            }
            700_024 => "the assertion is out of its time; check the clock".to_owned(),
            700_211..=700_213 => {
                "no federated credential of the registration fits the workload's token".to_owned()
            }
            50_013 => "the workload's token has no valid signature".to_owned(),
            _ => "it is wrong, expired or not the registration's".to_owned(),
        };
        format!("{setting}: {mend} ({refusal})")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
        None => asked.iter().map(|scope| short(scope)).collect(),
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
