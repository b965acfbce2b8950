//! `/people?search=&cursor=`: the organisation's directory, a page at a time.

use std::time::Duration;

use leptos::{leptos_dom::helpers::debounce, prelude::*};
use leptos_i18n::td_string;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    api,
    components::{Avatar, Load, ProblemView, loaded},
    erase::Erase,
    i18n::{locale, tag},
    links,
    model::{Directory, PeoplePage, Person, Problem},
};

/// How long somebody who types rests before the search.
const TYPING: Duration = Duration::from_millis(300);

/// The directory.
#[component]
pub fn People() -> impl IntoView {
    let query = use_query_map();
    let parameter = move |name: &str| query.with(|query| query.get(name).unwrap_or_default());
    let asked = move || (parameter("search"), parameter("cursor"));
    let directory =
        Load::new_with_options(asked, |(search, cursor)| api::people(search, cursor), false);
    let typed = search_as_typed();
    view! {
        <h1 tabindex="-1">{td_string!(locale(), people.title)}</h1>
        {loaded(directory, false, move |directory| match directory {
            Directory::People(page) => {
                let search = query.get_untracked().get("search").unwrap_or_default();
                view! { <Listing search page typed/> }.erase()
            }
            Directory::PersonalAccount => view! { <ProblemView problem=personal_account()/> }.erase(),
            Directory::NotPermitted => view! { <ProblemView problem=not_permitted()/> }.erase(),
        })}
    }
    .erase()
}

/// What is typed is searched for after a moment's rest. It is one entry of the history, however much is typed.
fn search_as_typed() -> RwSignal<String> {
    let typed = RwSignal::new(String::new());
    let navigate = use_navigate();
    let mut search = debounce(TYPING, move |text: String| {
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&links::people(text.trim(), ""), options);
    });
    Effect::new(move |seen: Option<()>| {
        let text = typed.get();
        if seen.is_some() {
            search(text);
        }
    });
    typed
}

#[component]
fn Listing(search: String, page: PeoplePage, typed: RwSignal<String>) -> impl IntoView {
    let locale = locale();
    let found = !page.people.is_empty();
    let summary = summary(&search, &page);
    let turn = |label, cursor: Option<String>| {
        cursor.map(
            |cursor| view! { <a class="button" href=links::people(&search, &cursor)>{label}</a> },
        )
    };
    let previous = turn(td_string!(locale, people.previous), page.previous);
    let next = turn(td_string!(locale, people.next), page.next);
    let searching = !search.is_empty();
    let csv = links::people_csv(&search);
    view! {
        <form class="search" role="search" action="/people">
            <label for="search">{td_string!(locale, people.label)}</label>
            <div>
                <input
                    id="search"
                    type="search"
                    name="search"
                    value=search
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| typed.set(event_target_value(&event))
                />
                <button class="button primary">{td_string!(locale, people.search)}</button>
                {searching.then(|| view! { <a class="button" href="/people">{td_string!(locale, people.clear)}</a> })}
            </div>
        </form>
        <p class="summary" role="status">{summary}</p>
        {found.then(|| table(page.people))}
        <nav class="turn" aria-label=td_string!(locale, people.pages)>{previous}{next}</nav>
        {found.then(|| view! {
            <p class="export">
                <a href=csv rel="external" download="">{td_string!(locale, people.csv)}</a>
            </p>
        })}
    }
}

/// What the page holds, in words.
fn summary(search: &str, page: &PeoplePage) -> String {
    let (locale, number) = (locale(), page.number);
    match (search, page.people.len()) {
        ("", 0) => td_string!(locale, people.nobody).into(),
        (_, 0) => td_string!(locale, people.nobody_for, search = search),
        ("", _) => td_string!(locale, people.page, number = number),
        (_, _) => td_string!(locale, people.page_for, number = number, search = search),
    }
}

/// The people. Columns that nobody has a value for are left out: `User.ReadBasic.All` shows few (R109).
fn table(people: Vec<Person>) -> impl IntoView {
    let locale = locale();
    let any =
        |value: fn(&Person) -> &Option<String>| people.iter().any(|person| value(person).is_some());
    let shown = [
        (
            td_string!(locale, people.job),
            any(|person| &person.job_title),
        ),
        (td_string!(locale, people.mail), any(|person| &person.mail)),
        (
            td_string!(locale, people.office),
            any(|person| &person.office),
        ),
        (
            td_string!(locale, people.phone),
            any(|person| &person.phone),
        ),
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
                        <th scope="row">
                            <Avatar id=&id name=&name/>
                            <a href=links::person(&id) rel="external">{name}</a>
                        </th>
                        {cells}
                    </tr>
                }
            },
        )
        .collect_view();
    view! {
        <table class="people">
            <thead><tr><th scope="col">{td_string!(locale, people.name)}</th>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn other_account() -> Vec<(String, String)> {
    let label = td_string!(locale(), people.other_account);
    vec![(label.into(), links::other_account("/people"))]
}

fn personal_account() -> Problem {
    let locale = locale();
    Problem {
        lang: tag(locale),
        title: td_string!(locale, people.personal).into(),
        text: td_string!(locale, people.personal_text).into(),
        mend: td_string!(locale, people.personal_mend).into(),
        actions: other_account(),
        details: Vec::new(),
    }
}

fn not_permitted() -> Problem {
    let locale = locale();
    Problem {
        lang: tag(locale),
        title: td_string!(locale, people.denied).into(),
        text: td_string!(locale, people.denied_text).into(),
        mend: td_string!(locale, people.denied_mend).into(),
        actions: other_account(),
        details: Vec::new(),
    }
}
