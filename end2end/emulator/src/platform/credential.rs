//! Who the client is, and how it proves that.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-access-token-with-a-client_secret>

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    aadsts::{Refusal, missing_parameter, unknown_client},
    assertion,
    params::Params,
    tenant::Place,
};
use crate::{
    client::Client,
    state::{Origins, State},
};

/// The client of a token request, its credential checked.
pub(super) fn authenticate(
    state: &State,
    origins: &Origins,
    place: &Place,
    headers: &HeaderMap,
    form: &Params,
) -> Result<Arc<Client>, Refusal> {
    let basic = basic(headers)?;
    let client_id = match (&basic, form.get("client_id")) {
        (Some((id, _)), _) => id.as_str(),
        (None, Some(id)) => id,
        (None, None) => return Err(missing_parameter("client_id")),
    };
    let client = state
        .control
        .client(client_id)
        .ok_or_else(|| unknown_client(client_id, place.segment()))?;
    place.open_to(&client)?;
    let secret = basic
        .as_ref()
        .map(|(_, secret)| secret.as_str())
        .or(form.get("client_secret"));
    let assertion = form.get("client_assertion");

    // Only single-page applications redeem from a browser, and they have no credential.
    if let Some(origin) = headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok())
    {
        let text = format!(
            "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request \
             origin: '{origin}'."
        );
        return Err(Refusal::new("invalid_request", 9_002_326, text));
    }
    match (secret, assertion) {
        (None, None) if client.is_public() => Ok(client),
        (Some(_), _) | (_, Some(_)) if client.is_public() => Err(Refusal::new(
            "invalid_client",
            700_025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        )),
        (None, None) => Err(Refusal::new(
            "invalid_client",
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )),
        (Some(secret), None) => check_secret(&client, secret).map(|()| client),
        (_, Some(assertion)) => {
            let presented = assertion::Presented {
                assertion,
                kind: form.get("client_assertion_type"),
                audiences: audiences(origins, place),
                now: state.now(),
            };
            assertion::check(&client, &presented).map(|()| client)
        }
    }
}

/// What an assertion may be addressed to: the token endpoint, or the issuer.
fn audiences(origins: &Origins, place: &Place) -> Vec<String> {
    let at = format!("{}/{}", origins.platform, place.segment());
    vec![
        format!("{at}/oauth2/v2.0/token"),
        format!("{at}/v2.0"),
        place.issuer(&origins.platform),
    ]
}

fn check_secret(client: &Client, secret: &str) -> Result<(), Refusal> {
    let id = &client.client_id;
    if client.secrets.iter().any(|known| known == secret) {
        Ok(())
    } else if client.expired_secrets.iter().any(|known| known == secret) {
        let text = format!(
            "The provided client secret keys for app '{id}' are expired. Visit the Azure portal to create new keys for \
             your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: \
             https://aka.ms/certCreds."
        );
        Err(Refusal::new("invalid_client", 7_000_222, text))
    } else {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
             not the client secret ID, for a secret added to app '{id}'."
        );
        Err(Refusal::new("invalid_client", 7_000_215, text))
    }
}

/// HTTP Basic: id and secret are form-encoded first (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    let Some(value) = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
    else {
        return Ok(None);
    };
    let malformed = || {
        Refusal::new(
            "invalid_request",
            9_002_313,
            "Invalid request. Request is malformed or invalid.",
        )
    };
    let encoded = value.strip_prefix("Basic ").ok_or_else(malformed)?;
    let decoded = BASE64_STANDARD
        .decode(encoded.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = decoded
        .as_deref()
        .and_then(|pair| pair.split_once(':'))
        .ok_or_else(malformed)?;
    let decode = |text: &str| {
        let pair = format!("v={text}");
        Params::parse(&pair).get("v").unwrap_or_default().to_owned()
    };
    Ok(Some((decode(id), decode(secret))))
}
