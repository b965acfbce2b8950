//! A problem, and the one action that helps.

use std::fmt::Write;

use leptos::prelude::*;

use crate::{
    erase::Erase,
    error::{ApiError, Code},
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
    let (title, mend, label, href) = match error.code {
        Code::SignedOut => (
            "You are signed out",
            "Sign in and you come back to this page.",
            "Sign in",
            links::login(&here, &[]),
        ),
        Code::Reauthenticate => (
            "Please sign in again",
            "Microsoft wants to see you before it shows this. You come back to this page.",
            "Sign in again",
            links::login(&here, &[]),
        ),
        Code::ClaimsRequired => (
            "Your organisation asks for one more check",
            "Confirm that it is you, perhaps with a second factor, and you come back to this page.",
            "Continue at Microsoft",
            links::login(
                &here,
                &[("claims", error.claims.as_deref().unwrap_or_default())],
            ),
        ),
        Code::ConsentRequired => (
            "Cloakroom needs your permission",
            "You decide at Microsoft. Where your organisation decides for you, an administrator can allow it.",
            "Allow access",
            links::login(&here, &[("scope", &error.scopes.join(" "))]),
        ),
        Code::Forbidden => (
            "This account may not see this",
            "Use an account that may, or ask your administrator for access.",
            "Use another account",
            links::other_account(&here),
        ),
        Code::NotFound => (
            "There is nothing here",
            "It may have been removed, or the link may be old.",
            "Start again",
            here.split('?').next().unwrap_or("/").to_owned(),
        ),
        Code::TooLarge => (
            "That is too much at once",
            "Start again with something smaller.",
            "Start again",
            here.split('?').next().unwrap_or("/").to_owned(),
        ),
        Code::Throttled => (
            "Microsoft asks for a moment",
            "There were many requests at once. Nothing is lost.",
            "Try again",
            here,
        ),
        Code::Graph => (
            "Microsoft Graph did not give an answer",
            "This is often over soon. If it stays, your administrator needs the id below.",
            "Try again",
            here,
        ),
        Code::Unavailable => (
            "This is not available just now",
            "You are still signed in. This is often over soon.",
            "Try again",
            here,
        ),
        Code::Timeout => (
            "The answer took too long",
            "You are still signed in. This is often over soon.",
            "Try again",
            here,
        ),
    };
    let mut text = error.message;
    if let Some(seconds) = error.retry_after {
        _ = write!(text, " Wait {seconds} seconds.");
    }
    let details = [
        ("Missing permission", error.scopes.join(" ")),
        ("Correlation ID", error.correlation_id),
    ];
    Problem {
        lang: "en",
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
