//! Client assertions: a certificate's, and a workload's.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use emulator::{Client, DEMO_CLIENT_ID, Federation};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use crate::support::{REDIRECT, SCOPE, VERIFIER, World, world};

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Certificate {
    key: KeyPair,
    pem: String,
    der: Vec<u8>,
}

fn certificate() -> Certificate {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    Certificate {
        pem: certificate.pem(),
        der: certificate.der().to_vec(),
        key,
    }
}

impl Certificate {
    fn thumbprint(&self, algorithm: &'static aws_lc_rs::digest::Algorithm) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(algorithm, &self.der))
    }

    fn ps256(&self) -> Header {
        let x5t_s256 = Some(self.thumbprint(&aws_lc_rs::digest::SHA256));
        Header {
            x5t_s256,
            ..Header::new(Algorithm::PS256)
        }
    }

    fn rs256(&self) -> Header {
        let x5t = Some(self.thumbprint(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY));
        Header {
            x5t,
            ..Header::new(Algorithm::RS256)
        }
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        encode(
            header,
            claims,
            &EncodingKey::from_rsa_pem(self.key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap()
    }
}

/// The demo client with these credentials only.
async fn world_of(certificates: Vec<String>, federations: Vec<Federation>) -> World {
    let world = world().await;
    let consented = SCOPE.split(' ').map(str::to_owned).collect();
    world.control().register(Client {
        certificates,
        federations,
        consented,
        secrets: Vec::new(),
        ..Client::web(DEMO_CLIENT_ID, "", REDIRECT)
    });
    world
}

fn claims(world: &World, changes: &[(&str, Value)]) -> Value {
    let now = world.control().now().unix_timestamp();
    let usual = [
        ("aud", json!(world.url("/common/oauth2/v2.0/token"))),
        ("iss", json!(DEMO_CLIENT_ID)),
        ("sub", json!(DEMO_CLIENT_ID)),
        ("jti", json!("8ab7a4c5-0c1e-4a4c-9f0e-6d1f6d1b8a11")),
        ("nbf", json!(now)),
        ("exp", json!(now + 600)),
    ];
    let all: BTreeMap<_, _> = usual.into_iter().chain(changes.iter().cloned()).collect();
    json!(all)
}

/// The AADSTS number of the answer; 0 if tokens came.
async fn present(world: &World, assertion: &str) -> u64 {
    let user = world.employee().await;
    let code = world.code(&user).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_secret", ""),
        ("client_assertion_type", KIND),
        ("client_assertion", assertion),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let answer: Value = world.token(&form).await.json().await.unwrap();
    if answer["access_token"].is_string() {
        0
    } else {
        answer["error_codes"][0].as_u64().unwrap()
    }
}

#[tokio::test]
async fn a_certificate_signs_in_both_ways_that_are_documented() {
    let certificate = certificate();
    let world = world_of(vec![certificate.pem.clone()], Vec::new()).await;
    let good = claims(&world, &[]);
    assert_eq!(
        present(&world, &certificate.sign(&certificate.ps256(), &good)).await,
        0
    );
    assert_eq!(
        present(&world, &certificate.sign(&certificate.rs256(), &good)).await,
        0
    );
}

#[tokio::test]
async fn an_assertion_must_be_signed_by_the_registered_certificate() {
    let (registered, other) = (certificate(), certificate());
    let world = world_of(vec![registered.pem.clone()], Vec::new()).await;
    let good = claims(&world, &[]);
    assert_eq!(
        present(&world, &other.sign(&other.ps256(), &good)).await,
        700_027,
        "unknown thumbprint"
    );
    assert_eq!(
        present(&world, &other.sign(&registered.ps256(), &good)).await,
        700_027,
        "another key"
    );
    let unnamed = Header::new(Algorithm::PS256);
    assert_eq!(
        present(&world, &registered.sign(&unnamed, &good)).await,
        50_027,
        "no thumbprint"
    );
    assert_eq!(present(&world, "not.a.jwt").await, 50_027);
}

#[tokio::test]
async fn an_assertion_is_for_this_client_this_endpoint_and_this_time() {
    let certificate = certificate();
    let world = world_of(vec![certificate.pem.clone()], Vec::new()).await;
    let now = world.control().now().unix_timestamp();
    for (change, number) in [
        (("sub", json!("somebody else")), 700_021),
        (("aud", json!("https://evil.example/token")), 700_023),
        (("exp", json!(now - 3600)), 700_024),
        (("nbf", json!(now + 3600)), 700_024),
    ] {
        let assertion = certificate.sign(
            &certificate.ps256(),
            &claims(&world, std::slice::from_ref(&change)),
        );
        assert_eq!(present(&world, &assertion).await, number, "{change:?}");
    }
}

#[tokio::test]
async fn a_workloads_token_stands_in_for_a_credential() {
    let workload = certificate();
    let federation = Federation {
        issuer: "https://cluster.example".into(),
        subject: "system:serviceaccount:apps:cloakroom".into(),
        audience: "api://AzureADTokenExchange".into(),
        public_key: workload.key.public_key_pem(),
    };
    let world = world_of(Vec::new(), vec![federation.clone()]).await;
    let own = [
        ("iss", json!(federation.issuer)),
        ("sub", json!(federation.subject)),
        ("aud", json!([federation.audience])),
    ];
    let header = Header::new(Algorithm::RS256);
    let with = |name: &'static str| {
        let changes = [own.to_vec(), vec![(name, json!("another"))]].concat();
        workload.sign(&header, &claims(&world, &changes))
    };
    assert_eq!(
        present(&world, &workload.sign(&header, &claims(&world, &own))).await,
        0
    );
    assert_eq!(present(&world, &with("iss")).await, 700_211);
    assert_eq!(present(&world, &with("aud")).await, 700_212);
    assert_eq!(present(&world, &with("sub")).await, 700_213);
    let forged = certificate().sign(&header, &claims(&world, &own));
    assert_eq!(present(&world, &forged).await, 50_013);
}

#[tokio::test]
async fn secrets_expire_and_public_clients_have_none() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    let with = async |secret: &str| -> Value {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_secret", secret),
            ("code", code.as_str()),
        ];
        world.token(&form).await.json().await.unwrap()
    };
    let expired = Client {
        expired_secrets: vec!["old".into()],
        ..Client::demo()
    };
    world.control().register(expired);
    assert_eq!(with("old").await["error_codes"][0], 7_000_222);
    world.control().register(Client {
        secrets: Vec::new(),
        ..Client::demo()
    });
    assert_eq!(with("any").await["error_codes"][0], 700_025);
}
