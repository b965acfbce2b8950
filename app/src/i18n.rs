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

/// A number, with its thousands set apart as the language does it.
pub fn number(locale: Locale, number: u32) -> String {
    let mark = match locale {
        Locale::en => ',',
        Locale::nl => '.',
    };
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// A language's tag, for HTML.
pub fn tag(locale: Locale) -> &'static str {
    locale.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart_as_the_language_does_it() {
        for (n, english, dutch) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1,000", "1.000"),
            (1_234_567, "1,234,567", "1.234.567"),
        ] {
            assert_eq!(number(Locale::en, n), english);
            assert_eq!(number(Locale::nl, n), dutch);
        }
    }
}
