//! What somebody has consented to, and what is missing for a request.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    request::Request,
    scopes::{Resource, Scope},
};
use crate::{client::Client, directory::Persona, state::State};

/// What a request lacks.
pub(super) enum Consent {
    /// Nothing.
    Given,
    /// The user may grant these.
    User(Vec<Scope>),
    /// Only an administrator may grant these.
    Admin,
}

/// Everything granted to a client for somebody: by an administrator beforehand or by themselves.
pub(super) fn granted(state: &State, client: &Client, person: &Persona) -> BTreeSet<String> {
    let mut granted = state
        .control
        .memory
        .consented(&person.oid, &client.client_id);
    if !person.needs_admin_consent {
        granted.extend(client.consented.iter().cloned());
    }
    granted
}

pub(super) fn needed(state: &State, request: &Request, person: &Persona) -> Consent {
    let granted = granted(state, &request.client, person);
    let missing = missing(&request.scopes, &granted);
    if missing.is_empty() {
        Consent::Given
    } else if (person.needs_admin_consent || missing.iter().any(Scope::needs_admin))
        && !is_admin(person)
    {
        Consent::Admin
    } else {
        Consent::User(missing)
    }
}

/// `.default` is what was granted already, whatever that is.
pub(super) fn missing(scopes: &[Scope], granted: &BTreeSet<String>) -> Vec<Scope> {
    let oidc = |scope: &Scope| scope.resource == Resource::Oidc;
    let missing: Vec<_> = scopes
        .iter()
        .filter(|scope| !scope.is_default() && !granted.contains(&scope.name))
        .cloned()
        .collect();
    // Signing in alone needs no page once anything was granted.
    if missing.iter().all(oidc) && !granted.is_empty() {
        Vec::new()
    } else {
        missing
    }
}

/// Administrators may consent to everything.
fn is_admin(person: &Persona) -> bool {
    person
        .roles
        .iter()
        .any(|role| role.to_ascii_lowercase().contains("admin"))
}

/// A `claims` parameter that asks for an authentication context asks for a second factor here.
pub(super) fn asks_for_mfa(claims: Option<&Value>) -> bool {
    claims.is_some_and(|claims| {
        ["access_token", "id_token"]
            .iter()
            .any(|part| !claims[part]["acrs"].is_null())
    })
}

/// The client announced that it can handle claims challenges.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
pub(super) fn announces_cp1(claims: Option<&Value>) -> bool {
    let Some(capabilities) = claims.map(|claims| &claims["access_token"]["xms_cc"]) else {
        return false;
    };
    let is_cp1 = |value: &Value| {
        value
            .as_str()
            .is_some_and(|value| value.eq_ignore_ascii_case("cp1"))
    };
    is_cp1(&capabilities["value"])
        || capabilities["values"]
            .as_array()
            .is_some_and(|values| values.iter().any(is_cp1))
}
