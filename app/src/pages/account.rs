//! `/account?person=&done=`: where you are signed in, and the ways to end it. For whoever may, another person's.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api,
    components::{Load, loaded},
    erase::Erase,
    links,
    model::{self, AccountKind, OpenSession, Person},
};

/// The sessions of the viewer, or of the person who was asked for.
#[component]
pub fn Account() -> impl IntoView {
    let query = use_query_map();
    let parameter = move |name: &str| query.with(|query| query.get(name).unwrap_or_default());
    let asked = move || (parameter("person"), parameter("done"));
    let account = Load::new_with_options(asked, |(person, _)| api::account(person), false);
    view! {
        <h1 tabindex="-1">"Account"</h1>
        {loaded(account, false, move |account| {
            let done = query.get_untracked().get("done").unwrap_or_default();
            view! { <Overview account done/> }.erase()
        })}
    }
    .erase()
}

/// What is not in the list is plain HTML, which weighs little in the WASM.
#[component]
fn Overview(account: model::Account, done: String) -> impl IntoView {
    let model::Account {
        person,
        sessions,
        kind,
        admin,
    } = account;
    let microsoft = (person.is_none() && kind == AccountKind::Work).then(|| {
        view! {
            <section class="card">
                <h2>"All sessions at Microsoft too"</h2>
                <p>
                    "A sign-out here ends a session of this app. Microsoft can end all that your account has, in every app and \
                     on every device; it may take some minutes, and apps may go on for about an hour with what they hold. \
                     You are signed out here as well."
                </p>
                <p>
                    "It takes the permission "<code>"User.RevokeSessions.All"</code>
                    "; you are asked for it if you have not given it yet."
                </p>
                <form method="post" action="/auth/revoke">
                    <button class="button">"End all sessions at Microsoft too"</button>
                </form>
            </section>
        }
        .erase()
    });
    let others = admin.then(|| {
        view! {
            <section class="card">
                <h2>"Sessions of another person"</h2>
                <form class="search" action="/account">
                    <label for="person">"Sign-in name or object id"</label>
                    <div>
                        <input id="person" name="person" required autocomplete="off" autocapitalize="off" spellcheck="false"/>
                        <button class="button">"Show"</button>
                    </div>
                </form>
            </section>
        }
        .erase()
    });
    view! {
        <p class="notice" role="status">{notice(&done)}</p>
        <div class="sections">{list(person, sessions)}{microsoft}{others}</div>
    }
}

/// The sessions, each with the button that ends it.
fn list(person: Option<Person>, sessions: Vec<OpenSession>) -> AnyView {
    let own = person.is_none();
    let (heading, mail, whose) = match person {
        None => ("Where you're signed in".into(), None, String::new()),
        Some(person) => (
            format!("Where {} is signed in", person.name),
            person.mail,
            person.id,
        ),
    };
    let none = sessions
        .is_empty()
        .then_some("There is no session of this person in this app.");
    let mut ends = Vec::new();
    if sessions.len() > usize::from(own) {
        let label = if own {
            "Sign out all others"
        } else {
            "Sign out all"
        };
        ends.push(form(links::END_OTHERS, &whose, String::new(), label, None));
    }
    if !own {
        ends.push(
            view! { <a class="button" href="/account">"Back to your own sessions"</a> }.erase(),
        );
    }
    let rows: Vec<_> = sessions
        .into_iter()
        .map(|session| {
            let OpenSession {
                key,
                browser,
                since,
                used,
                current,
            } = session;
            let end = if current {
                view! { <span class="badge">"This one"</span> }.erase()
            } else {
                let label = format!("Sign out {browser}");
                form(links::END, &whose, key, "Sign out", Some(label))
            };
            // In UTC: the server does not know the reader's zone, and the page is the same without scripts.
            let (began, last) = (readable(&since), readable(&used));
            view! {
                <li>
                    <div>
                        <h3>{browser}</h3>
                        <p>
                            "Signed in "<time datetime=since>{began}</time>", last used "<time datetime=used>{last}</time>
                        </p>
                    </div>
                    {end}
                </li>
            }
        })
        .collect();
    view! {
        <section class="card">
            <h2>{heading}</h2>
            <p>{mail}</p>
            <p>{none}</p>
            <ul class="sessions">{rows}</ul>
            <div class="actions">{ends}</div>
        </section>
    }
    .erase()
}

/// A button that ends sessions. Without scripts too.
fn form(
    action: &'static str,
    person: &str,
    session: String,
    text: &'static str,
    label: Option<String>,
) -> AnyView {
    view! {
        <form method="post" action=action>
            <input type="hidden" name="person" value=person.to_owned()/>
            <input type="hidden" name="session" value=session/>
            <button class="button" aria-label=label>{text}</button>
        </form>
    }
    .erase()
}

/// `2026-11-23T09:05:00Z` as `23 Nov 2026, 09:05 UTC`; what has another shape as it is.
fn readable(rfc3339: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let part = |from, to| rfc3339.get(from..to);
    let written = || {
        let month: usize = part(5, 7)?.parse().ok()?;
        Some(format!(
            "{} {} {}, {} UTC",
            part(8, 10)?.trim_start_matches('0'),
            MONTHS.get(month.checked_sub(1)?)?,
            part(0, 4)?,
            part(11, 16)?
        ))
    };
    written().unwrap_or_else(|| rfc3339.to_owned())
}

/// What a form has done: how many sessions it ended. None was there any more, or none of theirs by that key; which of
/// the two is not told (R58).
fn notice(done: &str) -> Option<String> {
    Some(match done.parse::<u32>().ok()? {
        0 => "There was no such session any more.".into(),
        1 => "One session was ended.".into(),
        many => format!("{many} sessions were ended."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_people_write_it() {
        assert_eq!(readable("2026-11-03T09:05:59Z"), "3 Nov 2026, 09:05 UTC");
        assert_eq!(readable("2026-01-23T23:00:00Z"), "23 Jan 2026, 23:00 UTC");
        for odd in [
            "",
            "2026-13-03T09:05:59Z",
            "2026-00-03T09:05:59Z",
            "soon",
            "2026-1é",
        ] {
            assert_eq!(readable(odd), odd);
        }
    }

    #[test]
    fn a_notice_says_how_many_sessions_were_ended() {
        assert_eq!(notice(""), None);
        assert_eq!(notice("<b>"), None);
        assert_eq!(notice("1").unwrap(), "One session was ended.");
        assert_eq!(notice("3").unwrap(), "3 sessions were ended.");
        assert!(notice("0").unwrap().contains("no such session"));
    }
}
