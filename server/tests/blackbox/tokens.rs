//! Section B: what a refused or odd refresh means for the session, and how often anybody is asked.

use std::{sync::Arc, time::Duration};

use emulator::{Answer as Bad, Client, Endpoint, Fault, Forgery, GraphChange, Rule, TokenChange};
use serde_json::json;
use server::tokens::{Refusal, Tokens, Want};

use crate::harness::{Answer, Browser, EMPLOYEE, TestApp};

const HOUR: Duration = Duration::from_hours(1);

/// A signed-in person whose access token has just expired.
async fn expired() -> (TestApp, Browser) {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    let browser = app.signed_in(EMPLOYEE).await;
    app.advance(2 * HOUR);
    (app, browser)
}

fn refused(error: &str, suberror: Option<&str>, claims: Option<&str>) -> Rule {
    Fault::token(TokenChange::Error {
        error: error.into(),
        number: 50_000,
        suberror: suberror.map(str::to_owned),
        description: None,
        claims: claims.map(str::to_owned),
    })
    .for_grant("refresh_token")
}

fn code(answer: &Answer) -> (u16, String) {
    let code = answer.json()["error"]["code"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), code)
}

#[tokio::test] // R26
async fn a_refresh_that_wants_the_person_is_a_typed_answer_and_keeps_the_session() {
    let claims = r#"{"access_token":{"polids":{"essential":true,"values":["1"]}}}"#;
    for (error, suberror, challenge, status, expected) in [
        ("consent_required", None, None, 403, "consent_required"),
        (
            "invalid_grant",
            Some("consent_required"),
            None,
            403,
            "consent_required",
        ),
        (
            "interaction_required",
            Some("consent_required"),
            None,
            403,
            "consent_required",
        ),
        (
            "interaction_required",
            None,
            Some(claims),
            401,
            "claims_required",
        ),
        ("interaction_required", None, None, 401, "claims_required"),
        (
            "invalid_grant",
            Some("basic_action"),
            Some(claims),
            401,
            "claims_required",
        ),
        (
            "invalid_grant",
            Some("message_only"),
            None,
            401,
            "claims_required",
        ),
        ("login_required", None, None, 401, "reauthenticate"),
    ] {
        let (app, mut browser) = expired().await;
        app.control().fault(refused(error, suberror, challenge));
        let answer = browser.call("people", "").await;
        let name = format!("{error} {suberror:?}");
        assert_eq!(code(&answer), (status, expected.to_owned()), "{name}");
        let body = &answer.json()["error"];
        assert_eq!(body["claims"].as_str(), challenge, "{name}");
        if expected == "consent_required" {
            let scopes = body["scopes"].as_array().unwrap();
            assert!(
                scopes.contains(&json!("User.ReadBasic.All")),
                "{name}: {scopes:?}"
            );
        }
        assert_eq!(app.token_calls(), 2, "{name}: no retry");
        assert_eq!(browser.user().await["username"], EMPLOYEE, "{name}");
    }
}

#[tokio::test] // R25
async fn an_invalid_grant_of_any_other_kind_ends_the_session() {
    for suberror in [
        None,
        Some("bad_token"),
        Some("token_expired"),
        Some("never_heard_of"),
    ] {
        let (app, mut browser) = expired().await;
        app.control()
            .fault(refused("invalid_grant", suberror, None));
        let answer = browser.call("people", "").await;
        assert_eq!(
            code(&answer),
            (401, "reauthenticate".into()),
            "{suberror:?}"
        );
        assert_eq!(browser.user().await, json!(null), "{suberror:?}");
        assert_eq!(app.token_calls(), 2, "{suberror:?}: no retry");
    }
}

#[tokio::test] // R9
async fn the_aadsts_number_and_the_description_decide_nothing() {
    let (app, mut browser) = expired().await;
    app.control().fault(
        Fault::token(TokenChange::Error {
            error: "interaction_required".into(),
            number: 50_173,
            suberror: None,
            description: Some("invalid_grant: the refresh token is dead".into()),
            claims: None,
        })
        .for_grant("refresh_token"),
    );
    assert_eq!(
        code(&browser.call("people", "").await),
        (401, "claims_required".into())
    );
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R26, R29
async fn a_refusal_is_shared_by_those_who_waited_for_it() {
    let (app, browser) = expired().await;
    let cloakroom = &app.cloakroom;
    let id = browser.cookies["session"].parse().unwrap();
    let session = cloakroom.sessions.find(&id).await.unwrap().unwrap();
    let session = Arc::new(session);
    let tokens = Arc::new(Tokens::new(
        cloakroom.config.clone(),
        cloakroom.clock.clone(),
        cloakroom.platform.clone(),
        cloakroom.token_endpoint.clone(),
        cloakroom.sessions.clone(),
    ));
    app.control()
        .fault(refused("interaction_required", None, None));
    app.control().fault(
        Fault::answer(Endpoint::Token, Bad::Hold)
            .for_grant("refresh_token")
            .once(),
    );
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (tokens, session) = (tokens.clone(), session.clone());
        calls.spawn(async move { tokens.access(&session, &[], Want::Current).await });
    }
    // One thread: by the time that the request has gone out, the others stand in line.
    app.token_calls_reach(2).await;
    app.control().release();
    for answer in calls.join_all().await {
        assert_eq!(answer.err(), Some(Refusal::Claims(None)));
    }
    assert_eq!(app.token_calls(), 2);
}

