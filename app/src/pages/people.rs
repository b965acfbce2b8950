//! `/people?search=&cursor=`: the organisation's directory, a page at a time.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api,
    components::{Avatar, Load, ProblemView, loaded},
    erase::Erase,
    links,
    model::{Directory, PeoplePage, Person, Problem},
};

/// The directory.
#[component]
pub fn People() -> impl IntoView {
    let query = use_query_map();
    let parameter = move |name: &str| query.with(|query| query.get(name).unwrap_or_default());
    let asked = move || (parameter("search"), parameter("cursor"));
    let directory =
        Load::new_with_options(asked, |(search, cursor)| api::people(search, cursor), false);
    view! {
        <h1 tabindex="-1">"People"</h1>
        {loaded(directory, false, move |directory| match directory {
            Directory::People(page) => {
                let search = query.get_untracked().get("search").unwrap_or_default();
                view! { <Listing search page/> }.erase()
            }
            Directory::PersonalAccount => view! { <ProblemView problem=personal_account()/> }.erase(),
            Directory::NotPermitted => view! { <ProblemView problem=not_permitted()/> }.erase(),
        })}
    }
    .erase()
}

#[component]
fn Listing(search: String, page: PeoplePage) -> impl IntoView {
    let found = !page.people.is_empty();
    let summary = summary(&search, &page);
    let turn = |label, cursor: Option<String>| {
        cursor.map(
            |cursor| view! { <a class="button" href=links::people(&search, &cursor)>{label}</a> },
        )
    };
    let previous = turn("Previous", page.previous);
    let next = turn("Next", page.next);
    let searching = !search.is_empty();
    view! {
        <form class="search" role="search" action="/people">
            <label for="search">"Search people"</label>
            <div>
                <input id="search" type="search" name="search" value=search autocomplete="off" spellcheck="false"/>
                <button class="button primary">"Search"</button>
                {searching.then(|| view! { <a class="button" href="/people">"Clear"</a> })}
            </div>
        </form>
        <p class="summary" role="status">{summary}</p>
        {found.then(|| table(page.people))}
        <nav class="turn" aria-label="Pages">{previous}{next}</nav>
    }
}

/// What the page holds, in words.
fn summary(search: &str, page: &PeoplePage) -> String {
    let count = page.people.len();
    match (search, count) {
        ("", 0) => "There is nobody in this directory.".into(),
        (_, 0) => format!("Nobody is found for “{search}”."),
        ("", _) => format!("Page {}", page.number),
        (_, _) => format!("Page {} for “{search}”", page.number),
    }
}

/// The people. Columns that nobody has a value for are left out: `User.ReadBasic.All` shows few (R109).
fn table(people: Vec<Person>) -> impl IntoView {
    let any =
        |value: fn(&Person) -> &Option<String>| people.iter().any(|person| value(person).is_some());
    let shown = [
        ("Job title", any(|person| &person.job_title)),
        ("Mail", any(|person| &person.mail)),
        ("Office", any(|person| &person.office)),
        ("Phone", any(|person| &person.phone)),
    ];
    let heads = shown
        .into_iter()
        .filter(|(_, shown)| *shown)
        .map(|(label, _)| view! { <th scope="col">{label}</th> })
        .collect_view();
    let rows = people
        .into_iter()
        .map(
            |Person {
                 id,
                 name,
                 job_title,
                 mail,
                 phone,
                 office,
             }| {
                let cells = [
                    (String::new(), job_title),
                    (mail.as_deref().map(links::mail).unwrap_or_default(), mail),
                    (String::new(), office),
                    (
                        phone.as_deref().map(links::phone).unwrap_or_default(),
                        phone,
                    ),
                ]
                .into_iter()
                .zip(shown)
                .filter(|(_, (_, shown))| *shown)
                .map(|((href, text), _)| {
                    let content = if href.is_empty() {
                        text.erase()
                    } else {
                        view! { <a href=href>{text}</a> }.erase()
                    };
                    view! { <td>{content}</td> }
                })
                .collect_view();
                view! {
                    <tr>
                        <th scope="row"><Avatar id=&id name=&name/>{name}</th>
                        {cells}
                    </tr>
                }
            },
        )
        .collect_view();
    view! {
        <table class="people">
            <thead><tr><th scope="col">"Name"</th>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn personal_account() -> Problem {
    Problem {
        lang: "en",
        title: "Personal accounts have no directory".into(),
        text: "You are signed in with a personal Microsoft account. It belongs to no organisation, so there are no \
               colleagues to list."
            .into(),
        mend: "Sign in with a work or school account to see its people.".into(),
        actions: vec![("Use another account".into(), links::other_account("/people"))],
        details: Vec::new(),
    }
}

fn not_permitted() -> Problem {
    Problem {
        lang: "en",
        title: "Your organisation keeps its directory to itself".into(),
        text: "This account, a guest perhaps, may not list the organisation's people.".into(),
        mend: "An administrator of the organisation can change that. Or sign in with an account of your own \
               organisation."
            .into(),
        actions: vec![("Use another account".into(), links::other_account("/people"))],
        details: Vec::new(),
    }
}
