//! The pages' texts in each language, from `app/locales`: `build.rs` makes a function of each, and
//! `td_string!(locale, people.title)` calls it. The server decides a visit's language; in the browser the document says it.

use leptos::prelude::*;
use leptos_i18n::Locale as _;

mod texts {
    include!(concat!(env!("OUT_DIR"), "/i18n.rs"));
}

pub use texts::i18n::{I18nKeys, Locale};

/// The language of the page at hand.
pub fn locale() -> Locale {
    use_context().unwrap_or_default()
}

/// The language that a document says it is in.
pub fn of_document() -> Locale {
    let root = document().document_element();
    root.and_then(|root| root.get_attribute("lang")?.parse().ok())
        .unwrap_or_default()
}

/// A language's tag, for HTML.
pub fn tag(locale: Locale) -> &'static str {
    locale.as_str()
}
