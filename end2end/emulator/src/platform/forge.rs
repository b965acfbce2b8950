//! Forged ID tokens: each wrong in one way and right in all others.

use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};

use super::{
    id_token::{message, signed, subject},
    keys::{Keys, Kind},
    tenant::issuer,
};
use crate::{
    control::Forgery,
    random::{base64url, guid, token},
    state::{Origins, State},
};

/// The token as it would have been.
pub(super) struct Original<'a> {
    pub state: &'a State,
    pub origins: &'a Origins,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub kind: Kind,
}

pub(super) fn forge(original: &Original<'_>, forgery: &Forgery) -> String {
    let mut header = original.header.clone();
    let mut claims = original.claims.clone();
    let key = original.state.control.keys.active(original.kind);
    match forgery {
        Forgery::TamperedClaims
        | Forgery::TamperedSignature
        | Forgery::NoSignature
        | Forgery::ForeignKey
        | Forgery::AlgNone
        | Forgery::Hs256WithPublicKey
        | Forgery::Rs512
        | Forgery::UnknownKid
        | Forgery::Jku
        | Forgery::Jwk
        | Forgery::X5u
        | Forgery::KeyOfOtherIssuer
        | Forgery::NotAToken => return forge_signature(original, forgery),
        Forgery::NoKid => {
            header.remove("kid");
        }
        Forgery::Header { name, value } => {
            header.insert(name.clone(), value.clone());
        }
        forgery => forge_claims(original, forgery, &mut claims),
    }
    signed(&header, &claims, &key)
}

/// What is wrong with how it was signed.
fn forge_signature(original: &Original<'_>, forgery: &Forgery) -> String {
    let mut header = original.header.clone();
    let claims = &original.claims;
    let keys = &original.state.control.keys;
    let key = keys.active(original.kind);
    let foreign = Keys::foreign();
    let mut set = |name: &str, value: Value| header.insert(name.to_owned(), value);
    match forgery {
        Forgery::AlgNone => {
            set("alg", json!("none"));
            format!("{}.", message(&header, claims))
        }
        Forgery::Hs256WithPublicKey => {
            set("alg", json!("HS256"));
            let message = message(&header, claims);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public_pem().as_bytes());
            let tag = hmac::sign(&secret, message.as_bytes());
            format!("{message}.{}", base64url(tag.as_ref()))
        }
        Forgery::Rs512 => {
            set("alg", json!("RS512"));
            let message = message(&header, claims);
            format!("{message}.{}", key.rs512(&message))
        }
        Forgery::UnknownKid => {
            set("kid", json!(foreign.kid()));
            signed(&header, claims, &foreign)
        }
        Forgery::Jku => {
            set("jku", json!("https://login.evil.example/keys"));
            signed(&header, claims, &foreign)
        }
        Forgery::Jwk => {
            set("jwk", foreign.jwk());
            signed(&header, claims, &foreign)
        }
        Forgery::X5u => {
            set("x5u", json!("https://login.evil.example/certificate.pem"));
            signed(&header, claims, &foreign)
        }
        Forgery::KeyOfOtherIssuer => {
            let other = keys.active(original.kind.other());
            set("kid", json!(other.kid()));
            signed(&header, claims, &other)
        }
        Forgery::TamperedClaims => {
            let signature = key.rs256(&message(&header, claims));
            let mut changed = claims.clone();
            changed.insert("name".to_owned(), json!("Somebody Else"));
            format!("{}.{signature}", message(&header, &changed))
        }
        Forgery::TamperedSignature => {
            let token = signed(&header, claims, &key);
            let (message, signature) = token.rsplit_once('.').unwrap_or((&token, ""));
            // In the middle: the last character's low bits carry nothing.
            let mut signature: Vec<_> = signature.chars().collect();
            let middle = signature.len() / 2;
            signature[middle] = if signature[middle] == 'A' { 'B' } else { 'A' };
            format!("{message}.{}", signature.into_iter().collect::<String>())
        }
        Forgery::NoSignature => format!("{}.", message(&header, claims)),
        Forgery::NotAToken => "this is not a token".to_owned(),
        // ForeignKey, and nothing else comes here.
        _ => signed(&header, claims, &foreign),
    }
}

/// What is wrong with what it says.
fn forge_claims(original: &Original<'_>, forgery: &Forgery, claims: &mut Map<String, Value>) {
    let origin = original.origins.platform.as_str();
    let now = original.state.now().unix_timestamp();
    let text = |name: &str| {
        original
            .claims
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut set = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    match forgery {
        Forgery::WrongAudience => set("aud", json!(guid())),
        Forgery::ForeignAzp => {
            let other = guid();
            set("aud", json!([text("aud"), other]));
            set("azp", json!(other));
        }
        Forgery::WrongIssuer => set("iss", json!(issuer(origin, &guid()))),
        Forgery::ForeignIssuer => set(
            "iss",
            json!(issuer("https://login.evil.example", &text("tid"))),
        ),
        Forgery::LiteralIssuer => set("iss", json!(issuer(origin, "{tenantid}"))),
        Forgery::WrongTid => set("tid", json!(guid())),
        Forgery::MalformedTid => {
            let path = "../evil.example";
            set("tid", json!(path));
            set("iss", json!(issuer(origin, path)));
        }
        Forgery::Expired => {
            set("iat", json!(now - 7200));
            set("nbf", json!(now - 7200));
            set("exp", json!(now - 3600));
        }
        Forgery::NotYetValid => set("nbf", json!(now + 3600)),
        Forgery::IssuedInFuture => {
            set("iat", json!(now + 3600));
            set("exp", json!(now + 7200));
        }
        Forgery::WordyExpiry => set("exp", json!("tomorrow")),
        Forgery::WrongNonce => set("nonce", json!(token(32))),
        Forgery::WrongSubject => set("sub", json!(subject(&guid(), &text("aud")))),
        Forgery::WrongOid => set("oid", json!(guid())),
        Forgery::Claim { name, value } => set(name, value.clone()),
        Forgery::Missing(name) => {
            claims.remove(name);
        }
        Forgery::Version1 => {
            set("ver", json!("1.0"));
            set(
                "iss",
                json!(format!("https://sts.windows.net/{}/", text("tid"))),
            );
        }
        Forgery::AccessToken => {
            let (client, user) = (text("aud"), text("preferred_username"));
            *claims = Map::from_iter([
                ("aud".to_owned(), json!(super::scopes::GRAPH_APP_ID)),
                ("iss".to_owned(), json!(text("iss"))),
                ("iat".to_owned(), json!(now - 300)),
                ("nbf".to_owned(), json!(now - 300)),
                ("exp".to_owned(), json!(now + 3600)),
                ("azp".to_owned(), json!(client)),
                ("oid".to_owned(), json!(text("oid"))),
                ("tid".to_owned(), json!(text("tid"))),
                ("sub".to_owned(), json!(text("sub"))),
                ("preferred_username".to_owned(), json!(user)),
                ("scp".to_owned(), json!("User.Read")),
                (
                    "nonce".to_owned(),
                    original.claims.get("nonce").cloned().unwrap_or_default(),
                ),
                ("ver".to_owned(), json!("2.0")),
            ]);
        }
        _ => {}
    }
}
