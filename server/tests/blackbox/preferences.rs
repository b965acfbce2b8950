//! A language, a theme and no shortcuts, as chosen for a browser: what is kept, and which of the wishes counts.

use reqwest::Method;

use crate::harness::{Answer, Browser, EMPLOYEE, TestApp};

const DUTCH: &str = "ingrid.vandermeer@fabrikam.example";

/// Presses a button at the end of a page.
async fn choose(app: &TestApp, browser: &mut Browser, choice: &str, on: &str) -> Answer {
    let referer = format!("{}{on}", app.origin);
    choose_from(browser, choice, &referer).await
}

async fn choose_from(browser: &mut Browser, choice: &str, referer: &str) -> Answer {
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("referer", referer),
    ];
    browser
        .send(Method::POST, "/preferences", &headers, Some(choice))
        .await
}

/// A page, as a browser that would rather read these languages asks for it.
async fn page(browser: &mut Browser, path: &str, languages: &str) -> String {
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("accept-language", languages),
    ];
    browser.send(Method::GET, path, &headers, None).await.body
}

/// The tag that a document begins with.
fn root(page: &str) -> &str {
    let (_, rest) = page.split_once("<html").unwrap_or_default();
    rest.split('>').next().unwrap_or_default()
}

fn is_in(page: &str, language: &str) -> bool {
    root(page).contains(&format!("lang=\"{language}\""))
}

#[tokio::test] // R45
async fn each_choice_is_a_cookie_of_its_own_that_scripts_and_other_hosts_do_not_see() {
    let app = TestApp::start().await;
    for (choice, kept) in [
        ("lang=nl", "lang=nl;"),
        ("theme=dark", "theme=dark;"),
        ("keys=off", "keys=off;"),
    ] {
        let answer = choose(&app, &mut app.browser(), choice, "/").await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookies = answer.set_cookies();
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        assert!(cookies[0].starts_with(kept), "{cookies:?}");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=34560000"] {
            assert!(cookies[0].contains(part), "{part} in {cookies:?}");
        }
        assert!(!cookies[0].contains("Domain") && !cookies[0].contains("Secure"));
    }
    let app = TestApp::with(&[("PUBLIC_URL", "https://app.example")]).await;
    let answer = choose(&app, &mut app.browser(), "theme=light", "/").await;
    let cookie = &answer.set_cookies()[0];
    assert!(cookie.starts_with("__Host-theme=light;"), "{cookie}");
    assert!(cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn what_was_chosen_counts_more_than_the_profile_than_the_browser_than_english() {
    let app = TestApp::start().await;
    let mut ingrid = app.signed_in(DUTCH).await;
    let mut visitor = app.browser();
    assert!(is_in(&page(&mut visitor, "/", "fr, de;q=0.5").await, "en"));
    assert!(is_in(
        &page(&mut visitor, "/", "nl-BE, en;q=0.5").await,
        "nl"
    ));
    // xms_pl is nl-NL.
    assert!(is_in(&page(&mut ingrid, "/account", "en").await, "nl"));
    choose(&app, &mut ingrid, "lang=en", "/account").await;
    let chosen = page(&mut ingrid, "/account", "nl").await;
    assert!(is_in(&chosen, "en"), "{}", root(&chosen));
    // Signed out, the choice stays.
    ingrid.cookies.remove("session");
    assert!(is_in(&page(&mut ingrid, "/", "nl").await, "en"));
}

#[tokio::test]
async fn a_chosen_page_comes_as_chosen_with_its_first_bytes() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    for choice in ["lang=nl", "theme=dark"] {
        choose(&app, &mut maya, choice, "/").await;
    }
    for path in ["/", "/people", "/account", "/no/such/page", "/auth/error"] {
        let page = page(&mut maya, path, "en").await;
        let (before, _) = page.split_once("<head").unwrap();
        assert!(before.contains("lang=\"nl\""), "{path}: {before}");
        assert!(before.contains("data-theme=\"dark\""), "{path}: {before}");
        assert!(page.contains("<meta name=\"color-scheme\" content=\"dark\">"));
        assert!(page.contains(">Afmelden</button>"), "{path}: {page}");
    }
    choose(&app, &mut maya, "theme=system", "/").await;
    let page = page(&mut maya, "/", "en").await;
    assert!(!root(&page).contains("data-theme"), "{}", root(&page));
    assert!(page.contains("content=\"light dark\""), "{page}");
}

