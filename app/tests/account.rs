//! The account's page over plain data.

use app::{
    Visit, document,
    error::ApiError,
    i18n::Locale,
    model::{Account, AccountKind, OpenSession, Person, Preferences, ThisSession, Viewer},
};
use leptos::{config::LeptosOptions, prelude::*};

fn person(name: &str) -> Person {
    Person {
        id: "4a5b".into(),
        name: name.into(),
        job_title: None,
        mail: None,
        phone: None,
        office: None,
    }
}

fn account(sessions: Vec<OpenSession>) -> Account {
    Account {
        person: None,
        sessions,
        kind: AccountKind::Work,
        admin: false,
        this: None,
    }
}

fn session(browser: &str, current: bool) -> OpenSession {
    OpenSession {
        key: format!("key-of-{browser}"),
        browser: browser.into(),
        since: "2026-11-23T09:05:00Z".into(),
        used: "2026-11-23T14:30:00Z".into(),
        current,
    }
}

/// The account's page, signed in.
fn page(done: &str, account: Result<Account, ApiError>) -> String {
    page_in(Locale::en, done, account)
}

fn page_in(locale: Locale, done: &str, account: Result<Account, ApiError>) -> String {
    let visit = Visit {
        viewer: Some(Viewer {
            name: "Adele Vance".into(),
            username: "adele@contoso.example".into(),
            key: "the-tenant.the-person".into(),
        }),
        demo: false,
        login: "/auth/login?return_to=here".into(),
        path: "/account".into(),
        aside: false,
        idle: 1800,
        preferences: Preferences {
            locale,
            ..Preferences::default()
        },
    };
    let options = LeptosOptions::builder().output_name("cloakroom").build();
    let make = || app::pages::account(account, done, "/account".into());
    Owner::new().with(|| document(options, visit, make).to_html())
}

#[test]
fn each_session_but_this_one_has_a_form_that_ends_it_r58() {
    let sessions = vec![session("Firefox", true), session("<b>Safari", false)];
    let html = page("", Ok(account(sessions)));
    assert!(
        html.contains("<h3>Firefox</h3>") && html.contains("<h3>&lt;b&gt;Safari</h3>"),
        "{html}"
    );
    assert!(
        html.contains("<time datetime=\"2026-11-23T09:05:00Z\">23 Nov 2026, 09:05 UTC</time>"),
        "{html}"
    );
    assert_eq!(html.matches("This one").count(), 1, "{html}");
    assert_eq!(html.matches("action=\"/account/end\"").count(), 1, "{html}");
    assert!(
        html.contains("name=\"session\" value=\"key-of-&lt;b&gt;Safari\""),
        "{html}"
    );
    assert!(!html.contains("value=\"key-of-Firefox\""), "{html}");
    assert!(
        html.contains("aria-label=\"Sign out &lt;b&gt;Safari\""),
        "{html}"
    );
    assert!(
        html.contains("<form method=\"post\" action=\"/account/end-others\">")
            && html.contains("Sign out all others"),
        "{html}"
    );
    assert!(!html.contains("id=\"person\""), "no admin: {html}");
    assert!(
        html.contains("<p role=\"status\" class=\"notice\"><!></p>"),
        "{html}"
    );
    assert!(
        html.contains(
            "<a href=\"/account\" rel=\"external\" aria-current=\"page\" data-key=\"a\">Account</a>"
        ),
        "{html}"
    );
}

#[test]
fn who_is_signed_in_here_only_has_nothing_to_end() {
    let html = page("", Ok(account(vec![session("Firefox", true)])));
    assert!(!html.contains("/account/end"), "{html}");
}

#[test]
fn a_notice_says_what_was_done() {
    for (done, notice) in [
        ("1", "One session was ended."),
        ("2", "2 sessions were ended."),
        ("0", "There was no such session any more."),
    ] {
        let html = page(done, Ok(account(vec![session("Firefox", true)])));
        let shown = format!("<p role=\"status\" class=\"notice\">{notice}</p>");
        assert!(html.contains(&shown), "{html}");
    }
}

