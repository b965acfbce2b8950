//! `/`, signed in: who you are, whom you work with, and where to go.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    api,
    components::{Avatar, Load, Refusal, action, breakable, loaded},
    erase::Erase,
    error::{ApiError, Code},
    i18n::Locale,
    links,
    model::{AccountKind, Home, Near, Person},
};

/// The home of someone who is signed in. Nothing in it waits for a script, so the server makes it and the WASM has none of
/// its parts.
pub fn home() -> AnyView {
    let home = Load::new_with_options(|| (), |()| api::home(), false);
    loaded(home, |home, here| match home {
        Ok(html) => view! { <div inner_html=html></div> }.erase(),
        Err(error) => view! { <Refusal error is_page=true here/> }.erase(),
    })
}

/// What a home shows, for [`Backend::home`](crate::api::Backend::home).
pub fn welcome(locale: Locale, home: Home) -> AnyView {
    let Home {
        person,
        account,
        near,
    } = home;
    let kind = match account {
        AccountKind::Work => td_string!(locale, home.work),
        AccountKind::Personal => td_string!(locale, home.personal),
    };
    let mail = person.mail.as_deref().map(breakable);
    let plain = |fact: Option<String>| fact.map(IntoAny::into_any);
    let facts = [
        plain(person.job_title),
        mail,
        plain(person.phone),
        plain(person.office),
    ]
    .into_iter()
    .flatten()
    .map(|fact| view! { <span>{fact}</span> })
    .collect_view();
    let step = |href, label, text| {
        let external = (href != "/people").then_some("external");
        view! {
            <li><a class="card step" href=href rel=external>
                <strong>{label}</strong>
                <span>{text}</span>
            </a></li>
        }
    };
    let directory = match account {
        AccountKind::Work => td_string!(locale, home.people_text),
        AccountKind::Personal => td_string!(locale, home.near_personal),
    };
    view! {
        <h1 tabindex="-1">{td_string!(locale, home.welcome).replace("{}", &person.name)}</h1>
        <div class="home">
            <a class="card me" href=links::ME rel="external">
                <Avatar id=&person.id name=&person.name size=96 loading="eager"/>
                <span class="facts">
                    <strong>{person.name}</strong>
                    {facts}
                    <span class="kind">{kind}</span>
                    <span class="more">{td_string!(locale, home.profile)}</span>
                </span>
            </a>
            <section class="steps">
                <h2>{td_string!(locale, home.steps)}</h2>
                <ul>
                    {step("/people", td_string!(locale, home.people), directory)}
                    {step(
                        links::ACCOUNT,
                        td_string!(locale, home.account),
                        td_string!(locale, home.account_text),
                    )}
                    {step(
                        links::CONSOLE,
                        td_string!(locale, home.console),
                        td_string!(locale, home.console_text),
                    )}
                </ul>
            </section>
            {(account == AccountKind::Work).then(|| colleagues(locale, near))}
        </div>
    }
    .erase()
}

/// Direct reports, or those whom Microsoft knows to be near. Without them a calm line, and what helps.
fn colleagues(locale: Locale, near: Near) -> AnyView {
    let heading = if near.reports {
        td_string!(locale, home.team)
    } else {
        td_string!(locale, home.near)
    };
    let content = match near.refusal {
        Some(error) => missing(locale, &error),
        None if near.people.is_empty() => {
            view! { <p>{td_string!(locale, home.near_none)}</p> }.erase()
        }
        None => {
            let people = near.people.into_iter().map(card).collect_view();
            view! { <ul class="near">{people}</ul> }.erase()
        }
    };
    view! {
        <section class="colleagues">
            <h2>{heading}</h2>
            {content}
        </section>
    }
    .erase()
}

fn card(person: Person) -> AnyView {
    view! {
        <li><a href=links::person(&person.id) rel="external">
            <Avatar id=&person.id name=&person.name/>
            <span><strong>{person.name}</strong><span>{person.job_title}</span></span>
        </a></li>
    }
    .erase()
}

fn missing(locale: Locale, error: &ApiError) -> AnyView {
    let text = match error.code {
        Code::ConsentRequired => td_string!(locale, home.near_allow),
        _ => td_string!(locale, home.near_failed),
    };
    let (label, href) = action(locale, error, "/".into());
    view! {
        <p>{text}</p>
        <p class="actions"><a class="button" href=href rel="external">{label}</a></p>
    }
    .erase()
}
