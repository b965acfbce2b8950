//! `/account?person=&done=`: where you are signed in, and the ways to end it. For whoever may, another person's. The
//! server makes it of plain data; it has no WASM.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    Page,
    components::Refusal,
    error::ApiError,
    i18n::{Locale, locale},
    links,
    model::{Account, AccountKind, OpenSession, Person, ThisSession},
    pages::title,
};

/// The sessions of the viewer, or of the person who was asked for. `done` is what a form has done; `here` is the page's
/// path and query.
pub fn account(account: Result<Account, ApiError>, done: &str, here: String) -> Page {
    let locale = locale();
    let view = match account {
        Ok(account) => overview(locale, account, done),
        Err(error) => view! { <Refusal error is_page=false here/> }.into_any(),
    };
    Page {
        title: title(td_string!(locale, account.title)),
        view: view! {
            <h1 tabindex="-1">{td_string!(locale, account.title)}</h1>
            {view}
        }
        .into_any(),
    }
}

fn overview(locale: Locale, account: Account, done: &str) -> AnyView {
    let Account {
        person,
        sessions,
        kind,
        admin,
        this,
    } = account;
    let microsoft = (person.is_none() && kind == AccountKind::Work).then(|| {
        view! {
            <section class="card">
                <h2>{td_string!(locale, account.revoke)}</h2>
                <p>{td_string!(locale, account.revoke_text)}</p>
                <p>
                    {td_string!(locale, account.revoke_needs)}" "<code>"User.RevokeSessions.All"</code>
                    {td_string!(locale, account.revoke_asks)}
                </p>
                <form method="post" action="/auth/revoke">
                    <button class="button">{td_string!(locale, account.revoke_button)}</button>
                </form>
            </section>
        }
    });
    let others = admin.then(|| {
        view! {
            <section class="card">
                <h2>{td_string!(locale, account.person)}</h2>
                <form class="search" action=links::ACCOUNT>
                    <label for="person">{td_string!(locale, account.person_label)}</label>
                    <div>
                        <input id="person" name="person" required autocomplete="off" autocapitalize="off" spellcheck="false"/>
                        <button class="button">{td_string!(locale, account.person_show)}</button>
                    </div>
                </form>
            </section>
        }
    });
    view! {
        <p class="notice" role="status">{notice(locale, done)}</p>
        <div class="sections">
            {list(locale, person, sessions, this.as_ref())}
            {this.map(|this| known(locale, kind, this))}
            {microsoft}
            {others}
        </div>
    }
    .into_any()
}

/// The sessions, each with the button that ends it; and when the one at hand ends by itself.
fn list(
    locale: Locale,
    person: Option<Person>,
    sessions: Vec<OpenSession>,
    this: Option<&ThisSession>,
) -> AnyView {
    let own = person.is_none();
    let (heading, mail, whose) = match person {
        None => (
            td_string!(locale, account.where_you).to_owned(),
            None,
            String::new(),
        ),
        Some(person) => (
            td_string!(locale, account.where_person, name = person.name),
            person.mail,
            person.id,
        ),
    };
    let none = sessions
        .is_empty()
        .then(|| td_string!(locale, account.none));
    let end_all = (sessions.len() > usize::from(own)).then(|| {
        let label = if own {
            td_string!(locale, account.end_others)
        } else {
            td_string!(locale, account.end_all)
        };
        form(links::END_OTHERS, &whose, String::new(), label, None)
    });
    let back = (!own).then(|| {
        view! { <a class="button" href=links::ACCOUNT>{td_string!(locale, account.back)}</a> }
    });
    let ends = this.map(|ThisSession { idle, max, .. }| {
        let (idle, max) = (time(locale, idle.clone()), time(locale, max.clone()));
        view! {
            <p>
                <strong>{td_string!(locale, account.ends)}</strong>": "
                {td_string!(locale, account.ends_idle)}" "{idle}". "
                {td_string!(locale, account.ends_max)}" "{max}"."
            </p>
        }
    });
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
                let label = td_string!(locale, account.this_one);
                view! { <span class="badge">{label}</span> }.into_any()
            } else {
                let label = td_string!(locale, account.end_named, browser = browser.clone());
                form(
                    links::END,
                    &whose,
                    key,
                    td_string!(locale, account.end),
                    Some(label),
                )
            };
            view! {
                <li>
                    <div>
                        <h3>{browser}</h3>
                        <p>
                            {td_string!(locale, account.since)}" "{time(locale, since)}
                            {td_string!(locale, account.used)}" "{time(locale, used)}
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
            {ends}
            <div class="actions">{end_all}{back}</div>
        </section>
    }
    .into_any()
}

