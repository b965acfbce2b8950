//! Each wrong way back to the application.

use emulator::{Callback, Fault};
use reqwest::{Response, header};
use url::Url;

use crate::support::{STATE, callback, world};

async fn back(change: Callback) -> Response {
    let world = world().await;
    let user = world.employee().await;
    world.control().fault(Fault::callback(change).once());
    world.authorize(&[("login_hint", &user)]).await
}

fn all(response: &Response, name: &str) -> Vec<String> {
    let location = Url::parse(response.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    location
        .query_pairs()
        .filter(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

#[tokio::test]
async fn state_can_be_another_or_missing_or_twice() {
    assert_ne!(callback(&back(Callback::WrongState).await)["state"], STATE);
    assert!(!callback(&back(Callback::MissingState).await).contains_key("state"));
    let twice = all(&back(Callback::DuplicateState).await, "state");
    assert_eq!(twice.len(), 2);
    assert!(twice.contains(&STATE.to_owned()));
}

#[tokio::test]
async fn iss_can_be_wrong_or_right_though_the_real_platform_sends_none() {
    let world = world().await;
    let user = world.employee().await;
    assert!(!world.callback(&user).await.contains_key("iss"));
    assert!(callback(&back(Callback::WrongIss).await)["iss"].contains("evil.example"));
    world
        .control()
        .fault(Fault::callback(Callback::RightIss).once());
    let issuer = world.callback(&user).await.remove("iss").unwrap();
    let id_token = world.id_token(&user).await;
    assert_eq!(crate::support::part(&id_token, 1)["iss"], issuer);
}

#[tokio::test]
async fn an_error_carries_any_text_and_the_right_state() {
    let change = Callback::Error {
        error: "access_denied".into(),
        description: "<script>alert(1)</script>".into(),
    };
    let back = callback(&back(change).await);
    assert_eq!(back["error"], "access_denied");
    assert_eq!(back["error_description"], "<script>alert(1)</script>");
    assert_eq!(back["state"], STATE);
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn code_can_come_twice_or_not_at_all_or_be_nobodys() {
    assert_eq!(all(&back(Callback::DuplicateCode).await, "code").len(), 2);
    assert!(all(&back(Callback::MissingCode).await, "code").is_empty());
    let world = world().await;
    let user = world.employee().await;
    world
        .control()
        .fault(Fault::callback(Callback::WrongCode).once());
    let code = world.code(&user).await;
    let refused: serde_json::Value = world.redeem(&code).await.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_grant");
}

#[tokio::test]
async fn code_and_error_can_come_together() {
    let back = callback(&back(Callback::CodeAndError).await);
    assert!(back.contains_key("code") && back.contains_key("error"));
}

#[tokio::test]
async fn a_form_post_or_a_fragment_carries_the_same() {
    let world = world().await;
    let user = world.employee().await;
    let page = world
        .authorize(&[("login_hint", &user), ("response_mode", "form_post")])
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("name=\"code\"") && page.contains(&format!("value=\"{STATE}\"")));
    let answer = world
        .authorize(&[("login_hint", &user), ("response_mode", "fragment")])
        .await;
    let location = Url::parse(answer.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    assert!(location.query().is_none() && location.fragment().unwrap().contains("code="));
}
