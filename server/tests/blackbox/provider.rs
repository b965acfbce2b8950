//! A second provider of Microsoft's shape, as small as one can be. It shares no line with the emulator, so that server and
//! emulator can't both be wrong in the same way. Written after
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow> and
//! <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{self, KeyPair as _, RsaEncoding},
};
use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

pub const CLIENT: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";
pub const SECRET: &str = "qWgdYAmab0YSkuL1qKv5bPX+&=%/~";
pub const TENANT: &str = "9122040d-6c67-4c5b-b112-36a304b66dad";
pub const OBJECT: &str = "00000000-0000-0000-66f3-3332eca7ea81";
pub const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// A signing key.
pub struct Key {
    pub kid: &'static str,
    pair: KeyPair,
}

/// Made once: it takes a while.
pub struct Keys {
    /// Signs for work and school accounts.
    pub work: Key,
    /// Signs for them after a rotation.
    pub next: Key,
    /// Signs for personal accounts.
    pub personal: Key,
    /// An attacker's.
    pub foreign: Key,
}

pub static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    work: Key::new("kWbkd92NgIvBkdSmzQ6jLNwzYkQ"),
    next: Key::new("1LTMzakihiRla_8z2BEJVXeWMqo"),
    personal: Key::new("bW8ZcMjBCnJZS-ibX5UQDNStvx4"),
    foreign: Key::new("nobody-published-this-one"),
});

impl Key {
    fn new(kid: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { kid, pair }
    }

    /// The modulus. PKCS #1 begins in the same way for every key of 2048 bits: nine bytes of heads.
    pub fn modulus(&self) -> String {
        BASE64.encode(&self.pair.public_key().as_ref()[9..265])
    }

    pub fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let lines = lines.join("\n");
        format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")
    }

    fn sign(&self, padding: &'static dyn RsaEncoding, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                padding,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        signature
    }
}

