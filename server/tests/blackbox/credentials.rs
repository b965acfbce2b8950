//! Section B: how this app proves itself, and what happens when it can't.

use std::{collections::HashMap, fs, path::PathBuf, sync::LazyLock, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use emulator::{Client, DEMO_CLIENT_ID, Endpoint, Federation};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use server::config::Settings;

use crate::{
    harness::{EMPLOYEE, TempDir, TestApp},
    leaks::Log,
};

/// Of an RSA key of 1024 bits, which nothing here makes any more.
const SHORT: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIB/jCCAWegAwIBAgIUdrfs5ujAWoLB75X8sPdeHVjarnMwDQYJKoZIhvcNAQEL\n\
BQAwEDEOMAwGA1UEAwwFc2hvcnQwIBcNMjYxMTIzMTY0MzE2WhgPMjEyNjEwMzAx\n\
NjQzMTZaMBAxDjAMBgNVBAMMBXNob3J0MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB\n\
iQKBgQCslLAgFprEBtBBl+h+v0zCT2wfzOX1Y7MqLb7DXN4atOKfWjrOZ9bSBg+o\n\
s0yaS41FQvg0TaLnfeLgPiHXgG4teQjDLUaUaTMITfe26IzZCGhuSfobrZvrjft5\n\
BWtJj/6A8ndvcjNBEnF0EU4LTilXcAw+oRdaMftQYIJV1QusoQIDAQABo1MwUTAd\n\
BgNVHQ4EFgQUssIlgQ+5WbcSKX1wOi8qPCGLaYQwHwYDVR0jBBgwFoAUssIlgQ+5\n\
WbcSKX1wOi8qPCGLaYQwDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOB\n\
gQB/rP/LjhOlRgedr1dTQDmfWiSZ0fthuXXP401m0ZxOlJul5AFYI1rOYIuIT5hT\n\
KNubUw5y4Y7SO5yjFQZvMjpYzu+Sn58AWWpbdrX4d3b1BPkMMCZZUdtYyRRy8MpQ\n\
UvaefEPE/qACdTZGClYlSgXTRGHmYP1lU5J1oSiz6kijKw==\n\
-----END CERTIFICATE-----\n";

static KEYS: LazyLock<[KeyPair; 2]> = LazyLock::new(|| {
    std::array::from_fn(|_| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
});

fn certificate(key: &KeyPair, days: std::ops::Range<i64>) -> String {
    let mut parameters = CertificateParams::new(vec![]).unwrap();
    let now = time::OffsetDateTime::now_utc();
    parameters.not_before = now + time::Duration::days(days.start);
    parameters.not_after = now + time::Duration::days(days.end);
    parameters.self_signed(key).unwrap().pem()
}

/// Certificate and key in files, the certificate registered in place of the secret.
struct Files {
    directory: TempDir,
    certificate: String,
}

impl Files {
    fn new() -> Self {
        let directory = TempDir::new();
        let certificate = certificate(&KEYS[0], -1..365);
        fs::write(directory.0.join("certificate.pem"), &certificate).unwrap();
        fs::write(directory.0.join("key.pem"), KEYS[0].serialize_pem()).unwrap();
        Self {
            directory,
            certificate,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.0.join(name).display().to_string()
    }

    async fn app(&self) -> TestApp {
        let app = TestApp::with(&[
            ("CLIENT_SECRET", ""),
            ("CLIENT_CERTIFICATE", &self.path("certificate.pem")),
            ("CLIENT_CERTIFICATE_KEY", &self.path("key.pem")),
            ("SESSION_IDLE", "10h"),
        ])
        .await;
        app.control().register(Client {
            secrets: vec![],
            certificates: vec![self.certificate.clone()],
            ..Client::demo()
        });
        app
    }
}

fn part(jwt: &str, number: usize) -> Value {
    let part = jwt.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test] // R21
async fn a_certificate_signs_an_assertion_that_the_platform_verifies() {
    let app = Files::new().app().await;
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    let call = app.calls(Endpoint::Token)[0].clone();
    assert_eq!(call.status, Some(200));
    assert_eq!(call.field("client_secret"), None);
    assert_eq!(call.field("client_id").unwrap(), DEMO_CLIENT_ID);
    assert_eq!(
        call.field("client_assertion_type").unwrap(),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let assertion = call.field("client_assertion").unwrap();
    let (header, claims) = (part(&assertion, 0), part(&assertion, 1));
    assert_eq!(header["alg"], "PS256");
    assert!(header["x5t#S256"].as_str().unwrap().len() == 43, "{header}");
    assert_eq!(claims["iss"], DEMO_CLIENT_ID);
    assert_eq!(claims["sub"], DEMO_CLIENT_ID);
    assert!(
        claims["aud"]
            .as_str()
            .unwrap()
            .ends_with("/oauth2/v2.0/token"),
        "{claims}"
    );
    let lifetime = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
    assert!((60..=600).contains(&lifetime), "{claims}");
}

#[tokio::test] // R21
async fn an_assertion_is_kept_until_shortly_before_it_ends_and_the_next_has_another_jti() {
    let app = Files::new().app().await;
    let mut seen = Vec::new();
    for minutes in [0, 5, 4] {
        app.advance(Duration::from_mins(minutes));
        assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
        let call = app.calls(Endpoint::Token).pop().unwrap();
        seen.push(call.field("client_assertion").unwrap());
    }
    assert_eq!(seen[0], seen[1], "it still has five minutes");
    assert_ne!(seen[1], seen[2], "it has one minute left");
    let jti = |assertion: &String| part(assertion, 1)["jti"].as_str().unwrap().to_owned();
    assert_ne!(jti(&seen[1]), jti(&seen[2]));
    assert!(jti(&seen[0]).len() >= 22, "not to be guessed");
}

#[tokio::test] // R21, R28
async fn a_refresh_is_proven_by_the_certificate_too() {
    let app = Files::new().app().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.advance(Duration::from_hours(2));
    assert_eq!(browser.call("people", "").await.status, 200);
    let call = app.calls(Endpoint::Token).pop().unwrap();
    assert_eq!(call.grant.as_deref(), Some("refresh_token"));
    assert_eq!(call.status, Some(200));
    assert!(call.field("client_assertion").is_some() && call.field("client_secret").is_none());
}

fn workload_token(subject: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(KEYS[0].serialize_pem().as_bytes()).unwrap();
    let claims = json!({
        "iss": "https://cluster.example",
        "sub": subject,
        "aud": "api://AzureADTokenExchange",
        "exp": time::OffsetDateTime::now_utc().unix_timestamp() + 3600,
        "jti": uuid::Uuid::new_v4().to_string(),
    });
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

async fn federated(file: &std::path::Path) -> TestApp {
    let app = TestApp::with(&[
        ("CLIENT_SECRET", ""),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ])
    .await;
    app.control().register(Client {
        secrets: vec![],
        federations: vec![Federation {
            issuer: "https://cluster.example".into(),
            subject: "system:serviceaccount:web:cloakroom".into(),
            audience: "api://AzureADTokenExchange".into(),
            public_key: KEYS[0].public_key_pem(),
        }],
        ..Client::demo()
    });
    app
}

#[tokio::test] // R22
async fn the_workloads_token_is_read_each_time_because_it_rotates() {
    let directory = TempDir::new();
    let file = directory.0.join("token");
    let subject = "system:serviceaccount:web:cloakroom";
    let tokens = [workload_token(subject), workload_token(subject)];
    fs::write(&file, format!("{}\n", tokens[0])).unwrap();
    let app = federated(&file).await;
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    fs::write(&file, &tokens[1]).unwrap();
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    let sent: Vec<_> = app
        .calls(Endpoint::Token)
        .iter()
        .map(|call| call.field("client_assertion").unwrap())
        .collect();
    assert_eq!(sent, tokens);
}

#[tokio::test] // R22, R27
async fn a_workloads_token_that_is_gone_or_refused_is_the_operators_to_mend() {
    let directory = TempDir::new();
    let file = directory.0.join("token");
    fs::write(&file, workload_token("somebody:else")).unwrap();
    let app = federated(&file).await;
    for cause in ["no federated credential", "can't be read"] {
        let answer = app.browser().sign_in(EMPLOYEE).await;
        assert_eq!(answer.status, 503, "{cause}");
        assert!(answer.body.contains("whoever runs this app"), "{cause}");
        let ready = app.browser().get("/readyz").await;
        let said = ready.json()["credential"].as_str().unwrap().to_owned();
        assert!(
            said.starts_with("AZURE_FEDERATED_TOKEN_FILE") && said.contains(cause),
            "{said}"
        );
        _ = fs::remove_file(&file);
    }
}

#[tokio::test] // R27
async fn an_expired_secret_is_said_to_the_operator_and_forgotten_once_it_is_mended() {
    let app = TestApp::with(&[("CLIENT_SECRET", "it-was-good-once")]).await;
    app.control().register(Client {
        expired_secrets: vec!["it-was-good-once".into()],
        ..Client::demo()
    });
    let (log, _watching) = Log::watch();
    let readiness = async |app: &TestApp| {
        let ready = app.browser().get("/readyz").await;
        (ready.status.as_u16(), ready.json()["credential"].clone())
    };
    assert_eq!(readiness(&app).await, (200, json!("ok")));
    let answer = app.browser().sign_in(EMPLOYEE).await;
    assert_eq!(answer.status, 503);
    assert!(!answer.body.contains("it-was-good-once"));
    let (status, said) = readiness(&app).await;
    let said = said.as_str().unwrap();
    assert_eq!(status, 200, "whoever is signed in goes on");
    let log = log.text();
    let line = log
        .lines()
        .find(|line| line.contains("credential_refused"))
        .expect("a line in the log");
    assert!(line.contains("ERROR") && line.contains(said), "{line}");
    assert!(!log.contains("it-was-good-once"));
    assert!(
        said.starts_with("CLIENT_SECRET") && said.contains("expired") && said.contains("7000222"),
        "{said}"
    );
    app.control().register(Client {
        secrets: vec!["it-was-good-once".into()],
        ..Client::demo()
    });
    assert_eq!(app.browser().sign_in(EMPLOYEE).await.status, 303);
    assert_eq!(readiness(&app).await, (200, json!("ok")));
}

/// The refusal of the start.
fn refusal(settings: &[(&str, String)]) -> String {
    let mut map: HashMap<_, _> = settings.iter().cloned().collect();
    map.insert("CLIENT_ID", "11111111-2222-3333-4444-555555555555".into());
    let read = Settings(|name: &str| map.get(name).cloned()).read(false);
    let Err(error) = read else {
        panic!("{map:?} was accepted")
    };
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test] // R21, R22
fn a_credential_that_can_not_be_used_stops_the_start_and_names_the_mend() {
    let files = Files::new();
    let write = |name: &str, text: &str| {
        fs::write(files.directory.0.join(name), text).unwrap();
        files.path(name)
    };
    let good = files.path("certificate.pem");
    let key = files.path("key.pem");
    let expired = write("expired.pem", &certificate(&KEYS[0], -30..-1));
    let early = write("early.pem", &certificate(&KEYS[0], 1..30));
    let other_key = write("other.pem", &KEYS[1].serialize_pem());
    let elliptic = KeyPair::generate().unwrap();
    let curve = write("curve.pem", &certificate(&elliptic, -1..30));
    let curve_key = write("curve-key.pem", &elliptic.serialize_pem());
    let short = write("short.pem", SHORT);
    let empty = write("empty", " \n");
    let noise = write("noise.pem", "not PEM at all");
    let locked = write(
        "locked.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let missing = PathBuf::from(files.path("missing.pem"))
        .display()
        .to_string();
    for (certificate, key, name, mend) in [
        (&expired, &key, "CLIENT_CERTIFICATE: ", "expired on"),
        (&early, &key, "CLIENT_CERTIFICATE: ", "valid only from"),
        (&curve, &curve_key, "CLIENT_CERTIFICATE: ", "RSA"),
        (&short, &key, "CLIENT_CERTIFICATE: ", "of 1024 bits"),
        (&noise, &key, "CLIENT_CERTIFICATE: ", "PEM"),
        (&key, &key, "CLIENT_CERTIFICATE: ", "PEM"),
        (&missing, &key, "CLIENT_CERTIFICATE: ", "can't be read"),
        (
            &good,
            &other_key,
            "CLIENT_CERTIFICATE_KEY: ",
            "does not belong",
        ),
        (&good, &noise, "CLIENT_CERTIFICATE_KEY: ", "PEM"),
        (&good, &good, "CLIENT_CERTIFICATE_KEY: ", "PEM"),
        (&good, &curve_key, "CLIENT_CERTIFICATE_KEY: ", "RSA"),
        (&good, &locked, "CLIENT_CERTIFICATE_KEY: ", "decrypt"),
        (&good, &missing, "CLIENT_CERTIFICATE_KEY: ", "can't be read"),
    ] {
        let text = refusal(&[
            ("CLIENT_CERTIFICATE", certificate.clone()),
            ("CLIENT_CERTIFICATE_KEY", key.clone()),
        ]);
        assert!(text.starts_with(name) && text.contains(mend), "{text}");
    }
    let pair = |name| (name, good.clone());
    for (settings, name) in [
        (vec![pair("CLIENT_CERTIFICATE")], "CLIENT_CERTIFICATE_KEY: "),
        (vec![pair("CLIENT_CERTIFICATE_KEY")], "CLIENT_CERTIFICATE: "),
        (
            vec![("AZURE_FEDERATED_TOKEN_FILE", missing.clone())],
            "AZURE_FEDERATED_TOKEN_FILE: ",
        ),
        (
            vec![("AZURE_FEDERATED_TOKEN_FILE", empty)],
            "AZURE_FEDERATED_TOKEN_FILE: ",
        ),
    ] {
        let text = refusal(&settings);
        assert!(text.starts_with(name), "{text}");
    }
    let all = [
        "CLIENT_SECRET",
        "CLIENT_CERTIFICATE",
        "AZURE_FEDERATED_TOKEN_FILE",
    ];
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let text = refusal(&[
            (all[first], good.clone()),
            (all[second], good.clone()),
            ("CLIENT_CERTIFICATE_KEY", key.clone()),
        ]);
        assert!(
            text.starts_with(all[second]) && text.contains(all[first]) && text.contains("keep one"),
            "{text}"
        );
    }
}

#[test] // R21
fn certificate_and_key_may_lie_in_one_file_in_either_order() {
    let files = Files::new();
    let certificate = certificate(&KEYS[0], -1..30);
    let key = KEYS[0].serialize_pem();
    for text in [format!("{certificate}{key}"), format!("{key}{certificate}")] {
        let both = files.path("both.pem");
        fs::write(&both, text).unwrap();
        let map = HashMap::from([
            ("CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
            ("CLIENT_CERTIFICATE", both.as_str()),
            ("CLIENT_CERTIFICATE_KEY", both.as_str()),
        ]);
        let read =
            Settings(|name: &str| map.get(name).map(|value| (*value).to_owned())).read(false);
        assert!(read.is_ok(), "{:?}", read.err());
    }
}
