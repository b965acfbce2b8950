//! A signed-in person is asked for more: another permission, another proof. Who comes back must be them.

use emulator::{Callback, Client, Endpoint, Fault, Forgery};
use reqwest::Url;
use serde_json::json;

use crate::{
    harness::{Answer, EMPLOYEE, MANAGER, TestApp},
    leaks::Log,
};

fn query(answer: &Answer, name: &str) -> Option<String> {
    Url::parse(answer.header("location"))
        .unwrap()
        .query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// An administrator has allowed these too.
fn allow(app: &TestApp, scopes: &[&str]) {
    let mut client = Client::demo();
    client
        .consented
        .extend(scopes.iter().map(|scope| (*scope).to_owned()));
    app.control().register(client);
}

#[tokio::test] // R26
async fn a_permission_is_asked_for_in_addition_and_the_person_comes_back_to_where_they_were() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    allow(&app, &["Mail.Read", "Calendars.Read"]);
    let start = browser
        .get("/auth/login?scope=Mail.Read&return_to=%2Fpeople%3Fsearch%3Dann")
        .await;
    assert_eq!(
        query(&start, "scope").unwrap(),
        "openid profile offline_access User.Read User.ReadBasic.All Mail.Read"
    );
    assert!(query(&start, "login_hint").is_some(), "no account to pick");
    let callback = browser.at_platform(start.header("location")).await;
    let answer = browser.callback(&callback).await;
    assert_eq!(answer.header("location"), "/people?search=ann");
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    // The next step keeps what this one brought.
    let next = browser.get("/auth/login?scope=Calendars.Read").await;
    let scopes = query(&next, "scope").unwrap();
    assert!(
        scopes.contains("Mail.Read") && scopes.contains("Calendars.Read"),
        "{scopes}"
    );
}

#[tokio::test] // R99
async fn a_challenge_is_carried_to_the_platform_beside_cp1() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let plain = browser.get("/auth/login").await;
    assert_eq!(
        query(&plain, "claims").unwrap(),
        r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#
    );
    let challenge = "%7B%22access_token%22%3A%7B%22nbf%22%3A%7B%22value%22%3A%221%22%7D%7D%7D";
    let path = format!("/auth/login?login_hint={EMPLOYEE}&claims={challenge}");
    let carried = browser.get(&path).await;
    let both = r#"{"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["cp1"]}}}"#;
    assert_eq!(query(&carried, "claims").unwrap(), both);
    let callback = browser.at_platform(carried.header("location")).await;
    assert_eq!(browser.callback(&callback).await.status, 303);
    let call = app.calls(Endpoint::Token).pop().unwrap();
    assert_eq!(call.field("claims").unwrap(), both);
    for nonsense in ["x", "%5B%5D", "%22x%22"] {
        let path = format!("/auth/login?claims={nonsense}");
        assert_eq!(browser.get(&path).await.status, 400, "{nonsense}");
    }
}

#[tokio::test] // R43, R48
async fn somebody_else_who_comes_back_is_noticed_and_said_and_never_mixed() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    allow(&app, &["Mail.Read"]);
    let (log, _watching) = Log::watch();
    for step in ["scope=Mail.Read", "claims=%7B%7D"] {
        let ticket = browser.cookies["session"].clone();
        let callback = browser
            .begin(MANAGER, &format!("&{step}&return_to=%2Fpeople"))
            .await;
        let answer = browser.get_from_elsewhere(&callback).await;
        assert_eq!(answer.status, 409, "{step}");
        assert!(
            answer.body.contains("another account")
                && answer.body.contains(EMPLOYEE)
                && answer.body.contains(MANAGER),
            "{}",
            answer.body
        );
        assert!(answer.body.contains("href=\"/people\""), "a way back");
        assert_eq!(browser.cookies["session"], ticket);
        assert_eq!(browser.user().await["username"], EMPLOYEE, "{step}");
    }
    assert!(log.text().contains("sign_in_failed") && !log.text().contains(MANAGER));
}

#[tokio::test] // R43
async fn the_same_address_with_another_object_id_is_somebody_else() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    allow(&app, &["Mail.Read"]);
    app.control()
        .fault(Fault::id_token(Forgery::WrongOid).once());
    let callback = browser.begin(EMPLOYEE, "&scope=Mail.Read").await;
    let answer = browser.get_from_elsewhere(&callback).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R43
async fn another_address_with_the_same_object_id_is_the_same_person() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    allow(&app, &["Mail.Read"]);
    app.control().fault(
        Fault::id_token(Forgery::Claim {
            name: "preferred_username".into(),
            value: json!("married.name@fabrikam.example"),
        })
        .once(),
    );
    let callback = browser.begin(EMPLOYEE, "&scope=Mail.Read").await;
    assert_eq!(browser.callback(&callback).await.status, 303);
    assert_eq!(
        browser.user().await["username"],
        "married.name@fabrikam.example"
    );
}

#[tokio::test] // R48
async fn another_account_that_was_asked_for_replaces_the_session() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let old = browser.clone();
    let start = browser
        .get("/auth/login?prompt=select_account&return_to=%2Fpeople")
        .await;
    assert_eq!(query(&start, "prompt").unwrap(), "select_account");
    assert_eq!(query(&start, "login_hint"), None);
    let callback = browser.begin(MANAGER, "").await;
    assert_eq!(browser.callback(&callback).await.status, 303);
    assert_eq!(browser.user().await["username"], MANAGER);
    assert_eq!(old.clone().user().await, json!(null));
}

#[tokio::test] // R26
async fn a_permission_that_is_declined_leaves_everything_as_it_was() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().fault(
        Fault::callback(Callback::Error {
            error: "access_denied".into(),
            description: "AADSTS65004: User declined to consent to access the app.".into(),
        })
        .once(),
    );
    allow(&app, &["Mail.Read"]);
    let callback = browser
        .begin(EMPLOYEE, "&scope=Mail.Read&return_to=%2Fpeople")
        .await;
    let answer = browser.get_from_elsewhere(&callback).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("href=\"/people\""),
        "a way back: {}",
        answer.body
    );
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    assert_eq!(app.token_calls(), 1, "nothing was redeemed");
}

#[tokio::test] // R18
async fn a_sign_in_is_a_redirect_of_the_whole_page() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let home = browser.get("/").await;
    assert!(home.body.contains("href=\"/auth/login"));
    assert!(!home.body.contains("target=\"") && !home.body.contains("window.open"));
    let start = browser.get("/auth/login").await;
    assert_eq!(start.status, 303);
    assert!(start.header("location").starts_with(&app.emulator.origin()));
    assert!(query(&start, "display").is_none());
}
