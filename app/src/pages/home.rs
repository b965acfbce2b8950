//! `/`, signed in: who you are, and where to go.

use leptos::prelude::*;

use crate::{
    api,
    components::{Avatar, Load, loaded},
    erase::Erase,
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
    let Profile { person, account } = profile;
    let (kind, directory) = match account {
        AccountKind::Work => (
            "Work or school account",
            "Find colleagues by name, and see how to reach them.",
        ),
        AccountKind::Personal => (
            "Personal account",
            "The directory is an organisation's; it takes a work or school account.",
        ),
    };
    let facts = [
        ("Mail", person.mail.map(|mail| (links::mail(&mail), mail))),
        (
            "Phone",
            person.phone.map(|phone| (links::phone(&phone), phone)),
        ),
        (
            "Office",
            person.office.map(|office| (String::new(), office)),
        ),
        ("Account", Some((String::new(), kind.to_owned()))),
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
        <h1 tabindex="-1">{format!("Welcome, {}", person.name)}</h1>
        <div class="home">
            <section class="card me" aria-label="Your profile">
                <Avatar id=&person.id name=&person.name size=96 loading="eager"/>
                <div>
                    <p class="name">{person.name}</p>
                    <p>{person.job_title}</p>
                </div>
                <dl>{facts}</dl>
            </section>
            <a class="card step" href="/people">
                <h2>"The directory"</h2>
                <p>{directory}</p>
            </a>
        </div>
    }
}
