//! `/graph/v1.0/…`: Microsoft Graph for whatever a page wants beyond its typed calls, with the session's token (R77–R91).
//! What passes is on a list: calls ([`list`]), headers ([`headers`]), sizes ([`body`]), pace ([`limits`]).

pub mod batch;
pub mod body;
pub mod headers;
pub mod limits;
pub mod links;
pub mod list;
mod path;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    error::{ApiError, Code},
    i18n::Locale,
    model::Preferences,
};
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos_i18n::td_string;
use tokio::time::timeout;

use self::{
    batch::Batch,
    body::{MOST_UP, Patience, Torn, Up},
    headers::Kind,
    limits::{Limits, Place},
    links::Links,
    list::{BATCH, Denied},
};
use super::{Call, GraphError};
use crate::{
    Cloakroom,
    backend::refusal,
    browser::CorrelationId,
    routes::answer,
    session::{Session, Visitor},
    tokens::Refusal,
    upstream::UpstreamError,
};

/// What the proxy keeps between calls.
pub struct Proxy {
    /// How much each session may ask.
    pub limits: Limits,
    /// How long an answer may take.
    pub patience: Patience,
}

/// How long a batch may take to arrive: four megabytes over a slow line.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Why a call is not passed on, or its answer not back.
enum Stop {
    Here(u16, Code, String),
    Graph(GraphError),
}

impl From<GraphError> for Stop {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}

/// A refusal with the status of its code.
fn stop(code: Code, message: impl Into<String>) -> Stop {
    Stop::Here(code.status(), code, message.into())
}

impl From<Denied> for Stop {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Malformed => stop(Code::NotFound, "There can be nothing at this address."),
            Denied::Unlisted => stop(
                Code::NotFound,
                "This call is not on the list of those that are passed on to Microsoft Graph.",
            ),
            Denied::Parameter(name) => stop(
                Code::Forbidden,
                format!("The parameter {name:?} is not passed on with this call, or came twice."),
            ),
        }
    }
}

/// Any method on `/graph/…`.
pub async fn route(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(Preferences { locale, .. }): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    request: Request,
) -> Response {
    let passed = match visitor {
        Some(session) => call(&cloakroom, &session, locale, &id, request).await,
        None => Err(ApiError::new(
            Code::SignedOut,
            td_string!(locale, calls.signed_out),
            id,
        )),
    };
    passed.unwrap_or_else(|refusal| answer(&refusal))
}

/// One call to `/graph/…`, for this route and for whoever else on the server asks in a person's name: Graph's answer as
/// far as it is passed on, or why there is none.
pub async fn call(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    locale: Locale,
    id: &str,
    request: Request,
) -> Result<Response, ApiError> {
    let stop = match pass(cloakroom, session, request).await {
        Ok(response) => return Ok(response),
        Err(stop) => stop,
    };
    Err(match stop {
        Stop::Graph(error) => refusal(&error, locale, id),
        Stop::Here(status, code, message) => {
            tracing::warn!(
                event = "graph_refused",
                ?code,
                why = message,
                "a call to Graph was refused"
            );
            let mut refusal = ApiError::new(code, message, id);
            refusal.status = status;
            refusal
        }
    })
}

async fn pass(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    request: Request,
) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    // The raw text of the request line. Browsers send no authority to a server of ours.
    let target = match (parts.uri.authority(), parts.uri.path_and_query()) {
        (None, Some(target)) => target.as_str(),
        _ => return Err(Denied::Malformed.into()),
    };
    let target = target.strip_prefix("/graph/v1.0").ok_or(Denied::Unlisted)?;
    if batch::is_batch(&parts.method, target) {
        return pass_batch(cloakroom, session, &parts.headers, body).await;
    }
    let Cloakroom {
        config,
        graph,
        proxy,
        ..
    } = cloakroom;
    let (entry, path) = config.allowed.admit(&parts.method, target)?;
    let url = path.on(&config.graph).ok_or(Denied::Malformed)?;
    let place = proxy.limits.enter(&session.id, 1).await?;
    let up = if parts.method == Method::GET {
        Up::None
    } else {
        body::up(body).await?
    };
    if !matches!(up, Up::None) && !headers::has_sendable_type(&parts.headers) {
        return Err(wrong_type());
    }
    let mut headers = headers::request(&parts.headers);
    let (body, torn) = match up {
        Up::None => {
            headers.remove(header::CONTENT_TYPE);
            (None, None)
        }
        Up::Held(bytes) => (Some(bytes.into()), None),
        Up::Passing(body, torn) => (Some(body), Some(torn)),
    };
    let need: Vec<_> = entry.scopes.iter().map(String::as_str).collect();
    let call = Call {
        method: parts.method.clone(),
        url,
        headers,
        body,
    };
    let started = Instant::now();
    let sent = graph.send(session, &need, call).await;
    if let Some(torn) = torn.and_then(|torn| torn.get().copied()) {
        return Err(torn.into());
    }
    let response = sent?;
    log(&parts.method, &entry.pattern, &response, started);
    down(cloakroom, response, place)
}

fn wrong_type() -> Stop {
    Stop::Here(
        StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16(),
        Code::Forbidden,
        "This content type is not passed on.".to_owned(),
    )
}

