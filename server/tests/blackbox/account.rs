//! "Where you're signed in": who lists and ends which sessions (R58).

use std::time::Duration;

use emulator::{Fault, Forgery};
use reqwest::Method;
use serde_json::{Value, json};
use server::session::StoreKey;

use crate::harness::{Answer, Browser, EMPLOYEE, FABRIKAM, MANAGER, TestApp};

pub const ADMIN: &str = "aroha.ngata@fabrikam.example";
const STRANGER: &str = "alex.wilber@contoso.example";
const PERSONAL: &str = "sam.whitaker@outlook.example";

/// A session as the page lists it.
#[derive(Debug)]
struct Row {
    browser: String,
    times: Vec<String>,
    /// What its form would end. This session has none.
    key: Option<String>,
}

/// The sessions that this person sees of themself.
async fn sessions(browser: &mut Browser) -> Vec<Row> {
    listed(&browser.get("/account").await)
}

/// The sessions of another person, for an administrator.
async fn page_of(browser: &mut Browser, person: &str) -> Answer {
    let person: String = url::form_urlencoded::byte_serialize(person.as_bytes()).collect();
    browser.get(&format!("/account?person={person}")).await
}

fn listed(answer: &Answer) -> Vec<Row> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let list = between(&answer.body, "<ul class=\"sessions\">", "</ul>").unwrap();
    let rows = list.split("<li>").skip(1).map(|row| Row {
        browser: between(row, "<h3>", "</h3>").unwrap().to_owned(),
        times: row
            .split("datetime=\"")
            .skip(1)
            .map(|time| time.split('"').next().unwrap().to_owned())
            .collect(),
        key: between(row, "name=\"session\" value=\"", "\"").map(str::to_owned),
    });
    rows.collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// Whether this page offers to look for other people's sessions.
fn offers_others(page: &Answer) -> bool {
    page.body.contains("id=\"person\"")
}

/// The key of the session of this browser.
pub fn key(browser: &Browser) -> String {
    StoreKey::of(&browser.cookies["session"].parse().unwrap()).to_string()
}

pub async fn oid(browser: &mut Browser) -> String {
    browser.user().await["oid"].as_str().unwrap().to_owned()
}

pub async fn form(browser: &mut Browser, path: &str, body: &str) -> Answer {
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    browser.send(Method::POST, path, &headers, Some(body)).await
}

/// Where a form leads, and that it is one of this site's pages.
fn leads_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location")
}

pub async fn is_signed_in(browser: &Browser) -> bool {
    !browser.clone().user().await.is_null()
}

fn roles(roles: Value) -> Forgery {
    Forgery::Claim {
        name: "roles".into(),
        value: roles,
    }
}

/// Signs in with the app role in the ID token, whatever the platform's directory says.
async fn signed_in_as_admin(app: &TestApp, user: &str) -> Browser {
    let admin = Fault::id_token(roles(json!(["Sessions.Admin"])));
    app.control().fault(admin.for_user(user));
    app.signed_in(user).await
}

#[tokio::test] // R58
async fn a_user_sees_where_they_are_signed_in_and_ends_one_of_it() {
    let app = TestApp::start().await;
    let mut here = app.signed_in(EMPLOYEE).await;
    let there = app.signed_in(EMPLOYEE).await;
    app.signed_in(MANAGER).await;
    let seen = sessions(&mut here).await;
    assert_eq!(seen.len(), 2, "their own and nobody else's: {seen:?}");
    assert_eq!(seen[0].key, None, "this one first: {seen:?}");
    assert_eq!(seen[1].key, Some(key(&there)));
    for session in &seen {
        assert_eq!(session.times.len(), 2, "{session:?}");
        assert!(session.times.iter().all(|time| time.ends_with('Z')));
        assert_eq!(session.browser, "Unknown browser");
    }
    let page = here.get("/account").await.body;
    assert!(page.contains("This one"), "{page}");
    let id = &there.cookies["session"];
    assert!(!page.contains(id) && !page.contains(&here.cookies["session"]));

    let body = format!("session={}", key(&there));
    let answer = form(&mut here, "/account/end", &body).await;
    assert_eq!(leads_to(&answer), "/account?done=1");
    assert!(!is_signed_in(&there).await);
    assert!(is_signed_in(&here).await);
    assert_eq!(sessions(&mut here).await.len(), 1);
    let page = here.get("/account?done=1").await.body;
    assert!(page.contains("One session was ended."), "{page}");
}

