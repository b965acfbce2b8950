//! The same over TLS, and as a forward proxy that answers for Microsoft's own hosts.

use emulator::{Emulator, Settings};
use reqwest::{Certificate, Proxy, StatusCode};
use serde_json::Value;

use crate::support::world;

fn trusting(pem: &str) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()])
}

#[tokio::test]
async fn https_is_served_on_the_same_port_with_its_own_links() {
    let world = world().await;
    let http = trusting(world.emulator.ca_pem()).build().unwrap();
    let https = world.emulator.https_origin();
    let url = format!("{https}/common/v2.0/.well-known/openid-configuration");
    let document: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], format!("{https}/{{tenantid}}/v2.0"));
    assert!(
        document["token_endpoint"]
            .as_str()
            .unwrap()
            .starts_with(&https)
    );
}

#[tokio::test]
async fn who_does_not_know_the_authority_does_not_connect() {
    let world = world().await;
    let url = format!(
        "{}/common/v2.0/.well-known/openid-configuration",
        world.emulator.https_origin()
    );
    assert!(world.http.get(url).send().await.is_err());
}

#[tokio::test]
async fn the_proxy_answers_for_microsofts_hosts_with_production_settings() {
    let world = world().await;
    let proxy = Proxy::https(world.emulator.origin()).unwrap();
    let http = trusting(world.emulator.ca_pem())
        .proxy(proxy)
        .build()
        .unwrap();
    let url = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration";
    let document: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        document["issuer"],
        "https://login.microsoftonline.com/{tenantid}/v2.0"
    );
    assert_eq!(
        document["userinfo_endpoint"],
        "https://graph.microsoft.com/oidc/userinfo"
    );
    let me = http
        .get("https://graph.microsoft.com/v1.0/me")
        .send()
        .await
        .unwrap();
    assert_eq!(me.status(), StatusCode::UNAUTHORIZED);
    let us = "https://login.microsoftonline.us/common/v2.0/.well-known/openid-configuration";
    let document: Value = http.get(us).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        document["userinfo_endpoint"],
        "https://graph.microsoft.us/oidc/userinfo"
    );
    assert_eq!(world.control().calls()[1].host, "graph.microsoft.com");
}

#[tokio::test]
async fn the_proxy_opens_no_tunnel_to_anybody_else() {
    let world = world().await;
    let proxy = Proxy::https(world.emulator.origin()).unwrap();
    let http = trusting(world.emulator.ca_pem())
        .proxy(proxy)
        .build()
        .unwrap();
    assert!(http.get("https://evil.example/").send().await.is_err());
    assert!(
        http.get("https://login.microsoftonline.com:8443/")
            .send()
            .await
            .is_err()
    );
    assert!(world.control().calls().is_empty());
}

#[tokio::test]
async fn the_authority_is_kept_from_one_run_to_the_next() {
    let folder = std::env::temp_dir().join(format!("emulator-{}", uuid::Uuid::new_v4()));
    let settings = Settings {
        authority: Some(folder.clone()),
        ..Settings::default()
    };
    let first = Emulator::start(settings.clone())
        .await
        .unwrap()
        .ca_pem()
        .to_owned();
    let second = Emulator::start(settings).await.unwrap();
    assert_eq!(second.ca_pem(), first);
    let http = trusting(&first).build().unwrap();
    let answer = http
        .get(format!(
            "{}/common/discovery/v2.0/keys",
            second.https_origin()
        ))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    std::fs::remove_dir_all(folder).unwrap();
}
