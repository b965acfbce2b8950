//! A page a file. A page fetches; what it shows is made by components from plain data.

use leptos_i18n::td_string;

use crate::i18n::Locale;

mod account;
pub mod console;
mod home;
mod landing;
mod not_found;
mod people;
mod portrait;

pub use account::account;
pub(crate) use home::home;
pub use home::welcome;
pub(crate) use landing::{Landing, SignInFirst};
pub(crate) use not_found::NotFound;
pub(crate) use people::{SEARCH, people};
pub use portrait::portrait;

/// The document's title on a path of the app. A page that the server makes says its own.
pub fn title_of(locale: Locale, path: &str) -> String {
    let page = match path.split('?').next().unwrap_or_default() {
        "/" => return "Cloakroom".into(),
        "/people" => td_string!(locale, shell.people),
        _ => td_string!(locale, shell.not_found),
    };
    title(page)
}

/// The document's title of a page with this name.
pub fn title(page: &str) -> String {
    format!("{page} · Cloakroom")
}
