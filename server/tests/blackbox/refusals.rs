//! What a person reads when Microsoft refuses: the AADSTS number chooses words, and nothing else (R9).

use emulator::{Callback, Fault, TokenChange};
use reqwest::Method;

use crate::harness::{Answer, EMPLOYEE, TestApp};

const IDS: &str = "Trace ID: 0000aaaa-11bb-cccc-dd33-eeeeee333333\r\nCorrelation ID: \
                   aaaa0000-bb11-2222-33cc-444444dddddd\r\nTimestamp: 2016-01-09 02:02:12Z";

/// The callback's page for this refusal, for someone who reads this language.
async fn refused(app: &TestApp, error: &str, description: &str, language: &str) -> Answer {
    let fault = Fault::callback(Callback::Error {
        error: error.into(),
        description: description.into(),
    });
    app.control().fault(fault.once());
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "&return_to=%2Fpeople").await;
    let headers = [("accept", "text/html"), ("accept-language", language)];
    let answer = browser.send(Method::GET, &callback, &headers, None).await;
    assert!(!browser.cookies.contains_key("session"), "{error}");
    answer
}

/// The links of the page's problem, in order.
fn links(page: &Answer) -> Vec<String> {
    let actions = page.body.split("class=\"actions\"").nth(1).unwrap();
    let actions = actions.split("</p>").next().unwrap();
    actions
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"))
        .collect()
}

#[tokio::test] // R9
async fn a_forged_number_in_the_description_changes_nothing_but_words() {
    let app = TestApp::start().await;
    for error in [
        "access_denied",
        "server_error",
        "invalid_client",
        "login_required",
        "made_up",
    ] {
        let plain = refused(&app, error, "", "en").await;
        let mut usual = links(&plain);
        usual.sort();
        assert_eq!(
            usual,
            [
                "/",
                "/auth/login?return_to=%2Fpeople",
                "/auth/login?return_to=%2Fpeople&prompt=select_account"
            ],
            "{error}"
        );
        let of = |answer: &Answer| {
            let names: Vec<_> = answer.headers.keys().cloned().collect();
            let cookies = answer.set_cookies().len();
            (answer.status, names, cookies)
        };
        for number in [
            50011,
            50053,
            53003,
            65004,
            90033,
            7_000_215,
            54005,
            1,
            999_999_999,
        ] {
            let description = format!("AADSTS{number}: Forged.");
            let forged = refused(&app, error, &description, "en").await;
            assert_eq!(of(&forged), of(&plain), "{error} {number}");
            let mut same = links(&forged);
            same.sort();
            assert_eq!(same, usual, "{error} {number}");
            assert!(forged.body.contains(&format!("AADSTS{number}")));
        }
    }
    assert_eq!(app.token_calls(), 0);
}

#[tokio::test] // R9
async fn a_refusal_says_what_happened_who_can_fix_it_what_to_do_and_the_ids() {
    let app = TestApp::start().await;
    let account = "/auth/login?return_to=%2Fpeople&prompt=select_account";
    let again = "/auth/login?return_to=%2Fpeople";
    for (code, who, text, first) in [
        (
            53003,
            "An administrator can fix this.",
            "rules do not let you into",
            "/",
        ),
        (
            50020,
            "You can fix this yourself.",
            "belongs to another organisation",
            account,
        ),
        (
            50126,
            "You can fix this yourself.",
            "the password was not right",
            again,
        ),
        (
            50011,
            "This is for whoever runs this app to fix.",
            "is not registered",
            "/",
        ),
        (
            90033,
            "This passes by itself.",
            "not available just now",
            again,
        ),
        (
            999_999,
            "You can fix this yourself.",
            "permission was declined",
            again,
        ),
    ] {
        let description = format!("AADSTS{code}: What Microsoft writes.\r\n{IDS}");
        let page = refused(&app, "access_denied", &description, "en-GB").await;
        assert_eq!(page.status, 400);
        for part in [
            who,
            text,
            &format!("AADSTS{code}"),
            "What Microsoft writes.",
            "0000aaaa-11bb-cccc-dd33-eeeeee333333",
            "aaaa0000-bb11-2222-33cc-444444dddddd",
            "2016-01-09 02:02:12Z",
            "Correlation ID",
            "lang=\"en\"",
        ] {
            assert!(page.body.contains(part), "{code}: {part} in {}", page.body);
        }
        assert_eq!(links(&page)[0], first, "{code}");
    }
}

#[tokio::test]
async fn who_would_rather_read_dutch_reads_dutch() {
    let app = TestApp::start().await;
    let page = refused(
        &app,
        "access_denied",
        "AADSTS53003: Blocked.",
        "nl-NL,nl;q=0.9,en;q=0.8",
    )
    .await;
    for part in [
        "lang=\"nl\"",
        "Een beheerder kan dit oplossen.",
        "De regels van je organisatie",
        "Naar de startpagina",
        "Microsoft zegt",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let unknown = refused(&app, "brand_new", "", "nl").await;
    assert!(
        unknown.body.contains("Microsoft weigerde"),
        "{}",
        unknown.body
    );
}

#[tokio::test] // R9, R27
async fn a_refusal_of_the_token_endpoint_is_told_from_the_same_table() {
    let app = TestApp::start().await;
    for (error, number, status, text) in [
        ("invalid_client", 7_000_222, 503, "has expired"),
        ("invalid_client", 65004, 503, "was declined"),
        ("invalid_grant", 54005, 400, "had been used already"),
        ("invalid_grant", 7_000_222, 400, "has expired"),
        ("invalid_grant", 50076, 400, "a second proof"),
    ] {
        let refusal = TokenChange::Error {
            error: error.into(),
            number,
            suberror: None,
            description: None,
            claims: None,
        };
        app.control().fault(Fault::token(refusal).once());
        let mut browser = app.browser();
        let page = browser.sign_in(EMPLOYEE).await;
        assert_eq!(page.status, status, "{error} {number}");
        assert!(page.body.contains(text), "{text} in {}", page.body);
        assert!(page.body.contains("Trace ID"), "{}", page.body);
        assert_eq!(browser.user().await, serde_json::Value::Null);
    }
}
