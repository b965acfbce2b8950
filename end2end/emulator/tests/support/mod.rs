//! A client that knows only the protocols: raw HTTP and a JWT library, nothing of Cloakroom's.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // Each test binary uses a part.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use emulator::{Client, Control, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator, Settings};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use reqwest::{Response, StatusCode, header, redirect::Policy};
use serde_json::Value;
use url::Url;

pub const REDIRECT: &str = "http://localhost:3000/auth/callback";
pub const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rule-of-43";
pub const NONCE: &str = "n-0S6_WzA2Mj";
pub const STATE: &str = "af0ifjsldkj";
pub const SCOPE: &str = "openid profile offline_access User.Read User.ReadBasic.All";

/// An emulator and a browser in front of it.
pub struct World {
    pub emulator: Emulator,
    pub http: reqwest::Client,
    cookie: std::sync::Mutex<Option<String>>,
}

pub async fn world() -> World {
    world_with(Vec::new()).await
}

pub async fn world_with(clients: Vec<Client>) -> World {
    let emulator = Emulator::start(Settings {
        clients,
        ..Settings::default()
    })
    .await
    .expect("it starts");
    let http = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .expect("a client");
    World {
        emulator,
        http,
        cookie: std::sync::Mutex::default(),
    }
}

impl World {
    pub fn control(&self) -> std::sync::Arc<Control> {
        self.emulator.control()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.origin())
    }

    /// An employee of the first tenant.
    pub async fn employee(&self) -> String {
        self.person("employee").await
    }

    /// The first account to pick whose description holds this word.
    pub async fn person(&self, word: &str) -> String {
        let people: Value = self
            .http
            .get(self.url("/_control/people"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let people = people.as_array().unwrap();
        let found = people.iter().find(|p| {
            p["description"]
                .as_str()
                .unwrap()
                .to_lowercase()
                .contains(word)
        });
        found.unwrap_or_else(|| panic!("nobody is a {word}"))["username"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The query of a usual authorization request, some parameters changed; an empty value leaves one out.
    #[allow(clippy::unused_self)]
    pub fn query(&self, changes: &[(&str, &str)]) -> String {
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(challenge);
        let usual = [
            ("client_id", DEMO_CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("response_mode", "query"),
            ("scope", SCOPE),
            ("state", STATE),
            ("nonce", NONCE),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let mut all: Vec<(&str, &str)> = usual
            .into_iter()
            .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name))
            .collect();
        all.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish()
    }

    /// A visit with the browser's cookie.
    pub async fn visit(&self, request: reqwest::RequestBuilder) -> Response {
        let cookie = self.cookie.lock().unwrap().clone();
        let request = match cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        if let Some(set) = response.headers().get(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.lock().unwrap() = Some(pair);
        }
        response
    }

    pub async fn authorize_at(&self, tenant: &str, changes: &[(&str, &str)]) -> Response {
        let url = format!(
            "{}?{}",
            self.url(&format!("/{tenant}/oauth2/v2.0/authorize")),
            self.query(changes)
        );
        self.visit(self.http.get(url)).await
    }

    pub async fn authorize(&self, changes: &[(&str, &str)]) -> Response {
        self.authorize_at("common", changes).await
    }

    /// Presses a button on a page behind the authorization endpoint.
    pub async fn press(&self, changes: &[(&str, &str)], fields: &[(&str, &str)]) -> Response {
        let request = self.query(changes);
        let mut form = vec![("request", request.as_str())];
        form.extend_from_slice(fields);
        self.visit(self.http.post(self.url("/common/login")).form(&form))
            .await
    }

    /// Signs in and gives the parameters of the callback.
    pub async fn callback(&self, user: &str) -> HashMap<String, String> {
        let response = self.authorize(&[("login_hint", user)]).await;
        callback(&response)
    }

    pub async fn code(&self, user: &str) -> String {
        self.callback(user).await.remove("code").expect("a code")
    }

    /// A token request of the demo client, some parameters changed; an empty value leaves one out.
    pub async fn token(&self, form: &[(&str, &str)]) -> Response {
        let mut all: Vec<_> = [
            ("client_id", DEMO_CLIENT_ID),
            ("client_secret", DEMO_CLIENT_SECRET),
        ]
        .into_iter()
        .filter(|(name, _)| !form.iter().any(|(changed, _)| changed == name))
        .collect();
        all.extend(form.iter().filter(|(_, value)| !value.is_empty()));
        self.http
            .post(self.url("/common/oauth2/v2.0/token"))
            .form(&all)
            .send()
            .await
            .expect("an answer")
    }

    pub async fn redeem(&self, code: &str) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form).await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Response {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("scope", SCOPE),
        ])
        .await
    }

    /// Signs in and gives the token response.
    pub async fn tokens(&self, user: &str) -> Value {
        let code = self.code(user).await;
        let response = self.redeem(&code).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    pub async fn id_token(&self, user: &str) -> String {
        self.tokens(user).await["id_token"]
            .as_str()
            .expect("an ID token")
            .to_owned()
    }

    pub async fn graph(&self, path: &str, tokens: &Value) -> Response {
        self.http
            .get(self.url(path))
            .bearer_auth(tokens["access_token"].as_str().unwrap())
            .send()
            .await
            .unwrap()
    }

    pub async fn keys(&self, tenant: &str) -> JwkSet {
        self.http
            .get(self.url(&format!("/{tenant}/discovery/v2.0/keys")))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Verifies an ID token as a careful client would: key by `kid`, RS256, audience, issuer by `tid`, times.
    pub async fn verify(
        &self,
        token: &str,
    ) -> Result<HashMap<String, Value>, jsonwebtoken::errors::Error> {
        let header = jsonwebtoken::decode_header(token)?;
        let keys = self.keys("common").await;
        let key = header
            .kid
            .as_deref()
            .and_then(|kid| keys.find(kid))
            .ok_or(jsonwebtoken::errors::ErrorKind::InvalidToken)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[DEMO_CLIENT_ID]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        let claims: HashMap<String, Value> =
            jsonwebtoken::decode(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
        Ok(claims)
    }
}

impl World {
    /// The key set as it is on the wire.
    pub async fn raw_keys(&self, tenant: &str) -> Vec<Value> {
        let set: Value = self.json(&format!("/{tenant}/discovery/v2.0/keys")).await;
        set["keys"].as_array().unwrap().clone()
    }

    pub async fn json(&self, path: &str) -> Value {
        self.http
            .get(self.url(path))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Checks the signature alone, whatever RSA algorithm and claims there are.
    pub async fn verify_signature(&self, token: &str) -> Result<(), jsonwebtoken::errors::Error> {
        let header = jsonwebtoken::decode_header(token)?;
        let keys = self.keys("common").await;
        let key = keys
            .find(&header.kid.expect("a kid"))
            .expect("a published key");
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let key = DecodingKey::from_jwk(key)?;
        if jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, header.alg)? {
            Ok(())
        } else {
            Err(jsonwebtoken::errors::ErrorKind::InvalidSignature.into())
        }
    }

    /// A published key as a PEM file has it.
    pub async fn public_pem(&self, kid: &str) -> String {
        use aws_lc_rs::{encoding::AsDer, rsa::PublicKeyComponents};
        let keys = self.raw_keys("common").await;
        let key = keys
            .iter()
            .find(|key| key["kid"] == kid)
            .expect("a published key");
        let number = |name: &str| {
            BASE64_URL_SAFE_NO_PAD
                .decode(key[name].as_str().unwrap())
                .unwrap()
        };
        let public = PublicKeyComponents {
            n: number("n"),
            e: number("e"),
        };
        let der = public.as_der().unwrap();
        let text = base64::prelude::BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }
}

/// The parameters that a redirect takes back.
pub fn callback(response: &Response) -> HashMap<String, String> {
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    Url::parse(location)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

/// A part of a JWT without any check.
pub fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