/// How a token is signed.
pub enum Sign {
    Rs256(&'static Key),
    Rs512(&'static Key),
    Ps256(&'static Key),
    Hs256(Vec<u8>),
    Nothing,
}

/// An ID token about to be made.
pub struct Draft {
    pub origin: String,
    pub header: Value,
    pub claims: Value,
    /// How the claims are written.
    pub write: fn(&Value) -> String,
    pub sign: Sign,
    /// What becomes of it on its way.
    pub send: fn(String) -> String,
}

/// What a test makes of it.
pub type Change = fn(&mut Draft);

impl Draft {
    /// As Microsoft's documentation shows one.
    fn new(origin: &str, nonce: &str) -> Self {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        Self {
            origin: origin.to_owned(),
            header: json!({ "typ": "JWT", "alg": "RS256", "kid": KEYS.work.kid }),
            claims: json!({
                "ver": "2.0",
                "iss": format!("{origin}/{TENANT}/v2.0"),
                "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
                "aud": CLIENT,
                "exp": now + 3600,
                "iat": now - 300,
                "nbf": now - 300,
                "name": "Abe Lincoln",
                "preferred_username": "AbeLi@fabrikam.example",
                "oid": OBJECT,
                "tid": TENANT,
                "nonce": nonce,
                "aio": "Df2UVXL1ix!lMCWMSOJBcFatzcGfvFGhjKv8q5g0x732dR5MB5BisvGQO7YWByjd8iQDLq!eGbIDakyp5mnOrcdqHeYSnltepQmRp6AIZ8jY",
            }),
            write: Value::to_string,
            sign: Sign::Rs256(&KEYS.work),
            send: |token| token,
        }
    }

    fn token(&self) -> String {
        let claims = (self.write)(&self.claims);
        let message = format!(
            "{}.{}",
            BASE64.encode(self.header.to_string()),
            BASE64.encode(claims)
        );
        let signature = match &self.sign {
            Sign::Rs256(key) => key.sign(&signature::RSA_PKCS1_SHA256, &message),
            Sign::Rs512(key) => key.sign(&signature::RSA_PKCS1_SHA512, &message),
            Sign::Ps256(key) => key.sign(&signature::RSA_PSS_SHA256, &message),
            Sign::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Sign::Nothing => Vec::new(),
        };
        (self.send)(format!("{message}.{}", BASE64.encode(signature)))
    }
}

/// The provider. It stops when dropped.
pub struct Provider {
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    origin: String,
    keys: Mutex<Vec<Value>>,
    change: Mutex<Change>,
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
    /// The paths that were asked for.
    asked: Mutex<Vec<String>>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            origin,
            keys: Mutex::default(),
            change: Mutex::new(|_| {}),
            codes: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route(
                "/common/v2.0/.well-known/openid-configuration",
                get(discovery),
            )
            .route("/common/discovery/v2.0/keys", get(keys))
            .route("/common/oauth2/v2.0/authorize", get(authorize))
            .route("/common/oauth2/v2.0/token", post(token))
            .route("/v1.0/{*path}", get(graph))
            .fallback(async || StatusCode::NOT_FOUND)
            .layer(axum::middleware::from_fn_with_state(shared.clone(), note))
            .with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let provider = Self { shared, server };
        let published = [provider.jwk(&KEYS.work), provider.jwk(&KEYS.personal)];
        provider.publish(&published);
        provider
    }

    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// A key as Microsoft publishes it: without `alg`, with the issuer that it signs for.
    pub fn jwk(&self, key: &Key) -> Value {
        let tenant = if key.kid == KEYS.personal.kid {
            PERSONAL_TENANT
        } else {
            "{tenantid}"
        };
        json!({
            "kty": "RSA", "use": "sig", "kid": key.kid, "x5t": key.kid, "n": key.modulus(), "e": "AQAB",
            "issuer": format!("{}/{tenant}/v2.0", self.origin()),
        })
    }

    pub fn publish(&self, keys: &[Value]) {
        *self.shared.keys.lock().unwrap() = keys.to_vec();
    }

    /// What becomes of each ID token from now on.
    pub fn change(&self, change: Change) {
        *self.shared.change.lock().unwrap() = change;
    }

    /// How often this was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|known| known.contains(path)).count()
    }
}

type Here = State<Arc<Shared>>;

async fn note(
    State(shared): Here,
    uri: Uri,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    shared.asked.lock().unwrap().push(uri.path().to_owned());
    next.run(request).await
}

async fn discovery(State(shared): Here) -> Json<Value> {
    let origin = &shared.origin;
    let common = format!("{origin}/common");
    Json(json!({
        "token_endpoint": format!("{common}/oauth2/v2.0/token"),
        "jwks_uri": format!("{common}/discovery/v2.0/keys"),
        "issuer": format!("{origin}/{{tenantid}}/v2.0"),
        "authorization_endpoint": format!("{common}/oauth2/v2.0/authorize"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
    }))
}

async fn keys(State(shared): Here) -> Json<Value> {
    Json(json!({ "keys": *shared.keys.lock().unwrap() }))
}

fn form(text: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

/// There is one user, who always says yes.
async fn authorize(State(shared): Here, RawQuery(query): RawQuery) -> Response {
    let asked = form(&query.unwrap_or_default());
    let said = |name: &str| asked.get(name).map_or("", String::as_str);
    if (
        said("client_id"),
        said("response_type"),
        said("code_challenge_method"),
    ) != (CLIENT, "code", "S256")
    {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let code = format!("0.AXoA-{}", uuid::Uuid::new_v4());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("code", &code)
        .append_pair("state", said("state"))
        .append_pair("session_state", "7b29111d-c220-4263-99ab-6f6e135d75ef")
        .finish();
    let location = format!("{}?{query}", said("redirect_uri"));
    shared.codes.lock().unwrap().insert(code, asked);
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

async fn token(State(shared): Here, body: String) -> Response {
    let given = form(&body);
    let said = |name: &str| given.get(name).map_or("", String::as_str);
    let refuse = |error: &str| {
        let body = json!({ "error": error, "error_codes": [0], "error_description": "no" });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    };
    if (said("client_id"), said("client_secret")) != (CLIENT, SECRET) {
        return refuse("invalid_client");
    }
    let Some(asked) = shared.codes.lock().unwrap().remove(said("code")) else {
        return refuse("invalid_grant");
    };
    let challenge = BASE64.encode(digest(&SHA256, said("code_verifier").as_bytes()));
    if asked["code_challenge"] != challenge || asked["redirect_uri"] != said("redirect_uri") {
        return refuse("invalid_grant");
    }
    let mut draft = Draft::new(&shared.origin, &asked["nonce"]);
    let change = *shared.change.lock().unwrap();
    change(&mut draft);
    Json(json!({
        "token_type": "Bearer",
        "scope": "openid profile email User.Read User.ReadBasic.All",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": ACCESS_TOKEN,
        "refresh_token": "AwABAAAAvPM1KaPlrEqdFSBzjqfTGAMxZGUTdM0t4B4",
        "id_token": draft.token(),
    }))
    .into_response()
}

const ACCESS_TOKEN: &str = "EwB4A8l6BAAUkj1NuJYtTVha-opaque-on-purpose";

async fn graph(State(shared): Here, uri: Uri, headers: HeaderMap) -> Response {
    let bearer = format!("Bearer {ACCESS_TOKEN}");
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|given| given != &bearer)
    {
        let error = json!({ "error": { "code": "InvalidAuthenticationToken", "message": "no" } });
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let person = |id: &str, name: &str| json!({ "id": id, "displayName": name, "jobTitle": null, "mail": format!("{id}@fabrikam.example"), "businessPhones": [] });
    let users = format!("{}/v1.0/users", shared.origin);
    let body = match (uri.path(), uri.query().unwrap_or_default()) {
        ("/v1.0/me", _) => person(OBJECT, "Abe Lincoln"),
        ("/v1.0/users", query) if query.contains("skiptoken=RFNwdAIAAQ") => {
            json!({ "value": [person("c", "Mary Todd")] })
        }
        ("/v1.0/users", _) => json!({
            "@odata.context": format!("{}/v1.0/$metadata#users", shared.origin),
            "@odata.nextLink": format!("{users}?$top=25&$skiptoken=RFNwdAIAAQ"),
            "value": [person("a", "Abe Lincoln"), person("b", "Frederick Douglass")],
        }),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    Json(body).into_response()
}
