//! Each forged ID token is wrong in the way that its name says, and in no other.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use emulator::{DEMO_CLIENT_ID, Fault, Forgery};
use jsonwebtoken::errors::ErrorKind;
use serde_json::{Value, json};

use crate::support::{NONCE, World, part, world};

const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// A forged ID token, and the world that it comes from.
async fn forged(forgery: Forgery) -> (World, String) {
    let world = world().await;
    let user = world.employee().await;
    world.control().fault(Fault::id_token(forgery).once());
    let token = world.id_token(&user).await;
    let honest = world.id_token(&user).await;
    assert!(
        world.verify(&honest).await.is_ok(),
        "the next one is honest again"
    );
    (world, token)
}

/// Forged claims under a right signature.
async fn rightly_signed(forgery: Forgery) -> (World, Value) {
    let (world, token) = forged(forgery).await;
    world
        .verify_signature(&token)
        .await
        .expect("the signature is right");
    (world, part(&token, 1))
}

async fn kind(world: &World, token: &str) -> ErrorKind {
    world.verify(token).await.unwrap_err().into_kind()
}

#[tokio::test]
async fn claims_changed_after_signing_break_the_signature() {
    let (world, token) = forged(Forgery::TamperedClaims).await;
    assert_eq!(part(&token, 1)["name"], "Somebody Else");
    assert_eq!(kind(&world, &token).await, ErrorKind::InvalidSignature);
}

#[tokio::test]
async fn a_tampered_signature_is_invalid() {
    let (world, token) = forged(Forgery::TamperedSignature).await;
    assert_eq!(kind(&world, &token).await, ErrorKind::InvalidSignature);
}

#[tokio::test]
async fn a_token_can_lack_its_signature() {
    let (world, token) = forged(Forgery::NoSignature).await;
    assert!(token.ends_with('.'));
    assert_eq!(part(&token, 0)["alg"], "RS256");
    assert!(world.verify(&token).await.is_err());
}

#[tokio::test]
async fn a_foreign_key_signs_under_a_known_kid() {
    let (world, token) = forged(Forgery::ForeignKey).await;
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    assert!(world.keys("common").await.find(&kid).is_some());
    assert_eq!(kind(&world, &token).await, ErrorKind::InvalidSignature);
}

#[tokio::test]
async fn alg_none_has_no_signature() {
    let (_, token) = forged(Forgery::AlgNone).await;
    assert_eq!(part(&token, 0)["alg"], "none");
    assert!(token.ends_with('.'));
}

#[tokio::test]
async fn hs256_is_keyed_with_the_public_key() {
    let (world, token) = forged(Forgery::Hs256WithPublicKey).await;
    assert_eq!(part(&token, 0)["alg"], "HS256");
    assert_eq!(kind(&world, &token).await, ErrorKind::InvalidAlgorithm);
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    let pem = world.public_pem(&kid).await;
    let (message, signature) = token.rsplit_once('.').unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, pem.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(
        aws_lc_rs::hmac::verify(&key, message.as_bytes(), &signature).is_ok(),
        "a careless verifier takes it"
    );
}

#[tokio::test]
async fn rs512_is_signed_rightly_but_not_with_the_only_algorithm() {
    let (world, token) = forged(Forgery::Rs512).await;
    assert_eq!(part(&token, 0)["alg"], "RS512");
    assert_eq!(kind(&world, &token).await, ErrorKind::InvalidAlgorithm);
    world
        .verify_signature(&token)
        .await
        .expect("RS512 itself is right");
}

#[tokio::test]
async fn an_unknown_kid_is_in_no_key_set() {
    let (world, token) = forged(Forgery::UnknownKid).await;
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    assert!(world.keys("common").await.find(&kid).is_none());
}

#[tokio::test]
async fn a_token_can_lack_its_kid() {
    let (_, token) = forged(Forgery::NoKid).await;
    assert!(part(&token, 0).get("kid").is_none());
}

