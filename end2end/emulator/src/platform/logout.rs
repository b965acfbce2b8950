//! Signing out: single sign-on ends, the applications hear of it, the browser goes where it was to go.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request>

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State as Shared},
    http::HeaderMap,
    response::Response,
};

use super::{
    aadsts::Trace, answer::redirect, authorize::cookie, hint, pages, params::Params, tenant::Place,
};
use crate::{
    memory::SignedIn,
    state::{Origins, State},
};

pub(super) async fn logout(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(_): Extension<Origins>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response {
    let place = match Place::find(&state, &tenant) {
        Ok(place) => place,
        Err(refusal) => return pages::error(&refusal, &Trace::new(&headers, state.now())),
    };
    let query = query.unwrap_or_default();
    // A form may carry what the query does not.
    let params = Params::parse(&format!("{body}&{query}"));
    let browser = cookie(&headers, "ESTSAUTH").unwrap_or_default();
    let memory = &state.control.memory;
    let signed_in = memory.accounts(&browser);
    let hinted = params
        .get("logout_hint")
        .and_then(|hint| hint::find(&state, hint));
    if hinted.is_none() && signed_in.len() > 1 {
        let people: Vec<_> = signed_in
            .iter()
            .filter_map(|known| state.directory.account(&known.oid))
            .collect();
        return pages::sign_out_picker(place.segment(), &query, &people);
    }
    let gone = memory.sign_out(&browser, hinted.as_ref().map(|person| person.oid.as_str()));
    let frames = front_channel(&gone);
    let next = params
        .get("post_logout_redirect_uri")
        .filter(|uri| is_registered(&state, &params, &gone, uri))
        .map(|uri| {
            // OpenID Connect RP-Initiated Logout §3: the state comes back.
            match (params.get("state"), url::Url::parse(uri)) {
                (Some(given), Ok(mut url)) => {
                    url.query_pairs_mut().append_pair("state", given);
                    url.to_string()
                }
                _ => uri.to_owned(),
            }
        });
    match next {
        Some(next) if frames.is_empty() => redirect(&next),
        next => pages::signed_out(&frames, next.as_deref()),
    }
}

/// Each application's front-channel URL with the session's `sid`. The real platform sends no `iss` with it.
fn front_channel(gone: &[SignedIn]) -> Vec<String> {
    let urls = gone.iter().flat_map(|account| {
        account
            .clients
            .values()
            .flatten()
            .map(|url| (url, &account.sid))
    });
    let mut frames: Vec<_> = urls
        .filter_map(|(url, sid)| {
            let mut url = url::Url::parse(url).ok()?;
            url.query_pairs_mut().append_pair("sid", sid);
            Some(url.to_string())
        })
        .collect();
    frames.sort();
    frames
}

/// Whether one of the applications concerned has registered this address; without a session, any application.
fn is_registered(state: &State, params: &Params, gone: &[SignedIn], uri: &str) -> bool {
    let named = params.get("client_id").map(str::to_owned);
    let mut concerned: Vec<_> = named
        .into_iter()
        .chain(gone.iter().flat_map(|a| a.clients.keys().cloned()))
        .collect();
    if concerned.is_empty() {
        concerned = state.control.client_ids();
    }
    concerned
        .iter()
        .filter_map(|id| state.control.client(id))
        .any(|client| client.accepts_sign_out_return(uri))
}