#[tokio::test] // R58
async fn a_user_ends_all_their_other_sessions_at_once() {
    let app = TestApp::start().await;
    let mut here = app.signed_in(EMPLOYEE).await;
    let others = [app.signed_in(EMPLOYEE).await, app.signed_in(EMPLOYEE).await];
    let colleague = app.signed_in(MANAGER).await;
    let answer = form(&mut here, "/account/end-others", "").await;
    assert_eq!(leads_to(&answer), "/account?done=2");
    for other in &others {
        assert!(!is_signed_in(other).await);
    }
    assert!(is_signed_in(&here).await && is_signed_in(&colleague).await);
}

#[tokio::test] // R58
async fn a_key_of_somebody_else_is_answered_like_one_that_nobody_has() {
    let app = TestApp::start().await;
    let mut here = app.signed_in(EMPLOYEE).await;
    let colleague = app.signed_in(MANAGER).await;
    let theirs = key(&colleague);
    let mut answers = Vec::new();
    for key in [theirs.as_str(), &"0".repeat(64), "x", ""] {
        let answer = form(&mut here, "/account/end", &format!("session={key}")).await;
        assert_eq!(leads_to(&answer), "/account?done=0", "{key}");
        answers.push((answer.body, answer.headers.len()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    for odd in ["session=a&session=b", "nonsense"] {
        let answer = form(&mut here, "/account/end", odd).await;
        assert_eq!(leads_to(&answer), "/account?done=0", "{odd}");
    }
    assert!(is_signed_in(&colleague).await);
}

#[tokio::test] // R58, R71
async fn ending_ones_own_session_from_the_list_is_a_sign_out() {
    let app = TestApp::start().await;
    let mut here = app.signed_in(EMPLOYEE).await;
    let replay = here.clone();
    let body = format!("session={}", key(&here));
    let answer = form(&mut here, "/account/end", &body).await;
    assert!(leads_to(&answer).contains("/logout?"), "{answer:?}");
    assert!(!here.cookies.contains_key("session"));
    assert!(!is_signed_in(&replay).await);
}

#[tokio::test] // R58
async fn an_admin_sees_and_ends_the_sessions_of_anybody_in_their_tenant() {
    let app = TestApp::start().await;
    let mut admin = app.signed_in(ADMIN).await;
    let mut first = app.signed_in(EMPLOYEE).await;
    let second = app.signed_in(EMPLOYEE).await;
    let oid = oid(&mut first).await;
    for person in [
        EMPLOYEE,
        &oid,
        &oid.to_ascii_uppercase(),
        " maya.lindqvist@fabrikam.example ",
    ] {
        let page = page_of(&mut admin, person).await;
        let seen = listed(&page);
        assert_eq!(seen.len(), 2, "{person}");
        assert!(seen.iter().all(|session| session.key.is_some()));
        for part in ["Where Maya Lindqvist is signed in", &oid] {
            assert!(page.body.contains(part), "{}", page.body);
        }
    }

    let body = format!("person={oid}&session={}", key(&first));
    let answer = form(&mut admin, "/account/end", &body).await;
    assert_eq!(leads_to(&answer), format!("/account?person={oid}&done=1"));
    assert!(!is_signed_in(&first).await);
    assert!(is_signed_in(&second).await);

    let answer = form(&mut admin, "/account/end-others", &format!("person={oid}")).await;
    assert_eq!(leads_to(&answer), format!("/account?person={oid}&done=1"));
    assert!(!is_signed_in(&second).await);
    assert!(is_signed_in(&admin).await);

    // Themself by name: their own list, where "all" is all others.
    let own = page_of(&mut admin, ADMIN).await;
    assert_eq!(listed(&own).len(), 1);
    assert!(own.body.contains("Where you're signed in"), "{}", own.body);
    let own = admin.user().await["oid"].as_str().unwrap().to_owned();
    form(&mut admin, "/account/end-others", &format!("person={own}")).await;
    assert!(is_signed_in(&admin).await);
}

#[tokio::test] // R58
async fn an_admin_who_asks_for_nobody_is_told_so_and_a_deleted_users_id_still_counts() {
    let app = TestApp::start().await;
    let mut admin = app.signed_in(ADMIN).await;
    for nobody in [
        "nobody@fabrikam.example",
        "..",
        ".",
        "a/b",
        "$count",
        "x?y",
        "%2e%2e",
        "a b",
    ] {
        let page = page_of(&mut admin, nobody).await;
        assert_eq!(page.status, 404, "{nobody} {}", page.body);
        assert!(page.body.contains("Nobody in your organisation"));
    }
    let deleted = "00000000-0000-4000-8000-00000000dead";
    let page = page_of(&mut admin, deleted).await;
    assert!(listed(&page).is_empty());
    assert!(page.body.contains(&format!("Where {deleted} is")));
}

#[tokio::test] // R58
async fn without_the_app_role_other_peoples_sessions_are_403() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    let mut colleague = app.signed_in(MANAGER).await;
    let theirs = key(&colleague);
    let oid = oid(&mut colleague).await;
    assert!(!offers_others(&maya.get("/account").await));
    for person in [MANAGER, oid.as_str(), "nobody@fabrikam.example"] {
        let page = page_of(&mut maya, person).await;
        assert_eq!(page.status, 403);
        assert!(page.body.contains("Sessions.Admin"), "{}", page.body);
    }
    for (path, body) in [
        ("/account/end", format!("person={oid}&session={theirs}")),
        ("/account/end-others", format!("person={oid}")),
    ] {
        let answer = form(&mut maya, path, &body).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.body.contains("Sessions.Admin"), "{}", answer.body);
    }
    assert!(is_signed_in(&colleague).await);
}

#[tokio::test] // R58, R43
async fn an_admin_of_another_tenant_sees_and_ends_nothing_of_this_one() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    let (theirs, oid) = (key(&maya), oid(&mut maya).await);
    let mut stranger = signed_in_as_admin(&app, STRANGER).await;
    assert_ne!(stranger.user().await["tid"], FABRIKAM);
    assert!(offers_others(&stranger.get("/account").await));
    assert_eq!(page_of(&mut stranger, EMPLOYEE).await.status, 404);
    let answer = page_of(&mut stranger, &oid).await;
    assert!(
        !answer.body.contains(&theirs) && !answer.body.contains("Maya"),
        "{}",
        answer.body
    );
    let body = format!("person={oid}&session={theirs}");
    let answer = form(&mut stranger, "/account/end", &body).await;
    assert_eq!(leads_to(&answer), format!("/account?person={oid}&done=0"));
    form(
        &mut stranger,
        "/account/end-others",
        &format!("person={oid}"),
    )
    .await;
    assert!(is_signed_in(&maya).await);
}

