//! What a refusal of Microsoft's means for people, from the table in `aadsts.toml`: texts, never behaviour (R9). And what
//! can be quoted from a refusal: numbers, ids and a time that Microsoft writes into its descriptions.

use std::{collections::HashMap, sync::LazyLock};

use app::i18n::Locale;
use leptos_i18n::td_string;
use serde::Deserialize;

use super::token_endpoint::PlatformError;

/// Who can fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The person who signs in.
    You,
    /// An administrator of their organisation.
    Administrator,
    /// Whoever runs this app.
    Operator,
    /// Nobody: it passes.
    Nobody,
}

impl Who {
    /// A few words for a page's heading.
    pub fn title(self, locale: Locale) -> &'static str {
        match self {
            Self::You => td_string!(locale, sign_in.you_title),
            Self::Administrator => td_string!(locale, sign_in.administrator_title),
            Self::Operator => td_string!(locale, sign_in.operator_title),
            Self::Nobody => td_string!(locale, sign_in.nobody_title),
        }
    }

    /// A sentence that says it.
    pub fn sentence(self, locale: Locale) -> &'static str {
        match self {
            Self::You => td_string!(locale, sign_in.you_fix),
            Self::Administrator => td_string!(locale, sign_in.administrator_fix),
            Self::Operator => td_string!(locale, sign_in.operator_fix),
            Self::Nobody => td_string!(locale, sign_in.nobody_fix),
        }
    }
}

/// Which of the page's links comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Sign in again.
    Again,
    /// Use another account.
    OtherAccount,
    /// The start page.
    Start,
}

/// What is known of one refusal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Help {
    /// Who can fix it.
    pub who: Who,
    next: Option<Next>,
    en: [String; 2],
    nl: [String; 2],
}

impl Help {
    /// The help for this AADSTS number or OAuth `error`, if it is in the table.
    pub fn find(key: &str) -> Option<&'static Self> {
        TABLE.get(key)
    }

    /// The help for what is not in the table.
    pub fn general() -> &'static Self {
        static GENERAL: LazyLock<Help> =
            LazyLock::new(|| Help::find("other").cloned().unwrap_or_else(Help::bare));
        &GENERAL
    }

    /// The most particular help for a refusal: by its number, else by its `error`.
    pub fn of(refusal: &PlatformError) -> &'static Self {
        number_of(refusal)
            .and_then(|number| Self::find(&number.to_string()))
            .or_else(|| Self::find(&refusal.error))
            .unwrap_or_else(Self::general)
    }

    /// What happened.
    pub fn cause(&self, locale: Locale) -> &str {
        &self.texts(locale)[0]
    }

    /// The one thing to do next.
    pub fn mend(&self, locale: Locale) -> &str {
        &self.texts(locale)[1]
    }

    fn texts(&self, locale: Locale) -> &[String; 2] {
        match locale {
            Locale::en => &self.en,
            Locale::nl => &self.nl,
        }
    }

    /// Which of the page's links comes first.
    pub fn next(&self) -> Next {
        self.next.unwrap_or(match self.who {
            Who::You | Who::Nobody => Next::Again,
            Who::Administrator | Who::Operator => Next::Start,
        })
    }

    fn bare() -> Self {
        let texts = |cause: &str, mend: &str| [cause.to_owned(), mend.to_owned()];
        Self {
            who: Who::Operator,
            next: Some(Next::Again),
            en: texts("Microsoft refused this sign-in.", "Sign in again."),
            nl: texts(
                "Microsoft weigerde deze aanmelding.",
                "Meld je opnieuw aan.",
            ),
        }
    }
}

/// A mistake in the file costs the texts, not the server; a test holds that there is none.
static TABLE: LazyLock<HashMap<String, Help>> = LazyLock::new(|| parse().unwrap_or_default());

fn parse() -> Result<HashMap<String, Help>, toml::de::Error> {
    toml::from_str(include_str!("aadsts.toml"))
}

/// The refusal's AADSTS number: the first that the table knows, else the first there is.
pub fn number_of(refusal: &PlatformError) -> Option<u32> {
    let written = number_in(&refusal.error_description);
    let mut numbers = refusal.error_codes.iter().copied().chain(written);
    numbers
        .clone()
        .find(|number| Help::find(&number.to_string()).is_some())
        .or_else(|| numbers.next())
}

/// The first `AADSTS50011` in a text, in whatever case.
pub fn number_in(text: &str) -> Option<u32> {
    after(text, "AADSTS")
        .and_then(|rest| taken(rest, 10, |c| c.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
}

/// What can be quoted of a refusal. Microsoft writes the ids into the description too: on the way back to the callback
/// that is the only place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// The description without the ids at its end.
    pub says: String,
    /// Microsoft's id of the exchange.
    pub correlation_id: String,
    /// Microsoft's id of the event.
    pub trace_id: String,
    /// When, as Microsoft writes it.
    pub timestamp: String,
}

impl Quote {
    /// Whatever of it is there.
    pub fn of(refusal: &PlatformError) -> Self {
        let text = &refusal.error_description;
        let id = |member: &str, label: &str| {
            let member = (!member.is_empty()).then_some(member);
            member
                .or_else(|| {
                    taken(after(text, label)?.trim_start(), 64, |c| {
                        c.is_ascii_alphanumeric() || c == '-'
                    })
                })
                .unwrap_or_default()
                .to_owned()
        };
        let timestamp = match refusal.timestamp.as_str() {
            "" => after(text, "Timestamp:")
                .and_then(|rest| {
                    taken(rest.trim_start(), 32, |c| {
                        c.is_ascii_digit() || " :.-+TZ".contains(c)
                    })
                })
                .unwrap_or_default()
                .trim(),
            given => given,
        };
        let ids = after(text, "Trace ID:").map_or(0, |rest| rest.len() + "Trace ID:".len());
        let says = if ids == 0 {
            text
        } else {
            &text[..text.len() - ids]
        };
        Self {
            says: says.trim().to_owned(),
            correlation_id: id(&refusal.correlation_id, "Correlation ID:"),
            trace_id: id(&refusal.trace_id, "Trace ID:"),
            timestamp: timestamp.to_owned(),
        }
    }
}

/// What follows the first `label`, in whatever case. The labels are ASCII, so what they match is, too.
fn after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let found = text
        .as_bytes()
        .windows(label.len())
        .position(|window| window.eq_ignore_ascii_case(label.as_bytes()))?;
    text.get(found + label.len()..)
}

/// The beginning of `text` as far as its characters are `allowed`, unless it is empty or longer than `most`.
fn taken(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> Option<&str> {
    let end = text.find(|c| !allowed(c)).unwrap_or(text.len());
    (1..=most).contains(&end).then(|| &text[..end])
}

#[cfg(test)]
#[path = "help_tests.rs"]
mod tests;