#[tokio::test] // R24
async fn while_retry_after_runs_the_token_endpoint_is_left_alone() {
    for status in [429, 503] {
        let (app, mut browser) = expired().await;
        let busy = Bad::Status {
            status,
            retry_after: Some("30".into()),
        };
        app.control()
            .fault(Fault::answer(Endpoint::Token, busy).once());
        for _ in 0..3 {
            let answer = browser.call("people", "").await;
            assert_eq!(code(&answer), (503, "unavailable".into()));
            let wait: u32 = answer.header("retry-after").parse().unwrap();
            assert!((25..=30).contains(&wait), "{wait}");
        }
        assert_eq!(app.token_calls(), 2, "asked once");
        assert_eq!(
            app.browser().sign_in(EMPLOYEE).await.status,
            503,
            "nor for a code"
        );
        assert_eq!(app.token_calls(), 2);
        assert_eq!(
            browser.user().await["username"],
            EMPLOYEE,
            "the session is kept"
        );
        app.advance(Duration::from_secs(31));
        assert_eq!(browser.call("people", "").await.status, 200);
        assert_eq!(app.token_calls(), 3);
    }
}

#[tokio::test] // R24, R28
async fn a_token_that_is_still_good_serves_while_the_platform_is_busy() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    app.control().fault(Fault::token(TokenChange::Member {
        name: "expires_in".into(),
        value: json!(3600),
    }));
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(Duration::from_mins(56));
    app.control().fault(Fault::status(Endpoint::Token, 503));
    assert_eq!(browser.call("people", "").await.status, 200);
    assert_eq!(app.token_calls(), 2, "it was tried");
    app.advance(Duration::from_mins(5));
    assert_eq!(
        code(&browser.call("people", "").await),
        (503, "unavailable".into())
    );
}

#[tokio::test] // R33
async fn a_refreshed_id_token_about_somebody_else_ends_the_session() {
    for forgery in [
        Forgery::WrongSubject,
        Forgery::WrongOid,
        Forgery::WrongAudience,
        Forgery::WrongIssuer,
        Forgery::WrongTid,
        Forgery::TamperedClaims,
        Forgery::AlgNone,
        Forgery::NotAToken,
    ] {
        let (app, mut browser) = expired().await;
        let name = format!("{forgery:?}");
        app.control().fault(Fault::id_token(forgery).once());
        let answer = browser.call("people", "").await;
        assert_eq!(code(&answer), (401, "reauthenticate".into()), "{name}");
        assert_eq!(browser.user().await, json!(null), "{name}");
    }
    let (app, mut browser) = expired().await;
    app.control()
        .fault(Fault::token(TokenChange::Missing("id_token".into())));
    assert_eq!(
        browser.call("people", "").await.status,
        200,
        "it need not come"
    );
}

#[tokio::test] // R32
async fn an_access_token_is_opaque() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    for token in [
        "EwBwA8l6BAAU",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
        "=/+~._-",
    ] {
        app.control().fault(
            Fault::token(TokenChange::Member {
                name: "access_token".into(),
                value: json!(token),
            })
            .once(),
        );
        let mut browser = app.signed_in(EMPLOYEE).await;
        browser.call("home", "").await;
        let call = app.calls(Endpoint::Graph)[0].clone();
        assert_eq!(
            call.header("authorization").unwrap(),
            format!("Bearer {token}")
        );
        app.control().forget_calls();
    }
}

#[tokio::test] // R16, R26
async fn a_refresh_asks_for_what_was_granted_not_for_what_was_not() {
    let app = TestApp::with(&[("SESSION_IDLE", "10h")]).await;
    app.control().fault(Fault::token(TokenChange::Scope(
        "openid profile User.Read".into(),
    )));
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(2 * HOUR);
    assert_eq!(browser.call("home", "").await.status, 200);
    let call = app.calls(Endpoint::Token).pop().unwrap();
    assert_eq!(
        call.field("scope").unwrap(),
        "openid profile offline_access User.Read"
    );
}

