//! Section A of the requirements: starting a sign-in, and being signed in.

use std::collections::HashSet;

use emulator::{Answer as Bad, Endpoint, Fault, TokenChange};
use reqwest::{Method, Url};

use crate::harness::{EMPLOYEE, IMPATIENT, TestApp};

fn parameter(url: &str, name: &str) -> String {
    Url::parse(url)
        .unwrap()
        .query_pairs()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
        .unwrap_or_default()
}

#[tokio::test] // R1, R15, R19, R20
async fn signing_in_redeems_one_code_as_a_confidential_client_and_starts_a_session() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    assert_eq!(browser.user().await, serde_json::Value::Null);
    let answer = browser.sign_in(EMPLOYEE).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/")
    );

    let calls = app.calls(Endpoint::Token);
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(call.status, Some(200));
    assert_eq!(call.field("grant_type").unwrap(), "authorization_code");
    assert_eq!(
        call.field("client_secret").unwrap(),
        emulator::DEMO_CLIENT_SECRET
    );
    assert_eq!((call.header("origin"), call.header("cookie")), (None, None));
    let user = browser.user().await;
    assert_eq!(user["username"], EMPLOYEE);
    assert_eq!(user["name"], "Maya Lindqvist");
    assert_eq!(user.as_object().unwrap().len(), 4);
}

#[tokio::test] // R2, R3, R4, R15
async fn each_attempt_has_its_own_state_nonce_and_pkce_challenge() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let start = browser.get("/auth/login").await;
        let location = start.header("location");
        assert_eq!(parameter(location, "response_type"), "code");
        assert_eq!(parameter(location, "response_mode"), "query");
        assert_eq!(parameter(location, "code_challenge_method"), "S256");
        assert_eq!(parameter(location, "code_challenge").len(), 43);
        let scopes = parameter(location, "scope");
        assert_eq!(
            scopes,
            "openid profile offline_access User.Read User.ReadBasic.All"
        );
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(location, name);
            assert!(value.len() >= 43, "{name} has at least 128 bits: {value}");
            assert!(seen.insert(value));
        }
    }
}

#[tokio::test] // R5
async fn an_attempts_cookie_is_lax_short_lived_and_deleted_after_use() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let start = browser.get("/auth/login").await;
    let cookie = &start.set_cookies()[0];
    assert!(cookie.starts_with("signin-"), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=900"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"));
    let callback = browser.begin(EMPLOYEE, "").await;
    browser.callback(&callback).await;
    assert_eq!(
        browser
            .cookies
            .keys()
            .filter(|name| name.starts_with("signin-"))
            .count(),
        1,
        "only the first is left"
    );
}

#[tokio::test] // R5
async fn attempts_do_not_pile_up() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.cookies.insert("signin-nonsense".into(), "x".into());
    for _ in 0..12 {
        browser.get("/auth/login").await;
    }
    let attempts: Vec<_> = browser
        .cookies
        .keys()
        .filter(|name| name.starts_with("signin-"))
        .collect();
    assert_eq!(attempts.len(), 5, "{attempts:?}");
}

#[tokio::test] // R10
async fn the_redirect_uri_is_the_configured_one_whatever_the_request_says() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let headers = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=evil.example"),
    ];
    let start = browser
        .send(Method::GET, "/auth/login", &headers, None)
        .await;
    assert_eq!(
        parameter(start.header("location"), "redirect_uri"),
        format!("{}/auth/callback", app.origin)
    );
    let start = browser
        .send(
            Method::GET,
            "/auth/login",
            &[("host", "evil.example")],
            None,
        )
        .await;
    assert_eq!(
        parameter(start.header("location"), "redirect_uri"),
        format!("{}/auth/callback", app.origin)
    );
}

#[tokio::test]
async fn the_quickstarts_redirect_path_works() {
    let app = TestApp::with(&[("REDIRECT_PATH", "/getAToken")]).await;
    let mut browser = app.browser();
    let callback = browser.begin(EMPLOYEE, "").await;
    assert!(callback.starts_with("/getAToken?"), "{callback}");
    assert_eq!(browser.callback(&callback).await.status, 303);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R12
async fn only_a_local_path_is_returned_to() {
    let app = TestApp::start().await;
    for (return_to, location) in [
        ("%2Fpeople%3Fsearch%3Dann", "/people?search=ann"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%250d%250aSet-Cookie%3Aa%3Db", "/"),
        ("%2Fauth%2Flogin", "/"),
    ] {
        let mut browser = app.browser();
        let callback = browser
            .begin(EMPLOYEE, &format!("&return_to={return_to}"))
            .await;
        assert_eq!(
            browser.callback(&callback).await.header("location"),
            location,
            "{return_to}"
        );
    }
}

#[tokio::test] // R14
async fn prompts_are_listed_and_hints_pass() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for prompt in ["login", "select_account", "consent", "none", "create"] {
        let start = browser
            .get(&format!(
                "/auth/login?prompt={prompt}&login_hint=a%40b.example&domain_hint=b.example"
            ))
            .await;
        let location = start.header("location");
        assert_eq!(parameter(location, "prompt"), prompt);
        assert_eq!(parameter(location, "login_hint"), "a@b.example");
        assert_eq!(parameter(location, "domain_hint"), "b.example");
    }
    assert_eq!(browser.get("/auth/login?prompt=evil").await.status, 400);
    assert_eq!(
        browser
            .get("/auth/login?prompt=none&prompt=login")
            .await
            .status,
        400
    );
}

#[tokio::test] // R14
async fn a_silent_sign_in_that_fails_ends_on_a_page_and_does_not_loop() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let start = browser.get("/auth/login?prompt=none").await;
    let callback = browser.at_platform(start.header("location")).await;
    let answer = browser.callback(&callback).await;
    assert_eq!(answer.status, 400);
    assert!(
        !answer.body.contains("http-equiv"),
        "nothing goes on by itself"
    );
    assert!(answer.body.contains("Sign in again"));
}

