//! The way from the picker to Graph, as any client would walk it.
use crate::support::{NONCE, REDIRECT, SCOPE, STATE, VERIFIER, callback, world};
use emulator::{DEMO_CLIENT_ID, Endpoint};
use reqwest::{StatusCode, header};
use serde_json::Value;

#[tokio::test]
async fn somebody_signs_in_and_asks_graph_who_they_are() {
    let world = world().await;
    let user = world.employee().await;
    let picker = world.authorize(&[]).await;
    assert_eq!(picker.status(), StatusCode::OK);
    assert!(
        picker.text().await.unwrap().contains(&user),
        "the picker shows the employee"
    );

    let back = callback(
        &world
            .press(&[], &[("step", "pick"), ("account", &user)])
            .await,
    );
    assert_eq!(back["state"], STATE);
    assert!(back.contains_key("session_state"));
    let tokens: Value = world.redeem(&back["code"]).await.json().await.unwrap();
    assert_eq!(tokens["token_type"], "Bearer");

    let claims = world
        .verify(tokens["id_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(claims["nonce"], NONCE);
    assert_eq!(claims["preferred_username"], user);
    assert_eq!(claims["ver"], "2.0");
    assert_eq!(
        claims["iss"],
        format!(
            "{}/{}/v2.0",
            world.emulator.origin(),
            claims["tid"].as_str().unwrap()
        )
    );
    for claim in [
        "aud",
        "iat",
        "nbf",
        "exp",
        "name",
        "oid",
        "rh",
        "sub",
        "tid",
        "uti",
        "login_hint",
        "sid",
    ] {
        assert!(claims.contains_key(claim), "{claim} is missing");
    }

    let me: Value = world.graph("/v1.0/me", &tokens).await.json().await.unwrap();
    assert_eq!(me["id"], claims["oid"]);
}

#[tokio::test]
async fn single_sign_on_needs_no_second_choice() {
    let world = world().await;
    let user = world.employee().await;
    world
        .press(&[], &[("step", "pick"), ("account", &user)])
        .await;
    let silent = world.authorize(&[("prompt", "none")]).await;
    assert!(callback(&silent).contains_key("code"));
    let picker = world.authorize(&[("prompt", "select_account")]).await;
    assert_eq!(picker.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_silent_request_without_a_session_is_login_required() {
    let world = world().await;
    let back = callback(&world.authorize(&[("prompt", "none")]).await);
    assert_eq!(back["error"], "login_required");
    assert!(back["error_description"].starts_with("AADSTS50058: "));
    assert!(back["error_description"].contains("Trace ID: "));
    assert!(back["error_description"].contains("Correlation ID: "));
    assert_eq!(back["state"], STATE);
}

#[tokio::test]
async fn cancelling_is_access_denied() {
    let world = world().await;
    let back = callback(&world.press(&[], &[("step", "cancel")]).await);
    assert_eq!(back["error"], "access_denied");
}

#[tokio::test]
async fn a_scope_not_yet_consented_to_asks_once() {
    let world = world().await;
    let user = world.employee().await;
    let more = [("scope", "openid offline_access Mail.Read")];
    let page = world
        .press(&more, &[("step", "pick"), ("account", &user)])
        .await;
    assert!(page.text().await.unwrap().contains("Read your mail"));
    let back = callback(
        &world
            .press(&more, &[("step", "accept"), ("account", &user)])
            .await,
    );
    assert!(back.contains_key("code"));
    let again = world.authorize(&more).await;
    assert!(
        callback(&again).contains_key("code"),
        "consent is remembered"
    );
}

#[tokio::test]
async fn silence_without_consent_is_consent_required() {
    let world = world().await;
    let user = world.employee().await;
    world.callback(&user).await;
    let back = callback(
        &world
            .authorize(&[("prompt", "none"), ("scope", "openid Mail.Read")])
            .await,
    );
    assert_eq!(back["error"], "consent_required");
    let tokens = world.tokens(&user).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("scope", "Mail.Read"),
    ];
    let refused: Value = world.token(&form).await.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_grant");
    assert_eq!(refused["suberror"], "consent_required");
    assert_eq!(refused["error_codes"][0], 65001);
}

#[tokio::test]
async fn a_code_is_good_once_and_for_ten_minutes() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    assert_eq!(world.redeem(&code).await.status(), StatusCode::OK);
    let again: Value = world.redeem(&code).await.json().await.unwrap();
    assert_eq!(again["error"], "invalid_grant");
    assert_eq!(again["error_codes"][0], 54005);

    let late = world.code(&user).await;
    world.control().advance(std::time::Duration::from_secs(601));
    let refused: Value = world.redeem(&late).await.json().await.unwrap();
    assert_eq!(refused["error_codes"][0], 70008);
}

#[tokio::test]
async fn the_verifier_must_fit_the_challenge() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    let with = async |verifier: &str| -> Value {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier),
        ];
        world.token(&form).await.json().await.unwrap()
    };
    assert_eq!(
        with("another-verifier-that-is-long-enough-for-the-rule").await["error_codes"][0],
        501_481
    );
    assert_eq!(with("").await["error_codes"][0], 50148);
    assert!(with(VERIFIER).await["access_token"].is_string());
}

