//! An authorization request, checked: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>.

use std::sync::Arc;

use serde_json::Value;

use super::{
    aadsts::{Refusal, missing_parameter, redirect_mismatch, unknown_client},
    params::Params,
    scopes::{self, Scope},
    tenant::Place,
};
use crate::{
    client::Client,
    state::{Origins, State},
};

/// How the answer goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

/// Where the answer goes back to, and the state that goes with it.
#[derive(Clone, Debug)]
pub(crate) struct Return {
    pub uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
}

/// A request that may be answered.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The query as it came, to carry through the pages.
    pub raw: String,
    pub place: Place,
    pub client: Arc<Client>,
    pub back: Return,
    pub nonce: Option<String>,
    pub scopes: Vec<Scope>,
    pub prompt: Option<Prompt>,
    pub login_hint: Option<String>,
    pub domain_hint: Option<String>,
    pub claims: Option<Value>,
    pub challenge: Option<String>,
    pub challenge_method: Option<String>,
    pub client_info: bool,
}

/// What the client wants the user to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    Login,
    None,
    Consent,
    SelectAccount,
    Create,
}

/// Why a request is not answered.
#[derive(Clone, Debug)]
pub(crate) enum Rejected {
    /// The user sees it: there is nobody who could safely be told.
    Shown(Refusal),
    /// The client is told.
    Returned(Return, Refusal),
}

impl Request {
    #[allow(clippy::result_large_err)] // Made once a request and taken apart at once.
    pub(crate) fn check(
        state: &State,
        origins: &Origins,
        tenant: &str,
        raw: &str,
    ) -> Result<Self, Rejected> {
        let params = Params::parse(raw);
        let (place, client, back) = addressee(state, tenant, &params).map_err(Rejected::Shown)?;
        Self::content(&params, &client, &back, origins)
            .map(|request| Self {
                raw: raw.to_owned(),
                place,
                ..request
            })
            .map_err(|refusal| Rejected::Returned(back, refusal))
    }

    fn content(
        params: &Params,
        client: &Arc<Client>,
        back: &Return,
        origins: &Origins,
    ) -> Result<Self, Refusal> {
        params.refuse_duplicates()?;
        match params.get("response_type") {
            Some("code") => {}
            Some(other)
                if other
                    .split(' ')
                    .all(|part| ["code", "id_token", "token"].contains(&part)) =>
            {
                let text = format!("response_type '{other}' is not enabled for the application.");
                return Err(Refusal::new("unsupported_response_type", 700_054, text));
            }
            Some(_) => {
                let text = "The response_type is not supported.";
                return Err(Refusal::new("unsupported_response_type", 70005, text));
            }
            None => return Err(missing_parameter("response_type")),
        }
        let scopes = scopes::parse(params.require("scope")?, client, &origins.graph)?;
        let prompt = params.get("prompt").map(Prompt::parse).transpose()?;
        let method = params.get("code_challenge_method").map(str::to_owned);
        let challenge = params.get("code_challenge").map(str::to_owned);
        check_pkce(challenge.as_deref(), method.as_deref())?;
        let claims = params.get("claims").map(parse_claims).transpose()?;
        Ok(Self {
            raw: String::new(),
            place: Place::Common,
            client: Arc::clone(client),
            back: back.clone(),
            nonce: params.get("nonce").map(str::to_owned),
            scopes,
            prompt,
            login_hint: params.get("login_hint").map(str::to_owned),
            domain_hint: params.get("domain_hint").map(str::to_owned),
            claims,
            challenge,
            challenge_method: method,
            client_info: params.get("client_info") == Some("1"),
        })
    }
}

/// Who asks and where the answer goes: until that is known, errors are shown, never sent.
fn addressee(
    state: &State,
    tenant: &str,
    params: &Params,
) -> Result<(Place, Arc<Client>, Return), Refusal> {
    let place = Place::find(state, tenant)?;
    let client_id = params.require("client_id")?;
    let client = state
        .control
        .client(client_id)
        .ok_or_else(|| unknown_client(client_id, place.segment()))?;
    place.open_to(&client)?;
    if params.all("redirect_uri").count() > 1 {
        return Err(super::aadsts::duplicate_parameter("redirect_uri"));
    }
    let uri = match params.get("redirect_uri") {
        Some(uri) if client.accepts_redirect(uri) => uri.to_owned(),
        Some(uri) => return Err(redirect_mismatch(uri, client_id)),
        None => client.redirect_uris.first().cloned().ok_or_else(|| {
            Refusal::new(
                "invalid_request",
                500_113,
                "No reply address is registered for the application.",
            )
        })?,
    };
    let mode = match params.get("response_mode") {
        None | Some("query") => ResponseMode::Query,
        Some("fragment") => ResponseMode::Fragment,
        Some("form_post") => ResponseMode::FormPost,
        Some(other) => {
            let text =
                format!("The value '{other}' of the parameter 'response_mode' is not supported.");
            return Err(Refusal::new("invalid_request", 90023, text));
        }
    };
    Ok((
        place,
        client,
        Return {
            uri,
            mode,
            state: params.get("state").map(str::to_owned),
        },
    ))
}

/// RFC 7636 §4.3. Without a method it is `plain`.
fn check_pkce(challenge: Option<&str>, method: Option<&str>) -> Result<(), Refusal> {
    let refuse = |number, text: &str| Err(Refusal::new("invalid_request", number, text));
    match (challenge, method) {
        (_, Some(method)) if !["S256", "plain"].contains(&method) => refuse(
            501_491,
            "Invalid value for the parameter 'code_challenge_method'.",
        ),
        (None, Some(_)) => refuse(501_481, "The parameter 'code_challenge' is missing."),
        (Some(challenge), _) if !(43..=128).contains(&challenge.len()) => refuse(
            501_492,
            "The size of the parameter 'code_challenge' is not between 43 and 128 characters.",
        ),
        _ => Ok(()),
    }
}

pub(crate) fn parse_claims(text: &str) -> Result<Value, Refusal> {
    match serde_json::from_str(text) {
        Ok(Value::Object(claims)) => Ok(Value::Object(claims)),
        _ => Err(Refusal::new(
            "invalid_request",
            50146,
            "The value of the parameter 'claims' is not valid JSON.",
        )),
    }
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "login" => Ok(Self::Login),
            "none" => Ok(Self::None),
            "consent" => Ok(Self::Consent),
            "select_account" => Ok(Self::SelectAccount),
            "create" => Ok(Self::Create),
            _ => Err(Refusal::new(
                "invalid_request",
                90023,
                format!(
                    "Unsupported 'prompt' value '{text}'. Only one value of the prompt is supported."
                ),
            )),
        }
    }
}
