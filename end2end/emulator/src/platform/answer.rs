//! The way back to the application: the code or an error, in the response mode that it asked for.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use url::Url;

use super::{
    aadsts::{Refusal, Trace},
    pages,
    request::{Request, ResponseMode, Return},
    tenant::issuer,
};
use crate::{
    control::{Asker, Callback, Fault},
    directory::Persona,
    memory::{Code, Grant, SignedIn},
    random::{base64url, guid, token},
    state::{Origins, State},
};

type Pairs = Vec<(&'static str, String)>;

/// Issues a code for what was asked and sends the browser back with it.
pub(super) fn with_code(
    state: &Arc<State>,
    origins: &Origins,
    request: &Request,
    person: &Persona,
    session: &SignedIn,
) -> Response {
    let code = format!("emu-code-1.{}", token(600));
    let grant = Grant {
        client_id: request.client.client_id.clone(),
        oid: person.oid.clone(),
        scopes: request
            .scopes
            .iter()
            .map(|scope| scope.asked.clone())
            .collect(),
        sid: session.sid.clone(),
        nonce: request.nonce.clone(),
        claims: request.claims.clone(),
        mfa: session.mfa,
        issued_at: state.now(),
    };
    let code_record = Code {
        grant,
        redirect_uri: request.back.uri.clone(),
        challenge: request.challenge.clone(),
        challenge_method: request.challenge_method.clone(),
        redeemed: false,
    };
    state.control.memory.add_code(&code, code_record);

    let mut pairs: Pairs = vec![("code", code)];
    if request.client_info {
        pairs.push(("client_info", client_info(person)));
    }
    if let Some(given) = &request.back.state {
        pairs.push(("state", given.clone()));
    }
    pairs.push(("session_state", session.sid.clone()));
    let asker = Asker {
        client_id: Some(request.client.client_id.clone()),
        oid: Some(person.oid.clone()),
        username: Some(person.username.clone()),
        ..Asker::default()
    };
    for change in state.control.strike_all(&asker, callback) {
        distort(&mut pairs, change, &issuer(&origins.platform, &person.tid));
    }
    send(&request.back, &pairs)
}

/// Sends the browser back with an error.
pub(super) fn with_error(back: &Return, refusal: &Refusal, trace: &Trace) -> Response {
    let mut pairs: Pairs = vec![
        ("error", refusal.error.clone()),
        ("error_description", refusal.description(trace)),
        (
            "error_uri",
            format!(
                "https://login.microsoftonline.com/error?code={}",
                refusal.number
            ),
        ),
    ];
    if let Some(suberror) = &refusal.suberror {
        pairs.push(("error_subcode", suberror.clone()));
    }
    if let Some(state) = &back.state {
        pairs.push(("state", state.clone()));
    }
    send(back, &pairs)
}

fn callback(fault: &Fault) -> Option<Callback> {
    match fault {
        Fault::Callback { change } => Some(change.clone()),
        _ => None,
    }
}

fn distort(pairs: &mut Pairs, change: Callback, issuer: &str) {
    let error =
        |error: String, description: String| [("error", error), ("error_description", description)];
    match change {
        Callback::WrongState => set(pairs, "state", token(24)),
        Callback::MissingState => pairs.retain(|(name, _)| *name != "state"),
        Callback::WrongIss => {
            pairs.push(("iss", format!("https://login.evil.example/{}/v2.0", guid())));
        }
        Callback::RightIss => pairs.push(("iss", issuer.to_owned())),
        Callback::Error {
            error: code,
            description,
        } => {
            pairs.retain(|(name, _)| *name == "state");
            pairs.extend(error(code, description));
        }
        Callback::DuplicateCode => {
            pairs.insert(0, ("code", "emu-code-of-somebody-else".to_owned()));
        }
        Callback::DuplicateState => pairs.insert(0, ("state", "state-of-somebody-else".to_owned())),
        Callback::MissingCode => pairs.retain(|(name, _)| *name != "code"),
        Callback::WrongCode => set(pairs, "code", format!("emu-code-1.{}", token(600))),
        Callback::CodeAndError => {
            pairs.extend(error(
                "access_denied".to_owned(),
                "The user changed their mind.".to_owned(),
            ));
        }
    }
}

fn set(pairs: &mut Pairs, name: &'static str, value: String) {
    pairs.retain(|(known, _)| *known != name);
    pairs.push((name, value));
}

/// Home account ids for MSAL: `uid` and `utid`, base64url JSON.
pub(super) fn client_info(person: &Persona) -> String {
    base64url(
        serde_json::json!({ "uid": person.oid, "utid": person.tid })
            .to_string()
            .as_bytes(),
    )
}

fn send(back: &Return, pairs: &Pairs) -> Response {
    let encoded = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    match back.mode {
        ResponseMode::FormPost => pages::form_post(&back.uri, pairs),
        ResponseMode::Fragment => redirect(&format!("{}#{encoded}", back.uri)),
        ResponseMode::Query => {
            let Ok(mut url) = Url::parse(&back.uri) else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            let query = url
                .query()
                .map_or_else(|| encoded.clone(), |own| format!("{own}&{encoded}"));
            url.set_query(Some(&query));
            redirect(url.as_str())
        }
    }
}

pub(super) fn redirect(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let headers = [
                (header::LOCATION, location),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (StatusCode::FOUND, headers).into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