#[tokio::test] // R12
async fn a_choice_leads_back_to_the_page_it_was_made_on_and_nowhere_else() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for (page, back) in [
        (
            "/people?search=a%20b&cursor=x",
            "/people?search=a%20b&cursor=x",
        ),
        ("/account", "/account"),
        ("//evil.example/x", "/"),
        ("/%5Cevil.example", "/"),
        ("", "/"),
    ] {
        let answer = choose(&app, &mut browser, "theme=dark", page).await;
        assert_eq!(answer.header("location"), back, "{page}");
    }
    for (referer, back) in [
        // The gate has let it in, so it is a page of ours, whatever a proxy calls its host: the host is left out.
        ("https://elsewhere.example/people", "/people"),
        ("javascript:alert(1)", "/"),
        ("nonsense", "/"),
    ] {
        let answer = choose_from(&mut browser, "theme=dark", referer).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), back, "{referer}");
    }
}

#[tokio::test] // R60, R62, R63
async fn only_a_form_of_this_origin_chooses() {
    let app = TestApp::start().await;
    for site in ["cross-site", "same-site", "none"] {
        let headers = [
            ("sec-fetch-site", site),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let mut browser = app.browser();
        let answer = browser
            .send(Method::POST, "/preferences", &headers, Some("lang=nl"))
            .await;
        assert_eq!(answer.status, 403, "{site}");
        assert!(answer.set_cookies().is_empty(), "{site}");
    }
    assert_eq!(app.browser().get("/preferences?lang=nl").await.status, 405);
}

#[tokio::test]
async fn an_unknown_value_is_no_choice() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for choice in ["lang=nl", "theme=dark", "keys=off"] {
        choose(&app, &mut browser, choice, "/").await;
    }
    assert_eq!(browser.cookies.len(), 3);
    for choice in ["lang=tlh", "theme=%22%3E%3Cscript%3E", "keys=x%0d%0ay"] {
        let answer = choose(&app, &mut browser, choice, "/").await;
        assert_eq!(answer.status, 303, "{choice}");
        assert!(answer.set_cookies()[0].contains("Max-Age=0"), "{choice}");
    }
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    let answer = choose(&app, &mut browser, "colour=red", "/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies().len()),
        (303, 0)
    );
    // Nor does a cookie that somebody wrote get into a page.
    browser.cookies.insert("theme".into(), "\"><script>".into());
    browser.cookies.insert("lang".into(), "xx".into());
    let page = page(&mut browser, "/", "nl").await;
    assert!(is_in(&page, "nl"), "{}", root(&page));
    assert!(!page.contains("\"><script"), "{page}");
}

#[tokio::test] // WCAG 2.1.4
async fn who_turns_shortcuts_off_gets_pages_that_say_so() {
    let app = TestApp::start().await;
    let mut maya = app.signed_in(EMPLOYEE).await;
    let on = page(&mut maya, "/account", "en").await;
    assert!(on.contains("name=\"keys\" value=\"off\""), "{on}");
    assert!(!on.contains("data-off"), "{on}");
    choose(&app, &mut maya, "keys=off", "/account").await;
    let off = page(&mut maya, "/account", "en").await;
    assert!(off.contains("name=\"keys\" value=\"on\""), "{off}");
    assert!(off.contains("data-off"), "{off}");
    choose(&app, &mut maya, "keys=on", "/account").await;
    assert!(!page(&mut maya, "/account", "en").await.contains("data-off"));
}
