//! Discovery, right and hostile.

use emulator::{Fault, KeysChange, MetadataChange};
use serde_json::{Value, json};

use crate::support::{World, part, world};

const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

async fn document(world: &World, tenant: &str) -> Value {
    world
        .json(&format!("/{tenant}/v2.0/.well-known/openid-configuration"))
        .await
}

#[tokio::test]
async fn the_issuer_is_a_template_where_the_tenant_is_open() {
    let world = world().await;
    let origin = world.emulator.origin();
    for tenant in ["common", "organizations"] {
        assert_eq!(
            document(&world, tenant).await["issuer"],
            format!("{origin}/{{tenantid}}/v2.0")
        );
    }
    assert_eq!(
        document(&world, "consumers").await["issuer"],
        format!("{origin}/{PERSONAL}/v2.0")
    );
    let user = world.employee().await;
    let tid = part(&world.id_token(&user).await, 1)["tid"]
        .as_str()
        .unwrap()
        .to_owned();
    let domain = user.split_once('@').unwrap().1;
    for tenant in [tid.as_str(), domain] {
        let document = document(&world, tenant).await;
        assert_eq!(document["issuer"], format!("{origin}/{tid}/v2.0"));
        assert_eq!(
            document["token_endpoint"],
            format!("{origin}/{tid}/oauth2/v2.0/token")
        );
    }
}

#[tokio::test]
async fn an_unknown_tenant_is_aadsts90002_and_nonsense_aadsts900023() {
    let world = world().await;
    let refused = document(&world, "00000000-1111-2222-3333-444444444444").await;
    assert_eq!(refused["error"], "invalid_tenant");
    assert_eq!(refused["error_codes"], json!([90002]));
    assert_eq!(
        document(&world, "no_tenant").await["error_codes"],
        json!([900_023])
    );
}

#[tokio::test]
async fn keys_have_no_alg_but_an_issuer_a_thumbprint_and_a_certificate() {
    let world = world().await;
    let keys = world.raw_keys("common").await;
    assert_eq!(
        keys.len(),
        4,
        "two for organisations, two for personal accounts"
    );
    for key in &keys {
        assert!(key.get("alg").is_none());
        assert_eq!(key["use"], "sig");
        let certificate = base64::Engine::decode(
            &base64::prelude::BASE64_STANDARD,
            key["x5c"][0].as_str().unwrap(),
        )
        .unwrap();
        let thumbprint =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        assert_eq!(
            key["x5t"],
            base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, thumbprint)
        );
    }
    let personal = keys
        .iter()
        .filter(|key| key["issuer"].as_str().unwrap().contains(PERSONAL))
        .count();
    assert_eq!(personal, 2);
    assert_eq!(world.raw_keys("organizations").await.len(), 2);
}

#[tokio::test]
async fn after_a_rotation_a_key_signs_that_nobody_could_know() {
    let world = world().await;
    let user = world.employee().await;
    let before = world.keys("common").await;
    let old = world.id_token(&user).await;
    world.control().rotate_keys();
    let new = world.id_token(&user).await;
    let kid = part(&new, 0)["kid"].as_str().unwrap().to_owned();
    assert!(before.find(&kid).is_none());
    assert!(world.verify(&new).await.is_ok());
    assert!(
        world.verify(&old).await.is_ok(),
        "the previous key is still published"
    );
}

#[tokio::test]
async fn metadata_can_have_a_foreign_issuer_or_another_tenants() {
    let world = world().await;
    world
        .control()
        .fault(Fault::metadata(MetadataChange::WrongIssuer).once());
    assert!(
        document(&world, "common").await["issuer"]
            .as_str()
            .unwrap()
            .contains("evil.example")
    );
    world
        .control()
        .fault(Fault::metadata(MetadataChange::OtherTenant).once());
    let issuer = document(&world, "common").await["issuer"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(issuer.starts_with(&world.emulator.origin()) && !issuer.contains("{tenantid}"));
}

#[tokio::test]
async fn any_endpoint_can_lie_on_an_evil_host_or_on_http_or_be_missing() {
    let world = world().await;
    for member in [
        "token_endpoint",
        "authorization_endpoint",
        "jwks_uri",
        "end_session_endpoint",
    ] {
        world
            .control()
            .fault(Fault::metadata(MetadataChange::EvilEndpoint(member.into())).once());
        assert!(
            document(&world, "common").await[member]
                .as_str()
                .unwrap()
                .starts_with("https://login.evil.example/")
        );
        world
            .control()
            .fault(Fault::metadata(MetadataChange::HttpEndpoint(member.into())).once());
        assert!(
            document(&world, "common").await[member]
                .as_str()
                .unwrap()
                .starts_with("http://login.microsoftonline.com/")
        );
        world
            .control()
            .fault(Fault::metadata(MetadataChange::Missing(member.into())).once());
        assert!(document(&world, "common").await.get(member).is_none());
    }
    let change = MetadataChange::Member {
        name: "jwks_uri".into(),
        value: json!(7),
    };
    world.control().fault(Fault::metadata(change).once());
    assert_eq!(document(&world, "common").await["jwks_uri"], 7);
}

#[tokio::test]
async fn the_key_set_can_be_empty_or_lack_what_it_should_have() {
    let world = world().await;
    world.control().fault(Fault::keys(KeysChange::Empty).once());
    assert!(world.raw_keys("common").await.is_empty());
    for (change, member) in [(KeysChange::NoKid, "kid"), (KeysChange::NoIssuer, "issuer")] {
        world.control().fault(Fault::keys(change).once());
        assert!(
            world
                .raw_keys("common")
                .await
                .iter()
                .all(|key| key.get(member).is_none()),
            "{member}"
        );
    }
}

#[tokio::test]
async fn the_key_set_can_be_hostile() {
    let world = world().await;
    world
        .control()
        .fault(Fault::keys(KeysChange::PersonalIssuer).once());
    assert!(
        world
            .raw_keys("common")
            .await
            .iter()
            .all(|key| key["issuer"].as_str().unwrap().contains(PERSONAL))
    );
    world
        .control()
        .fault(Fault::keys(KeysChange::ForEncryption).once());
    assert!(
        world
            .raw_keys("common")
            .await
            .iter()
            .all(|key| key["use"] == "enc")
    );
    world
        .control()
        .fault(Fault::keys(KeysChange::BrokenNumbers).once());
    let broken = &world.raw_keys("common").await[0];
    assert!(
        serde_json::from_value::<jsonwebtoken::jwk::Jwk>(broken.clone())
            .map_or(true, |key| jsonwebtoken::DecodingKey::from_jwk(&key)
                .is_err())
    );
    world
        .control()
        .fault(Fault::keys(KeysChange::Symmetric).once());
    let keys = world.raw_keys("common").await;
    assert_eq!(keys[0]["kty"], "oct");
    assert_eq!(keys[0]["kid"], keys[1]["kid"]);
}
