//! The home of someone who is signed in: one call of the page, and what it asks of Graph.

use emulator::{Client, Endpoint, Fault};

use crate::harness::{Browser, EMPLOYEE, MANAGER, TestApp};

async fn home(browser: &mut Browser) -> String {
    let answer = browser.call("home", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_str().unwrap().to_owned()
}

fn paths(app: &TestApp) -> Vec<String> {
    let mut paths: Vec<_> = app
        .calls(Endpoint::Graph)
        .iter()
        .map(|call| call.path.split('?').next().unwrap_or_default().to_owned())
        .collect();
    paths.sort();
    paths
}

#[tokio::test] // R105
async fn a_manager_sees_their_team() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(MANAGER).await;
    let html = home(&mut browser).await;
    assert!(html.contains("<h2>Your team</h2>"), "{html}");
    assert!(html.contains("Maya Lindqvist"), "{html}");
    assert_eq!(paths(&app), ["/v1.0/me", "/v1.0/me/directReports"]);
    for call in app.calls(Endpoint::Graph) {
        assert!(call.parameter("$select").is_some(), "{call:?}");
    }
    // The page that the server sends has it too.
    let page = browser.get("/").await;
    assert!(page.body.contains("<h2>Your team</h2>"), "{}", page.body);
}

#[tokio::test] // R26
async fn who_has_no_team_is_asked_for_what_shows_their_colleagues() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.allow(&["People.Read"]);
    let html = home(&mut browser).await;
    assert!(html.contains("if you allow it"), "{html}");
    let ask = "/auth/login?return_to=%2F&amp;scope=People.Read";
    assert!(html.contains(ask), "{html}");
    // Nothing was asked of Graph that it would have refused.
    assert_eq!(paths(&app), ["/v1.0/me", "/v1.0/me/directReports"]);

    // They consent.
    let consented = "openid profile offline_access User.Read User.ReadBasic.All People.Read";
    app.control().register(Client {
        consented: consented.split(' ').map(str::to_owned).collect(),
        ..Client::demo()
    });
    let callback = browser.begin(EMPLOYEE, "&scope=People.Read").await;
    browser.get_from_elsewhere(&callback).await;
    let html = home(&mut browser).await;
    assert!(html.contains("People you work with"), "{html}");
    assert!(html.contains("href=\"/people/"), "{html}");
    assert!(!html.contains(ask), "{html}");
}

#[tokio::test] // R16, R26
async fn with_user_read_alone_a_home_still_says_who_one_is() {
    let app = TestApp::with(&[("SCOPES", "User.Read")]).await;
    app.control().register(Client {
        consented: ["openid", "profile", "offline_access", "User.Read"]
            .map(str::to_owned)
            .to_vec(),
        ..Client::demo()
    });
    let mut browser = app.signed_in(EMPLOYEE).await;
    let html = home(&mut browser).await;
    assert!(html.contains("Welcome, Maya Lindqvist"), "{html}");
    assert!(html.contains("scope=User.ReadBasic.All"), "{html}");
}

#[tokio::test] // R108
async fn a_personal_account_and_a_guest_have_a_home() {
    let app = TestApp::start().await;
    for who in [
        "sam.whitaker@outlook.example",
        "sofia.marchetti@tailspin.example",
    ] {
        let mut browser = app.signed_in(who).await;
        let html = home(&mut browser).await;
        assert!(html.contains("<h1 tabindex=\"-1\">Welcome, "), "{html}");
        if who.starts_with("sam") {
            assert_eq!(
                paths(&app),
                ["/v1.0/me"],
                "nothing that an organisation has"
            );
            assert!(!html.contains("People you work with"), "{html}");
        }
    }
}

#[tokio::test]
async fn a_home_is_shown_without_the_colleagues_that_graph_failed_to_give() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(MANAGER).await;
    app.control()
        .fault(Fault::status(Endpoint::Graph, 500).for_path("directReports"));
    let html = home(&mut browser).await;
    assert!(html.contains("Welcome, Tomás Okafor"), "{html}");
    assert!(html.contains("could not be loaded"), "{html}");
    assert!(!html.contains("Maya"), "{html}");
}

#[tokio::test] // R104
async fn every_page_of_the_directory_says_how_many_people_there_are() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let first = browser.call("people", "").await.json();
    let total = first["people"]["total"].as_u64().unwrap();
    assert!(total > 200, "{total}");
    let call = app.calls(Endpoint::Graph).pop().unwrap();
    assert_eq!(call.parameter("$count").as_deref(), Some("true"));
    assert_eq!(call.header("consistencylevel"), Some("eventual"));
    let next = first["people"]["next"].as_str().unwrap();
    let second = browser
        .call("people", &format!("cursor={next}"))
        .await
        .json();
    assert_eq!(second["people"]["total"], total);
    let page = browser.get("/people").await;
    assert!(
        page.body.contains(&format!("{total} people")),
        "{}",
        page.body
    );
}