#[tokio::test] // R26
async fn a_missing_permission_is_said_before_graph_is_asked() {
    let app = TestApp::with(&[("SCOPES", "User.Read")]).await;
    app.control().register(Client {
        consented: ["openid", "profile", "offline_access", "User.Read"]
            .map(str::to_owned)
            .to_vec(),
        ..Client::demo()
    });
    let mut browser = app.signed_in(EMPLOYEE).await;
    assert_eq!(browser.call("home", "").await.status, 200);
    app.control().forget_calls();
    let answer = browser.call("people", "").await;
    assert_eq!(code(&answer), (403, "consent_required".into()));
    assert_eq!(
        answer.json()["error"]["scopes"],
        json!(["User.ReadBasic.All"])
    );
    assert!(app.control().calls().is_empty(), "nobody was asked");
    let page = browser.get("/people").await;
    assert!(
        page.body.contains("scope=User.ReadBasic.All"),
        "{}",
        page.body
    );
}

#[tokio::test] // R99
async fn a_claims_challenge_is_met_by_one_refresh_with_the_claims() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let oid = browser.user().await["oid"].as_str().unwrap().to_owned();
    assert_eq!(browser.call("people", "").await.status, 200);
    app.control().declare_stale(&oid);
    assert_eq!(browser.call("people", "").await.status, 200);
    let calls = app.calls(Endpoint::Token);
    assert_eq!(calls.len(), 2);
    let claims = calls[1].field("claims").unwrap();
    assert!(
        claims.contains("\"nbf\"") && claims.contains(r#""xms_cc":{"values":["cp1"]}"#),
        "{claims}"
    );
    assert_eq!(browser.call("people", "").await.status, 200);
    assert_eq!(app.token_calls(), 2, "and that is that");
}

#[tokio::test] // R99
async fn a_challenge_that_a_refresh_does_not_meet_is_the_persons_to_settle() {
    for change in [GraphChange::ClaimsChallenge, GraphChange::SeveralChallenges] {
        let app = TestApp::start().await;
        let mut browser = app.signed_in(EMPLOYEE).await;
        app.control().fault(Fault::graph(change));
        app.control().forget_calls();
        let answer = browser.call("people", "").await;
        assert_eq!(code(&answer), (401, "claims_required".into()));
        let claims = answer.json()["error"]["claims"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(claims.contains("nbf"), "{claims}");
        assert_eq!(
            (app.token_calls(), app.calls(Endpoint::Graph).len()),
            (1, 2)
        );
        assert_eq!(
            browser.user().await["username"],
            EMPLOYEE,
            "the session is kept"
        );
    }
}

#[tokio::test] // R99, R26
async fn a_refresh_with_the_claims_that_is_refused_hands_them_to_the_person() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control()
        .fault(Fault::graph(GraphChange::ClaimsChallenge));
    app.control()
        .fault(refused("interaction_required", None, None));
    let answer = browser.call("people", "").await;
    assert_eq!(code(&answer), (401, "claims_required".into()));
    let claims = answer.json()["error"]["claims"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(claims.contains("nbf"), "{claims}");
    assert_eq!(app.token_calls(), 2);
    let page = browser.get("/people").await;
    assert!(
        page.body.contains("claims=%7B"),
        "the page carries them on: {}",
        page.body
    );
}

#[tokio::test] // R100
async fn a_plain_401_is_worth_one_refresh_and_one_more_try() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().fault(Fault::graph(GraphChange::Expired));
    app.control().forget_calls();
    let answer = browser.call("people", "").await;
    assert_eq!(code(&answer), (401, "reauthenticate".into()));
    assert_eq!(
        (app.token_calls(), app.calls(Endpoint::Graph).len()),
        (1, 2)
    );
}

#[tokio::test(flavor = "multi_thread")] // R29
async fn fifty_parallel_calls_on_a_token_that_has_just_expired_make_one_refresh() {
    let (app, browser) = expired().await;
    let calls: Vec<_> = (0..50)
        .map(|n| {
            let mut browser = browser.clone();
            let name = if n % 2 == 0 { "people" } else { "home" };
            tokio::spawn(async move { browser.call(name, "").await.status })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(app.token_calls(), 2);
}

#[tokio::test(flavor = "multi_thread")] // R29, R31
async fn a_sign_out_during_that_refresh_leaves_nothing() {
    let (app, mut browser) = expired().await;
    app.control()
        .fault(Fault::answer(Endpoint::Token, Bad::Hold).for_grant("refresh_token"));
    let replay = browser.clone();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let mut browser = browser.clone();
            tokio::spawn(async move { browser.call("people", "").await })
        })
        .collect();
    app.token_calls_reach(2).await;
    assert_eq!(browser.post("/auth/logout").await.status, 303);
    app.control().clear();
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(code(&answer), (401, "signed_out".into()));
    }
    assert_eq!(app.token_calls(), 2);
    assert!(app.calls(Endpoint::Graph).is_empty());
    assert_eq!(replay.clone().user().await, json!(null));
}
