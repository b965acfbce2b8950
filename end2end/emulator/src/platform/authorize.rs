//! Signing in: who is it, may they, have they consented; then a code.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension,
    extract::{Path, RawQuery, State as Shared},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    aadsts::{Refusal, Trace, blocked, not_in_tenant},
    answer,
    consent::{self, Consent},
    hint, pages,
    params::Params,
    request::{Prompt, Rejected, Request},
    tenant::Place,
};
use crate::{
    directory::Persona,
    memory::SignedIn,
    random::{guid, token},
    state::{Origins, State},
};

/// The single sign-on cookie, by its real name.
const COOKIE: &str = "ESTSAUTH";

/// One visit to the authorization endpoint or to a page behind it.
pub(super) struct Visit {
    pub state: Arc<State>,
    pub origins: Origins,
    pub trace: Trace,
    /// The browser's single sign-on id, and whether it is new.
    pub browser: String,
    fresh: bool,
}

/// How far a sign-in has come.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// The person has just chosen the account.
    chosen: bool,
    mfa: bool,
    consented: bool,
}

impl Visit {
    pub(super) fn new(state: Arc<State>, origins: Origins, headers: &HeaderMap) -> Self {
        let known = cookie(headers, COOKIE);
        let trace = Trace::new(headers, state.now());
        Self {
            state,
            origins,
            trace,
            fresh: known.is_none(),
            browser: known.unwrap_or_else(|| token(24)),
        }
    }

    fn accounts(&self) -> Vec<(SignedIn, Persona)> {
        let accounts = self.state.control.memory.accounts(&self.browser);
        accounts
            .into_iter()
            .filter_map(|signed_in| {
                let person = self.state.directory.account(&signed_in.oid)?;
                Some((signed_in, person))
            })
            .collect()
    }

    fn refuse(&self, rejected: &Rejected) -> Response {
        match rejected {
            Rejected::Shown(refusal) => pages::error(refusal, &self.trace),
            Rejected::Returned(back, refusal) => answer::with_error(back, refusal, &self.trace),
        }
    }

    fn back_with(&self, request: &Request, refusal: &Refusal) -> Response {
        answer::with_error(&request.back, refusal, &self.trace)
    }

