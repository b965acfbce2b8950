//! What a visitor has chosen for this browser: a language, a theme, no shortcuts. A cookie each keeps it, which the server
//! reads, so a page comes as it was chosen, without a script and without a flash.

use std::sync::Arc;

use app::{
    i18n::Locale,
    model::{Preferences, Theme},
};
use axum::{
    Form,
    extract::{Request, State},
    http::{Extensions, HeaderMap, header},
    middleware::Next,
    response::Response,
};
use serde::Deserialize;
use tower_sessions::cookie::{SameSite, time::Duration};
use url::{Position, Url};

use crate::{
    Cloakroom,
    auth::local_path::LocalPath,
    pages,
    session::{Session, cookie},
};

const LANGUAGE: &str = "lang";
const THEME: &str = "theme";
const KEYS: &str = "keys";
/// Of the shortcuts.
const OFF: &str = "off";
/// Browsers keep no cookie longer (RFC 6265bis §5.5).
const KEPT: Duration = Duration::days(400);

/// Finds them for the request at hand.
pub async fn find(
    State(cloakroom): State<Arc<Cloakroom>>,
    mut request: Request,
    next: Next,
) -> Response {
    let preferences = of(request.headers(), cloakroom.config.is_https(), None);
    request.extensions_mut().insert(preferences);
    next.run(request).await
}

/// Those of the request at hand.
pub fn of_extensions(extensions: &Extensions) -> Preferences {
    extensions.get().copied().unwrap_or_default()
}

/// What a request says: what was chosen; else, for the language, what the profile of whoever is signed in says, else what
/// the browser would rather read.
pub fn of(headers: &HeaderMap, https: bool, session: Option<&Session>) -> Preferences {
    let chosen = |plain| cookie::get(headers, &cookie::name(https, plain)).unwrap_or_default();
    let profile = session.and_then(|session| session.signed_in.user.language.as_deref());
    Preferences {
        locale: locale_of(&chosen(LANGUAGE))
            .or_else(|| profile.and_then(locale_of))
            .or_else(|| accepted(headers))
            .unwrap_or_default(),
        theme: Theme::of(&chosen(THEME)),
        no_shortcuts: chosen(KEYS) == OFF,
    }
}

/// The language of a tag, if there are texts in it: `nl-BE` is Dutch.
fn locale_of(tag: &str) -> Option<Locale> {
    let primary = tag.split('-').next().unwrap_or_default().trim();
    primary.to_ascii_lowercase().parse().ok()
}

/// What a browser would rather read: RFC 9110 §12.5.4.
fn accepted(headers: &HeaderMap) -> Option<Locale> {
    let mut best = (0.0, None);
    for range in headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let quality: f32 = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|q| q.parse().ok())
            .unwrap_or(0.0);
        let locale = locale_of(tag);
        if quality > best.0 && locale.is_some() {
            best = (quality, locale);
        }
    }
    best.1
}

/// The page that a form was on: only one of our own gets past the gate, and our pages send their address with it.
fn page_before(headers: &HeaderMap) -> Option<LocalPath> {
    let referer = Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    LocalPath::parse(&referer[Position::BeforePath..Position::AfterQuery])
}

/// What the buttons at a page's end send: one of these.
#[derive(Deserialize)]
pub struct Choice {
    lang: Option<String>,
    theme: Option<String>,
    keys: Option<String>,
}

/// `POST /preferences`: keeps a choice, and goes back to the page that it was made on. An unknown value is none: the
/// browser decides again.
pub async fn choose(
    State(cloakroom): State<Arc<Cloakroom>>,
    headers: HeaderMap,
    Form(choice): Form<Choice>,
) -> Response {
    let https = cloakroom.config.is_https();
    let back = page_before(&headers).unwrap_or_else(LocalPath::root);
    let mut response = pages::see_other(back.as_str());
    let language = choice
        .lang
        .map(|tag| (LANGUAGE, locale_of(&tag).map(app::i18n::tag)));
    let theme = choice.theme.map(|word| (THEME, Theme::of(&word).chosen()));
    let keys = choice.keys.map(|word| (KEYS, (word == OFF).then_some(OFF)));
    for (plain, value) in language.into_iter().chain(theme).chain(keys) {
        let name = cookie::name(https, plain);
        let cookie = match value {
            Some(value) => cookie::set(https, &name, value, SameSite::Lax, KEPT),
            None => cookie::delete(https, &name, SameSite::Lax),
        };
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn dutch_is_for_those_who_would_rather_read_it_than_english() {
        for (ranges, locale) in [
            ("nl", Some(Locale::nl)),
            ("nl-BE,nl;q=0.9,en;q=0.8", Some(Locale::nl)),
            ("en-GB,en;q=0.9,nl;q=0.8", Some(Locale::en)),
            ("fr, NL;q=0.5, en;q=0.3", Some(Locale::nl)),
            ("nl;q=0", None),
            ("fr", None),
            ("nl;q=x", None),
            ("*", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(ranges));
            assert_eq!(accepted(&headers), locale, "{ranges}");
        }
        assert_eq!(accepted(&HeaderMap::new()), None);
    }
}
