//! `/me` and `/people/{id}`: somebody in their organisation. The server makes it of plain data; it has no WASM.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    Page,
    components::{Avatar, Refusal, action, breakable},
    error::{ApiError, Code},
    i18n::{Locale, locale},
    links,
    model::{AccountKind, Group, Listed, Person, Portrait, Ties},
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
        given_name,
        surname,
        other_phones,
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
    let plain = |fact: Option<String>| fact.map(IntoAny::into_any);
    let address = |fact: Option<String>| fact.as_deref().map(breakable);
    let mut facts = vec![
        (td_string!(locale, portrait.given_name), plain(given_name)),
        (td_string!(locale, portrait.surname), plain(surname)),
        (td_string!(locale, portrait.mail), address(person.mail)),
        (td_string!(locale, portrait.phone), plain(person.phone)),
    ];
    let other = td_string!(locale, portrait.other_phone);
    facts.extend(
        other_phones
            .into_iter()
            .map(|phone| (other, plain(Some(phone)))),
    );
    facts.extend([
        (td_string!(locale, portrait.office), plain(person.office)),
        (td_string!(locale, portrait.department), plain(department)),
        (
            td_string!(locale, portrait.organization),
            plain(organization),
        ),
        (td_string!(locale, portrait.username), address(username)),
        (
            td_string!(locale, portrait.account),
            plain(kind.map(str::to_owned)),
        ),
    ]);
    let facts = facts
        .into_iter()
        .filter_map(|(label, value)| {
            value.map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
        })
        .collect_view();
    let rest = match ties {
        Some(ties) => around(locale, ties, own, own && guest, here),
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

/// Who is above and below them, and the groups. `guest` is whether the viewer is known to be one.
fn around(locale: Locale, ties: Ties, own: bool, guest: bool, here: &str) -> AnyView {
    let groups = if own {
        td_string!(locale, portrait.groups)
    } else {
        td_string!(locale, portrait.shared_groups)
    };
    let refused = if guest {
        td_string!(locale, portrait.guest_refused)
    } else {
        td_string!(locale, portrait.refused)
    };
    let missing = |error: ApiError| missing(locale, &error, refused, here);
    let managers = ties.managers.map_or_else(missing, |managers| {
        let nobody = td_string!(locale, portrait.no_manager);
        list(managers.is_empty(), nobody, || {
            view! { <ol class="persons">{persons(managers)}</ol> }.into_any()
        })
    });
    let reports = ties
        .reports
        .map_or_else(missing, |Listed { first, cut_at }| {
            let nobody = td_string!(locale, portrait.no_reports);
            let list = list(first.is_empty(), nobody, || {
                view! { <ul class="persons">{persons(first)}</ul> }.into_any()
            });
            let more = cut_at.map(|count| td_string!(locale, portrait.more_reports, count = count));
            view! { {list}{more.map(|more| view! { <p>{more}</p> })} }.into_any()
        });
    let memberships = ties
        .groups
        .map_or_else(missing, |Listed { first, cut_at }| {
            let none = td_string!(locale, portrait.no_groups);
            let list = list(first.is_empty(), none, || {
                view! { <ul class="groups">{named(first)}</ul> }.into_any()
            });
            let more = cut_at.map(|count| {
                if own {
                    td_string!(locale, portrait.more_groups, count = count)
                } else {
                    td_string!(locale, portrait.more_shared, count = count)
                }
            });
            view! { {list}{more.map(|more| view! { <p>{more}</p> })} }.into_any()
        });
    let sections = [
        (td_string!(locale, portrait.managers), managers),
        (td_string!(locale, portrait.reports), reports),
        (groups, memberships),
    ]
    .map(|(heading, content)| {
        view! { <section class="card"><h2>{heading}</h2>{content}</section> }
    });
    view! { <div class="ties">{sections}</div> }.into_any()
}

/// What there is, or that there is nothing.
fn list(is_empty: bool, nothing: &'static str, show: impl FnOnce() -> AnyView) -> AnyView {
    if is_empty {
        view! { <p>{nothing}</p> }.into_any()
    } else {
        show()
    }
}

/// Why a part is missing, with the one action that helps; the rest of the page stands. What the organisation keeps to
/// itself is no failure, and nothing here helps against it (R108).
fn missing(locale: Locale, error: &ApiError, refused: &'static str, here: &str) -> AnyView {
    let text = match error.code {
        Code::ConsentRequired => {
            td_string!(locale, portrait.consent, scopes = error.scopes.join(" "))
        }
        Code::Forbidden | Code::NotFound => refused.to_owned(),
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
