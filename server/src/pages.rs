//! Pages that the server makes by itself, in the app's own look and without scripts: what went wrong, and
//! the hop that makes up for a Strict cookie.

use std::sync::Arc;

use app::{
    Page, Visit,
    i18n::{Locale, tag},
    model::{Preferences, Problem},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use leptos::prelude::{Owner, RenderHtml};
use leptos_i18n::td_string;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Cloakroom,
    auth::local_path::LocalPath,
    backend::viewer,
    browser::{self, CorrelationId, page_policy},
    preferences,
    session::{Session, Visitor},
};

/// What the shell is told of this visit.
pub fn visit(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    session: Option<&Session>,
    path: &str,
) -> Visit {
    let return_to = LocalPath::parse(path).unwrap_or_else(LocalPath::root);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to.as_str())
        .finish();
    Visit {
        viewer: session.map(viewer),
        demo: cloakroom.config.demo,
        login: format!("/auth/login?{query}"),
        aside: return_to.as_str() != path,
        path: return_to.to_string(),
        idle: cloakroom.config.session_idle.as_secs(),
        preferences,
    }
}

/// A page around one problem at `path`.
pub fn problem(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    session: Option<&Session>,
    status: StatusCode,
    path: &str,
    problem: Problem,
) -> Response {
    document(cloakroom, preferences, session, status, path, || {
        Page::problem(problem)
    })
}

/// A page that is made here, of what was found for it, and comes without WASM.
pub fn document(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    session: Option<&Session>,
    status: StatusCode,
    path: &str,
    page: impl FnOnce() -> Page,
) -> Response {
    let options = cloakroom.leptos.clone();
    let visit = visit(cloakroom, preferences, session, path);
    let owner = Owner::new();
    let html = owner.with(|| app::document(options, visit, page).to_html());
    drop(owner);
    let mut response = browser::html(status, html);
    if let Some(policy) = page_policy(cloakroom, None, session.is_some()) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What a page that the server makes shows to someone who is signed out.
pub fn sign_in_first(cloakroom: &Cloakroom, preferences: Preferences, path: &str) -> Response {
    document(cloakroom, preferences, None, StatusCode::OK, path, || {
        Page::sign_in_first(path)
    })
}

/// What every problem page lets people quote.
pub fn details(
    cloakroom: &Cloakroom,
    locale: Locale,
    correlation_id: &str,
) -> Vec<(String, String)> {
    let label = td_string!(locale, problems.correlation_id);
    let time = td_string!(locale, problems.time);
    vec![
        (label.to_owned(), correlation_id.to_owned()),
        (time.to_owned(), rfc3339(cloakroom.clock.now())),
    ]
}

/// R46: a page of our own that goes on to `path` at once, so that the next request is same-origin and
/// brings the Strict cookie. The callback's code must not leak by a referrer (R13).
pub fn bounce(path: &LocalPath, locale: Locale) -> Response {
    let href = escape(path.as_str());
    let (lang, go_on) = (tag(locale), td_string!(locale, problems.continue_here));
    let html = format!(
        "<!DOCTYPE html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>Cloakroom</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={href}\"></head>\
         <body><p><a href=\"{href}\">{go_on}</a></p></body></html>"
    );
    let mut response = browser::html(StatusCode::OK, html);
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// Goes on to `path`: by a bounce if another site sent the browser here, else by a plain redirect.
pub fn onward(request: &HeaderMap, path: &LocalPath, locale: Locale) -> Response {
    if browser::is_foreign_navigation(request) {
        bounce(path, locale)
    } else {
        see_other(path.as_str())
    }
}

/// 303, which never repeats a form's body (R13).
pub fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// R67: an unknown path is a 404 in the app's own look.
pub async fn not_found(
    State(cloakroom): State<Arc<Cloakroom>>,
    uri: Uri,
    request: Request,
) -> Response {
    let session = request
        .extensions()
        .get::<Visitor>()
        .and_then(|visitor| visitor.0.clone());
    let id = CorrelationId::of(request.extensions());
    let preferences = preferences::of_extensions(request.extensions());
    let locale = preferences.locale;
    let known = Problem {
        lang: tag(locale),
        title: td_string!(locale, problems.missing_title).to_owned(),
        text: td_string!(locale, problems.missing_text, path = shown(&uri)),
        mend: td_string!(locale, problems.missing_mend).to_owned(),
        actions: vec![to_start(locale)],
        details: details(&cloakroom, locale, &id),
    };
    problem(
        &cloakroom,
        preferences,
        session.as_deref(),
        StatusCode::NOT_FOUND,
        uri.path(),
        known,
    )
}

/// The store or the server failed: nothing is shown that was not checked (R54).
pub fn unavailable(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    correlation_id: &str,
    back: &LocalPath,
) -> Response {
    let locale = preferences.locale;
    let down = Problem {
        lang: tag(locale),
        title: td_string!(locale, problems.down_title).to_owned(),
        text: td_string!(locale, problems.down_text).to_owned(),
        mend: td_string!(locale, problems.down_mend).to_owned(),
        actions: vec![(
            td_string!(locale, problems.try_again).to_owned(),
            back.to_string(),
        )],
        details: details(cloakroom, locale, correlation_id),
    };
    let mut response = problem(
        cloakroom,
        preferences,
        None,
        StatusCode::SERVICE_UNAVAILABLE,
        back.as_str(),
        down,
    );
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A handler panicked: what was found for the request is not to be trusted, so this takes nothing of it.
pub fn broken(cloakroom: &Cloakroom, preferences: Preferences, correlation_id: &str) -> Response {
    let locale = preferences.locale;
    let broken = Problem {
        lang: tag(locale),
        title: td_string!(locale, problems.broken_title).to_owned(),
        text: td_string!(locale, problems.broken_text).to_owned(),
        mend: td_string!(locale, problems.broken_mend).to_owned(),
        actions: vec![to_start(locale)],
        details: details(cloakroom, locale, correlation_id),
    };
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    problem(cloakroom, preferences, None, status, "/", broken)
}

/// The way on that is always there.
pub fn to_start(locale: Locale) -> (String, String) {
    let label = td_string!(locale, problems.go_start);
    (label.to_owned(), "/".to_owned())
}

/// A time as the contract writes it.
pub fn rfc3339(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0)
        .unwrap_or(time)
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// The same, of seconds since 1970.
pub fn rfc3339_of(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .map(rfc3339)
        .unwrap_or_default()
}

fn shown(uri: &Uri) -> String {
    uri.path().chars().take(80).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
