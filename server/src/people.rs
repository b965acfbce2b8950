//! Routes about people that are no pages: their photos, and the directory as a table.

use std::{sync::Arc, time::Duration};

use app::{
    error::{ApiError, Code},
    i18n::{Locale, tag},
    model::{Preferences, Problem},
};
use axum::{
    Extension,
    body::Body,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use leptos_i18n::td_string;
use serde::Deserialize;
use tracing::{Instrument, Span};

use crate::{
    Cloakroom,
    backend::refusal,
    browser::{self, CorrelationId},
    graph::{
        GraphError,
        export::{self, Export},
        photo,
    },
    pages, routes,
    session::{Session, Visitor},
    tokens::Refusal,
};

/// The size of a photo, and what is said where there is none.
#[derive(Deserialize)]
pub struct PhotoQuery {
    #[serde(default = "smallest")]
    size: u16,
    #[serde(default)]
    none: NoPhoto,
}

/// What there is instead of a photo.
#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NoPhoto {
    /// 404: there is no such thing.
    #[default]
    Missing,
    /// 204: what pages ask for, as browsers write a 404 into their console.
    Empty,
}

impl From<NoPhoto> for StatusCode {
    fn from(none: NoPhoto) -> Self {
        match none {
            NoPhoto::Missing => Self::NOT_FOUND,
            NoPhoto::Empty => Self::NO_CONTENT,
        }
    }
}

fn smallest() -> u16 {
    48
}

/// `GET /photo/{id}?size=48&none=empty`. The browser keeps the answer for a while, also that there is none. `Vary` ties it to
/// this session's cookie: after a sign-out, or for the next person, it is asked for anew (R68).
pub async fn photo(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    person: Result<Path<String>, PathRejection>,
    query: Result<Query<PhotoQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let refuse = |error: &GraphError| routes::answer(&refusal(error, preferences.locale, &id));
    let Some(session) = visitor else {
        return refuse(&GraphError::Token(Refusal::SignedOut));
    };
    let (Ok(Path(person)), Ok(Query(PhotoQuery { size, none }))) = (person, query) else {
        return routes::answer(&not_found(preferences.locale, &id));
    };
    let Cloakroom { graph, photos, .. } = &*cloakroom;
    let photo = match photos.get(graph, &session, &person, size).await {
        Ok(photo) => photo,
        Err(error) => return refuse(&error),
    };
    let caching = [
        (
            header::CACHE_CONTROL,
            format!("private, max-age={}", photo::FRESH.as_secs()),
        ),
        (header::VARY, "Cookie".to_owned()),
    ];
    let Some(photo) = photo else {
        return (StatusCode::from(none), caching).into_response();
    };
    let etag = [(header::ETAG, photo.etag.clone())];
    if is_known(&headers, &photo.etag) {
        return (StatusCode::NOT_MODIFIED, caching, etag).into_response();
    }
    let kind = [(header::CONTENT_TYPE, photo.kind)];
    let bytes = axum::body::Bytes::from_owner(photo.bytes);
    (caching, etag, kind, bytes).into_response()
}

/// An address that can't be read leads nowhere.
fn not_found(locale: Locale, id: &str) -> ApiError {
    ApiError::new(Code::NotFound, td_string!(locale, calls.not_found), id)
}

/// RFC 9110 §13.1.2, with the weak comparison that it asks for.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// Whom the table is about; nobody in particular is everybody.
#[derive(Deserialize)]
pub struct CsvQuery {
    #[serde(default)]
    q: String,
}

/// `GET /people.csv?q`: every page of the directory, streamed. A download that can't be finished is broken off, which
/// the browser reports, and its last line says so.
pub async fn csv(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    query: Result<Query<CsvQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let locale = preferences.locale;
    let refuse = |error: &GraphError| refusal(error, locale, &id);
    let started = match (&visitor, query) {
        (None, _) => Err(refuse(&GraphError::Token(Refusal::SignedOut))),
        (_, Err(_)) => Err(not_found(locale, &id)),
        (Some(session), _) if session.signed_in.user.is_personal() => {
            Err(refuse(&GraphError::PersonalAccount))
        }
        (Some(session), Ok(Query(CsvQuery { q }))) => start(&cloakroom, session, &q)
            .await
            .map(|export| (export, session))
            .map_err(|error| {
                let mut refusal = refuse(&error);
                if error.denies_listing() {
                    td_string!(locale, problems.csv_denied).clone_into(&mut refusal.message);
                }
                refusal
            }),
    };
    match started {
        Ok((export, session)) => table(cloakroom.clone(), session.clone(), export),
        Err(refusal) => {
            let visitor = visitor.as_deref();
            no_table(&cloakroom, preferences, visitor, &id, &headers, refusal)
        }
    }
}