#[test]
fn ending_all_sessions_at_microsoft_names_its_permission_and_is_not_for_personal_accounts_r76() {
    let form = "<form method=\"post\" action=\"/auth/revoke\">";
    let html = page("", Ok(account(Vec::new())));
    assert!(html.contains(form), "{html}");
    assert!(html.contains("User.RevokeSessions.All"), "{html}");
    let personal = Account {
        kind: AccountKind::Personal,
        ..account(Vec::new())
    };
    let html = page("", Ok(personal));
    assert!(!html.contains("/auth/revoke"), "{html}");
}

#[test]
fn an_administrator_asks_for_a_person_and_ends_what_they_have_r58() {
    let own = Account {
        admin: true,
        ..account(vec![session("Firefox", true)])
    };
    let html = page("", Ok(own));
    assert!(
        html.contains("<form action=\"/account\" class=\"search\">"),
        "{html}"
    );
    assert!(html.contains("id=\"person\""), "{html}");
    let theirs = Account {
        person: Some(Person {
            mail: Some("alex@contoso.example".into()),
            ..person("Alex <i>Wilber")
        }),
        admin: true,
        ..account(vec![session("Safari", false)])
    };
    let html = page("", Ok(theirs.clone()));
    assert!(
        html.contains("Where Alex &lt;i&gt;Wilber is signed in"),
        "{html}"
    );
    assert_eq!(
        html.matches("<input type=\"hidden\" name=\"person\" value=\"4a5b\">")
            .count(),
        2,
        "one for the session, one for all: {html}"
    );
    assert!(html.contains("Sign out all</button>"), "{html}");
    assert!(!html.contains("/auth/revoke"), "only one's own: {html}");
    let nowhere = Account {
        sessions: Vec::new(),
        ..theirs
    };
    let html = page("", Ok(nowhere));
    assert!(html.contains("no session of this person"), "{html}");
    assert!(!html.contains("/account/end"), "{html}");
}

#[test]
fn permissions_and_claims_are_explained_and_what_is_unknown_is_named() {
    let this = ThisSession {
        idle: "2026-11-23T15:00:00Z".into(),
        max: "2026-11-23T21:05:00Z".into(),
        scopes: vec!["User.ReadBasic.All".into(), "Odd.<b>".into()],
        claims: vec![
            ("tid", "9188040d".into()),
            ("name", "<i>Adele".into()),
            ("iat", "2026-11-23T09:05:00Z".into()),
        ],
    };
    let known = Account {
        this: Some(this),
        kind: AccountKind::Personal,
        ..account(vec![session("Firefox", true)])
    };
    let html = page("", Ok(known.clone()));
    for part in [
        "<code>User.ReadBasic.All</code></dt><dd>To read the names, addresses and photos",
        "<code>Odd.&lt;b&gt;</code></dt><dd>A permission that this page has no words for.",
        "<code>&lt;i&gt;Adele</code></td><td>Your name",
        "all personal Microsoft accounts are in.",
        "<time datetime=\"2026-11-23T09:05:00Z\">23 Nov 2026, 09:05 UTC</time></td>",
        "<time datetime=\"2026-11-23T15:00:00Z\">23 Nov 2026, 15:00 UTC</time>",
        "<time datetime=\"2026-11-23T21:05:00Z\">23 Nov 2026, 21:05 UTC</time>",
        "href=\"https://account.live.com/consent/Manage\" rel=\"external noreferrer\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let html = page_in(Locale::nl, "", Ok(known));
    assert!(html.contains("Wat je hebt toegestaan"), "{html}");
    assert!(html.contains("23 nov 2026, 15:00 UTC"), "{html}");
    assert!(
        html.contains("<title>Account · Cloakroom</title>"),
        "{html}"
    );
}