#[tokio::test] // R16
async fn a_narrower_scope_is_accepted_and_not_asked_for_again() {
    let app = TestApp::start().await;
    app.control().fault(Fault::token(TokenChange::Scope(
        "openid profile User.Read".into(),
    )));
    let mut browser = app.signed_in(EMPLOYEE).await;
    for _ in 0..3 {
        assert_eq!(browser.get("/").await.status, 200);
        let page = browser.get("/people").await;
        assert_eq!(
            page.status, 403,
            "what is missing is asked for, once, by a person"
        );
        assert!(page.body.contains("scope=User.ReadBasic.All"));
    }
    let call = browser.call("people", "").await.json();
    assert_eq!(call["error"]["code"], "consent_required");
    assert_eq!(call["error"]["scopes"][0], "User.ReadBasic.All");
    assert_eq!(app.token_calls(), 1);
}

#[tokio::test] // R17, R48
async fn several_tabs_can_sign_in_at_once() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let mut tabs = Vec::new();
    for path in ["%2Fpeople", "%2F", "%2Fpeople%3Fsearch%3Dx"] {
        tabs.push(browser.begin(EMPLOYEE, &format!("&return_to={path}")).await);
    }
    // As a browser does it: the callbacks come without the Strict cookie, and yet one session is left.
    let mut real = browser.clone();
    let mut ids = Vec::new();
    for callback in &tabs[..2] {
        real.get_from_elsewhere(callback).await;
        ids.push(real.cookies["session"].clone());
    }
    let mut old = app.browser();
    old.cookies.insert("session".into(), ids[0].clone());
    assert_eq!(old.user().await, serde_json::Value::Null, "R48");
    assert_eq!(real.user().await["username"], EMPLOYEE);

    let mut browser = app.browser();
    let mut tabs = Vec::new();
    for path in ["%2Fpeople", "%2F", "%2Fpeople%3Fsearch%3Dx"] {
        tabs.push(browser.begin(EMPLOYEE, &format!("&return_to={path}")).await);
    }
    for (callback, location) in tabs.iter().zip(["/people", "/", "/people?search=x"]).rev() {
        let answer = browser.callback(callback).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, location)
        );
    }
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R40
async fn a_platform_that_is_down_or_hostile_is_sent_nobody() {
    use emulator::MetadataChange::{EvilEndpoint, HttpEndpoint, Missing, OtherTenant, WrongIssuer};
    let rules = [
        Fault::metadata(WrongIssuer),
        Fault::metadata(OtherTenant),
        Fault::metadata(EvilEndpoint("authorization_endpoint".into())),
        Fault::metadata(EvilEndpoint("token_endpoint".into())),
        Fault::metadata(EvilEndpoint("jwks_uri".into())),
        Fault::metadata(EvilEndpoint("end_session_endpoint".into())),
        Fault::metadata(HttpEndpoint("token_endpoint".into())),
        Fault::metadata(Missing("token_endpoint".into())),
        Fault::answer(Endpoint::Metadata, Bad::MalformedJson),
        Fault::status(Endpoint::Metadata, 503),
        Fault::answer(Endpoint::Metadata, Bad::Drop),
    ];
    for rule in rules {
        let name = format!("{rule:?}");
        let app = TestApp::start().await;
        app.control().fault(rule);
        let answer = app.browser().get("/auth/login").await;
        assert_eq!(answer.status, 503, "{name}");
        assert!(answer.set_cookies().is_empty());
        app.control().clear();
        assert_eq!(
            app.browser().get("/auth/login").await.status,
            303,
            "{name}: it recovers"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_platform_is_waited_for_once_not_in_turns() {
    let app = TestApp::with_deadline(&[], IMPATIENT).await;
    app.control()
        .fault(Fault::answer(Endpoint::Metadata, Bad::Hold));
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut browser = app.browser();
            tokio::spawn(async move { browser.get("/auth/login").await.status })
        })
        .collect();
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), 504);
    }
    assert_eq!(
        app.calls(Endpoint::Metadata).len(),
        1,
        "those who waited share the answer"
    );
}

#[tokio::test] // R12
async fn nobody_is_led_back_to_the_callback_wherever_it_is() {
    let app = TestApp::with(&[("REDIRECT_PATH", "/getAToken")]).await;
    for return_to in [
        "/getAToken",
        "/getAToken?state=x",
        "/gettoken/../getAToken",
        "/GETATOKEN",
        "/getAToken/",
        "/get%2541Token",
        "/get%252541Token",
    ] {
        let mut browser = app.browser();
        let callback = browser
            .begin(EMPLOYEE, &format!("&return_to={return_to}"))
            .await;
        let answer = browser.callback(&callback).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, "/"),
            "{return_to}"
        );
    }
}
