//! Calls to begin with. Each is a link that fills the form.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{i18n::Locale, links};

/// What a batch looks like: the body that its sample begins with.
pub const BATCH_BODY: &str = r#"{
  "requests": [
    { "id": "1", "method": "GET", "url": "/me?$select=displayName" },
    { "id": "2", "method": "GET", "url": "/users?$top=3&$select=displayName" }
  ]
}"#;

type Sample = (&'static str, &'static str, &'static str);

/// The samples by topic: a label, a method and a path each.
pub fn topics(locale: Locale) -> [(&'static str, Vec<Sample>); 5] {
    [
        (
            td_string!(locale, console.you),
            vec![
                (td_string!(locale, console.you_profile), "GET", "/me"),
                (
                    td_string!(locale, console.you_manager),
                    "GET",
                    "/me/manager?$select=displayName,jobTitle",
                ),
                (
                    td_string!(locale, console.you_groups),
                    "GET",
                    "/me/memberOf?$select=displayName",
                ),
                (td_string!(locale, console.you_photo), "GET", "/me/photo"),
            ],
        ),
        (
            td_string!(locale, console.people),
            vec![
                (
                    td_string!(locale, console.people_first),
                    "GET",
                    "/users?$top=5&$select=displayName,mail",
                ),
                (
                    td_string!(locale, console.people_search),
                    "GET",
                    "/users?$search=\"displayName:an\"&$select=displayName&$count=true",
                ),
                (
                    td_string!(locale, console.people_count),
                    "GET",
                    "/users/$count",
                ),
            ],
        ),
        (
            td_string!(locale, console.organisation),
            vec![
                (
                    td_string!(locale, console.organisation_own),
                    "GET",
                    "/organization?$select=displayName,verifiedDomains",
                ),
                (
                    td_string!(locale, console.organisation_groups),
                    "GET",
                    "/groups?$top=5&$select=displayName,description",
                ),
            ],
        ),
        (
            td_string!(locale, console.work),
            vec![
                (
                    td_string!(locale, console.work_mail),
                    "GET",
                    "/me/messages?$top=5&$select=subject,from,receivedDateTime",
                ),
                (
                    td_string!(locale, console.work_events),
                    "GET",
                    "/me/events?$top=5&$select=subject,start,end",
                ),
                (
                    td_string!(locale, console.work_files),
                    "GET",
                    "/me/drive/recent",
                ),
                (
                    td_string!(locale, console.work_people),
                    "GET",
                    "/me/people?$top=5",
                ),
            ],
        ),
        (
            td_string!(locale, console.several),
            vec![(td_string!(locale, console.several_batch), "POST", "/$batch")],
        ),
    ]
}

/// The links.
pub fn samples(locale: Locale) -> AnyView {
    let topics = topics(locale)
        .into_iter()
        .map(|(topic, samples)| {
            let samples = samples
                .into_iter()
                .map(|(label, method, path)| {
                    let href = links::console(method, path, false);
                    view! { <li><a href=href>{label}</a></li> }
                })
                .collect_view();
            view! { <h3>{topic}</h3><ul>{samples}</ul> }
        })
        .collect_view();
    view! {
        <section>
            <h2>{td_string!(locale, console.samples)}</h2>
            {topics}
        </section>
    }
    .into_any()
}
