//! `/me` and `/people/{id}`: somebody in their organisation. The server makes it of plain data; it has no WASM.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    Page,
    components::{Avatar, Refusal, action},
    error::{ApiError, Code},
    i18n::{Locale, locale},
    links,
    model::{AccountKind, Group, Part, Person, Portrait, Ties},
    pages::title,
};

/// The viewer, or whoever was asked for. `here` is the page's path.
pub fn portrait(portrait: Result<Portrait, ApiError>, here: String) -> Page {
    let locale = locale();
    match portrait {
        Ok(portrait) => Page {
            title: title(&portrait.person.name),
            view: shown(locale, portrait, &here),
        },
        Err(error) => Page {
            title: title(td_string!(locale, portrait.nobody)),
            view: view! { <Refusal error is_page=true here/> }.into_any(),
        },
    }
}

fn shown(locale: Locale, portrait: Portrait, here: &str) -> AnyView {
    let Portrait {
        person,
        username,
        department,
        guest,
        own,
        account,
        ties,
    } = portrait;
    let chat = (!own && account == AccountKind::Work)
        .then(|| person.mail.as_deref().map(links::chat))
        .flatten();
    let actions = [
        (
            td_string!(locale, portrait.write),
            person.mail.as_deref().map(links::mail),
        ),
        (
            td_string!(locale, portrait.call),
            person.phone.as_deref().map(links::phone),
        ),
        (td_string!(locale, portrait.chat), chat),
    ]
    .into_iter()
    .filter(|_| !own)
    .filter_map(|(label, href)| {
        href.map(|href| view! { <a class="button" href=href rel="external">{label}</a> })
    })
    .collect_view();
    let kind = match account {
        AccountKind::Personal => Some(td_string!(locale, portrait.personal)),
        AccountKind::Work if guest => Some(td_string!(locale, portrait.guest)),
        AccountKind::Work if own => Some(td_string!(locale, portrait.work)),
        AccountKind::Work => None,
    };
    let organization = ties
        .as_ref()
        .and_then(|ties| ties.organization.clone().ok().flatten());
    let facts = [
        (td_string!(locale, portrait.mail), person.mail),
        (td_string!(locale, portrait.phone), person.phone),
        (td_string!(locale, portrait.office), person.office),
        (td_string!(locale, portrait.department), department),
        (td_string!(locale, portrait.organization), organization),
        (td_string!(locale, portrait.username), username),
        (
            td_string!(locale, portrait.account),
            kind.map(str::to_owned),
        ),
    ]
    .into_iter()
    .filter_map(|(label, value)| {
        value.map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
    })
    .collect_view();
    let rest = match ties {
        Some(ties) => around(locale, ties, own, here),
        None => view! { <p class="card">{td_string!(locale, portrait.no_ties)}</p> }.into_any(),
    };
    view! {
        <section class="card portrait">
            <Avatar id=&person.id name=&person.name size=96 loading="eager"/>
            <div>
                <h1 tabindex="-1">{person.name}</h1>
                <p>{person.job_title}</p>
            </div>
            <p class="actions">{actions}</p>
            <dl>{facts}</dl>
        </section>
        {rest}
    }
    .into_any()
}

/// Who is above and below them, and the groups.
fn around(locale: Locale, ties: Ties, own: bool, here: &str) -> AnyView {
    let groups = if own {
        td_string!(locale, portrait.groups)
    } else {
        td_string!(locale, portrait.shared_groups)
    };
    view! {
        <div class="ties">
            {part(locale, td_string!(locale, portrait.managers), ties.managers, here, |managers| {
                (!managers.is_empty()).then(|| view! { <ol class="persons">{persons(managers)}</ol> }.into_any())
            }, td_string!(locale, portrait.no_manager))}
            {part(locale, td_string!(locale, portrait.reports), ties.reports, here, |reports| {
                (!reports.is_empty()).then(|| view! { <ul class="persons">{persons(reports)}</ul> }.into_any())
            }, td_string!(locale, portrait.no_reports))}
            {part(locale, groups, ties.groups, here, |groups| {
                (!groups.is_empty()).then(|| view! { <ul class="groups">{named(groups)}</ul> }.into_any())
            }, td_string!(locale, portrait.no_groups))}
        </div>
    }
    .into_any()
}

/// One part: what there is, that there is nothing, or why it is not shown and what helps.
fn part<T>(
    locale: Locale,
    heading: &'static str,
    part: Part<T>,
    here: &str,
    show: impl FnOnce(T) -> Option<AnyView>,
    nothing: &'static str,
) -> AnyView {
    let content = match part {
        Ok(there) => show(there).unwrap_or_else(|| view! { <p>{nothing}</p> }.into_any()),
        Err(error) => missing(locale, &error, here),
    };
    view! {
        <section class="card">
            <h2>{heading}</h2>
            {content}
        </section>
    }
    .into_any()
}

/// Why a part is missing, with the one action that helps; the rest of the page stands.
fn missing(locale: Locale, error: &ApiError, here: &str) -> AnyView {
    let text = match error.code {
        Code::ConsentRequired => {
            td_string!(locale, portrait.consent, scopes = error.scopes.join(" "))
        }
        Code::Forbidden | Code::NotFound => td_string!(locale, portrait.refused).to_owned(),
        _ => error.message.clone(),
    };
    let helps = !matches!(error.code, Code::Forbidden | Code::NotFound);
    let action = helps.then(|| {
        let (label, href) = action(locale, error, here.to_owned());
        view! { <a class="button" href=href rel="external">{label}</a> }
    });
    view! {
        <p>{text}</p>
        <p class="actions">{action}</p>
    }
    .into_any()
}

fn persons(persons: Vec<Person>) -> AnyView {
    persons
        .into_iter()
        .map(|person| {
            view! {
                <li>
                    <Avatar id=&person.id name=&person.name/>
                    <div>
                        <a href=links::person(&person.id) rel="external">{person.name}</a>
                        <p>{person.job_title}</p>
                    </div>
                </li>
            }
        })
        .collect_view()
        .into_any()
}

fn named(groups: Vec<Group>) -> AnyView {
    groups
        .into_iter()
        .map(|Group { name, description }| {
            view! { <li><p>{name}</p><p>{description}</p></li> }
        })
        .collect_view()
        .into_any()
}