#[tokio::test] // R58
async fn an_app_role_that_was_taken_away_is_gone_with_the_next_refresh() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let mut admin = app.signed_in(ADMIN).await;
    assert_eq!(page_of(&mut admin, EMPLOYEE).await.status, 200);
    app.control()
        .fault(Fault::id_token(roles(json!([]))).for_grant("refresh_token"));
    app.advance(Duration::from_hours(2));
    assert_eq!(admin.call("home", "").await.status, 200);
    assert_eq!(page_of(&mut admin, EMPLOYEE).await.status, 403);
}

#[tokio::test] // R58
async fn a_personal_account_is_nobodys_admin() {
    let app = TestApp::start().await;
    let mut sam = signed_in_as_admin(&app, PERSONAL).await;
    assert!(!offers_others(&sam.get("/account").await));
    let person = "00000000-0000-4000-8000-00000000dead";
    assert_eq!(page_of(&mut sam, person).await.status, 403);
    let body = format!("person={person}");
    let answer = form(&mut sam, "/account/end-others", &body).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test] // R58, R60
async fn the_forms_need_a_session_a_post_and_this_origin() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    let other = app.signed_in(EMPLOYEE).await;
    for path in ["/account/end", "/account/end-others"] {
        assert_eq!(
            leads_to(&form(&mut app.browser(), path, "").await),
            "/account"
        );
        assert_eq!(maya.get(path).await.status, 405, "{path}");
        let headers = [
            ("sec-fetch-site", "cross-site"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = maya.send(Method::POST, path, &headers, Some("")).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    assert!(is_signed_in(&other).await);
    let page = app.browser().get("/account").await;
    assert!(
        page.body.contains("Sign in to see this page"),
        "{}",
        page.body
    );
}

#[tokio::test] // R54
async fn a_store_that_is_down_ends_nothing_and_says_so() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    app.cloakroom.sessions.store.close().await;
    for path in ["/account/end", "/account/end-others"] {
        let answer = form(&mut maya, path, "").await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(!answer.header("retry-after").is_empty());
    }
}

#[tokio::test] // R52
async fn the_page_tells_what_the_session_knows_and_no_token() {
    let app = TestApp::start().await;
    let mut admin = app.signed_in(ADMIN).await;
    let session = app.session(&admin).await;
    let page = admin.get("/account").await.body;
    let user = &session.signed_in.user;
    let table = between(&page, "<table class=\"claims\">", "</table>").unwrap();
    for (claim, value) in [
        ("name", user.name.as_str()),
        ("preferred_username", ADMIN),
        ("oid", &user.oid),
        ("tid", FABRIKAM),
        ("sub", &user.sub),
        ("iss", &user.iss),
        ("aud", &app.cloakroom.config.client_id),
        ("sid", user.sid.as_deref().unwrap()),
        ("login_hint", user.login_hint.as_deref().unwrap()),
        ("roles", "Sessions.Admin"),
        ("xms_pl", "en-NZ"),
    ] {
        let row = format!("<code>{claim}</code></th><td><code>{value}</code></td><td>");
        assert!(table.contains(&row), "{row} in {table}");
    }
    for (claim, seconds) in [("iat", user.issued), ("exp", user.expires)] {
        let time = server::pages::rfc3339_of(seconds);
        let row = format!("<code>{claim}</code></th><td><time datetime=\"{time}\">");
        assert!(table.contains(&row), "{row} in {table}");
    }
    assert!(!table.contains("<td></td>"), "each is explained: {table}");
    for end in [session.ends, session.expires] {
        let time = server::pages::rfc3339_of(end);
        assert!(page.contains(&format!("<time datetime=\"{time}\">")));
    }
    let scopes = between(&page, "<dl class=\"scopes\">", "</dl>").unwrap();
    for scope in &session.signed_in.access.scopes {
        assert!(scopes.contains(&format!("<code>{scope}</code>")), "{scope}");
    }
    assert!(scopes.contains("To read your own profile and photo."));
    assert!(page.contains("href=\"https://myapps.microsoft.com\""));
    // Another person's page tells of theirs alone.
    let page = page_of(&mut admin, EMPLOYEE).await.body;
    assert!(!page.contains("class=\"claims\"") && !page.contains("class=\"scopes\""));
    let mut sam = app.signed_in(PERSONAL).await;
    let page = sam.get("/account").await.body;
    assert!(page.contains("href=\"https://account.live.com/consent/Manage\""));
}

#[tokio::test]
async fn the_page_and_its_refusals_speak_the_language_of_the_visit() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    maya.cookies.insert("lang".into(), "nl".into());
    let page = maya.get("/account").await.body;
    for text in [
        "Waar je bent aangemeld",
        "Onbekende browser",
        "Om je eigen profiel",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let refused = page_of(&mut maya, MANAGER).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("is de app-rol Sessions.Admin nodig"));
    let refused = form(&mut maya, "/account/end", "person=x").await;
    assert!(
        refused.body.contains("Dit zijn niet je eigen sessies"),
        "{}",
        refused.body
    );
    let missing = maya.get("/no/such/page").await;
    assert!(missing.body.contains("Er is geen pagina op /no/such/page."));
    let refused = maya.get("/auth/login?prompt=x").await;
    assert!(
        refused.body.contains("Deze aanmeldlink klopt niet"),
        "{}",
        refused.body
    );
    let refused = maya.get("/auth/callback?state=x&code=y").await;
    assert!(
        refused.body.contains("kan niet worden afgerond"),
        "{}",
        refused.body
    );
    let refused = maya.call("nothing", "").await;
    assert_eq!(refused.json()["error"]["message"], "Op dit adres is niets.");
    let refused = maya.post("/auth/revoke").await;
    assert!(
        refused
            .body
            .contains("is de machtiging User.RevokeSessions.All nodig"),
        "{}",
        refused.body
    );
    app.cloakroom.sessions.store.close().await;
    let down = maya.get("/account").await;
    assert_eq!(down.status, 503);
    assert!(
        down.body.contains("Nu even niet beschikbaar"),
        "{}",
        down.body
    );
}
