//! Discovery: the metadata document, the key set, and the list of clouds that MSAL asks for.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State as Shared},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    aadsts::Trace,
    keys::Kind,
    tenant::{Place, issuer},
};
use crate::{
    control::{Asker, Fault, KeysChange, MetadataChange},
    directory::PERSONAL_TENANT,
    random::{base64url, guid},
    state::{Origins, State},
};

pub(super) async fn openid_configuration(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Response {
    let place = match Place::find(&state, &tenant) {
        Ok(place) => place,
        Err(mut refusal) => {
            "invalid_tenant".clone_into(&mut refusal.error);
            return refusal.json(&Trace::new(&headers, state.now()), &origins.platform);
        }
    };
    let mut document = document(&place, &origins);
    for change in state.control.strike_all(&asker, |fault| match fault {
        Fault::Metadata { change } => Some(change.clone()),
        _ => None,
    }) {
        distort(&mut document, change, &origins.platform);
    }
    Json(document).into_response()
}

/// The members of the real document, in its order.
fn document(place: &Place, origins: &Origins) -> Value {
    let at = format!("{}/{}", origins.platform, place.segment());
    json!({
        "token_endpoint": format!("{at}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{at}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": place.issuer(&origins.platform),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{}/oidc/userinfo", origins.graph),
        "authorization_endpoint": format!("{at}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{at}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{at}/oauth2/v2.0/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
            "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash",
            "c_hash", "email"
        ],
        "kerberos_endpoint": format!("{at}/kerberos"),
        "tenant_region_scope": match place { Place::Tenant(_) => json!("EU"), _ => Value::Null },
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    })
}

fn distort(document: &mut Value, change: MetadataChange, origin: &str) {
    match change {
        MetadataChange::WrongIssuer => {
            document["issuer"] = json!("https://login.evil.example/{tenantid}/v2.0");
        }
        MetadataChange::OtherTenant => document["issuer"] = json!(issuer(origin, &guid())),
        MetadataChange::EvilEndpoint(member) => {
            document[member] = json!("https://login.evil.example/common/endpoint");
        }
        MetadataChange::HttpEndpoint(member) => {
            document[member] = json!("http://login.microsoftonline.com/common/endpoint");
        }
        MetadataChange::Missing(member) => {
            if let Some(members) = document.as_object_mut() {
                members.remove(&member);
            }
        }
        MetadataChange::Member { name, value } => document[name] = value,
    }
}

pub(super) async fn keys(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Response {
    let place = match Place::find(&state, &tenant) {
        Ok(place) => place,
        Err(refusal) => return refusal.json(&Trace::new(&headers, state.now()), &origins.platform),
    };
    let published = tokio::task::spawn_blocking({
        let state = Arc::clone(&state);
        move || published(&state, &place, &origins.platform)
    });
    let mut keys = published.await.unwrap_or_default();
    for change in state.control.strike_all(&asker, |fault| match fault {
        Fault::Keys { change } => Some(change.clone()),
        _ => None,
    }) {
        distort_keys(&mut keys, &change, &state, &asker);
    }
    Json(json!({ "keys": keys })).into_response()
}

fn published(state: &State, place: &Place, origin: &str) -> Vec<Value> {
    let keys = &state.control.keys;
    let personal = || keys.published(Kind::Personal, &issuer(origin, PERSONAL_TENANT));
    match place {
        Place::Common => [
            keys.published(Kind::Work, &place.issuer(origin)),
            personal(),
        ]
        .concat(),
        Place::Organizations | Place::Tenant(_) => {
            keys.published(Kind::Work, &place.issuer(origin))
        }
        Place::Consumers => personal(),
    }
}

fn distort_keys(keys: &mut Vec<Value>, change: &KeysChange, state: &State, asker: &Asker) {
    let origin = asker.origin.as_str();
    let each = |keys: &mut Vec<Value>, with: &dyn Fn(&mut Value)| keys.iter_mut().for_each(with);
    let remove = |key: &mut Value, member: &str| {
        if let Some(members) = key.as_object_mut() {
            members.remove(member);
        }
    };
    match change {
        KeysChange::Empty => keys.clear(),
        KeysChange::NoKid => each(keys, &|key| remove(key, "kid")),
        KeysChange::NoIssuer => each(keys, &|key| remove(key, "issuer")),
        KeysChange::PersonalIssuer => each(keys, &|key| {
            key["issuer"] = json!(issuer(origin, PERSONAL_TENANT));
        }),
        KeysChange::ForEncryption => each(keys, &|key| key["use"] = json!("enc")),
        KeysChange::BrokenNumbers => each(keys, &|key| {
            key["n"] = json!("AA");
            key["e"] = json!("not base64url!");
        }),
        KeysChange::Symmetric => {
            let active = state.control.keys.active(Kind::Work);
            let secret = base64url(active.public_pem().as_bytes());
            keys.insert(
                0,
                json!({ "kty": "oct", "use": "sig", "kid": active.kid(), "k": secret }),
            );
        }
    }
}

/// MSAL's instance discovery: which hosts are one cloud.
pub(super) async fn instances(
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
) -> Response {
    let host = origins
        .platform
        .split_once("://")
        .map_or("", |(_, host)| host);
    Json(json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", origins.platform),
        "api-version": "1.1",
        "metadata": [{
            "preferred_network": host,
            "preferred_cache": host,
            "aliases": [host],
        }],
    }))
    .into_response()
}
