//! A problem, and the one action that helps.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    erase::Erase,
    error::{ApiError, Code},
    i18n::{locale, tag},
    links,
    model::Problem,
};

/// What happened, what to do about it, and the ids to quote.
#[component]
pub fn ProblemView(
    /// What to show.
    problem: Problem,
    /// Whether the page has no other heading.
    #[prop(optional)]
    is_page: bool,
) -> impl IntoView {
    let Problem {
        lang,
        title,
        text,
        mend,
        actions,
        details,
    } = problem;
    let heading = if is_page {
        view! { <h1 tabindex="-1">{title}</h1> }.erase()
    } else {
        view! { <h2>{title}</h2> }.erase()
    };
    let actions = actions
        .into_iter()
        .enumerate()
        .map(|(n, (label, href))| {
            let class = if n == 0 { "button primary" } else { "button" };
            view! { <a class=class href=href rel="external">{label}</a> }
        })
        .collect_view();
    let details = (!details.is_empty()).then(|| {
        let rows = details
            .into_iter()
            .map(|(label, value)| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
            .collect_view();
        view! { <dl class="quote">{rows}</dl> }
    });
    view! {
        <section class="problem" lang=lang>
            {heading}
            <p>{text}</p>
            <p>{mend}</p>
            <p class="actions">{actions}</p>
            {details}
        </section>
    }
    .erase()
}

/// A refused data call, in place of what it would have shown.
#[component]
pub fn Refusal(
    /// Why.
    error: ApiError,
    /// Whether the page has no other heading.
    is_page: bool,
    /// The page's path and query, to come back to.
    here: String,
) -> impl IntoView {
    view! { <ProblemView problem=explain(error, here) is_page/> }
}

/// What a person reads and does about a refusal on the page `here`.
fn explain(error: ApiError, here: String) -> Problem {
    let locale = locale();
    let start = || here.split('?').next().unwrap_or("/").to_owned();
    let (title, mend, label, href) = match error.code {
        Code::SignedOut => (
            td_string!(locale, problem.signed_out),
            td_string!(locale, problem.signed_out_mend),
            td_string!(locale, problem.sign_in),
            links::login(&here, &[]),
        ),
        Code::Reauthenticate => (
            td_string!(locale, problem.reauthenticate),
            td_string!(locale, problem.reauthenticate_mend),
            td_string!(locale, problem.sign_in_again),
            links::login(&here, &[]),
        ),
        Code::ClaimsRequired => (
            td_string!(locale, problem.claims),
            td_string!(locale, problem.claims_mend),
            td_string!(locale, problem.continue_there),
            links::login(
                &here,
                &[("claims", error.claims.as_deref().unwrap_or_default())],
            ),
        ),
        Code::ConsentRequired => (
            td_string!(locale, problem.consent),
            td_string!(locale, problem.consent_mend),
            td_string!(locale, problem.allow),
            links::login(&here, &[("scope", &error.scopes.join(" "))]),
        ),
        Code::Forbidden => (
            td_string!(locale, problem.forbidden),
            td_string!(locale, problem.forbidden_mend),
            td_string!(locale, problem.other_account),
            links::other_account(&here),
        ),
        Code::NotFound => (
            td_string!(locale, problem.not_found),
            td_string!(locale, problem.not_found_mend),
            td_string!(locale, problem.start_again),
            start(),
        ),
        Code::TooLarge => (
            td_string!(locale, problem.too_large),
            td_string!(locale, problem.too_large_mend),
            td_string!(locale, problem.start_again),
            start(),
        ),
        Code::Throttled => (
            td_string!(locale, problem.throttled),
            td_string!(locale, problem.throttled_mend),
            td_string!(locale, problem.try_again),
            here,
        ),
        Code::Graph => (
            td_string!(locale, problem.graph),
            td_string!(locale, problem.graph_mend),
            td_string!(locale, problem.try_again),
            here,
        ),
        Code::Unavailable => (
            td_string!(locale, problem.unavailable),
            td_string!(locale, problem.passes),
            td_string!(locale, problem.try_again),
            here,
        ),
        Code::Timeout => (
            td_string!(locale, problem.timeout),
            td_string!(locale, problem.passes),
            td_string!(locale, problem.try_again),
            here,
        ),
    };
    let mut text = error.message;
    if let Some(seconds) = error.retry_after {
        text.push(' ');
        text.push_str(&td_string!(locale, problem.wait, seconds = seconds));
    }
    let details = [
        (
            td_string!(locale, problem.permission),
            error.scopes.join(" "),
        ),
        (
            td_string!(locale, problem.correlation_id),
            error.correlation_id,
        ),
    ];
    Problem {
        lang: tag(locale),
        title: title.into(),
        text,
        mend: mend.into(),
        actions: vec![(label.into(), href)],
        details: details
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(label, value)| (label.into(), value))
            .collect(),
    }
}