#[tokio::test]
async fn jku_jwk_and_x5u_point_at_the_forgers_key() {
    for (forgery, member) in [
        (Forgery::Jku, "jku"),
        (Forgery::Jwk, "jwk"),
        (Forgery::X5u, "x5u"),
    ] {
        let (world, token) = forged(forgery).await;
        assert!(!part(&token, 0)[member].is_null(), "{member}");
        assert_eq!(
            kind(&world, &token).await,
            ErrorKind::InvalidSignature,
            "{member}"
        );
    }
    let (_, token) = forged(Forgery::Jwk).await;
    let jwk = serde_json::from_value(part(&token, 0)["jwk"].clone()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let mut lenient = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    lenient.set_audience(&[DEMO_CLIENT_ID]);
    assert!(
        jsonwebtoken::decode::<Value>(&token, &key, &lenient).is_ok(),
        "who follows jwk is fooled"
    );
}

#[tokio::test]
async fn a_header_can_have_any_member() {
    let (world, token) = forged(Forgery::Header {
        name: "crit".into(),
        value: json!(["b64"]),
    })
    .await;
    assert_eq!(part(&token, 0)["crit"], json!(["b64"]));
    world
        .verify_signature(&token)
        .await
        .expect("the signature is right");
}

#[tokio::test]
async fn a_personal_accounts_key_signs_for_a_work_tenant() {
    let (world, token) = forged(Forgery::KeyOfOtherIssuer).await;
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    let keys = world.raw_keys("common").await;
    let key = keys
        .iter()
        .find(|key| key["kid"] == kid.as_str())
        .expect("it is published");
    assert!(key["issuer"].as_str().unwrap().contains(PERSONAL));
    assert_ne!(part(&token, 1)["tid"], PERSONAL);
    world
        .verify_signature(&token)
        .await
        .expect("the signature is right");
}

#[tokio::test]
async fn the_audience_can_be_another_application() {
    let (_, claims) = rightly_signed(Forgery::WrongAudience).await;
    assert_ne!(claims["aud"], DEMO_CLIENT_ID);
}

#[tokio::test]
async fn several_audiences_come_with_a_foreign_azp() {
    let (_, claims) = rightly_signed(Forgery::ForeignAzp).await;
    assert_eq!(claims["aud"][0], DEMO_CLIENT_ID);
    assert_eq!(claims["aud"][1], claims["azp"]);
    assert_ne!(claims["azp"], DEMO_CLIENT_ID);
}

#[tokio::test]
async fn the_issuer_can_be_another_tenants() {
    let (world, claims) = rightly_signed(Forgery::WrongIssuer).await;
    let issuer = claims["iss"].as_str().unwrap();
    assert!(issuer.starts_with(&world.emulator.origin()));
    assert!(!issuer.contains(claims["tid"].as_str().unwrap()));
}

#[tokio::test]
async fn the_issuer_can_be_on_another_host() {
    let (_, claims) = rightly_signed(Forgery::ForeignIssuer).await;
    assert!(
        claims["iss"]
            .as_str()
            .unwrap()
            .starts_with("https://login.evil.example/")
    );
}

#[tokio::test]
async fn the_issuer_can_be_the_unfilled_template() {
    let (world, claims) = rightly_signed(Forgery::LiteralIssuer).await;
    assert_eq!(
        claims["iss"],
        format!("{}/{{tenantid}}/v2.0", world.emulator.origin())
    );
}

#[tokio::test]
async fn tid_can_differ_from_the_issuers_tenant() {
    let (_, claims) = rightly_signed(Forgery::WrongTid).await;
    assert!(
        !claims["iss"]
            .as_str()
            .unwrap()
            .contains(claims["tid"].as_str().unwrap())
    );
}

#[tokio::test]
async fn tid_can_be_a_path_that_fits_the_issuer() {
    let (_, claims) = rightly_signed(Forgery::MalformedTid).await;
    let tid = claims["tid"].as_str().unwrap();
    assert!(tid.contains("../"));
    assert!(claims["iss"].as_str().unwrap().contains(tid));
}

#[tokio::test]
async fn a_token_can_be_expired() {
    let (world, token) = forged(Forgery::Expired).await;
    assert_eq!(kind(&world, &token).await, ErrorKind::ExpiredSignature);
}

#[tokio::test]
async fn a_token_can_be_not_yet_valid() {
    let (world, token) = forged(Forgery::NotYetValid).await;
    assert_eq!(kind(&world, &token).await, ErrorKind::ImmatureSignature);
}

#[tokio::test]
async fn a_token_can_be_issued_in_the_future() {
    let (world, claims) = rightly_signed(Forgery::IssuedInFuture).await;
    assert!(claims["iat"].as_i64().unwrap() > world.control().now().unix_timestamp() + 3000);
}

#[tokio::test]
async fn exp_can_be_a_word() {
    let (_, token) = forged(Forgery::WordyExpiry).await;
    assert!(part(&token, 1)["exp"].is_string());
}

#[tokio::test]
async fn the_nonce_can_be_another_or_missing() {
    let (_, claims) = rightly_signed(Forgery::WrongNonce).await;
    assert!(claims["nonce"].is_string() && claims["nonce"] != NONCE);
    let (_, claims) = rightly_signed(Forgery::Missing("nonce".into())).await;
    assert!(claims.get("nonce").is_none());
}

#[tokio::test]
async fn any_claim_can_be_missing() {
    for name in ["oid", "sub", "tid", "exp", "iat", "aud", "iss", "ver"] {
        let (_, token) = forged(Forgery::Missing(name.into())).await;
        assert!(part(&token, 1).get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn any_claim_can_have_any_value() {
    let (_, claims) = rightly_signed(Forgery::Claim {
        name: "oid".into(),
        value: json!(["two", "values"]),
    })
    .await;
    assert_eq!(claims["oid"], json!(["two", "values"]));
}

#[tokio::test]
async fn a_refreshed_token_can_be_somebody_elses() {
    let world = world().await;
    let user = world.employee().await;
    let first = world.tokens(&user).await;
    let honest = part(first["id_token"].as_str().unwrap(), 1);
    for (forgery, claim) in [(Forgery::WrongSubject, "sub"), (Forgery::WrongOid, "oid")] {
        world
            .control()
            .fault(Fault::id_token(forgery).for_grant("refresh_token").once());
        let refreshed: Value = world
            .refresh(first["refresh_token"].as_str().unwrap())
            .await
            .json()
            .await
            .unwrap();
        assert_ne!(
            part(refreshed["id_token"].as_str().unwrap(), 1)[claim],
            honest[claim]
        );
    }
}

#[tokio::test]
async fn a_v1_token_says_so_and_has_the_old_issuer() {
    let (_, claims) = rightly_signed(Forgery::Version1).await;
    assert_eq!(claims["ver"], "1.0");
    assert_eq!(
        claims["iss"],
        format!(
            "https://sts.windows.net/{}/",
            claims["tid"].as_str().unwrap()
        )
    );
}

#[tokio::test]
async fn an_access_token_can_come_in_the_id_tokens_place() {
    let (_, claims) = rightly_signed(Forgery::AccessToken).await;
    assert_eq!(claims["aud"], "00000003-0000-0000-c000-000000000000");
    assert_eq!(claims["scp"], "User.Read");
}

#[tokio::test]
async fn what_comes_can_be_no_token_at_all() {
    let (_, token) = forged(Forgery::NotAToken).await;
    assert!(jsonwebtoken::decode_header(&token).is_err());
}

#[tokio::test]
async fn a_fault_strikes_only_its_user_and_its_client() {
    let world = world().await;
    let (employee, manager) = (world.employee().await, world.person("manager").await);
    world
        .control()
        .fault(Fault::id_token(Forgery::AlgNone).for_user(&manager));
    assert!(world.verify(&world.id_token(&employee).await).await.is_ok());
    assert_eq!(part(&world.id_token(&manager).await, 0)["alg"], "none");
    world.control().clear();
    world
        .control()
        .fault(Fault::id_token(Forgery::AlgNone).for_client("another"));
    assert!(world.verify(&world.id_token(&employee).await).await.is_ok());
}
