//! R34–R37, R43, R44: a token that is not exactly what the platform signed never says who somebody is; and of what the
//! platform's own key signed, only what keeps to every rule does.
#![no_main]

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{Json, Router, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use serde_json::{Map, Value, json};
use server::{
    auth::{
        id_token::{Expected, validate},
        metadata::Platform,
    },
    clock::Clock,
    config::{Config, Settings},
    session::User,
    upstream,
};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

const CLIENT: &str = "11111111-2222-4333-8444-555555555555";
const TENANT: &str = "7e1f5c1a-3b8d-4c57-9a44-0d2f6b9c8e10";
const NONCE: &str = "the-nonce";
const NOW: i64 = 1_700_000_000;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// Any text.
    Text(&'a str),
    /// The right token with bytes changed: where and to what.
    Edited(Vec<(u16, u8)>),
    /// Rightly signed, with other members in the header and the claims: `true` is the header, the value is JSON.
    Signed(Vec<(bool, Name, &'a str)>),
    /// Rightly signed, whatever the header and the claims are.
    Odd(&'a str, &'a str),
}

#[derive(Arbitrary, Debug)]
enum Name {
    Known(u8),
    Any(String),
}

const NAMES: [&str; 24] = [
    "alg",
    "kid",
    "typ",
    "jku",
    "jwk",
    "x5u",
    "x5c",
    "crit",
    "b64",
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "nonce",
    "tid",
    "oid",
    "ver",
    "azp",
    "name",
    "preferred_username",
    "sid",
    "login_hint",
];

struct World {
    runtime: Runtime,
    key: KeyPair,
    issuer: String,
    config: Arc<Config>,
    platform: Platform,
}

/// Never dropped: libFuzzer ends the process in its own way.
static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::new()));

fuzz_target!(|input: Input<'_>| {
    let world = WORLD.lock().expect("the first find ends it all");
    let right = world.sign(&header().to_string(), &world.claims().to_string());
    match input {
        Input::Text(text) => assert!(world.validate(text).is_none(), "{text}"),
        Input::Edited(edits) => {
            let mut bytes = right.clone().into_bytes();
            for (at, byte) in edits {
                let at = usize::from(at) % (bytes.len() + 1);
                match bytes.get_mut(at) {
                    Some(old) => *old = byte,
                    None => bytes.push(byte),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(world.validate(&text).is_some(), text == right, "{text}");
        }
        Input::Signed(changes) => {
            let (mut header, mut claims) = (header(), world.claims());
            for (in_header, name, text) in changes {
                let part = if in_header { &mut header } else { &mut claims };
                let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                let name = match name {
                    Name::Known(n) => NAMES[usize::from(n) % NAMES.len()].to_owned(),
                    Name::Any(name) => name,
                };
                if let Some(part) = part.as_object_mut() {
                    part.insert(name, value);
                }
            }
            world.judge(&header.to_string(), &claims.to_string());
        }
        Input::Odd(header, claims) => world.judge(header, claims),
    }
});

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        // RFC 8017 §A.1.1, as it always begins for 2048 bits: 9 bytes of heads, then the modulus.
        let modulus = BASE64.encode(&key.public_key().as_ref()[9..265]);
        let keys = |issuer: &str| {
            json!({ "keys": [{
                "kty": "RSA", "use": "sig", "kid": "the-key", "issuer": issuer, "n": modulus, "e": "AQAB",
            }]})
        };
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let template = format!("{origin}/{{tenantid}}/v2.0");
        let metadata = json!({
            "issuer": template,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "jwks_uri": format!("{origin}/keys"),
        });
        let keys = keys(&template);
        let documents = Router::new()
            .route("/keys", get(async move || Json(keys)))
            .fallback(get(async move || Json(metadata)));
        runtime.spawn(async move { axum::serve(listener, documents).await });

        let settings: HashMap<_, _> = [
            ("CLIENT_ID", CLIENT.to_owned()),
            ("CLIENT_SECRET", "not-used-here".to_owned()),
            ("AUTHORITY", format!("{origin}/common")),
            ("GRAPH_ENDPOINT", origin.clone()),
            ("SESSION_STORE", "sqlite::memory:".to_owned()),
        ]
        .into();
        let config = Settings(|name: &str| settings.get(name).cloned())
            .read(false)
            .expect("right settings");
        let config = Arc::new(config);
        let http = upstream::client(std::time::Duration::from_secs(5)).expect("a client");
        let platform = Platform::new(config.clone(), http, Clock::new(now));
        let world = Self {
            runtime,
            key,
            issuer: format!("{origin}/{TENANT}/v2.0"),
            config,
            platform,
        };
        let right = world.sign(&header().to_string(), &world.claims().to_string());
        assert!(world.validate(&right).is_some(), "the right token is right");
        world
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": CLIENT, "tid": TENANT, "nonce": NONCE, "ver": "2.0",
            "sub": "subject", "oid": "object", "exp": NOW + 3600, "nbf": NOW, "iat": NOW,
            "name": "Maya Lindqvist", "preferred_username": "maya@fabrikam.example",
        })
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("it signs");
        format!("{signed}.{}", BASE64.encode(signature))
    }

    fn validate(&self, token: &str) -> Option<User> {
        let expected = Expected::Nonce(NONCE);
        self.runtime
            .block_on(validate(
                token,
                expected,
                &self.config,
                &self.platform,
                now(),
            ))
            .ok()
    }

    /// If it is believed, it keeps to the rules, read here in another way than the server does.
    fn judge(&self, header: &str, claims: &str) {
        let Some(user) = self.validate(&self.sign(header, claims)) else {
            return;
        };
        let map = |text| serde_json::from_str::<Map<String, Value>>(text).expect("an object");
        let (header_map, claims_map) = (map(header), map(claims));
        let head = |name: &str| header_map.get(name).unwrap_or(&Value::Null);
        let claim = |name: &str| claims_map.get(name).unwrap_or(&Value::Null);
        assert_eq!(
            (head("alg"), head("kid")),
            (&json!("RS256"), &json!("the-key"))
        );
        for name in ["jku", "jwk", "x5u", "crit"] {
            assert_eq!(head(name), &Value::Null, "{name} in {header}");
        }
        assert!(
            claim("aud") == &json!(CLIENT) || claim("aud") == &json!([CLIENT]),
            "{claims}"
        );
        assert!(
            claim("azp").is_null() || claim("azp") == &json!(CLIENT),
            "{claims}"
        );
        assert_eq!(claim("nonce"), &json!(NONCE));
        assert_eq!(claim("ver"), &json!("2.0"));
        assert_eq!(claim("tid"), &json!(user.tid.to_string()));
        assert_eq!(
            claim("iss"),
            &json!(self.issuer.replace(TENANT, &user.tid.to_string()))
        );
        assert!(
            claim("exp").as_i64().is_some_and(|exp| exp > NOW - 120),
            "{claims}"
        );
        assert!(
            claim("iat").as_i64().is_some_and(|iat| iat <= NOW + 120),
            "{claims}"
        );
        assert!(
            claim("nbf").is_null() || claim("nbf").as_i64().is_some_and(|nbf| nbf <= NOW + 120),
            "{claims}"
        );
        assert_eq!(claim("sub"), &json!(user.sub));
        let oid = claim("oid").as_str().expect("text").to_ascii_lowercase();
        assert!(oid == user.oid && !oid.trim().is_empty() && !user.sub.is_empty());
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).expect("a time")
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": "the-key" })
}