#[tokio::test]
async fn refreshing_gives_a_new_refresh_token_and_the_old_one_stays_valid() {
    let world = world().await;
    let user = world.employee().await;
    let first = world.tokens(&user).await;
    let old = first["refresh_token"].as_str().unwrap();
    let second: Value = world.refresh(old).await.json().await.unwrap();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(world.refresh(old).await.status(), StatusCode::OK);
    world.control().revoke_sessions(
        world
            .verify(first["id_token"].as_str().unwrap())
            .await
            .unwrap()["oid"]
            .as_str()
            .unwrap(),
    );
    let refused: Value = world.refresh(old).await.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_grant");
    assert_eq!(refused["error_codes"][0], 50173);
}

#[tokio::test]
async fn signing_out_ends_single_sign_on_and_returns_to_a_registered_address_only() {
    let world = world().await;
    let user = world.employee().await;
    world.callback(&user).await;
    let elsewhere = world
        .url("/common/oauth2/v2.0/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F");
    let page = world.visit(world.http.get(elsewhere)).await;
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.text().await.unwrap();
    assert!(page.contains("You signed out") && !page.contains("evil.example"));
    let silent = world.authorize(&[("prompt", "none")]).await;
    assert_eq!(callback(&silent)["error"], "login_required");

    let home = world.url(
        "/common/oauth2/v2.0/logout?post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A3000%2F",
    );
    let response = world.visit(world.http.get(home)).await;
    assert_eq!(
        response.headers()[header::LOCATION],
        "http://localhost:3000/"
    );
}

#[tokio::test]
async fn signing_out_tells_each_application_by_sid_without_iss() {
    let world = world().await;
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    let claims = world
        .verify(tokens["id_token"].as_str().unwrap())
        .await
        .unwrap();
    let hint = claims["login_hint"].as_str().unwrap();
    let page = world
        .visit(
            world
                .http
                .get(world.url(&format!("/common/oauth2/v2.0/logout?logout_hint={hint}"))),
        )
        .await;
    let page = page.text().await.unwrap();
    let frame = format!(
        "http://localhost:3000/auth/frontchannel-logout?sid={}",
        claims["sid"].as_str().unwrap()
    );
    assert!(page.contains(&frame), "{page}");
    assert!(!page.contains("iss="));
}

#[tokio::test]
async fn the_log_tells_what_was_called_by_whom() {
    let world = world().await;
    let user = world.employee().await;
    world.tokens(&user).await;
    let calls = world.control().calls_to(Endpoint::Token);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].client_id.as_deref(), Some(DEMO_CLIENT_ID));
    assert_eq!(calls[0].grant.as_deref(), Some("authorization_code"));
    assert_eq!(calls[0].field("redirect_uri").as_deref(), Some(REDIRECT));
    assert_eq!(calls[0].status, Some(200));
    let asked = world.control().calls_to(Endpoint::Authorize);
    assert_eq!(asked[0].parameter("scope").as_deref(), Some(SCOPE));
}
