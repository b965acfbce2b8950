//! Graph's difficult answers.

use base64::{Engine, prelude::BASE64_STANDARD};
use emulator::{Fault, GraphChange};
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use crate::support::{World, callback, part, world};

async fn people_with(change: GraphChange) -> (World, Response) {
    let world = world().await;
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    world.control().fault(Fault::graph(change).once());
    let response = world
        .graph("/v1.0/users?$top=5&$select=id,displayName", &tokens)
        .await;
    (world, response)
}

#[tokio::test]
async fn graph_answers_any_error_in_its_shape() {
    let change = GraphChange::Error {
        status: 403,
        code: "Authorization_RequestDenied".into(),
        retry_after: None,
    };
    let (_world, response) = people_with(change).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let request_id = response.headers()["request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "Authorization_RequestDenied");
    assert_eq!(body["error"]["innerError"]["request-id"], request_id);
    let change = GraphChange::Error {
        status: 429,
        code: "TooManyRequests".into(),
        retry_after: Some("3, 4".into()),
    };
    let (_world, response) = people_with(change).await;
    assert_eq!(response.headers()[header::RETRY_AFTER], "3, 4");
}

#[tokio::test]
async fn next_link_can_lead_to_an_evil_host() {
    let (_world, response) =
        people_with(GraphChange::NextLink("https://evil.example".into())).await;
    let body: Value = response.json().await.unwrap();
    let link = body["@odata.nextLink"].as_str().unwrap();
    assert!(
        link.starts_with("https://evil.example/v1.0/users?"),
        "{link}"
    );
    assert_eq!(body["value"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn next_link_can_lead_in_a_circle() {
    let (world, response) = people_with(GraphChange::NextLinkCycle).await;
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body["@odata.nextLink"],
        world.url("/v1.0/users?$top=5&$select=id,displayName")
    );
}

#[tokio::test]
async fn an_empty_page_can_have_a_next_link() {
    let (_world, response) = people_with(GraphChange::EmptyPage).await;
    let body: Value = response.json().await.unwrap();
    assert!(body["value"].as_array().unwrap().is_empty());
    assert!(body["@odata.nextLink"].is_string());
}

#[tokio::test]
async fn graph_can_send_cookies_and_grants_that_no_proxy_may_pass_on() {
    let (_world, response) = people_with(GraphChange::Headers).await;
    assert_eq!(
        response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .count(),
        2
    );
    assert_eq!(
        response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
        "https://evil.example"
    );
    assert!(response.headers().contains_key("clear-site-data"));
    assert!(response.json::<Value>().await.unwrap()["value"].is_array());
}

#[tokio::test]
async fn a_token_can_be_refused_as_expired_and_expires_by_the_clock() {
    let (world, response) = people_with(GraphChange::Expired).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    world.control().advance(std::time::Duration::from_secs(
        tokens["expires_in"].as_u64().unwrap() - 5,
    ));
    assert_eq!(
        world.graph("/v1.0/me", &tokens).await.status(),
        StatusCode::OK
    );
    world.control().advance(std::time::Duration::from_secs(10));
    assert_eq!(
        world.graph("/v1.0/me", &tokens).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

fn challenge(response: &Response) -> Value {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let header = response.headers()[header::WWW_AUTHENTICATE]
        .to_str()
        .unwrap();
    assert!(header.contains("error=\"insufficient_claims\""));
    let claims = header
        .split("claims=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    serde_json::from_slice(&BASE64_STANDARD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_claims_challenge_comes_alone_or_among_others() {
    let (_world, response) = people_with(GraphChange::ClaimsChallenge).await;
    assert_eq!(
        challenge(&response)["access_token"]["nbf"]["essential"],
        true
    );
    let (_world, response) = people_with(GraphChange::SeveralChallenges).await;
    assert!(challenge(&response)["access_token"]["nbf"]["value"].is_string());
    assert!(
        response.headers()[header::WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .starts_with("Basic realm=\"a, b\", Bearer ")
    );
}

#[tokio::test]
async fn a_stale_token_is_challenged_only_where_the_client_said_cp1() {
    let world = world().await;
    let user = world.employee().await;
    let plain = world.tokens(&user).await;
    let oid = part(plain["id_token"].as_str().unwrap(), 1)["oid"]
        .as_str()
        .unwrap()
        .to_owned();
    let claims = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
    let back = callback(
        &world
            .authorize(&[("login_hint", &user), ("claims", claims)])
            .await,
    );
    let capable: Value = world.redeem(&back["code"]).await.json().await.unwrap();
    world.control().declare_stale(&oid);
    assert_eq!(
        world.graph("/v1.0/me", &plain).await.status(),
        StatusCode::OK
    );
    challenge(&world.graph("/v1.0/me", &capable).await);
    let renewed: Value = world
        .refresh(capable["refresh_token"].as_str().unwrap())
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        world.graph("/v1.0/me", &renewed).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn active_content_comes_typed_as_such() {
    let (_world, response) = people_with(GraphChange::ActiveContent).await;
    assert!(
        response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let (_world, response) = people_with(GraphChange::Svg).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "image/svg+xml");
    assert!(response.text().await.unwrap().contains("<script>"));
}
