//! A signed-in person is asked for more: another permission, another proof. Who comes back must be them.

use emulator::{Callback, Client, Endpoint, Fault, Forgery, TokenChange};
use reqwest::Url;
use serde_json::json;

use crate::{
    harness::{Answer, EMPLOYEE, MANAGER, TestApp},
    leaks::Log,
};

/// A permission that this app asks for when it is needed, and not before.
const MORE: &str = "User.RevokeSessions.All";

fn query(answer: &Answer, name: &str) -> Option<String> {
    Url::parse(answer.header("location"))
        .unwrap()
        .query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

#[tokio::test] // R26
async fn a_permission_is_asked_for_in_addition_and_the_person_comes_back_to_where_they_were() {
    let app = TestApp::with(&[("SCOPES", "User.Read")]).await;
    app.control().register(Client {
        consented: ["openid", "profile", "offline_access", "User.Read"]
            .map(str::to_owned)
            .to_vec(),
        ..Client::demo()
    });
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.allow(&[]);
    let start = browser
        .get("/auth/login?scope=User.ReadBasic.All&return_to=%2Fpeople%3Fsearch%3Dann")
        .await;
    assert_eq!(
        query(&start, "scope").unwrap(),
        "openid profile offline_access User.Read User.ReadBasic.All"
    );
    assert!(query(&start, "login_hint").is_some(), "no account to pick");
    let callback = browser.at_platform(start.header("location")).await;
    let answer = browser.callback(&callback).await;
    assert_eq!(answer.header("location"), "/people?search=ann");
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    // The next step keeps what this one brought.
    let next = browser.get(&format!("/auth/login?scope={MORE}")).await;
    let scopes = query(&next, "scope").unwrap();
    assert!(
        scopes.contains("User.ReadBasic.All") && scopes.contains(MORE),
        "{scopes}"
    );
}

#[tokio::test] // R15
async fn a_link_asks_for_no_permission_that_this_app_has_no_use_for() {
    let app = TestApp::start().await;
    for mut browser in [app.browser(), app.signed_in(EMPLOYEE).await] {
        for scope in [
            "Mail.Read",
            "Directory.ReadWrite.All",
            ".default",
            "https://graph.microsoft.com/.default",
            "https://graph.microsoft.com/Mail.Send",
            "api://another/Files.Read",
            "User.Read%20Mail.Send",
            "Mail.Send%20User.Read",
            "User.Read,Mail.Read",
            "User.Read%09Mail.Send",
            "User.Read%00",
            "User.RevokeSessions.Al",
            "User.RevokeSessions.All.All",
        ] {
            let answer = browser.get(&format!("/auth/login?scope={scope}")).await;
            assert_eq!(answer.status, 400, "{scope}");
            assert!(answer.body.contains("no use for"), "{scope}");
            assert!(answer.set_cookies().is_empty(), "{scope}");
        }
        for (scope, asked) in [
            (
                "user.readbasic.all",
                "openid profile offline_access User.Read User.ReadBasic.All",
            ),
            (
                "openid%20email%20offline_access%20profile",
                "openid profile offline_access User.Read User.ReadBasic.All",
            ),
            (
                "User.RevokeSessions.All%20%20User.Read",
                "openid profile offline_access User.Read User.ReadBasic.All User.RevokeSessions.All",
            ),
        ] {
            let start = browser.get(&format!("/auth/login?scope={scope}")).await;
            assert_eq!(query(&start, "scope").as_deref(), Some(asked), "{scope}");
        }
    }
    assert_eq!(app.token_calls(), 1, "nothing but the one sign-in");
}

#[tokio::test] // R15
async fn what_the_operator_configured_or_the_person_has_granted_may_be_asked_for_again() {
    let configured = TestApp::with(&[("SCOPES", "User.Read Mail.Read")]).await;
    let ask = "/auth/login?scope=Mail.Read";
    assert_eq!(configured.browser().get(ask).await.status, 303);

    let app = TestApp::start().await;
    app.allow(&["Mail.Read"]);
    // The platform adds what was granted before, asked for or not.
    let mut browser = app.signed_in(EMPLOYEE).await;
    assert_eq!(browser.get(ask).await.status, 303);
    assert_eq!(app.browser().get(ask).await.status, 400);
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
    for nonsense in ["x", "%5B%5D", "%22x%22", "%7B%7D&claims=%7B%7D"] {
        let path = format!("/auth/login?claims={nonsense}");
        assert_eq!(browser.get(&path).await.status, 400, "{nonsense}");
    }
}

#[tokio::test] // R99
async fn a_challenge_in_a_link_takes_nothing_away_and_is_no_longer_than_the_attempt_can_carry() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for (given, sent) in [
        (
            r#"{"access_token":{"xms_cc":{"values":["other"]}}}"#,
            r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#,
        ),
        (
            r#"{"access_token":null,"id_token":{"acrs":{"essential":true,"value":"c1"}}}"#,
            r#"{"access_token":{"xms_cc":{"values":["cp1"]}},"id_token":{"acrs":{"essential":true,"value":"c1"}}}"#,
        ),
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(given.as_bytes()).collect();
        let start = browser.get(&format!("/auth/login?claims={encoded}")).await;
        assert_eq!(query(&start, "claims").as_deref(), Some(sent));
    }
    let long = "x".repeat(3900);
    let path = format!("/auth/login?claims=%7B%22a%22:%22{long}%22%7D");
    let answer = browser.get(&path).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("too long") && answer.set_cookies().is_empty());
}

