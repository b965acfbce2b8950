//! `/console`: a person asks Graph, with a form. The call goes the way of the proxy's ([`proxy::call`]) and no other: its
//! list, its pace, its headers and its caps hold here as they do there.

use std::{convert::Infallible, sync::Arc, time::Instant};

use app::{
    error::{ApiError, Code},
    i18n::Locale,
    links,
    model::Preferences,
    pages::console::{Answer, BATCH_BODY, Body as Shown, Console, Denied, Known},
};
use axum::{
    Form,
    body::{Body, Bytes},
    extract::{
        FromRequestParts, Query, Request,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts, uri::PathAndQuery},
    response::Response,
};
use futures_util::StreamExt;
use leptos_i18n::td_string;
use serde::{Deserialize, de::IgnoredAny};
use url::Url;

use crate::{
    Cloakroom,
    browser::{self, CorrelationId},
    graph::proxy::{
        self, batch,
        list::{BATCH, Denied as Unpassed},
    },
    pages, preferences,
    session::{Session, Visitor},
};

/// The most of an answer that is read to be shown.
const MOST: usize = 1024 * 1024;

/// The ids of a call at Microsoft.
const IDS: [&str; 2] = ["request-id", "client-request-id"];

/// A call in the page's address, or in its form.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    method: String,
    path: String,
    body: String,
    run: String,
}

/// Everything about a visit but what it asks.
pub struct Visit {
    cloakroom: Arc<Cloakroom>,
    preferences: Preferences,
    session: Option<Arc<Session>>,
    id: String,
    /// The page's path and query.
    here: String,
}

impl FromRequestParts<Arc<Cloakroom>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        cloakroom: &Arc<Cloakroom>,
    ) -> Result<Self, Infallible> {
        let visitor = parts.extensions.get::<Visitor>();
        let here = parts.uri.path_and_query().map(PathAndQuery::as_str);
        Ok(Self {
            cloakroom: cloakroom.clone(),
            preferences: preferences::of_extensions(&parts.extensions),
            session: visitor.and_then(|visitor| visitor.0.clone()),
            id: CorrelationId::of(&parts.extensions),
            here: here.unwrap_or(links::CONSOLE).to_owned(),
        })
    }
}

/// `GET /console?method=&path=&run=`: the form, filled in; with `run=1` the answer too.
///
/// Only a GET is run by an address, and only for a page of this site or for somebody who opens it by hand. That is as safe
/// as opening `/people` is: a GET changes nothing at Graph, the list passes on no more than the app may do anyway, and what
/// comes is shown to the person whom the Strict cookie belongs to and can't be framed or read by another site. A link on
/// another site leads here by a bounce (R46), so the most that it brings about is one such call, which counts against the
/// session's pace (R90).
pub async fn show(
    visit: Visit,
    method: Method,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let asked = Asked {
        // A link fills in nothing that is easily overlooked.
        body: String::new(),
        ..asked
    };
    let run = asked.run == "1"
        && method == Method::GET
        && asked.method == Method::GET.as_str()
        && browser::is_same_origin(&headers, &visit.cloakroom.config.origin());
    page(visit, asked, run).await
}

/// `POST /console`: the form. A GET goes on to its own address, so that it can be loaded again and gone back to; any other
/// method is run here, and by nothing else (the gate holds forms to R60).
pub async fn send(
    visit: Visit,
    headers: HeaderMap,
    asked: Result<Form<Asked>, FormRejection>,
) -> Response {
    let asked = asked.map(|Form(asked)| asked).unwrap_or_default();
    // A browser that does not say who asks would not have it run there.
    let says_who = headers.contains_key("sec-fetch-site");
    if asked.method == Method::GET.as_str() && says_who {
        let path = target(&visit.cloakroom.config.graph, &asked.path);
        return pages::see_other(&links::console("GET", &path, true));
    }
    page(visit, asked, true).await
}