    /// Sets the single sign-on cookie with the answer.
    fn remember(&self, mut response: Response) -> Response {
        if self.fresh
            && let Ok(value) = HeaderValue::from_str(&format!(
                "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax",
                self.browser
            ))
        {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        response
    }
}

pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

pub(super) async fn get(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let visit = Visit::new(state, origins, &headers);
    begin(&visit, &tenant, &query.unwrap_or_default())
}

/// OpenID Connect Core §3.1.2.1 has clients use a form as well.
pub(super) async fn post(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let visit = Visit::new(state, origins, &headers);
    begin(&visit, &tenant, &body)
}

fn begin(visit: &Visit, tenant: &str, raw: &str) -> Response {
    let request = match Request::check(&visit.state, &visit.origins, tenant, raw) {
        Ok(request) => request,
        Err(rejected) => return visit.refuse(&rejected),
    };
    let hinted = request
        .login_hint
        .as_deref()
        .and_then(|hint| hint::find(&visit.state, hint));
    let signed_in: Vec<_> = visit
        .accounts()
        .into_iter()
        .map(|(_, person)| person)
        .filter(|person| request.place.admits(person))
        .collect();
    let known = match &hinted {
        Some(hinted) => signed_in.iter().find(|person| person.oid == hinted.oid),
        None if signed_in.len() == 1 && request.login_hint.is_none() => signed_in.first(),
        None => None,
    };
    match (request.prompt, known, hinted.as_ref()) {
        (Some(Prompt::None), Some(person), _) => {
            proceed(visit, &request, person, Progress::default())
        }
        (Some(Prompt::None), None, _) => {
            let refusal = if signed_in.len() > 1 {
                let text = "Either multiple user identities are available for the current request or selected account \
                            is not supported for the scenario.";
                Refusal::new("interaction_required", 16000, text)
            } else {
                Refusal::new(
                    "login_required",
                    50058,
                    "A silent sign-in request was sent but no user is signed in.",
                )
            };
            visit.back_with(&request, &refusal)
        }
        (Some(Prompt::SelectAccount | Prompt::Create), _, _) => {
            pages::picker(visit, &request, &signed_in)
        }
        (Some(Prompt::Login), _, Some(person)) => pages::confirm(&request, person),
        (Some(Prompt::Login), _, None) => pages::picker(visit, &request, &[]),
        (_, Some(person), _) => proceed(visit, &request, person, Progress::default()),
        // The real one would ask for the password here; there is none.
        (_, None, Some(person)) => proceed(
            visit,
            &request,
            person,
            Progress {
                chosen: true,
                ..Progress::default()
            },
        ),
        (_, None, None) => pages::picker(visit, &request, &signed_in),
    }
}

/// The forms of every page come here: `step` says which.
pub(super) async fn step(
    Shared(state): Shared<Arc<State>>,
    Path(tenant): Path<String>,
    Extension(origins): Extension<Origins>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let visit = Visit::new(state, origins, &headers);
    let form = Params::parse(&body);
    let request = match Request::check(
        &visit.state,
        &visit.origins,
        &tenant,
        form.get("request").unwrap_or_default(),
    ) {
        Ok(request) => request,
        Err(rejected) => return visit.refuse(&rejected),
    };
    let step = form.get("step").unwrap_or_default();
    if step == "cancel" {
        return visit.back_with(&request, &cancelled());
    }
    if step == "decline" {
        let text = "User declined to consent to access the app.";
        return visit.back_with(
            &request,
            &Refusal::new("access_denied", 65004, text).with_suberror("cancel"),
        );
    }
    let wanted = form.get("account").unwrap_or_default().trim();
    let Some(person) = hint::find(&visit.state, wanted) else {
        return pages::no_such_account(&visit, &request, wanted);
    };
    let mfa = form.get("mfa") == Some("done");
    proceed(
        &visit,
        &request,
        &person,
        Progress {
            chosen: true,
            mfa,
            consented: step == "accept",
        },
    )
}

/// What the picker's "Cancel" sends.
fn cancelled() -> Refusal {
    Refusal::new(
        "access_denied",
        65004,
        "User declined to consent to access the app.",
    )
    .with_suberror("cancel")
}

/// An account is known: what is still missing until the code?
fn proceed(visit: &Visit, request: &Request, person: &Persona, progress: Progress) -> Response {
    let silent = request.prompt == Some(Prompt::None);
    let as_interaction = |mut refusal: Refusal| {
        "interaction_required".clone_into(&mut refusal.error);
        visit.back_with(request, &refusal)
    };
    if !request.place.admits(person) {
        let refusal = stranger(visit, request, person);
        return if silent {
            as_interaction(refusal)
        } else {
            pages::error(&refusal, &visit.trace)
        };
    }
    if person.blocked {
        return if silent {
            as_interaction(blocked())
        } else {
            pages::blocked(request, &visit.trace)
        };
    }
    let session = visit
        .accounts()
        .into_iter()
        .find(|(_, known)| known.oid == person.oid)
        .map(|(session, _)| session);
    let mfa = progress.mfa || session.as_ref().is_some_and(|session| session.mfa);
    if !mfa && (person.needs_mfa || consent::asks_for_mfa(request.claims.as_ref())) {
        let refusal = super::aadsts::mfa_needed();
        return if silent {
            as_interaction(refusal)
        } else {
            pages::mfa(request, person)
        };
    }
    if session.is_none() && !progress.chosen {
        return pages::picker(visit, request, &[]);
    }
    match consent::needed(&visit.state, request, person) {
        Consent::Given if request.prompt != Some(Prompt::Consent) || progress.consented => {}
        Consent::Given => return pages::consent(request, person, &request.scopes, mfa),
        _ if silent => {
            let client = &request.client;
            let mut refusal = super::aadsts::consent_required(&client.client_id, &client.name);
            "consent_required".clone_into(&mut refusal.error);
            return visit.back_with(request, &refusal);
        }
        Consent::Admin => return pages::admin_approval(request, person),
        Consent::User(scopes) if progress.consented => {
            let names = scopes.into_iter().map(|scope| scope.name);
            visit
                .state
                .control
                .memory
                .consent(&person.oid, &request.client.client_id, names);
        }
        Consent::User(scopes) => return pages::consent(request, person, &scopes, mfa),
    }
    let session = visit.state.control.memory.sign_in(
        &visit.browser,
        SignedIn {
            oid: person.oid.clone(),
            sid: guid(),
            mfa,
            clients: HashMap::from([(request.client.client_id.clone(), front_channel(request))]),
        },
    );
    visit.remember(answer::with_code(
        &visit.state,
        &visit.origins,
        request,
        person,
        &session,
    ))
}

/// Where this client wants to hear of sign-outs; a mere path is taken on the origin of the redirect URI.
fn front_channel(request: &Request) -> Option<String> {
    let registered = request.client.front_channel_logout.as_ref()?;
    let redirect = url::Url::parse(&request.back.uri).ok()?;
    redirect.join(registered).ok().map(String::from)
}

fn stranger(visit: &Visit, request: &Request, person: &Persona) -> Refusal {
    let provider = if person.personal {
        "live.com".to_owned()
    } else {
        format!("{}/{}/", visit.origins.platform, person.tid)
    };
    let tenant = match &request.place {
        Place::Tenant(tenant) => tenant.name.clone(),
        other => other.segment().to_owned(),
    };
    not_in_tenant(
        &person.username,
        &provider,
        &tenant,
        &request.client.client_id,
        &request.client.name,
    )
}

/// A page for a request that never ends at the client has this status: the real one says 200, which helps nobody.
pub(super) fn shown(page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::OK, headers, page).into_response()
}
