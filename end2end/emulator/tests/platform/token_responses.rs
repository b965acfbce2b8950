//! Each unexpected answer of the token endpoint.

use emulator::{Endpoint, Fault, TokenChange};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{World, world};

async fn changed(change: TokenChange) -> (World, Value) {
    let world = world().await;
    let user = world.employee().await;
    world.control().fault(Fault::token(change).once());
    let tokens = world.tokens(&user).await;
    (world, tokens)
}

#[tokio::test]
async fn any_member_can_be_missing() {
    for name in [
        "access_token",
        "id_token",
        "token_type",
        "expires_in",
        "scope",
    ] {
        let (_, tokens) = changed(TokenChange::Missing(name.into())).await;
        assert!(tokens.get(name).is_none(), "{name}");
        assert!(
            tokens.as_object().unwrap().len() >= 5,
            "the others are there"
        );
    }
}

#[tokio::test]
async fn any_member_can_have_any_value() {
    let (_, tokens) = changed(TokenChange::Member {
        name: "expires_in".into(),
        value: json!("3600"),
    })
    .await;
    assert_eq!(tokens["expires_in"], "3600");
}

#[tokio::test]
async fn a_narrower_scope_is_what_graph_sees_too() {
    let (world, tokens) = changed(TokenChange::Scope("openid profile User.Read".into())).await;
    assert_eq!(tokens["scope"], "openid profile User.Read");
    assert_eq!(
        world.graph("/v1.0/me", &tokens).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        world.graph("/v1.0/users", &tokens).await.status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn token_type_can_be_written_oddly() {
    let (_, tokens) = changed(TokenChange::TokenType("bEARER".into())).await;
    assert_eq!(tokens["token_type"], "bEARER");
}

#[tokio::test]
async fn unknown_members_come_along() {
    let (_, tokens) = changed(TokenChange::ExtraMembers).await;
    assert!(tokens["not_known_to_anybody"].is_object());
    assert!(tokens["access_token"].is_string());
}

#[tokio::test]
async fn a_refresh_may_bring_no_new_refresh_token_or_the_same_one() {
    let world = world().await;
    let user = world.employee().await;
    let old = world.tokens(&user).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .control()
        .fault(Fault::token(TokenChange::NoRefreshToken).once());
    let none: Value = world.refresh(&old).await.json().await.unwrap();
    assert!(none.get("refresh_token").is_none() && none["access_token"].is_string());
    world
        .control()
        .fault(Fault::token(TokenChange::SameRefreshToken).once());
    let same: Value = world.refresh(&old).await.json().await.unwrap();
    assert_eq!(same["refresh_token"], old);
}

#[tokio::test]
async fn any_oauth_error_can_answer_one_grant_and_spare_the_other() {
    let world = world().await;
    let user = world.employee().await;
    let error = TokenChange::Error {
        error: "interaction_required".into(),
        number: 50076,
        suberror: Some("basic_action".into()),
        description: None,
        claims: Some("{\"access_token\":{}}".into()),
    };
    world
        .control()
        .fault(Fault::token(error).for_grant("refresh_token"));
    let tokens = world.tokens(&user).await;
    let refused = world
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["error"], "interaction_required");
    assert_eq!(refused["suberror"], "basic_action");
    assert_eq!(refused["error_codes"], json!([50076]));
    assert_eq!(refused["claims"], "{\"access_token\":{}}");
    assert!(
        refused["error_description"]
            .as_str()
            .unwrap()
            .starts_with("AADSTS50076: ")
    );
    for member in ["trace_id", "correlation_id", "timestamp"] {
        assert!(refused[member].is_string(), "{member}");
    }
}

#[tokio::test]
async fn an_expired_secret_has_its_own_number() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    let error = TokenChange::Error {
        error: "invalid_client".into(),
        number: 7_000_222,
        suberror: None,
        description: Some("The provided client secret keys are expired.".into()),
        claims: None,
    };
    world
        .control()
        .fault(Fault::token(error).for_grant("authorization_code"));
    let refused = world.redeem(&code).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.control().calls_to(Endpoint::Token).len(), 1);
}
