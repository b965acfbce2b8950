//! ID tokens, v2.0.
//!
//! Claims: <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    forge,
    keys::{Kind, SigningKey},
    tenant::issuer,
};
use crate::{
    control::Forgery,
    directory::Persona,
    memory::Grant,
    platform::hint,
    random::{base64url, sha256, token},
    state::{Origins, State},
};

/// More groups than this do not fit in a token: it names an endpoint instead (the overage claim).
const GROUPS_IN_TOKEN: usize = 200;

/// How long an ID token is valid, in seconds.
const LIFETIME: i64 = 3600;

/// An ID token for this grant, forged if a fault says so.
pub(crate) fn mint(
    state: &State,
    origins: &Origins,
    grant: &Grant,
    person: &Persona,
    forgery: Option<&Forgery>,
) -> String {
    let kind = if person.personal {
        Kind::Personal
    } else {
        Kind::Work
    };
    let key = state.control.keys.active(kind);
    let claims = claims(origins, grant, person, state.now());
    let header = Map::from_iter([
        ("typ".to_owned(), json!("JWT")),
        ("alg".to_owned(), json!("RS256")),
        ("kid".to_owned(), json!(key.kid())),
    ]);
    match forgery {
        None => signed(&header, &claims, &key),
        Some(forgery) => forge::forge(
            &forge::Original {
                state,
                origins,
                header,
                claims,
                kind,
            },
            forgery,
        ),
    }
}

fn claims(
    origins: &Origins,
    grant: &Grant,
    person: &Persona,
    now: OffsetDateTime,
) -> Map<String, Value> {
    // The real ones start five minutes early, for clocks that are slow.
    let issued = now.unix_timestamp() - 300;
    let mut claims = json!({
        "aud": grant.client_id,
        "iss": issuer(&origins.platform, &person.tid),
        "iat": issued,
        "nbf": issued,
        "exp": issued + 300 + LIFETIME,
        "login_hint": hint::encode(person),
        "name": person.name,
        "oid": person.oid,
        "preferred_username": person.username,
        "rh": format!("1.{}.", token(30)),
        "sid": grant.sid,
        "sub": subject(&person.oid, &grant.client_id),
        "tid": person.tid,
        "uti": token(16),
        "ver": "2.0",
    });
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    if grant.scopes.iter().any(|scope| scope == "email") {
        claims["email"] = json!(person.username);
    }
    // The optional claim for the user's preferred language; the demo's registration asks for it.
    // https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
    if let Some(language) = &person.language {
        claims["xms_pl"] = json!(language);
    }
    if !person.roles.is_empty() {
        claims["roles"] = json!(person.roles);
    }
    if person.groups.len() > GROUPS_IN_TOKEN {
        let endpoint = format!(
            "{}/v1.0/users/{}/getMemberObjects",
            origins.graph, person.oid
        );
        claims["_claim_names"] = json!({ "groups": "src1" });
        claims["_claim_sources"] = json!({ "src1": { "endpoint": endpoint } });
    } else if !person.groups.is_empty() {
        claims["groups"] = json!(person.groups);
    }
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}

/// `sub` is pairwise: another one for each client.
pub(crate) fn subject(oid: &str, client_id: &str) -> String {
    sha256(&format!("{oid}/{client_id}"))
}

/// Header and claims, encoded and joined: what a signature covers.
pub(super) fn message(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let part = |object: &Map<String, Value>| {
        base64url(serde_json::to_string(object).unwrap_or_default().as_bytes())
    };
    format!("{}.{}", part(header), part(claims))
}

pub(super) fn signed(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    key: &SigningKey,
) -> String {
    let message = message(header, claims);
    let signature = key.rs256(&message);
    format!("{message}.{signature}")
}
