//! Section A of the requirements: what comes back from the platform, by the browser and from the token endpoint.

use emulator::{Answer as Bad, Callback, Endpoint, Fault, TokenChange};
use reqwest::{Method, Url};

use crate::harness::{EMPLOYEE, FABRIKAM, IMPATIENT, MANAGER, TestApp};

#[tokio::test] // R3
async fn a_missing_wrong_or_swapped_state_is_refused_before_any_token_call() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "").await;
    let url = Url::parse(&format!("http://x{callback}")).unwrap();
    let code = url
        .query_pairs()
        .find(|(n, _)| n == "code")
        .unwrap()
        .1
        .into_owned();

    let mut other = app.browser();
    let theirs = other.begin(MANAGER, "").await;
    for path in [
        format!("/auth/callback?code={code}"),
        format!("/auth/callback?code={code}&state="),
        format!("/auth/callback?code={code}&state=forged"),
        theirs,
    ] {
        let answer = browser.callback(&path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains("Sign in again"), "{path}: a way on");
    }
    assert_eq!(app.token_calls(), 0);
    assert_eq!(browser.user().await, serde_json::Value::Null);
}

#[tokio::test] // R3
async fn a_wrong_or_missing_state_from_the_platform_is_refused_on_error_responses_too() {
    let app = TestApp::start().await;
    for change in [
        Callback::WrongState,
        Callback::MissingState,
        Callback::DuplicateState,
    ] {
        app.control().fault(Fault::callback(change).once());
        let mut browser = app.browser();
        assert_eq!(browser.sign_in(EMPLOYEE).await.status, 400);
    }
    let mut browser = app.browser();
    let answer = browser
        .callback("/auth/callback?error=access_denied&state=forged")
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("belongs to no sign-in"),
        "not taken for the platform's word"
    );
    assert_eq!(app.token_calls(), 0);
}

#[tokio::test] // R3, R7
async fn a_replayed_callback_is_refused_even_with_its_cookie_and_signs_nobody_out() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "").await;
    let with_cookie = browser.clone();
    assert_eq!(browser.callback(&callback).await.status, 303);
    assert_eq!(app.token_calls(), 1);

    let reloaded = browser.callback(&callback).await;
    assert_eq!(reloaded.status, 400, "the attempt's cookie is gone");
    let mut thief = with_cookie;
    let replayed = thief.callback(&callback).await;
    assert_eq!(
        replayed.status, 400,
        "the cookie was kept, the state is used up"
    );
    assert!(replayed.body.contains("already done"));
    assert_eq!(app.token_calls(), 1);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R5, R6
async fn a_callback_without_its_cookie_is_a_page_with_a_way_on() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "").await;
    browser.cookies.clear();
    let answer = browser.callback(&callback).await;
    assert_eq!(answer.status, 400);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.body.contains("href=\"/auth/login"));
    assert_eq!(app.token_calls(), 0);
}

#[tokio::test] // R5
async fn an_attempt_that_took_too_long_is_refused() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "").await;
    app.advance(std::time::Duration::from_mins(16));
    assert_eq!(browser.callback(&callback).await.status, 400);
    assert_eq!(app.token_calls(), 0);
}

#[tokio::test] // R8
async fn a_wrong_iss_in_the_answer_is_refused_and_the_right_one_accepted() {
    let app = TestApp::start().await;
    app.control()
        .fault(Fault::callback(Callback::WrongIss).once());
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 400);
    assert_eq!(app.token_calls(), 0);
    app.control()
        .fault(Fault::callback(Callback::RightIss).once());
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
}

#[tokio::test] // R8
async fn the_iss_of_another_tenant_is_refused_and_so_is_one_that_is_only_nearly_right() {
    let app = TestApp::start().await;
    let origin = app.emulator.origin();
    let tenant = FABRIKAM;
    // What can be seen to be wrong costs no code.
    for (iss, calls) in [
        (format!("{origin}/{{{tenant}}}/v2.0"), 0),
        (format!("{origin}/{}/v2.0", tenant.to_uppercase()), 0),
        (format!("{origin}/{}/v2.0", tenant.replace('-', "")), 0),
        (format!("{origin}/urn:uuid:{tenant}/v2.0"), 0),
        (format!("{origin}/{{tenantid}}/v2.0"), 0),
        (format!("{origin}/{tenant}/v2.0/"), 0),
        (String::new(), 0),
        (
            format!("{origin}/00000000-0000-4000-8000-000000000001/v2.0"),
            1,
        ),
    ] {
        app.control().forget_calls();
        let mut browser = app.browser();
        let callback = browser.begin(EMPLOYEE, "").await;
        let encoded: String = url::form_urlencoded::byte_serialize(iss.as_bytes()).collect();
        let answer = browser.callback(&format!("{callback}&iss={encoded}")).await;
        assert_eq!(answer.status, 400, "{iss}");
        assert!(!browser.cookies.contains_key("session"), "{iss}");
        assert_eq!(app.token_calls(), calls, "{iss}");
    }
}

