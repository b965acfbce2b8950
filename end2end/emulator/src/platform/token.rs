//! The token endpoint: codes and refresh tokens become tokens.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State as Shared},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use time::Duration;

use super::{
    aadsts::{self, Refusal, Trace, missing_parameter},
    consent::{granted, missing},
    credential,
    params::Params,
    request::parse_claims,
    scopes::{self, Scope},
    tenant::Place,
};
use crate::{
    client::Client,
    control::{Asker, Fault, TokenChange},
    directory::Persona,
    memory::{Code, Grant},
    random::sha256,
    state::{Origins, State},
};

/// Codes live ten minutes, refresh tokens ninety days.
const CODE_LIFETIME: Duration = Duration::minutes(10);
const REFRESH_LIFETIME: Duration = Duration::days(90);

pub(super) async fn token(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
    Extension(asker): Extension<Asker>,
    method: Method,
    headers: HeaderMap,
    body: String,
) -> Response {
    let trace = Trace::new(&headers, state.now());
    let call = Call {
        state: &state,
        origins: &origins,
        asker: &asker,
    };
    let answer = if method == Method::POST {
        call.answer(&tenant, &headers, &body)
    } else {
        let text = format!("The endpoint only accepts POST requests. Received a {method} request.");
        Err(Refusal::new("invalid_request", 900_561, text))
    };
    match answer {
        Ok(answer) => {
            let no_store = [
                (header::CACHE_CONTROL, "no-store"),
                (header::PRAGMA, "no-cache"),
            ];
            (StatusCode::OK, no_store, Json(answer)).into_response()
        }
        Err(refusal) => refusal.json(&trace, &origins.platform),
    }
}

pub(super) struct Call<'a> {
    pub state: &'a Arc<State>,
    pub origins: &'a Origins,
    pub asker: &'a Asker,
}

/// What is about to be handed out.
pub(super) struct Handout {
    pub grant: Grant,
    pub scopes: Vec<Scope>,
    pub person: Persona,
    /// The refresh token that came in.
    pub came_with: Option<String>,
    pub client_info: bool,
}

