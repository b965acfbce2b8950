//! What a refusal means and what to do about it, in a person's words.

use leptos::prelude::*;
use leptos_i18n::td_string;

use super::{Answer, Denied};
use crate::{
    i18n::{Locale, tag},
    links,
    model::Problem,
};

/// A call that is not passed on.
pub fn denied(locale: Locale, denied: &Denied, correlation_id: String) -> Problem {
    let (title, text, mend) = match denied {
        Denied::Malformed => (
            td_string!(locale, console.malformed),
            td_string!(locale, console.malformed_text).to_owned(),
            td_string!(locale, console.malformed_mend),
        ),
        Denied::Placeholder => (
            td_string!(locale, console.placeholder),
            td_string!(locale, console.placeholder_text).to_owned(),
            td_string!(locale, console.placeholder_mend),
        ),
        Denied::Unlisted => (
            td_string!(locale, console.unlisted),
            td_string!(locale, console.unlisted_text).to_owned(),
            td_string!(locale, console.unlisted_mend),
        ),
        Denied::Parameter(name) => (
            td_string!(locale, console.parameter),
            td_string!(locale, console.parameter_text, name = name),
            td_string!(locale, console.parameter_mend),
        ),
        Denied::Body => (
            td_string!(locale, console.no_json),
            td_string!(locale, console.no_json_text).to_owned(),
            td_string!(locale, console.no_json_mend),
        ),
    };
    let details = [(td_string!(locale, console.correlation), correlation_id)];
    Problem {
        lang: tag(locale),
        title: title.to_owned(),
        text,
        mend: mend.to_owned(),
        actions: vec![(
            td_string!(locale, console.again).to_owned(),
            links::CONSOLE.to_owned(),
        )],
        details: details
            .into_iter()
            .filter(|(_, id)| !id.is_empty())
            .map(|(label, id)| (label.to_owned(), id))
            .collect(),
    }
}

/// What a status from 400 on means, and what to do.
pub fn of_status(locale: Locale, answer: &Answer) -> Option<AnyView> {
    let (meaning, mend) = match answer.status {
        ..400 => return None,
        400 => (
            td_string!(locale, console.s400),
            td_string!(locale, console.s400_do),
        ),
        403 => (
            td_string!(locale, console.s403),
            td_string!(locale, console.s403_do),
        ),
        404 => (
            td_string!(locale, console.s404),
            td_string!(locale, console.s404_do),
        ),
        405 => (
            td_string!(locale, console.s405),
            td_string!(locale, console.s405_do),
        ),
        409 | 412 | 423 => (
            td_string!(locale, console.s409),
            td_string!(locale, console.s409_do),
        ),
        429 => (
            td_string!(locale, console.s429),
            td_string!(locale, console.s429_do),
        ),
        401..500 => (
            td_string!(locale, console.s4xx),
            td_string!(locale, console.s4xx_do),
        ),
        _ => (
            td_string!(locale, console.s5xx),
            td_string!(locale, console.s5xx_do),
        ),
    };
    let wait = answer.retry_after.map(|seconds| {
        let text = td_string!(locale, console.wait, seconds = seconds);
        view! { " "<strong>{text}</strong> }
    });
    Some(view! { <p class="notice">{meaning}" "{mend}{wait}</p> }.into_any())
}