#[tokio::test] // R43, R48
async fn somebody_else_who_comes_back_is_noticed_and_said_and_never_mixed() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.allow(&[MORE]);
    let (log, _watching) = Log::watch();
    for step in ["scope=User.RevokeSessions.All", "claims=%7B%7D"] {
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
    app.allow(&[MORE]);
    app.control()
        .fault(Fault::id_token(Forgery::WrongOid).once());
    let callback = browser
        .begin(EMPLOYEE, "&scope=User.RevokeSessions.All")
        .await;
    let answer = browser.get_from_elsewhere(&callback).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R43
async fn another_address_with_the_same_object_id_is_the_same_person() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.allow(&[MORE]);
    app.control().fault(
        Fault::id_token(Forgery::Claim {
            name: "preferred_username".into(),
            value: json!("married.name@fabrikam.example"),
        })
        .once(),
    );
    let callback = browser
        .begin(EMPLOYEE, "&scope=User.RevokeSessions.All")
        .await;
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
    let picked = format!("{}&login_hint={MANAGER}", start.header("location"));
    let callback = browser
        .at_platform(&picked.replace("prompt=select_account", ""))
        .await;
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
    app.allow(&[MORE]);
    let callback = browser
        .begin(
            EMPLOYEE,
            "&scope=User.RevokeSessions.All&return_to=%2Fpeople",
        )
        .await;
    let answer = browser.get_from_elsewhere(&callback).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("Nothing has changed")
            && !answer.body.contains("signed in as before")
            && answer.body.contains("href=\"/people\"")
            && answer.body.contains("Go back"),
        "what happened, and a way back: {}",
        answer.body
    );
    assert_eq!(browser.user().await["username"], EMPLOYEE);
    assert_eq!(app.token_calls(), 1, "nothing was redeemed");
}

/// The answer to a step-up that ends with this error.
async fn refused_step_up(app: &TestApp, error: &str, parameters: &str) -> Answer {
    let mut browser = app.signed_in(EMPLOYEE).await;
    let refusal = Callback::Error {
        error: error.into(),
        description: String::new(),
    };
    app.control().fault(Fault::callback(refusal).once());
    app.allow(&[MORE]);
    let callback = browser.begin(EMPLOYEE, parameters).await;
    browser.get_from_elsewhere(&callback).await
}