#[tokio::test] // R5
async fn a_callback_says_one_thing_about_the_cookie_of_its_attempt() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.begin(EMPLOYEE, "").await;
    let callback = browser.begin(EMPLOYEE, "").await;
    let answer = browser.callback(&callback).await;
    let mut names: Vec<_> = answer
        .set_cookies()
        .iter()
        .map(|cookie| cookie.split('=').next().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(
        names.len(),
        3,
        "the session, the other attempt, this one: {names:?}"
    );
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test] // R7, R63
async fn a_probe_begins_and_ends_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "").await;
    for path in [
        "/auth/login",
        &callback,
        "/auth/frontchannel-logout?sid=00000000-0000-0000-0000-000000000000",
    ] {
        let answer = browser.send(Method::HEAD, path, &[], None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, "GET"),
            "{path}"
        );
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
    assert_eq!(app.token_calls(), 0);
    assert_eq!(
        browser.callback(&callback).await.status,
        303,
        "it is still good"
    );
}

#[tokio::test] // R7
async fn a_repeated_code_parameter_is_refused() {
    let app = TestApp::start().await;
    app.control()
        .fault(Fault::callback(Callback::DuplicateCode).once());
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 400);
    app.control()
        .fault(Fault::callback(Callback::MissingCode).once());
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 400);
    assert_eq!(app.token_calls(), 0);
}

#[tokio::test] // R9
async fn an_error_description_is_shown_as_text() {
    let app = TestApp::start().await;
    app.control().fault(
        Fault::callback(Callback::Error {
            error: "access_denied".into(),
            description: "AADSTS65004: <script>alert(1)</script>".into(),
        })
        .once(),
    );
    let answer = app.browser().sign_in(EMPLOYEE).await;
    assert_eq!(answer.status, 400);
    assert!(!answer.body.contains("<script>alert"));
    assert!(answer.body.contains("&lt;script&gt;alert"));
    assert!(answer.body.contains("cancelled"));
    assert!(answer.body.contains("Correlation ID"));
    assert_eq!(app.token_calls(), 0);
}

#[tokio::test] // R13
async fn the_callback_answers_with_303_no_store_and_no_referrer() {
    let app = TestApp::start().await;
    let answer = app.browser().sign_in(EMPLOYEE).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
}

#[tokio::test] // R23
async fn odd_but_right_token_answers_are_accepted() {
    let app = TestApp::start().await;
    for change in [
        TokenChange::TokenType("bEaReR".into()),
        TokenChange::ExtraMembers,
    ] {
        app.control().fault(Fault::token(change).once());
        assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    }
}

#[tokio::test] // R23, R24, R27
async fn a_token_endpoint_in_trouble_is_a_page_that_says_so() {
    let app = TestApp::with_deadline(&[], IMPATIENT).await;
    let token = |with| Fault::answer(Endpoint::Token, with);
    let rules = [
        (
            token(Bad::Status {
                status: 500,
                retry_after: None,
            }),
            503,
        ),
        (
            token(Bad::Status {
                status: 429,
                retry_after: Some("7".into()),
            }),
            503,
        ),
        (token(Bad::Drop), 503),
        (token(Bad::MalformedJson), 503),
        (token(Bad::TruncatedJson), 503),
        (token(Bad::Html), 503),
        (token(Bad::Empty), 503),
        (token(Bad::Delay { millis: 20_000 }), 504),
        (
            Fault::token(TokenChange::Missing("access_token".into())),
            503,
        ),
        (Fault::token(TokenChange::Missing("id_token".into())), 503),
        (Fault::token(TokenChange::TokenType("mac".into())), 503),
    ];
    for (rule, status) in rules {
        let name = format!("{rule:?}");
        app.control().fault(rule.once());
        let answer = app.browser().sign_in(EMPLOYEE).await;
        assert_eq!(answer.status, status, "{name}");
        assert!(answer.body.contains("Try again"), "{name}");
        app.control().clear();
        // Past the Retry-After.
        app.advance(std::time::Duration::from_secs(8));
    }
}

#[tokio::test] // R27
async fn a_refused_credential_is_the_operators_to_mend() {
    let app = TestApp::with(&[("CLIENT_SECRET", "not-the-right-one")]).await;
    let answer = app.browser().sign_in(EMPLOYEE).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("whoever runs this app"));
}