async fn page(visit: Visit, asked: Asked, run: bool) -> Response {
    let Visit {
        cloakroom,
        preferences,
        session,
        id,
        here,
    } = visit;
    let Some(session) = session else {
        return pages::sign_in_first(&cloakroom, preferences, &here);
    };
    let mut console = read(&cloakroom, &session, asked);
    if run && console.known.is_some() {
        console.outcome = ask(&cloakroom, &session, preferences.locale, &id, &console).await;
    }
    let (status, retry_after) = match (&console.known, &console.outcome) {
        (_, Some(Err(refusal))) => (refusal.status, refusal.retry_after),
        // Refused without asking anybody.
        (Some(Err(_)), _) if run => (400, None),
        _ => (200, None),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = pages::document(
        &cloakroom,
        preferences,
        Some(&session),
        status,
        &here,
        || app::pages::console::console(&console),
    );
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What the page knows of a call before Graph is asked.
fn read(cloakroom: &Cloakroom, session: &Session, asked: Asked) -> Console {
    let config = &cloakroom.config;
    let entries = config.allowed.entries().iter();
    let mut listed: Vec<_> = entries
        .map(|entry| (entry.method.to_string(), entry.pattern.clone()))
        .collect();
    listed.push((Method::POST.to_string(), BATCH.to_owned()));
    let known_method = listed.iter().any(|(method, _)| *method == asked.method);
    let method = if known_method || !asked.method.is_empty() {
        asked.method
    } else {
        Method::GET.to_string()
    };
    let path = match asked.path.trim() {
        "" => String::new(),
        path => target(&config.graph, path),
    };
    let known = (!path.is_empty()).then(|| know(cloakroom, session, &method, &path));
    let is_batch = method == Method::POST.as_str() && path == BATCH;
    let body = match asked.body {
        empty if empty.trim().is_empty() && is_batch => BATCH_BODY.to_owned(),
        body => body,
    };
    let is_json = || serde_json::from_str::<IgnoredAny>(&body).is_ok();
    let known = match known {
        Some(Ok(_)) if method != "GET" && !body.trim().is_empty() && !is_json() => {
            Some(Err(Denied::Body))
        }
        other => other,
    };
    Console {
        method,
        path,
        body,
        listed,
        known,
        outcome: None,
    }
}

fn know(
    cloakroom: &Cloakroom,
    session: &Session,
    method: &str,
    path: &str,
) -> Result<Known, Denied> {
    let config = &cloakroom.config;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Denied::Unlisted)?;
    let (scopes, sent) = if batch::is_batch(&method, path) {
        (Vec::new(), format!("/v1.0{BATCH}"))
    } else if path
        .split('?')
        .next()
        .is_some_and(|path| path.contains("%7B"))
    {
        return Err(Denied::Placeholder);
    } else {
        let admitted = config.allowed.admit(&method, path);
        let (entry, path) = admitted.map_err(|unpassed| match unpassed {
            Unpassed::Malformed => Denied::Malformed,
            Unpassed::Unlisted => Denied::Unlisted,
            Unpassed::Parameter(name) => Denied::Parameter(name),
        })?;
        (entry.scopes.clone(), path.to_string())
    };
    let url = config.graph.join(&sent).map_err(|_| Denied::Malformed)?;
    let given = &session.signed_in.access.scopes;
    let has = |wanted: &String| given.iter().any(|scope| scope.eq_ignore_ascii_case(wanted));
    Ok(Known {
        eventual: is_eventual(&url),
        url: url.into(),
        missing: !scopes.is_empty() && !scopes.iter().any(has),
        scopes,
    })
}

/// R104: whether a call counts or searches.
fn is_eventual(url: &Url) -> bool {
    let counts = url.path().ends_with("/$count");
    counts
        || url.query_pairs().any(|(name, _)| {
            let name = name.strip_prefix('$').unwrap_or(&name);
            name.eq_ignore_ascii_case("search") || name.eq_ignore_ascii_case("count")
        })
}

/// What follows `/graph/v1.0` for what a person has typed or pasted: an address of Graph's or of the proxy's loses its
/// beginning, and what no address has in it is encoded, as a browser would. The list decides on what is left.
fn target(graph: &Url, typed: &str) -> String {
    let typed = typed.trim();
    let whole = graph.join("/v1.0/").map(String::from).unwrap_or_default();
    let below = [whole.as_str(), "/graph/v1.0/", "/v1.0/", "/"]
        .into_iter()
        .find_map(|start| typed.strip_prefix(start));
    let path = below.unwrap_or(typed);
    let mut written = String::from("/");
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(percent_encoding::percent_encode_byte(byte));
        }
    }
    written
}

