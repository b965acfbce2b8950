//! A problem, and the one action that helps.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    erase::Erase,
    error::{ApiError, Code},
    i18n::{Locale, locale, tag},
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
    /// Seconds to wait before it is of any use to try again.
    #[prop(optional_no_strip)]
    wait: Option<u32>,
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
            {wait.map(countdown)}
            <p class="actions">{actions}</p>
            {details}
        </section>
    }
    .erase()
}

/// `wait.js` counts the seconds down; until then the first action waits. It is said once that the wait is over.
fn countdown(seconds: u32) -> AnyView {
    let locale = locale();
    let text = td_string!(locale, problem.wait);
    view! {
        <div class="wait" data-wait=seconds data-text=text data-over=td_string!(locale, problem.wait_over)>
            <progress max=seconds value="0" aria-hidden="true"></progress>
            <p>{text.replace("{}", &seconds.to_string())}</p>
            <p role="status"></p>
        </div>
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
    let wait = error.retry_after;
    let problem = explain(locale(), error, here);
    view! { <ProblemView problem is_page wait/> }
}

/// What a person reads and does about a refusal on the page `here`.
fn explain(locale: Locale, error: ApiError, here: String) -> Problem {
    let soon = td_string!(locale, problem.unavailable_mend);
    let (title, mend) = match error.code {
        Code::SignedOut => (
            td_string!(locale, problem.signed_out_title),
            td_string!(locale, problem.signed_out_mend),
        ),
        Code::Reauthenticate => (
            td_string!(locale, problem.reauthenticate_title),
            td_string!(locale, problem.reauthenticate_mend),
        ),
        Code::ClaimsRequired => (
            td_string!(locale, problem.claims_title),
            td_string!(locale, problem.claims_mend),
        ),
        Code::ConsentRequired => (
            td_string!(locale, problem.consent_title),
            td_string!(locale, problem.consent_mend),
        ),
        Code::Forbidden => (
            td_string!(locale, problem.forbidden_title),
            td_string!(locale, problem.forbidden_mend),
        ),
        Code::NotFound => (
            td_string!(locale, problem.not_found_title),
            td_string!(locale, problem.not_found_mend),
        ),
        Code::TooLarge => (
            td_string!(locale, problem.too_large_title),
            td_string!(locale, problem.too_large_mend),
        ),
        Code::Throttled => (
            td_string!(locale, problem.throttled_title),
            td_string!(locale, problem.throttled_mend),
        ),
        Code::Graph => (
            td_string!(locale, problem.graph_title),
            td_string!(locale, problem.graph_mend),
        ),
        Code::Unavailable => (td_string!(locale, problem.unavailable_title), soon),
        Code::Timeout => (td_string!(locale, problem.timeout_title), soon),
    };
    let (label, href) = action(locale, &error, here);
    let details = [
        (
            td_string!(locale, problem.permission),
            error.scopes.join(" "),
        ),
        (td_string!(locale, problem.id), error.correlation_id),
    ];
    Problem {
        lang: tag(locale),
        title: title.into(),
        text: error.message,
        mend: mend.into(),
        actions: vec![(label.into(), href)],
        details: details
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(label, value)| (label.into(), value))
            .collect(),
    }
}

/// The one action that helps against a refusal on the page `here`: its label and where it leads.
pub fn action(locale: Locale, error: &ApiError, here: String) -> (&'static str, String) {
    match error.code {
        Code::SignedOut => (
            td_string!(locale, problem.signed_out_action),
            links::login(&here, &[]),
        ),
        Code::Reauthenticate => (
            td_string!(locale, problem.reauthenticate_action),
            links::login(&here, &[]),
        ),
        Code::ClaimsRequired => (
            td_string!(locale, problem.claims_action),
            links::login(
                &here,
                &[("claims", error.claims.as_deref().unwrap_or_default())],
            ),
        ),
        Code::ConsentRequired => (
            td_string!(locale, problem.consent_action),
            links::login(&here, &[("scope", &error.scopes.join(" "))]),
        ),
        Code::Forbidden => (
            td_string!(locale, shell.other_account),
            links::other_account(&here),
        ),
        Code::NotFound | Code::TooLarge => (
            td_string!(locale, problem.not_found_action),
            here.split('?').next().unwrap_or("/").to_owned(),
        ),
        Code::Throttled | Code::Graph | Code::Unavailable | Code::Timeout => {
            (td_string!(locale, problem.throttled_action), here)
        }
    }
}
