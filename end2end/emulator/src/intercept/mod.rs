//! What every request passes: it is logged, and the faults that are set for it strike.

mod graph;
mod http;

use std::sync::Arc;

use ::http::{StatusCode, header, request::Parts};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State as Shared},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    control::{Answer, Asker, Call, Endpoint, Fault},
    platform::Params,
    state::{Origins, State, bearer},
};

/// Larger requests are refused; Graph's own limit is 4 MB.
const LARGEST: usize = 8 << 20;

pub(crate) async fn intercept(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    if request.uri().path().starts_with("/_control") {
        return next.run(request).await;
    }
    let origins = Origins::of(&state, &request);
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let endpoint = endpoint(parts.uri.path());
    let asker = asker(&state, endpoint, &parts, &text, &origins);
    let number = state
        .control
        .log(call(&state, endpoint, &parts, &asker, &text));

    let faults = state.control.strike_all(&asker, |fault| match fault {
        Fault::Answer { at, with } if *at == endpoint => Some(with.clone()),
        _ => None,
    });
    let difficulties = match endpoint {
        Endpoint::Graph => state.control.strike_all(&asker, |fault| match fault {
            Fault::Graph { change } => Some(change.clone()),
            _ => None,
        }),
        _ => Vec::new(),
    };
    for fault in &faults {
        match fault {
            Answer::Delay { millis } => {
                tokio::time::sleep(std::time::Duration::from_millis(*millis)).await;
            }
            Answer::Hold => state.control.held().await,
            _ => {}
        }
    }
    let headers = parts.headers.clone();
    let url = format!("{}{}", origins.graph, parts.uri);
    let planned = match faults
        .iter()
        .find_map(|fault| http::instead(&state, endpoint, &headers, &origins, fault))
    {
        Some(planned) => Some(planned.await),
        None => difficulties
            .iter()
            .find_map(|change| graph::instead(&state, &headers, change)),
    };
    let mut response = if let Some(response) = planned {
        response
    } else {
        parts.extensions.insert(origins);
        parts.extensions.insert(asker);
        // The platform reads text: what is no UTF-8 is to be an unknown value, not another kind of error.
        let body = if endpoint == Endpoint::Graph {
            Body::from(bytes)
        } else {
            Body::from(text)
        };
        next.run(Request::from_parts(parts, body)).await
    };
    for change in &difficulties {
        response = graph::afterwards(response, change, &url).await;
    }
    for fault in faults {
        response = http::afterwards(response, fault).await;
    }
    if response
        .extensions()
        .get::<crate::serve::Dropped>()
        .is_none()
    {
        state.control.answered(number, response.status().as_u16());
    }
    response
}

fn endpoint(path: &str) -> Endpoint {
    if ["/v1.0/", "/beta/", "/oidc/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
    {
        Endpoint::Graph
    } else if path.ends_with("/.well-known/openid-configuration") {
        Endpoint::Metadata
    } else if path.ends_with("/discovery/v2.0/keys") {
        Endpoint::Keys
    } else if path.ends_with("/oauth2/v2.0/token") {
        Endpoint::Token
    } else if path.ends_with("/oauth2/v2.0/authorize") || path.ends_with("/login") {
        Endpoint::Authorize
    } else if path.ends_with("/oauth2/v2.0/logout") {
        Endpoint::Logout
    } else {
        Endpoint::Other
    }
}

fn call(state: &State, endpoint: Endpoint, parts: &Parts, asker: &Asker, body: &str) -> Call {
    let text = |value: &::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Call {
        number: 0,
        at: state.now(),
        endpoint,
        method: parts.method.to_string(),
        host: parts
            .headers
            .get(header::HOST)
            .map(text)
            .unwrap_or_default(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: body.to_owned(),
        client_id: asker.client_id.clone(),
        oid: asker.oid.clone(),
        grant: asker.grant.clone(),
        status: None,
    }
}

/// Who asks, as far as the request tells.
fn asker(state: &State, endpoint: Endpoint, parts: &Parts, body: &str, origins: &Origins) -> Asker {
    let memory = &state.control.memory;
    let mut asker = Asker {
        path: parts.uri.path().to_owned(),
        origin: origins.platform.clone(),
        ..Asker::default()
    };
    match endpoint {
        Endpoint::Graph => {
            if let Some(token) = bearer(&parts.headers).and_then(|value| memory.access_token(value))
            {
                asker.client_id = Some(token.client_id);
                asker.oid = Some(token.oid);
            }
        }
        Endpoint::Token => {
            let form = Params::parse(body);
            asker.grant = form.get("grant_type").map(str::to_owned);
            let grant = match (form.get("code"), form.get("refresh_token")) {
                (Some(code), _) => memory.code(code).map(|code| code.grant),
                (None, Some(token)) => memory.refresh_token(token),
                (None, None) => None,
            };
            asker.oid = grant.map(|grant| grant.oid);
            asker.client_id = form
                .get("client_id")
                .map(str::to_owned)
                .or_else(|| basic_user(&parts.headers));
        }
        _ => {
            let form = Params::parse(body);
            let carried = form.get("request").map(Params::parse);
            let query = Params::parse(parts.uri.query().unwrap_or_default());
            asker.client_id = [carried.as_ref(), Some(&form), Some(&query)]
                .into_iter()
                .flatten()
                .find_map(|p| p.get("client_id").map(str::to_owned));
        }
    }
    asker.username = asker
        .oid
        .as_deref()
        .and_then(|oid| state.directory.account(oid))
        .map(|person| person.username.clone());
    asker
}

fn basic_user(headers: &::http::HeaderMap) -> Option<String> {
    let encoded = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    pair.split_once(':').map(|(id, _)| id.to_owned())
}