/// What the session knows: what was allowed, and who Microsoft says that this is.
fn known(locale: Locale, kind: AccountKind, this: ThisSession) -> AnyView {
    let none = this
        .scopes
        .is_empty()
        .then(|| td_string!(locale, account.permissions_none));
    let scopes: Vec<_> = this
        .scopes
        .into_iter()
        .map(|scope| {
            let purpose = purpose(locale, &scope);
            view! { <div><dt><code>{scope}</code></dt><dd>{purpose}</dd></div> }
        })
        .collect();
    let claims: Vec<_> = this
        .claims
        .into_iter()
        .map(|(name, value)| {
            let value = match name {
                "iat" | "exp" => time(locale, value).into_any(),
                _ => view! { <code>{value}</code> }.into_any(),
            };
            view! {
                <tr>
                    <th scope="row"><code>{name}</code></th>
                    <td>{value}</td>
                    <td>{meaning(locale, kind, name)}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <section class="card">
            <h2>{td_string!(locale, account.permissions)}</h2>
            <p>{td_string!(locale, account.permissions_text)}</p>
            <p>{none}</p>
            <dl class="scopes">{scopes}</dl>
            <p>{td_string!(locale, account.withdraw_text)}</p>
            <a class="button" href=links::consents(kind) rel="external noreferrer">
                {td_string!(locale, account.withdraw)}
            </a>
        </section>
        <section class="card">
            <h2>{td_string!(locale, account.claims)}</h2>
            <p>{td_string!(locale, account.claims_text)}</p>
            <table class="claims">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(locale, account.claim)}</th>
                        <th scope="col">{td_string!(locale, account.value)}</th>
                        <th scope="col">{td_string!(locale, account.meaning)}</th>
                    </tr>
                </thead>
                <tbody>{claims}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// What a permission is for. Of those that can also change things this app uses the half that reads.
/// <https://learn.microsoft.com/graph/permissions-reference>
fn purpose(locale: Locale, scope: &str) -> &'static str {
    match scope.to_ascii_lowercase().as_str() {
        "openid" => td_string!(locale, account.scope_openid),
        "profile" => td_string!(locale, account.scope_profile),
        "email" => td_string!(locale, account.scope_email),
        "offline_access" => td_string!(locale, account.scope_offline_access),
        "user.read" => td_string!(locale, account.scope_user_read),
        "user.readwrite" => td_string!(locale, account.scope_user_readwrite),
        "user.readbasic.all" => td_string!(locale, account.scope_user_readbasic_all),
        "user.read.all" => td_string!(locale, account.scope_user_read_all),
        "user.revokesessions.all" => td_string!(locale, account.scope_user_revoke),
        "group.read.all" | "groupmember.read.all" => td_string!(locale, account.scope_groups),
        "directory.read.all" | "organization.read.all" => {
            td_string!(locale, account.scope_directory)
        }
        "people.read" | "people.read.all" => td_string!(locale, account.scope_people),
        "calendars.read" | "calendars.readbasic" => td_string!(locale, account.scope_calendars),
        "mail.read" | "mail.readbasic" => td_string!(locale, account.scope_mail),
        "files.read" | "files.read.all" => td_string!(locale, account.scope_files),
        "profilephoto.read.all" => td_string!(locale, account.scope_photos),
        _ => td_string!(locale, account.scope_unknown),
    }
}

/// What a claim says.
/// <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>
fn meaning(locale: Locale, kind: AccountKind, claim: &str) -> &'static str {
    match (claim, kind) {
        ("name", _) => td_string!(locale, account.claim_name),
        ("preferred_username", _) => td_string!(locale, account.claim_preferred_username),
        ("oid", _) => td_string!(locale, account.claim_oid),
        ("tid", AccountKind::Work) => td_string!(locale, account.claim_tid),
        ("tid", AccountKind::Personal) => td_string!(locale, account.claim_tid_personal),
        ("sub", _) => td_string!(locale, account.claim_sub),
        ("iss", _) => td_string!(locale, account.claim_iss),
        ("aud", _) => td_string!(locale, account.claim_aud),
        ("sid", _) => td_string!(locale, account.claim_sid),
        ("login_hint", _) => td_string!(locale, account.claim_login_hint),
        ("roles", _) => td_string!(locale, account.claim_roles),
        ("xms_pl", _) => td_string!(locale, account.claim_xms_pl),
        ("iat", _) => td_string!(locale, account.claim_iat),
        ("exp", _) => td_string!(locale, account.claim_exp),
        _ => "",
    }
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
    .into_any()
}

/// In UTC: the server does not know the reader's zone.
fn time(locale: Locale, rfc3339: String) -> impl IntoView {
    let text = readable(locale, &rfc3339);
    view! { <time datetime=rfc3339>{text}</time> }
}

/// `2026-11-23T09:05:00Z` as `23 Nov 2026, 09:05 UTC`; what has another shape as it is.
fn readable(locale: Locale, rfc3339: &str) -> String {
    let months = match locale {
        Locale::en => [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ],
        Locale::nl => [
            "jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec",
        ],
    };
    let part = |from, to| rfc3339.get(from..to);
    let written = || {
        let month: usize = part(5, 7)?.parse().ok()?;
        Some(format!(
            "{} {} {}, {} UTC",
            part(8, 10)?.trim_start_matches('0'),
            months.get(month.checked_sub(1)?)?,
            part(0, 4)?,
            part(11, 16)?
        ))
    };
    written().unwrap_or_else(|| rfc3339.to_owned())
}

/// What a form has done: how many sessions it ended. None was there any more, or none of theirs by that key; which of
/// the two is not told (R58).
fn notice(locale: Locale, done: &str) -> Option<String> {
    Some(match done.parse::<u32>().ok()? {
        0 => td_string!(locale, account.ended_none).to_owned(),
        1 => td_string!(locale, account.ended_one).to_owned(),
        many => td_string!(locale, account.ended_many, count = many),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_people_write_it() {
        let readable = |time| readable(Locale::en, time);
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
        let dutch = super::readable(Locale::nl, "2026-03-03T09:05:59Z");
        assert_eq!(dutch, "3 mrt 2026, 09:05 UTC");
    }

    #[test]
    fn a_notice_says_how_many_sessions_were_ended() {
        let notice = |done| notice(Locale::en, done);
        assert_eq!(notice(""), None);
        assert_eq!(notice("<b>"), None);
        assert_eq!(notice("1").unwrap(), "One session was ended.");
        assert_eq!(notice("3").unwrap(), "3 sessions were ended.");
        assert!(notice("0").unwrap().contains("no such session"));
    }
}
