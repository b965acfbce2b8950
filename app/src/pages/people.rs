//! `/people?search=&cursor=`: the organisation's directory, a page at a time.

use leptos::prelude::*;
use leptos_i18n::td_string;
use leptos_router::hooks::use_query_map;

use crate::{
    api,
    components::{Avatar, Load, ProblemView, Refusal, breakable, loaded},
    erase::Erase,
    error::Code,
    i18n::{Locale, locale, number, tag},
    links,
    model::{Directory, PeoplePage, Person, Problem},
};

/// The search field's id.
pub const SEARCH: &str = "search";

/// The directory.
pub fn people() -> AnyView {
    let locale = locale();
    let query = use_query_map();
    let parameter = move |name: &str| query.with(|query| query.get(name).unwrap_or_default());
    let asked = move || (parameter("search"), parameter("cursor"));
    let directory =
        Load::new_with_options(asked, |(search, cursor)| api::people(search, cursor), false);

    // What was loaded may come after the page was left, and its query with it.
    let search = move || {
        query
            .try_with_untracked(|query| query.get("search"))
            .flatten()
            .unwrap_or_default()
    };
    view! {
        <h1 tabindex="-1">{td_string!(locale, shell.people)}</h1>
        {loaded(directory, move |directory, here| {
            let (searchable, content) = match directory {
                Ok(Directory::People(page)) => (true, listing(locale, &search(), page)),
                Ok(Directory::PersonalAccount) => {
                    (false, view! { <ProblemView problem=personal_account(locale)/> }.erase())
                }
                Ok(Directory::NotPermitted) => {
                    (false, view! { <ProblemView problem=not_permitted(locale)/> }.erase())
                }
                // Another search may do, and who is typing goes on.
                Err(error) => (
                    error.code != Code::SignedOut,
                    view! { <Refusal error is_page=false here/> }.erase(),
                ),
            };
            let form = searchable.then(|| search_form(locale, search()));
            view! { {form}{content} }.erase()
        })}
    }
    .erase()
}

/// `people.js` looks as people type; without it, the form is sent.
fn search_form(locale: Locale, search: String) -> AnyView {
    let searching = !search.is_empty();
    view! {
        <form class="search" role="search" action="/people">
            <label for=SEARCH>{td_string!(locale, people.label)}</label>
            <div>
                <input id=SEARCH type="search" name="search" value=search autocomplete="off" spellcheck="false"/>
                <button class="button primary">{td_string!(locale, people.search)}</button>
                {searching.then(|| view! {
                    <a class="button" href="/people">{td_string!(locale, people.clear)}</a>
                })}
            </div>
        </form>
    }
    .erase()
}

fn listing(locale: Locale, search: &str, page: PeoplePage) -> AnyView {
    let found = !page.people.is_empty();
    let summary = summary(locale, search, &page);
    let turn = |label, rel, cursor: Option<String>| {
        cursor.map(|cursor| {
            view! { <a class="button" rel=rel href=links::people(search, &cursor)>{label}</a> }
        })
    };
    let previous = turn(td_string!(locale, people.previous), "prev", page.previous);
    let next = turn(td_string!(locale, people.next), "next", page.next);
    // `people.js` shows how far the download is.
    let export = found.then(|| {
        view! {
            <div class="export">
                <a
                    class="button"
                    href=links::csv(search)
                    rel="external"
                    download=""
                    data-rows=td_string!(locale, people.csv_rows)
                    data-of=td_string!(locale, people.csv_of)
                    data-done=td_string!(locale, people.csv_done)
                    data-failed=td_string!(locale, people.csv_failed)
                >
                    {td_string!(locale, people.csv)}
                </a>
                <progress hidden aria-label=td_string!(locale, people.csv)></progress>
                <p role="status"></p>
            </div>
        }
    });
    view! {
        <p class="summary" role="status">{summary}</p>
        {found.then(|| table(locale, page.people))}
        <div class="below">
            <nav class="turn" aria-label=td_string!(locale, people.pages)>{previous}{next}</nav>
            {export}
        </div>
    }
    .erase()
}

/// What the page holds, in words.
fn summary(locale: Locale, search: &str, page: &PeoplePage) -> String {
    if page.people.is_empty() {
        return match search {
            "" => td_string!(locale, people.nobody).into(),
            _ => td_string!(locale, people.nobody_found).replace("{}", search),
        };
    }
    let mut summary = match page.total {
        Some(1) => td_string!(locale, people.one).to_owned(),
        Some(total) => td_string!(locale, people.many).replace("{}", &number(locale, total)),
        None => String::new(),
    };
    if !summary.is_empty() && !search.is_empty() {
        summary += &td_string!(locale, people.found).replace("{}", search);
    }
    if page.next.is_some() || page.number > 1 {
        if !summary.is_empty() {
            summary += " · ";
        }
        summary += &td_string!(locale, people.page).replace("{}", &number(locale, page.number));
    }
    summary
}

/// The people. Columns that nobody has a value for are left out: `User.ReadBasic.All` shows few (R109).
fn table(locale: Locale, people: Vec<Person>) -> impl IntoView {
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
                        view! { <a href=href>{text.as_deref().map(breakable)}</a> }.erase()
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

fn personal_account(locale: Locale) -> Problem {
    no_directory(
        locale,
        td_string!(locale, people.personal_title),
        td_string!(locale, people.personal_text),
        td_string!(locale, people.personal_mend),
    )
}

fn not_permitted(locale: Locale) -> Problem {
    no_directory(
        locale,
        td_string!(locale, people.denied_title),
        td_string!(locale, people.denied_text),
        td_string!(locale, people.denied_mend),
    )
}

fn no_directory(locale: Locale, title: &str, text: &str, mend: &str) -> Problem {
    let other = td_string!(locale, shell.other_account);
    Problem {
        lang: tag(locale),
        title: title.into(),
        text: text.into(),
        mend: mend.into(),
        actions: vec![(other.into(), links::other_account("/people"))],
        details: Vec::new(),
    }
}
