//! What the token endpoint hands out: the tokens and the answer around them.

use std::sync::Arc;

use serde_json::{Value, json};
use time::Duration;

use super::{
    aadsts::Refusal,
    answer::client_info,
    consent::{announces_cp1, granted},
    id_token,
    scopes::{self, Resource, Scope},
    token::{Call, Handout},
};
use crate::{
    client::Client,
    control::{Fault, TokenChange},
    directory::Persona,
    memory::{AccessToken, Grant},
    random::token as random_token,
};

impl Call<'_> {
    pub(super) fn hand_out(
        &self,
        client: &Arc<Client>,
        handout: Handout,
    ) -> Result<Value, Refusal> {
        let Handout {
            mut grant,
            scopes,
            person,
            came_with,
            client_info: wants_info,
        } = handout;
        let now = self.state.now();
        let memory = &self.state.control.memory;
        let resource = scopes
            .iter()
            .map(|scope| &scope.resource)
            .find(|resource| **resource != Resource::Oidc);
        let resource = resource.cloned().unwrap_or(Resource::Graph);
        let mut names = self.granted_names(client, &person, &scopes, &resource)?;
        let changes = self.changes(|change| !matches!(change, TokenChange::Error { .. }));
        for change in &changes {
            if let TokenChange::Scope(narrower) = change {
                names = narrower
                    .split_ascii_whitespace()
                    .map(str::to_owned)
                    .collect();
            }
        }

        grant.issued_at = now;
        let lifetime = 3600 + i64::from(random_token(4).bytes().map(u16::from).sum::<u16>() % 1200);
        let access_token = format!("emu-access-1.{}", random_token(1200));
        memory.add_access_token(
            &access_token,
            AccessToken {
                tid: person.tid.clone(),
                oid: person.oid.clone(),
                client_id: client.client_id.clone(),
                resource: match resource {
                    Resource::Api(api) => api,
                    Resource::Graph | Resource::Oidc => String::new(),
                },
                scopes: names.clone(),
                issued_at: now,
                expires_at: now + Duration::seconds(lifetime),
                can_be_challenged: announces_cp1(grant.claims.as_ref()),
            },
        );
        let mut answer = json!({
            "token_type": "Bearer",
            "scope": names.join(" "),
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access_token,
        });
        let asked = |name: &str| {
            grant.scopes.iter().any(|scope| scope == name) || scopes.iter().any(|s| s.name == name)
        };
        if asked("offline_access") {
            let refresh_token = format!("emu-refresh-1.{}", random_token(900));
            memory.add_refresh_token(
                &refresh_token,
                Grant {
                    nonce: None,
                    ..grant.clone()
                },
            );
            answer["refresh_token"] = json!(refresh_token);
        }
        if asked("openid") {
            let forgery = self.state.control.strike(self.asker, |fault| match fault {
                Fault::IdToken { forgery } => Some(forgery.clone()),
                _ => None,
            });
            answer["id_token"] = json!(id_token::mint(
                self.state,
                self.origins,
                &grant,
                &person,
                forgery.as_ref()
            ));
        }
        if wants_info {
            answer["client_info"] = json!(client_info(&person));
        }
        for change in changes {
            distort(&mut answer, change, came_with.as_deref());
        }
        Ok(answer)
    }

    /// As the real one: everything consented to for that resource, whatever part of it was asked for.
    fn granted_names(
        &self,
        client: &Client,
        person: &Persona,
        scopes: &[Scope],
        resource: &Resource,
    ) -> Result<Vec<String>, Refusal> {
        let consented = granted(self.state, client, person);
        if let Resource::Api(_) = resource {
            return Ok(scopes
                .iter()
                .filter(|s| &s.resource == resource)
                .map(|s| s.name.clone())
                .collect());
        }
        let consented: Vec<_> = consented.into_iter().collect();
        let all = scopes::parse(&consented.join(" "), client, &self.origins.graph)?;
        // `offline_access` is granted by there being a refresh token; it is not listed.
        let listed = |scope: &&Scope| {
            !matches!(scope.resource, Resource::Api(_)) && scope.name != "offline_access"
        };
        Ok(all
            .iter()
            .filter(listed)
            .map(|scope| scope.name.clone())
            .collect())
    }
}

fn distort(answer: &mut Value, change: TokenChange, came_with: Option<&str>) {
    match change {
        TokenChange::Missing(member) => remove(answer, &member),
        TokenChange::Member { name, value } => answer[name] = value,
        TokenChange::TokenType(kind) => answer["token_type"] = json!(kind),
        TokenChange::ExtraMembers => {
            answer["foci"] = json!("1");
            answer["resource"] = json!(null);
            answer["not_known_to_anybody"] = json!({ "deep": [1, 2.5, "three", null] });
        }
        TokenChange::NoRefreshToken => remove(answer, "refresh_token"),
        TokenChange::SameRefreshToken => {
            if let Some(old) = came_with {
                answer["refresh_token"] = json!(old);
            }
        }
        TokenChange::Scope(_) | TokenChange::Error { .. } => {}
    }
}

fn remove(answer: &mut Value, member: &str) {
    if let Some(members) = answer.as_object_mut() {
        members.remove(member);
    }
}
