//! The people that trip applications up.

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::support::{callback, part, world};

async fn page(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

#[tokio::test]
async fn somebody_must_do_mfa_once_a_session() {
    let world = world().await;
    let user = world.person("multifactor").await;
    let text = page(world.authorize(&[("login_hint", &user)]).await).await;
    assert!(text.contains("Approve sign in request"));
    let approved = world
        .press(
            &[],
            &[("step", "pick"), ("account", &user), ("mfa", "done")],
        )
        .await;
    let tokens: Value = world
        .redeem(&callback(&approved)["code"])
        .await
        .json()
        .await
        .unwrap();
    assert!(callback(&world.authorize(&[("prompt", "none")]).await).contains_key("code"));
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn somebody_is_blocked_by_policy() {
    let world = world().await;
    let user = world.person("blocked").await;
    let text = page(world.authorize(&[("login_hint", &user)]).await).await;
    assert!(text.contains("53003"));
}

#[tokio::test]
async fn somebody_must_ask_an_administrator_and_can_return_without() {
    let world = world().await;
    let user = world.person("administrator to consent").await;
    let text = page(world.authorize(&[("login_hint", &user)]).await).await;
    assert!(text.contains("Need admin approval"));
    let back = callback(
        &world
            .press(&[], &[("step", "decline"), ("account", &user)])
            .await,
    );
    assert_eq!(back["error"], "access_denied");
}

#[tokio::test]
async fn scopes_for_administrators_are_granted_by_administrators() {
    let world = world().await;
    let wanted = [("scope", "openid User.Read.All")];
    let employee = world.employee().await;
    let text = page(
        world
            .press(&wanted, &[("step", "pick"), ("account", &employee)])
            .await,
    )
    .await;
    assert!(text.contains("Need admin approval"));
    let admin = world.person("app role").await;
    let text = page(
        world
            .press(&wanted, &[("step", "pick"), ("account", &admin)])
            .await,
    )
    .await;
    assert!(text.contains("Permissions requested"));
}

#[tokio::test]
async fn a_personal_account_has_its_own_tenant_and_key() {
    let world = world().await;
    let user = world.person("personal").await;
    let token = world.id_token(&user).await;
    let claims = world.verify(&token).await.unwrap();
    assert_eq!(claims["tid"], "9188040d-6c67-4c5b-b112-36a304b66dad");
    let kid = part(&token, 0)["kid"].clone();
    assert!(
        world
            .raw_keys("consumers")
            .await
            .iter()
            .any(|key| key["kid"] == kid)
    );
    let refused = world
        .authorize_at("organizations", &[("login_hint", &user)])
        .await;
    assert!(refused.text().await.unwrap().contains("AADSTS50020"));
}

#[tokio::test]
async fn roles_and_groups_are_in_the_token_until_there_are_too_many() {
    let world = world().await;
    let admin = world.person("app role").await;
    assert!(part(&world.id_token(&admin).await, 1)["roles"].is_array());
    let many = world.person("more groups").await;
    let claims = part(&world.id_token(&many).await, 1);
    assert!(claims.get("groups").is_none());
    assert_eq!(claims["_claim_names"]["groups"], "src1");
    let endpoint = claims["_claim_sources"]["src1"]["endpoint"]
        .as_str()
        .unwrap();
    assert!(endpoint.ends_with("/getMemberObjects"));
}

#[tokio::test]
async fn the_subject_is_another_for_each_client() {
    let other = emulator::Client {
        any_loopback_redirect: true,
        consented: emulator::Client::demo().consented,
        ..emulator::Client::web(
            "33333333-3333-3333-3333-333333333333",
            "secret",
            "http://localhost:1/x",
        )
    };
    let world = crate::support::world_with(vec![other.clone()]).await;
    let user = world.employee().await;
    let ours = part(&world.id_token(&user).await, 1);
    let back = callback(
        &world
            .authorize(&[("login_hint", &user), ("client_id", &other.client_id)])
            .await,
    );
    let form = [
        ("client_id", other.client_id.as_str()),
        ("client_secret", "secret"),
        ("grant_type", "authorization_code"),
        ("code", &back["code"]),
        ("redirect_uri", crate::support::REDIRECT),
        ("code_verifier", crate::support::VERIFIER),
    ];
    let theirs: Value = world.token(&form).await.json().await.unwrap();
    let theirs = part(theirs["id_token"].as_str().unwrap(), 1);
    assert_eq!(theirs["oid"], ours["oid"]);
    assert_ne!(theirs["sub"], ours["sub"]);
    assert_eq!(theirs["sid"], ours["sid"], "one session, two applications");
}

#[tokio::test]
async fn several_signed_in_accounts_need_a_choice_and_a_hint_makes_it() {
    let world = world().await;
    let (employee, manager) = (world.employee().await, world.person("manager").await);
    for user in [&employee, &manager] {
        world
            .press(&[], &[("step", "pick"), ("account", user)])
            .await;
    }
    let back = callback(&world.authorize(&[("prompt", "none")]).await);
    assert_eq!(back["error"], "interaction_required");
    let back = callback(
        &world
            .authorize(&[("prompt", "none"), ("login_hint", &manager)])
            .await,
    );
    assert!(back.contains_key("code"));
    let choice = world
        .visit(world.http.get(world.url("/common/oauth2/v2.0/logout")))
        .await;
    assert!(
        page(choice)
            .await
            .contains("Pick an account to sign out of")
    );
}

#[tokio::test]
async fn domain_hint_narrows_the_picker_and_prompt_login_asks_again() {
    let world = world().await;
    let (employee, personal) = (world.employee().await, world.person("personal").await);
    let text = page(world.authorize(&[("domain_hint", "consumers")]).await).await;
    assert!(text.contains(&personal) && !text.contains(&employee));
    world.callback(&employee).await;
    let text = page(
        world
            .authorize(&[("prompt", "login"), ("login_hint", &employee)])
            .await,
    )
    .await;
    assert!(text.contains("Sign in again") && text.contains(&employee));
    let text = page(
        world
            .authorize(&[("prompt", "consent"), ("login_hint", &employee)])
            .await,
    )
    .await;
    assert!(text.contains("Permissions requested"));
}

#[tokio::test]
async fn names_are_text_on_every_page() {
    let world = world().await;
    let text = page(world.authorize(&[]).await).await;
    assert!(!text.contains("<img") && !text.contains("<script"));
}