/// Asks Graph, as the proxy does. None if that makes no sense.
async fn ask(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    locale: Locale,
    id: &str,
    console: &Console,
) -> Option<Result<Answer, ApiError>> {
    if matches!(console.known, Some(Err(Denied::Body))) {
        return None;
    }
    let nothing = || {
        let text = td_string!(locale, calls.no_address);
        Some(Err(ApiError::new(Code::NotFound, text, id)))
    };
    let mut request = Request::builder()
        .method(console.method.as_str())
        .uri(format!("/graph/v1.0{}", console.path))
        .header(header::ACCEPT, "application/json");
    if let Some(Ok(Known { eventual: true, .. })) = console.known {
        request = request.header("consistencylevel", "eventual");
    }
    let body = if console.method == "GET" || console.body.trim().is_empty() {
        Body::empty()
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(console.body.clone())
    };
    let Ok(request) = request.body(body) else {
        return nothing();
    };
    let started = Instant::now();
    let response = match proxy::call(cloakroom, session, locale, id, request).await {
        Ok(response) => response,
        Err(refusal) => return Some(Err(refusal)),
    };
    let (parts, body) = response.into_parts();
    let text = |name: &str| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let body = shown(&parts.headers, body).await;
    let mut ids: Vec<_> = IDS
        .iter()
        .filter_map(|name| Some((*name, text(name)?)))
        .collect();
    ids.push(("x-correlation-id", id.to_owned()));
    Some(Ok(Answer {
        status: parts.status.as_u16(),
        reason: parts.status.canonical_reason().unwrap_or_default(),
        milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        ids,
        retry_after: text("retry-after").and_then(|seconds| seconds.parse().ok()),
        body,
    }))
}

/// What of an answer's body is shown. What is not read is not fetched either: dropping it ends the call.
async fn shown(headers: &HeaderMap, body: Body) -> Shown {
    let named = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = named(header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let is_json = proxy::headers::kind(headers) == proxy::headers::Kind::Json;
    if !is_json && essence != "text/plain" && !essence.is_empty() {
        let bytes = named(header::CONTENT_LENGTH).and_then(|bytes| bytes.parse().ok());
        return Shown::File(essence.to_owned(), bytes);
    }
    let mut all = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let Ok(piece): Result<Bytes, _> = piece else {
            return Shown::Broken;
        };
        if all.len() + piece.len() > MOST {
            return Shown::TooLarge;
        }
        all.extend_from_slice(&piece);
    }
    if all.is_empty() {
        return Shown::Empty;
    }
    if is_json {
        serde_json::from_slice(&all).map_or(Shown::Broken, Shown::Json)
    } else {
        String::from_utf8(all).map_or(Shown::Broken, Shown::Text)
    }
}

#[cfg(test)]
mod tests {
    use app::{i18n::Locale, pages::console::topics};
    use axum::http::Method;
    use url::Url;

    use super::target;
    use crate::graph::proxy::{batch, list::AllowList};

    fn graph() -> Url {
        Url::parse("https://graph.microsoft.com").unwrap()
    }

    #[test]
    fn every_sample_is_on_the_list() {
        let list = AllowList::built_in();
        for (_, samples) in topics(Locale::nl) {
            for (_, method, path) in samples {
                let path = target(&graph(), path);
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let passes = batch::is_batch(&method, &path) || list.admit(&method, &path).is_ok();
                assert!(passes, "{method} {path}");
            }
        }
        let batch = app::pages::console::BATCH_BODY;
        assert!(batch::read(batch.as_bytes(), &list).is_ok());
    }

    #[test] // R78
    fn what_is_pasted_becomes_a_path_and_nothing_else() {
        for (typed, path) in [
            ("me", "/me"),
            (" /me\n", "/me"),
            (
                "https://graph.microsoft.com/v1.0/me?$select=id",
                "/me?$select=id",
            ),
            (
                "/graph/v1.0/users?$skiptoken=a%2Bb",
                "/users?$skiptoken=a%2Bb",
            ),
            (
                "/users?$filter=displayName eq 'Zoë'",
                "/users?$filter=displayName%20eq%20'Zo%C3%AB'",
            ),
            ("/users/a#EXT#@b.example", "/users/a%23EXT%23@b.example"),
            ("https://evil.example/me", "/https://evil.example/me"),
            (
                "https://graph.microsoft.com.evil.example/",
                "/https://graph.microsoft.com.evil.example/",
            ),
            ("//evil.example", "//evil.example"),
            ("/me\r\nHost: evil", "/me%0D%0AHost:%20evil"),
            ("/beta/me", "/beta/me"),
            ("/graphs", "/graphs"),
            ("/v1.0//me", "//me"),
            ("\\me", "/%5Cme"),
        ] {
            assert_eq!(target(&graph(), typed), path, "{typed}");
        }
    }
}
