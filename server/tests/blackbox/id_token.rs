//! Section C: no forged ID token yields a session.

use emulator::{Fault, Forgery, KeysChange};
use serde_json::json;

use crate::harness::{EMPLOYEE, FABRIKAM, TestApp};

fn claim(name: &str, value: serde_json::Value) -> Forgery {
    Forgery::Claim {
        name: name.into(),
        value,
    }
}

async fn refuses(forgery: Forgery) {
    let app = TestApp::start().await;
    let name = format!("{forgery:?}");
    app.control().fault(Fault::id_token(forgery));
    let mut browser = app.browser();
    let answer = browser.sign_in(EMPLOYEE).await;
    assert_eq!(answer.status, 400, "{name}: {answer:?}");
    assert!(answer.body.contains("could not be verified"), "{name}");
    assert!(!browser.cookies.contains_key("session"), "{name}");
    assert_eq!(browser.user().await, serde_json::Value::Null, "{name}");
}

macro_rules! refused {
    ($($(#[$meta:meta])* $name:ident: $forgery:expr;)*) => {
        $($(#[$meta])* #[tokio::test] async fn $name() { refuses($forgery).await; })*
    };
}

refused! {
    /// R34
    a_bad_signature_is_refused: Forgery::TamperedSignature;
    /// R34
    tampered_claims_are_refused: Forgery::TamperedClaims;
    /// R34
    a_missing_signature_is_refused: Forgery::NoSignature;
    /// R34
    a_foreign_key_under_a_known_kid_is_refused: Forgery::ForeignKey;
    /// R34
    alg_none_is_refused: Forgery::AlgNone;
    /// R34
    hs256_with_the_public_key_is_refused: Forgery::Hs256WithPublicKey;
    /// R34
    another_rsa_algorithm_is_refused: Forgery::Rs512;
    /// R34
    a_key_set_named_in_the_header_is_refused: Forgery::Jku;
    /// R34
    a_key_in_the_header_is_refused: Forgery::Jwk;
    /// R34
    a_certificate_named_in_the_header_is_refused: Forgery::X5u;
    /// R34, R39
    an_unknown_key_is_refused: Forgery::UnknownKid;
    /// R34
    a_token_that_names_no_key_is_refused: Forgery::NoKid;
    /// R35
    a_wrong_audience_is_refused: Forgery::WrongAudience;
    /// R35
    a_second_audience_with_a_foreign_azp_is_refused: Forgery::ForeignAzp;
    /// R35
    a_foreign_azp_is_refused: claim("azp", json!("another-client"));
    /// R35
    an_expired_token_is_refused: Forgery::Expired;
    /// R35
    a_token_of_tomorrow_is_refused: Forgery::NotYetValid;
    /// R35
    a_token_issued_in_the_future_is_refused: Forgery::IssuedInFuture;
    /// R35
    an_expiry_that_is_no_number_is_refused: Forgery::WordyExpiry;
    /// R35
    a_token_that_never_expires_is_refused: Forgery::Missing("exp".into());
    /// R36
    another_tenant_in_iss_is_refused: Forgery::WrongIssuer;
    /// R36
    another_host_in_iss_is_refused: Forgery::ForeignIssuer;
    /// R36
    the_literal_issuer_template_is_refused: Forgery::LiteralIssuer;
    /// R36
    a_tid_that_is_not_in_iss_is_refused: Forgery::WrongTid;
    /// R36
    a_tid_that_is_no_guid_is_refused: Forgery::MalformedTid;
    /// R36
    a_missing_tid_is_refused: Forgery::Missing("tid".into());
    /// R37
    a_personal_account_key_on_a_work_token_is_refused: Forgery::KeyOfOtherIssuer;
    /// R4
    a_wrong_nonce_is_refused: Forgery::WrongNonce;
    /// R4
    a_missing_nonce_is_refused: Forgery::Missing("nonce".into());
    /// R43
    a_token_without_an_oid_is_refused: Forgery::Missing("oid".into());
    /// R43
    a_token_without_a_sub_is_refused: Forgery::Missing("sub".into());
    /// R44
    a_v1_token_is_refused: Forgery::Version1;
    /// R44
    a_token_without_a_version_is_refused: Forgery::Missing("ver".into());
    /// R44
    an_access_token_is_refused_as_an_id_token: Forgery::AccessToken;
    /// R23
    what_is_no_token_at_all_is_refused: Forgery::NotAToken;
}

#[tokio::test] // R35
async fn clocks_may_differ_a_little() {
    let app = TestApp::start().await;
    let now = app.control().now().unix_timestamp();
    for (name, value) in [("nbf", now + 60), ("iat", now + 60), ("exp", now - 60)] {
        app.control()
            .fault(Fault::id_token(claim(name, json!(value))).once());
        assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303, "{name}");
    }
    for (name, value) in [("nbf", now + 600), ("iat", now + 600), ("exp", now - 600)] {
        app.control()
            .fault(Fault::id_token(claim(name, json!(value))).once());
        assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 400, "{name}");
    }
}

#[tokio::test] // R38
async fn a_tenant_that_is_not_allowed_gets_a_403_page() {
    let app = TestApp::with(&[("ALLOWED_TENANTS", "00000000-0000-4000-8000-000000000001")]).await;
    let mut browser = app.browser();
    let answer = browser.sign_in(EMPLOYEE).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("Use another account"));
    assert_eq!(browser.user().await, serde_json::Value::Null);
    let app = TestApp::with(&[("ALLOWED_TENANTS", FABRIKAM)]).await;
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
}

#[tokio::test] // R36, R38
async fn an_authority_for_one_tenant_admits_that_tenant() {
    for tenant in [FABRIKAM, "fabrikam.example", "organizations"] {
        let app = TestApp::with(&[("AUTHORITY", &format!("{{emulator}}/{tenant}"))]).await;
        assert_eq!(
            app.browser().sign_in(EMPLOYEE).await.status,
            303,
            "{tenant}"
        );
    }
}

const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

#[tokio::test] // R38, R42
async fn each_authority_admits_its_own_audience_and_allowed_tenants_narrow_it() {
    const SAM: &str = "sam.whitaker@outlook.example";
    for (authority, allowed, user, status) in [
        ("common", "", EMPLOYEE, 303),
        ("common", "", SAM, 303),
        ("common", FABRIKAM, SAM, 403),
        ("common", PERSONAL_TENANT, SAM, 303),
        ("common", PERSONAL_TENANT, EMPLOYEE, 403),
        ("organizations", "", EMPLOYEE, 303),
        ("organizations", PERSONAL_TENANT, EMPLOYEE, 403),
        ("consumers", "", SAM, 303),
        ("consumers", FABRIKAM, SAM, 403),
        (FABRIKAM, "", EMPLOYEE, 303),
        ("fabrikam.example", PERSONAL_TENANT, EMPLOYEE, 403),
    ] {
        let app = TestApp::with(&[
            ("AUTHORITY", &format!("{{emulator}}/{authority}")),
            ("ALLOWED_TENANTS", allowed),
        ])
        .await;
        let mut browser = app.browser();
        let answer = browser.sign_in(user).await;
        let name = format!("{user} at {authority}, allowed {allowed:?}");
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(browser.user().await.is_null(), status != 303, "{name}");
    }
}

#[tokio::test] // R39
async fn a_rotated_key_is_fetched_and_keys_survive_an_outage() {
    let app = TestApp::start().await;
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    assert_eq!(app.calls(emulator::Endpoint::Keys).len(), 1, "cached");
    app.control().rotate_keys();
    assert_eq!(
        app.browser().sign_in(EMPLOYEE).await.status,
        303,
        "the new key was fetched"
    );
    assert_eq!(app.calls(emulator::Endpoint::Keys).len(), 2);

    app.control().rotate_keys();
    assert_eq!(
        app.browser().sign_in(EMPLOYEE).await.status,
        400,
        "asked less than five minutes ago"
    );
    assert_eq!(app.calls(emulator::Endpoint::Keys).len(), 2);
    app.advance(std::time::Duration::from_secs(301));
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    assert_eq!(app.calls(emulator::Endpoint::Keys).len(), 3);

    app.advance(std::time::Duration::from_hours(25));
    app.control()
        .fault(Fault::status(emulator::Endpoint::Keys, 503));
    app.control()
        .fault(Fault::status(emulator::Endpoint::Metadata, 503));
    assert_eq!(
        app.browser().sign_in(EMPLOYEE).await.status,
        303,
        "the last good set survives"
    );
}

#[tokio::test] // R39
async fn a_broken_key_set_does_not_replace_a_good_one() {
    let app = TestApp::start().await;
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    app.advance(std::time::Duration::from_hours(25));
    app.control().fault(Fault::keys(KeysChange::Empty));
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
}

#[tokio::test] // R39
async fn broken_key_sets_yield_no_session() {
    for (change, status) in [
        (KeysChange::Empty, 503),
        (KeysChange::NoKid, 503),
        (KeysChange::ForEncryption, 503),
        (KeysChange::BrokenNumbers, 400),
        (KeysChange::PersonalIssuer, 400),
    ] {
        let app = TestApp::start().await;
        let name = format!("{change:?}");
        app.control().fault(Fault::keys(change));
        let answer = app.browser().sign_in(EMPLOYEE).await;
        assert_eq!(answer.status, status, "{name}");
    }
    let app = TestApp::start().await;
    app.control().fault(Fault::keys(KeysChange::NoIssuer));
    assert_eq!(
        app.browser().sign_in(EMPLOYEE).await.status,
        303,
        "a key without an issuer signs for the set's"
    );
}