async fn start(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    search: &str,
) -> Result<Export, GraphError> {
    let Cloakroom {
        graph,
        clock,
        proxy,
        ..
    } = cloakroom;
    let first = export::first_page(graph, search)?;
    let _place = proxy.limits.enter(&session.id, 1).await?;
    Export::start(graph, clock, session, first, export::MOST_ROWS).await
}

enum Step {
    Head(Export),
    Rows(Export),
    Broken(GraphError),
}

fn table(cloakroom: Arc<Cloakroom>, session: Arc<Session>, export: Export) -> Response {
    let day = cloakroom.clock.now().date();
    let total = export.total;
    let span = Span::current();
    let body = stream::try_unfold(Step::Head(export), move |step| {
        let (cloakroom, session) = (cloakroom.clone(), session.clone());
        async move {
            let mut export = match step {
                Step::Head(export) => return Ok(Some((export::head()?, Step::Rows(export)))),
                Step::Rows(export) => export,
                Step::Broken(error) => {
                    // What was written before an error is lost with it, unless it can be sent first.
                    tokio::task::yield_now().await;
                    return Err(error);
                }
            };
            let rows = rows(&cloakroom, &session, &mut export).await;
            Ok(match rows {
                Ok(rows) => rows.map(|rows| (rows, Step::Rows(export))),
                Err(error) => {
                    tracing::warn!(event = "export_broken", %error, "a download was broken off");
                    Some((export::torn_off(&error)?, Step::Broken(error)))
                }
            })
        }
        .instrument(span.clone())
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
    );
    let disposition = format!("attachment; filename=\"people-{day}.csv\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if let Some(total) = total {
        headers.insert("x-total-count", HeaderValue::from(total));
    }
    response
}

/// The next rows, as long as the session lives, at its pace (R90).
async fn rows(
    cloakroom: &Cloakroom,
    session: &Session,
    export: &mut Export,
) -> Result<Option<Vec<u8>>, GraphError> {
    let Cloakroom {
        graph,
        clock,
        proxy,
        sessions,
        ..
    } = cloakroom;
    let _place = loop {
        match proxy.limits.enter(&session.id, 1).await {
            Err(GraphError::TooMuch { retry_after }) => {
                clock.sleep(Duration::from_secs(retry_after.into())).await;
            }
            place => break place?,
        }
    };
    let found = sessions.find(&session.id).await.map_err(Refusal::from)?;
    let session = Arc::new(found.ok_or(Refusal::SignedOut)?);
    export.next(graph, clock, &session).await
}

/// A person who followed a link gets a page, a script the refusal as every data call has it.
fn no_table(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    visitor: Option<&Session>,
    id: &str,
    headers: &HeaderMap,
    refusal: ApiError,
) -> Response {
    let locale = preferences.locale;
    if !browser::is_navigation(headers) {
        return routes::answer(&refusal);
    }
    let mend = match (refusal.code, refusal.retry_after) {
        (Code::SignedOut | Code::Reauthenticate, _) => {
            td_string!(locale, problems.csv_sign_in).to_owned()
        }
        (_, Some(seconds)) => td_string!(locale, problems.csv_wait, seconds = seconds),
        _ => td_string!(locale, problems.csv_mend).to_owned(),
    };
    let problem = Problem {
        lang: tag(locale),
        title: td_string!(locale, problems.csv_title).to_owned(),
        text: refusal.message,
        mend,
        actions: vec![(
            td_string!(locale, problems.csv_go).to_owned(),
            "/people".to_owned(),
        )],
        details: pages::details(cloakroom, locale, id),
    };
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = pages::problem(cloakroom, preferences, visitor, status, "/people", problem);
    if let Some(seconds) = refusal.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