impl From<Torn> for Stop {
    fn from(torn: Torn) -> Self {
        match torn {
            Torn::TooLarge => stop(Code::TooLarge, "That is too large."),
            Torn::Broken => Self::Here(
                StatusCode::BAD_REQUEST.as_u16(),
                Code::Forbidden,
                "That did not arrive whole.".to_owned(),
            ),
        }
    }
}

/// R102: a line a call. Its pattern and not its path, which has ids in it.
fn log(method: &Method, pattern: &str, response: &reqwest::Response, started: Instant) {
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let request_id = response.headers().get("request-id");
    let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or("-");
    let status = response.status().as_u16();
    tracing::info!(event = "graph_passed", %method, pattern, status, milliseconds, request_id, "passed on to Graph");
}

/// What of Graph's answer is not for a page, whatever is in it.
fn check(response: &reqwest::Response) -> Result<(), Stop> {
    let status = response.status();
    // What the page can do about it, our own way of saying so; Graph's has a challenge in a header (R83).
    if status == StatusCode::UNAUTHORIZED {
        return Err(Stop::Graph(Refusal::Reauthenticate.into()));
    }
    // R85: neither followed nor passed on.
    if status.is_informational() || (status.is_redirection() && status != StatusCode::NOT_MODIFIED)
    {
        return Err(stop(
            Code::Graph,
            "Microsoft Graph answered with the address of another place, which is not followed.",
        ));
    }
    // R87: nobody asked for it.
    if !headers::is_plain(response.headers()) {
        return Err(stop(
            Code::Graph,
            "Microsoft Graph gave an answer that can't be read.",
        ));
    }
    Ok(())
}

fn down(
    cloakroom: &Cloakroom,
    response: reqwest::Response,
    place: Place,
) -> Result<Response, Stop> {
    check(&response)?;
    let status = response.status();
    let kind = headers::kind(response.headers());
    // A part of JSON could begin in the middle of a link.
    let partial = status == StatusCode::PARTIAL_CONTENT && kind == Kind::Json;
    if partial
        || response
            .content_length()
            .is_some_and(|length| length > kind.most())
    {
        return Err(stop(
            Code::Graph,
            "Microsoft Graph gave an answer that is larger than is passed on.",
        ));
    }
    let headers = headers::response(status, response.headers(), kind);
    let empty = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let body = if empty {
        Body::empty()
    } else {
        let links = (kind == Kind::Json).then(|| Links::of(&cloakroom.config.graph));
        let patience = &cloakroom.proxy.patience;
        Body::new(body::Down::new(response, kind, links, patience, place))
    };
    Ok((status, headers, body).into_response())
}

async fn pass_batch(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Stop> {
    let Cloakroom {
        config,
        graph,
        proxy,
        ..
    } = cloakroom;
    if headers::kind(headers) != Kind::Json {
        return Err(wrong_type());
    }
    // Before it is read: a session has so many places, and a batch is held in memory. The rest is counted when it is known.
    let _place = proxy.limits.enter(&session.id, 1).await?;
    let arriving = timeout(ARRIVAL, body::whole(body, MOST_UP));
    let body = arriving.await.map_err(|_| {
        let (status, why) = (StatusCode::REQUEST_TIMEOUT, "That did not arrive in time.");
        Stop::Here(status.as_u16(), Code::Timeout, why.to_owned())
    })??;
    let batch = batch::read(&body, &config.allowed).map_err(|refused| match refused {
        batch::Refused::Malformed(why) => stop(Code::Forbidden, why),
        batch::Refused::Request(place, denied) => match denied.into() {
            Stop::Here(status, code, message) => Stop::Here(
                status,
                code,
                format!("Request {place} of the batch: {message}"),
            ),
            other @ Stop::Graph(_) => other,
        },
    })?;
    // All that is missing at once, so that a page asks the person once.
    let missing = batch.missing(&session.signed_in.access.scopes);
    if !missing.is_empty() {
        return Err(Stop::Graph(Refusal::Consent(missing).into()));
    }
    // Graph runs its requests side by side and counts each.
    let calls = u32::try_from(batch.needs.len()).unwrap_or(u32::MAX);
    let _places = proxy
        .limits
        .enter(&session.id, calls.saturating_sub(1))
        .await?;
    let mut up = headers::request(headers);
    up.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let url = config
        .graph
        .join("/v1.0/$batch")
        .map_err(|_| GraphError::Foreign)?;
    let call = Call {
        method: Method::POST,
        url,
        headers: up,
        body: Some(batch.body.clone().into()),
    };
    let started = Instant::now();
    let response = graph.send(session, &[], call).await?;
    log(&Method::POST, BATCH, &response, started);
    answers(cloakroom, &batch, response).await
}

async fn answers(
    cloakroom: &Cloakroom,
    batch: &Batch,
    response: reqwest::Response,
) -> Result<Response, Stop> {
    check(&response)?;
    let status = response.status();
    let kind = headers::kind(response.headers());
    let headers = headers::response(status, response.headers(), Kind::Json);
    let Cloakroom { config, graph, .. } = cloakroom;
    let body = graph.read(response).await?;
    let written = if status == StatusCode::OK {
        batch.answers(&body, &config.graph)
    } else {
        (kind == Kind::Json).then(|| Links::of(&config.graph).piece(&body))
    };
    let body = written.ok_or(GraphError::from(UpstreamError::Nonsense))?;
    Ok((status, headers, body).into_response())
}
