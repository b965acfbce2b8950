//! `GET /me` and `GET /people/{id}`: what Graph has of one person, each part asked for by itself and at the same time.

use std::sync::Arc;

use app::{
    error::{ApiError, Code},
    i18n::Locale,
    model::{AccountKind, Portrait, Preferences, Ties},
};
use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use leptos_i18n::td_string;

use crate::{
    Cloakroom, backend,
    browser::CorrelationId,
    graph::{
        directory,
        portrait::{self, Whom},
    },
    pages,
    session::{Session, Visitor},
};

/// `GET /me`.
pub async fn me(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    uri: Uri,
) -> Response {
    page(&cloakroom, &id, preferences, visitor, &uri, Some(Whom::ME)).await
}

/// `GET /people/{id}`.
pub async fn person(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    uri: Uri,
    person: Result<Path<String>, PathRejection>,
) -> Response {
    let person = person.map(|Path(person)| person).unwrap_or_default();
    let whom = Whom::user(&person);
    page(&cloakroom, &id, preferences, visitor, &uri, whom).await
}

async fn page(
    cloakroom: &Cloakroom,
    id: &str,
    preferences: Preferences,
    visitor: Option<Arc<Session>>,
    uri: &Uri,
    whom: Option<Whom<'_>>,
) -> Response {
    let here = uri.path();
    let Some(session) = visitor else {
        return pages::sign_in_first(cloakroom, preferences, here);
    };
    let locale = preferences.locale;
    let found = match whom {
        Some(whom) => Box::pin(find(cloakroom, &session, locale, id, whom)).await,
        None => Err(unknown(locale, id)),
    };
    let (status, retry_after) = match &found {
        Ok(_) => (StatusCode::OK, None),
        Err(refusal) => (
            StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_GATEWAY),
            refusal.retry_after,
        ),
    };
    let mut response =
        pages::document(cloakroom, preferences, Some(&session), status, here, || {
            app::pages::portrait(found, here.to_owned())
        });
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn unknown(locale: Locale, id: &str) -> ApiError {
    ApiError::new(Code::NotFound, td_string!(locale, portrait.unknown), id)
}

/// Only without a profile there is no page; what else is refused is missing on it.
async fn find(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    locale: Locale,
    id: &str,
    whom: Whom<'_>,
) -> Result<Portrait, ApiError> {
    let graph = &cloakroom.graph;
    let account = directory::kind(&session.signed_in.user);
    // R90, by the calls that the page makes at once.
    let calls = if account == AccountKind::Personal {
        1
    } else {
        5
    };
    let place = cloakroom.proxy.limits.enter(&session.id, calls).await;
    let _place = place.map_err(|error| backend::refusal(&error, locale, id))?;
    let ties = async {
        if account == AccountKind::Personal {
            return None;
        }
        let (organization, managers, reports, groups) = tokio::join!(
            portrait::organization(graph, session),
            portrait::managers(graph, session, whom),
            portrait::reports(graph, session, whom),
            portrait::groups(graph, session, whom),
        );
        let refuse = |error| backend::refusal(&error, locale, id);
        Some(Ties {
            organization: organization.map_err(refuse),
            managers: managers.map_err(refuse),
            reports: reports.map_err(refuse),
            groups: groups.map_err(refuse),
        })
    };
    let (profile, ties) = tokio::join!(portrait::profile(graph, session, whom), ties);
    let profile = profile
        .map_err(|error| backend::refusal(&error, locale, id))?
        .ok_or_else(|| unknown(locale, id))?;
    Ok(Portrait {
        own: profile
            .person
            .id
            .eq_ignore_ascii_case(&session.signed_in.user.oid)
            || whom.is_me(),
        person: profile.person,
        given_name: profile.given_name,
        surname: profile.surname,
        other_phones: profile.other_phones,
        username: profile.username,
        department: profile.department,
        guest: profile.guest,
        account,
        ties,
    })
}
