//! Sections B and C against a provider that is not our emulator: no forged ID token yields a session, every well-formed
//! one does.

use serde_json::{Value, json};

use crate::{
    forgeries::{FORGERIES, OTHER_TENANT, WELL_FORMED, without},
    harness::{Answer, TestApp},
    provider::{CLIENT, Change, KEYS, OBJECT, Provider, SECRET, Sign, TENANT},
};

/// The server with this provider as its Microsoft: other settings, nothing else.
async fn app(provider: &Provider) -> TestApp {
    TestApp::with(&[
        ("AUTHORITY", &format!("{}/common", provider.origin())),
        ("GRAPH_ENDPOINT", provider.origin()),
        ("CLIENT_ID", CLIENT),
        ("CLIENT_SECRET", SECRET),
    ])
    .await
}

/// The callback's answer, and who is signed in then.
async fn sign_in(app: &TestApp) -> (Answer, Value) {
    let mut browser = app.browser();
    let answer = browser.sign_in("abeli@fabrikam.example").await;
    let user = browser.user().await;
    assert_eq!(browser.cookies.contains_key("session"), !user.is_null());
    (answer, user)
}

#[tokio::test] // R4, R34, R35, R36, R37, R43, R44
async fn no_forgery_of_another_provider_yields_a_session() {
    assert!(FORGERIES.len() >= 28);
    let provider = Provider::start().await;
    let app = app(&provider).await;
    assert_eq!(sign_in(&app).await.0.status, 303, "what is right is right");
    for (name, change) in FORGERIES {
        provider.change(*change);
        let (answer, user) = sign_in(&app).await;
        assert_eq!(user, Value::Null, "{name}");
        assert!(
            matches!(answer.status.as_u16(), 400 | 503),
            "{name}: {}",
            answer.status
        );
        provider.change(|_| {});
        assert_eq!(sign_in(&app).await.0.status, 303, "after: {name}");
    }
    assert_eq!(provider.asked("evil"), 0, "no key is fetched for a header");
    assert_eq!(
        provider.asked("/v1.0"),
        0,
        "nothing is fetched for a forgery"
    );
    assert_eq!(
        provider.asked("keys"),
        2,
        "R39: unknown keys make it ask once"
    );
}

#[tokio::test] // R35, R36, R37, R43
async fn every_well_formed_token_of_another_provider_yields_a_session() {
    let provider = Provider::start().await;
    let app = app(&provider).await;
    let mut people = std::collections::HashSet::new();
    for (name, change) in WELL_FORMED {
        provider.change(*change);
        let (answer, user) = sign_in(&app).await;
        assert_eq!(answer.status, 303, "{name}: {}", answer.body);
        assert_eq!(user["username"], "AbeLi@fabrikam.example", "{name}");
        people.insert((user["tid"].to_string(), user["oid"].to_string()));
    }
    assert_eq!(
        people.len(),
        3,
        "R43: one address, three tenants, three people"
    );
}

#[tokio::test] // R39
async fn a_key_set_of_any_company_is_read_for_the_key_that_it_is_about() {
    let provider = Provider::start().await;
    let right = provider.jwk(&KEYS.work);
    let with = |name: &str, value: Value| {
        let mut key = right.clone();
        key[name] = value;
        key
    };
    let less = |name: &str| {
        let mut key = right.clone();
        without(&mut key, name);
        key
    };
    let others = [
        json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "ec" }),
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "oct" }),
        json!({ "kty": "RSA", "kid": "bare" }),
        json!({ "kty": "RSA", "use": "enc", "kid": KEYS.work.kid, "n": KEYS.foreign.modulus(), "e": "AQAB" }),
        json!({ "kid": 7 }),
        json!("text"),
        Value::Null,
    ];
    let crowd: Vec<_> = others.iter().cloned().chain([right.clone()]).collect();
    for (name, set) in [
        ("among others", crowd),
        ("with alg", vec![with("alg", json!("RS256"))]),
        ("with a certificate", vec![with("x5c", json!(["MIIC"]))]),
        (
            "with a cloud",
            vec![with("cloud_instance_name", json!("microsoftonline.com"))],
        ),
        ("without issuer", vec![less("issuer")]),
        ("without use", vec![less("use")]),
    ] {
        provider.publish(&set);
        assert_eq!(sign_in(&app(&provider).await).await.0.status, 303, "{name}");
    }
    for (name, set) in [
        (
            "of another company",
            vec![with(
                "issuer",
                json!("https://login.evil.example/{tenantid}/v2.0"),
            )],
        ),
        (
            "of another tenant",
            vec![with(
                "issuer",
                json!(format!("{}/{OTHER_TENANT}/v2.0", provider.origin())),
            )],
        ),
        ("for another algorithm", vec![with("alg", json!("PS256"))]),
        ("for encryption", vec![with("use", json!("enc"))]),
        (
            "with another modulus",
            vec![with("n", json!(KEYS.foreign.modulus()))],
        ),
        ("nobody's", others.to_vec()),
    ] {
        provider.publish(&set);
        let (_, user) = sign_in(&app(&provider).await).await;
        assert_eq!(user, Value::Null, "{name}");
    }
}

#[tokio::test] // R39
async fn keys_may_be_rotated_between_signing_and_fetching() {
    let provider = Provider::start().await;
    let (old, new) = (provider.jwk(&KEYS.work), provider.jwk(&KEYS.next));
    let by_next: Change = |t| {
        t.header["kid"] = json!(KEYS.next.kid);
        t.sign = Sign::Rs256(&KEYS.next);
    };
    // The keys are known; the next token is signed by one that came since.
    let warm = app(&provider).await;
    assert_eq!(sign_in(&warm).await.0.status, 303);
    provider.publish(&[new.clone(), old.clone()]);
    provider.change(by_next);
    assert_eq!(sign_in(&warm).await.0.status, 303);
    provider.change(|_| {});
    assert_eq!(
        sign_in(&warm).await.0.status,
        303,
        "the old one is still published"
    );

    // Signed by the old key, which is withdrawn before the set is fetched.
    let cold = app(&provider).await;
    provider.publish(std::slice::from_ref(&new));
    assert_eq!(sign_in(&cold).await.1, Value::Null);
    provider.change(by_next);
    assert_eq!(sign_in(&cold).await.0.status, 303);
    // Still published, though no longer used.
    let cold = app(&provider).await;
    provider.publish(&[new, old]);
    provider.change(|_| {});
    assert_eq!(sign_in(&cold).await.0.status, 303);
}

#[tokio::test] // R1, R2, R19, R36
async fn the_same_server_signs_in_and_lists_people_at_another_provider_by_settings_alone() {
    let provider = Provider::start().await;
    let app = app(&provider).await;
    let mut browser = app.browser();
    assert_eq!(browser.sign_in("anyone").await.status, 303);
    assert_eq!(
        browser.user().await,
        json!({ "name": "Abe Lincoln", "username": "AbeLi@fabrikam.example", "oid": OBJECT, "tid": TENANT })
    );
    let home = browser.get("/").await;
    assert!(
        home.status == 200 && home.body.contains("Abe Lincoln"),
        "{}",
        home.body
    );
    let people = browser.get("/people").await;
    assert!(
        people.body.contains("Frederick Douglass"),
        "{}",
        people.body
    );
    let page = browser.call("people", "").await.json();
    let cursor = page["people"]["next"].as_str().unwrap();
    let next = browser.get(&format!("/people?cursor={cursor}")).await;
    assert!(next.body.contains("Mary Todd"), "{}", next.body);
    assert!(
        app.control().calls().is_empty(),
        "the emulator was asked nothing"
    );
}