#[tokio::test] // R9, R26
async fn only_who_declined_is_told_that_nothing_has_changed() {
    let app = TestApp::start().await;
    let step = "&scope=User.RevokeSessions.All&return_to=%2Fpeople";
    for (error, title) in [
        ("access_denied", "Nothing has changed"),
        ("server_error", "Microsoft can&#39;t sign you in just now"),
        (
            "temporarily_unavailable",
            "Microsoft can&#39;t sign you in just now",
        ),
        ("made_up", "Sign-in failed"),
    ] {
        let page = refused_step_up(&app, error, step).await.body;
        let title = title.replace("&#39;", "'");
        let page = page.replace("&#39;", "'").replace("&#x27;", "'");
        assert!(page.contains(&title), "{error}: {page}");
        assert_eq!(
            page.contains("Nothing has changed"),
            error == "access_denied"
        );
        assert!(page.contains("Go back"), "{error}");
    }
}

#[tokio::test] // R26, R99
async fn signing_in_again_after_a_refusal_asks_for_the_same() {
    let app = TestApp::start().await;
    let challenge = "%7B%22access_token%22%3A%7B%22nbf%22%3A%7B%22value%22%3A%221%22%7D%7D%7D";
    let step = format!("&scope=User.RevokeSessions.All&claims={challenge}&return_to=%2Fpeople");
    let page = refused_step_up(&app, "server_error", &step).await.body;
    let again = format!(
        "href=\"/auth/login?return_to=%2Fpeople&amp;scope=User.RevokeSessions.All&amp;claims={challenge}"
    );
    assert!(page.contains(&format!("{again}\"")), "{page}");
    assert!(
        page.contains(&format!("{again}&amp;prompt=select_account\"")),
        "{page}"
    );
    // Before the platform is asked, too.
    let down = TestApp::start().await;
    down.control().fault(Fault::status(Endpoint::Metadata, 503));
    let path = format!("/auth/login?x=y{step}");
    let page = down.browser().get(&path).await.body;
    assert!(page.contains(&format!("{again}\"")), "{page}");
}

#[tokio::test] // R26
async fn whose_session_has_ended_meanwhile_is_not_told_that_they_are_signed_in() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut elsewhere = browser.clone();
    let refusal = Callback::Error {
        error: "access_denied".into(),
        description: String::new(),
    };
    app.control().fault(Fault::callback(refusal).once());
    app.allow(&[MORE]);
    let callback = browser
        .begin(EMPLOYEE, "&scope=User.RevokeSessions.All")
        .await;
    elsewhere.post("/auth/logout").await;
    let page = browser.get_from_elsewhere(&callback).await.body;
    assert!(
        page.contains("Nothing has changed") && !page.contains("as before"),
        "{page}"
    );
}

#[tokio::test] // R15, R26
async fn what_a_link_asks_for_is_never_left_out_however_many_scopes_there_are() {
    let scopes: Vec<_> = (0..40).map(|n| format!("Configured.Scope.{n}")).collect();
    let app = TestApp::with(&[("SCOPES", &scopes.join(" "))]).await;
    let long = format!("/people?search={}", "x".repeat(600));
    let path = format!("/auth/login?scope={MORE}&return_to={long}");
    let start = app.browser().get(&path).await;
    assert_eq!(start.status, 303, "{}", start.body);
    let asked = query(&start, "scope").unwrap();
    assert!(
        asked.contains("Configured.Scope.39") && asked.ends_with(MORE),
        "{asked}"
    );
}

#[tokio::test] // R26
async fn a_session_with_more_scopes_than_an_attempt_can_carry_can_still_be_asked_for_more() {
    let app = TestApp::start().await;
    let many: Vec<_> = (0..100)
        .map(|n| format!("Granted.To.The.Whole.Tenant.{n}"))
        .collect();
    let granted = TokenChange::Member {
        name: "scope".into(),
        value: many.join(" ").into(),
    };
    app.control().fault(Fault::token(granted).once());
    let mut browser = app.signed_in(EMPLOYEE).await;
    let start = browser.get(&format!("/auth/login?scope={MORE}")).await;
    assert_eq!(start.status, 303, "{}", start.body);
    let asked = query(&start, "scope").unwrap();
    assert!(
        asked.contains(MORE) && asked.contains("Granted.To.The.Whole.Tenant.1 "),
        "{asked}"
    );
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
