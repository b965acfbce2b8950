//! `/`, signed in: who you are, and where to go.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    api,
    components::{Avatar, Load, loaded},
    erase::Erase,
    i18n::locale,
    links,
    model::{AccountKind, Profile},
};

/// The home of someone who is signed in.
#[component]
pub fn Home() -> impl IntoView {
    let profile = Load::new_with_options(|| (), |()| api::profile(), false);
    loaded(profile, true, |profile| {
        view! { <Welcome profile/> }.erase()
    })
}

#[component]
fn Welcome(profile: Profile) -> impl IntoView {
    let locale = locale();
    let Profile { person, account } = profile;
    let (kind, directory) = match account {
        AccountKind::Work => (
            td_string!(locale, home.work),
            td_string!(locale, home.directory_work),
        ),
        AccountKind::Personal => (
            td_string!(locale, home.personal),
            td_string!(locale, home.directory_personal),
        ),
    };
    let facts = [
        (
            td_string!(locale, home.mail),
            person.mail.map(|mail| (links::mail(&mail), mail)),
        ),
        (
            td_string!(locale, home.phone),
            person.phone.map(|phone| (links::phone(&phone), phone)),
        ),
        (
            td_string!(locale, home.office),
            person.office.map(|office| (String::new(), office)),
        ),
        (
            td_string!(locale, home.account),
            Some((String::new(), kind.to_owned())),
        ),
    ]
    .into_iter()
    .filter_map(|(label, fact)| fact.map(|(href, text)| (label, href, text)))
    .map(|(label, href, text)| {
        let value = if href.is_empty() {
            text.erase()
        } else {
            view! { <a href=href>{text}</a> }.erase()
        };
        view! { <div><dt>{label}</dt><dd>{value}</dd></div> }
    })
    .collect_view();
    view! {
        <h1 tabindex="-1">{td_string!(locale, home.welcome, name = &person.name)}</h1>
        <div class="home">
            <section class="card me" aria-label=td_string!(locale, home.profile)>
                <Avatar id=&person.id name=&person.name size=96 loading="eager"/>
                <div>
                    <p class="name">{person.name}</p>
                    <p>{person.job_title}</p>
                </div>
                <dl>{facts}</dl>
            </section>
            <a class="card step" href="/people">
                <h2>{td_string!(locale, home.directory)}</h2>
                <p>{directory}</p>
            </a>
            <a class="card step" href="/me" rel="external">
                <h2>{td_string!(locale, home.me)}</h2>
                <p>{td_string!(locale, home.me_text)}</p>
            </a>
            <a class="card step" href="/account" rel="external">
                <h2>{td_string!(locale, home.sessions)}</h2>
                <p>{td_string!(locale, home.sessions_text)}</p>
            </a>
        </div>
    }
}