impl Call<'_> {
    fn answer(&self, tenant: &str, headers: &HeaderMap, body: &str) -> Result<Value, Refusal> {
        let place = Place::find(self.state, tenant)?;
        let is_form = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                value
                    .to_ascii_lowercase()
                    .starts_with("application/x-www-form-urlencoded")
            });
        // Another content type is not read, so everything is missing.
        let form = if is_form {
            Params::parse(body)
        } else {
            Params::default()
        };
        form.refuse_duplicates()?;
        let grant_type = form.require("grant_type")?;
        let client = credential::authenticate(self.state, self.origins, &place, headers, &form)?;
        self.planned_error()?;
        let handout = match grant_type {
            "authorization_code" => self.by_code(&client, &place, &form)?,
            "refresh_token" => self.by_refresh_token(&client, &place, &form)?,
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                return Err(Refusal::new("unsupported_grant_type", 70003, text));
            }
        };
        self.hand_out(&client, handout)
    }

    pub(super) fn changes(&self, wanted: impl Fn(&TokenChange) -> bool) -> Vec<TokenChange> {
        self.state
            .control
            .strike_all(self.asker, |fault| match fault {
                Fault::Token { change } if wanted(change) => Some(change.clone()),
                _ => None,
            })
    }

    /// An OAuth error that a fault asks for.
    fn planned_error(&self) -> Result<(), Refusal> {
        let planned = self.state.control.strike(self.asker, |fault| match fault {
            Fault::Token {
                change: change @ TokenChange::Error { .. },
            } => Some(change.clone()),
            _ => None,
        });
        let Some(TokenChange::Error {
            error,
            number,
            suberror,
            description,
            claims,
        }) = planned
        else {
            return Ok(());
        };
        let text = description.unwrap_or_else(|| "This error was asked for.".to_owned());
        Err(Refusal {
            suberror,
            claims,
            ..Refusal::new(&error, number, text)
        })
    }

    fn by_code(
        &self,
        client: &Arc<Client>,
        place: &Place,
        form: &Params,
    ) -> Result<Handout, Refusal> {
        let value = form.require("code")?;
        let memory = &self.state.control.memory;
        let malformed = || {
            Refusal::new(
                "invalid_grant",
                9_002_313,
                "Invalid request. Request is malformed or invalid.",
            )
        };
        let code = memory.code(value).ok_or_else(malformed)?;
        if code.grant.client_id != client.client_id {
            let text = "The provided value for the input parameter 'code' is not valid. The code was issued to another \
                        application.";
            return Err(Refusal::new("invalid_grant", 70000, text));
        }
        check_redirect(&code, form)?;
        check_verifier(&code, form.get("code_verifier"))?;
        if self.state.now() - code.grant.issued_at > CODE_LIFETIME {
            let text = "The provided authorization code or refresh token has expired due to inactivity. Send a new \
                        interactive authorization request for this user and resource.";
            return Err(Refusal::new("invalid_grant", 70008, text));
        }
        if !memory.redeem(value) {
            let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an \
                        existing refresh token.";
            return Err(Refusal::new("invalid_grant", 54005, text));
        }
        let asked = form
            .get("scope")
            .map_or_else(|| code.grant.scopes.join(" "), str::to_owned);
        let scopes = scopes::parse(&asked, client, &self.origins.graph)?;
        let person = self.person(&code.grant, place, client)?;
        Ok(Handout {
            grant: code.grant,
            scopes,
            person,
            came_with: None,
            client_info: wants_client_info(form),
        })
    }

    fn by_refresh_token(
        &self,
        client: &Arc<Client>,
        place: &Place,
        form: &Params,
    ) -> Result<Handout, Refusal> {
        let value = form.require("refresh_token")?;
        let memory = &self.state.control.memory;
        let bad =
            |text: &str| Refusal::new("invalid_grant", 9_002_313, text).with_suberror("bad_token");
        let grant = memory
            .refresh_token(value)
            .filter(|grant| grant.client_id == client.client_id)
            .ok_or_else(|| bad("Invalid request. Request is malformed or invalid."))?;
        if self.state.now() - grant.issued_at > REFRESH_LIFETIME {
            let text = "The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00.";
            return Err(Refusal::new("invalid_grant", 700_082, text).with_suberror("bad_token"));
        }
        if memory
            .revoked_at(&grant.oid)
            .is_some_and(|at| at >= grant.issued_at)
        {
            let text = "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user \
                        might have changed or reset their password.";
            return Err(Refusal::new("invalid_grant", 50173, text).with_suberror("bad_token"));
        }
        let asked = form
            .get("scope")
            .map_or_else(|| grant.scopes.join(" "), str::to_owned);
        let scopes = scopes::parse(&asked, client, &self.origins.graph)?;
        let person = self.person(&grant, place, client)?;
        if person.blocked {
            return Err(aadsts::blocked());
        }
        if person.needs_mfa && !grant.mfa {
            return Err(aadsts::mfa_needed());
        }
        if !missing(&scopes, &granted(self.state, client, &person)).is_empty() {
            return Err(aadsts::consent_required(&client.client_id, &client.name));
        }
        let claims = form
            .get("claims")
            .map(parse_claims)
            .transpose()?
            .or(grant.claims);
        let nonce = None; // OpenID Connect Core §12.2: a refreshed ID token should have none.
        let grant = Grant {
            nonce,
            claims,
            ..grant
        };
        let came_with = Some(value.to_owned());
        Ok(Handout {
            grant,
            scopes,
            person,
            came_with,
            client_info: wants_client_info(form),
        })
    }

    fn person(&self, grant: &Grant, place: &Place, client: &Client) -> Result<Persona, Refusal> {
        let gone = || {
            let text = format!(
                "The user account {} does not exist in the directory.",
                grant.oid
            );
            Refusal::new("invalid_grant", 50034, text)
        };
        let person = self.state.directory.account(&grant.oid).ok_or_else(gone)?;
        if place.admits(&person) {
            return Ok(person);
        }
        let refusal = aadsts::not_in_tenant(
            &person.username,
            &person.tid,
            place.segment(),
            &client.client_id,
            &client.name,
        );
        Err(Refusal {
            error: "invalid_grant".to_owned(),
            ..refusal
        })
    }
}

fn wants_client_info(form: &Params) -> bool {
    form.get("client_info") == Some("1")
}

/// RFC 6749 §4.1.3: the same URI again.
fn check_redirect(code: &Code, form: &Params) -> Result<(), Refusal> {
    let given = form
        .get("redirect_uri")
        .ok_or_else(|| missing_parameter("redirect_uri"))?;
    if given == code.redirect_uri {
        return Ok(());
    }
    let text = format!(
        "The reply address '{given}' does not match the reply address '{}' provided when requesting Authorization code.",
        code.redirect_uri
    );
    Err(Refusal::new("invalid_client", 500_112, text))
}

/// RFC 7636 §4.6.
fn check_verifier(code: &Code, verifier: Option<&str>) -> Result<(), Refusal> {
    let Some(challenge) = &code.challenge else {
        return Ok(());
    };
    let Some(verifier) = verifier else {
        let text = "The request body must contain the following parameter: 'code_verifier'.";
        return Err(Refusal::new("invalid_grant", 50148, text));
    };
    if !(43..=128).contains(&verifier.len()) {
        let text =
            "The size of the parameter 'code_verifier' is not between 43 and 128 characters.";
        return Err(Refusal::new("invalid_grant", 501_482, text));
    }
    let computed = match code.challenge_method.as_deref() {
        Some("S256") => sha256(verifier),
        _ => verifier.to_owned(),
    };
    if &computed == challenge {
        Ok(())
    } else {
        let text = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
        Err(Refusal::new("invalid_grant", 501_481, text))
    }
}
