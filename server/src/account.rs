//! "Where you're signed in": who may list and end which sessions, and the forms that end them (R58).

use std::sync::Arc;

use app::{
    error::{ApiError, Code},
    i18n::{Locale, tag},
    links::ACCOUNT as PATH,
    model::{Account, OpenSession, Person, Preferences, Problem, ThisSession},
};
use axum::{
    Extension, Form,
    extract::{FromRequest, Query, Request, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use leptos_i18n::td_string;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Cloakroom,
    auth::{local_path::LocalPath, sign_out},
    backend,
    browser::CorrelationId,
    graph::{GraphError, directory},
    pages, preferences,
    session::{
        Session, SignedIn, StoreKey, User, Visitor, browser,
        store::{Listed, StoreError},
    },
};

/// The app role of those who may see and end any session of their tenant.
pub const ADMIN_ROLE: &str = "Sessions.Admin";

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another person's sessions take the app role.
    #[error("the app role {ADMIN_ROLE} is missing")]
    NotAdmin,
    /// Nobody in the viewer's tenant has this name or id.
    #[error("no such person")]
    NoSuchPerson,
    /// The directory can't be asked.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The store can't be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a user may see and end other people's sessions. A personal account has no organisation that could say so.
fn is_admin(user: &User) -> bool {
    !user.is_personal() && user.roles.iter().any(|role| role == ADMIN_ROLE)
}

/// The sessions of the viewer; or, for an administrator, of the person with this sign-in name or object id. They are
/// looked for in the viewer's own tenant only: what another tenant's directory or roles say counts for nothing here.
async fn account(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    locale: Locale,
    person: &str,
) -> Result<Account, AccountError> {
    let viewer = &session.signed_in.user;
    let own = StoreKey::of(&session.id);
    let person = person.trim();
    let person = if person.is_empty() || person.eq_ignore_ascii_case(&viewer.oid) {
        None
    } else {
        if !is_admin(viewer) {
            return Err(AccountError::NotAdmin);
        }
        find(cloakroom, session, person)
            .await?
            .filter(|person| person.id != viewer.oid)
    };
    let oid = person.as_ref().map_or(&viewer.oid, |person| &person.id);
    let mut sessions = cloakroom.sessions.store.list(viewer.tid, oid).await?;
    sessions.sort_by_key(|listed| (listed.key != own, -listed.used));
    Ok(Account {
        sessions: sessions
            .into_iter()
            .map(|listed| show(&listed, &own, locale))
            .collect(),
        this: person.is_none().then(|| this(cloakroom, session)),
        person,
        kind: directory::kind(viewer),
        admin: is_admin(viewer),
    })
}

/// The person whose sessions an administrator asks for. An object id that the directory no longer knows counts too: a
/// deleted user's sessions may still have to be ended.
async fn find(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
    person: &str,
) -> Result<Option<Person>, AccountError> {
    let id = Uuid::try_parse(person).ok().map(|id| id.to_string());
    let asked = id.as_deref().unwrap_or(person);
    match (
        directory::person(&cloakroom.graph, session, asked).await?,
        id,
    ) {
        (Some(person), _) => Ok(Some(Person {
            id: person.id.to_ascii_lowercase(),
            ..person
        })),
        (None, Some(id)) => Ok(Some(Person {
            name: id.clone(),
            id,
            job_title: None,
            mail: None,
            phone: None,
            office: None,
        })),
        (None, None) => Err(AccountError::NoSuchPerson),
    }
}

/// What the session at hand knows of itself: never a token.
fn this(cloakroom: &Cloakroom, session: &Session) -> ThisSession {
    let SignedIn { user, access, .. } = &session.signed_in;
    let time = |seconds| (seconds > 0).then(|| pages::rfc3339_of(seconds));
    let claims = [
        ("name", Some(user.name.clone())),
        ("preferred_username", Some(user.username.clone())),
        ("oid", Some(user.oid.clone())),
        ("tid", Some(user.tid.to_string())),
        ("sub", Some(user.sub.clone())),
        ("iss", Some(user.iss.clone())),
        // What the token was held against.
        ("aud", Some(cloakroom.config.client_id.clone())),
        ("sid", user.sid.clone()),
        ("login_hint", user.login_hint.clone()),
        ("roles", Some(user.roles.join(", "))),
        ("xms_pl", user.language.clone()),
        ("iat", time(user.issued)),
        ("exp", time(user.expires)),
    ];
    ThisSession {
        idle: pages::rfc3339_of(session.ends),
        max: pages::rfc3339_of(session.expires),
        scopes: access.scopes.clone(),
        claims: claims
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
            .collect(),
    }
}

fn show(listed: &Listed, own: &StoreKey, locale: Locale) -> OpenSession {
    OpenSession {
        key: listed.key.to_string(),
        current: listed.key == *own,
        since: pages::rfc3339_of(listed.since),
        used: pages::rfc3339_of(listed.used),
        browser: browser::shown(&listed.browser, locale),
    }
}

/// What the page's address asks for.
#[derive(Default, Deserialize)]
pub struct Asked {
    /// A sign-in name or an object id.
    #[serde(default)]
    person: String,
    /// How many sessions a form has ended.
    #[serde(default)]
    done: String,
}

/// `GET /account?person=&done=`.
pub async fn page(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(CorrelationId(id)): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let here = uri.path_and_query().map_or(PATH, |path| path.as_str());
    let Some(session) = visitor else {
        return pages::sign_in_first(&cloakroom, preferences, here);
    };
    let Asked { person, done } = asked.map(|Query(asked)| asked).unwrap_or_default();
    let locale = preferences.locale;
    let account = account(&cloakroom, &session, locale, &person)
        .await
        .map_err(|error| refusal(&error, locale, &id));
    let (status, retry_after) = match &account {
        Ok(_) => (StatusCode::OK, None),
        Err(refusal) => (
            StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_GATEWAY),
            refusal.retry_after,
        ),
    };
    let mut response = pages::document(
        &cloakroom,
        preferences,
        Some(&session),
        status,
        here,
        || app::pages::account(account, &done, here.to_owned()),
    );
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Why there is no list, for the page.
fn refusal(error: &AccountError, locale: Locale, id: &str) -> ApiError {
    if !matches!(error, AccountError::Graph(_)) {
        tracing::warn!(event = "account_refused", %error, "no list of sessions");
    }
    let (code, message) = match error {
        AccountError::NotAdmin => (
            Code::Forbidden,
            td_string!(locale, account.refused_not_admin, role = ADMIN_ROLE),
        ),
        AccountError::NoSuchPerson => (
            Code::NotFound,
            td_string!(locale, account.refused_nobody).to_owned(),
        ),
        AccountError::Graph(error) => return backend::refusal(error, locale, id),
        AccountError::Store(_) => (
            Code::Unavailable,
            td_string!(locale, account.refused_store).to_owned(),
        ),
    };
    ApiError::new(code, message, id)
}

/// What a form ends.
#[derive(Default, Deserialize)]
struct EndForm {
    /// A session's key.
    #[serde(default)]
    session: String,
    /// The object id of another person, for administrators.
    #[serde(default)]
    person: String,
}

/// A form of somebody who may end these sessions. Whoever is signed out is sent to the page, whoever may not is refused.
pub struct End {
    visitor: Arc<Session>,
    id: CorrelationId,
    preferences: Preferences,
    /// Whose sessions they are.
    oid: String,
    /// The key of the one to end, where the form names one.
    key: Option<StoreKey>,
}

impl FromRequest<Arc<Cloakroom>> for End {
    type Rejection = Response;

    async fn from_request(request: Request, cloakroom: &Arc<Cloakroom>) -> Result<Self, Response> {
        let extensions = request.extensions();
        let preferences = preferences::of_extensions(extensions);
        let id = CorrelationId(CorrelationId::of(extensions));
        let visitor = extensions
            .get::<Visitor>()
            .and_then(|Visitor(it)| it.clone());
        let visitor = visitor.ok_or_else(|| pages::see_other(PATH))?;
        // A form that can't be read names no session.
        let Form(form) = Form::<EndForm>::from_request(request, cloakroom)
            .await
            .unwrap_or_default();
        let user = &visitor.signed_in.user;
        let oid = if form.person.is_empty() || form.person == user.oid {
            user.oid.clone()
        } else if is_admin(user) {
            form.person
        } else {
            return Err(not_admin(cloakroom, preferences, &visitor, &id));
        };
        Ok(Self {
            key: form.session.parse().ok(),
            visitor,
            id,
            preferences,
            oid,
        })
    }
}

impl End {
    fn is_own(&self) -> bool {
        self.oid == self.visitor.signed_in.user.oid
    }
}

/// `POST /account/end`: ends one session. A key that is not this person's gets the answer of one that nobody has.
pub async fn end(
    State(cloakroom): State<Arc<Cloakroom>>,
    session: tower_sessions::Session,
    form: End,
) -> Response {
    let ended = match &form.key {
        Some(key) if form.is_own() && *key == StoreKey::of(&form.visitor.id) => {
            return sign_out::logout(
                State(cloakroom),
                Extension(form.id),
                Extension(form.preferences),
                Extension(Visitor(Some(form.visitor))),
                session,
            )
            .await;
        }
        Some(key) => {
            let tid = form.visitor.signed_in.user.tid;
            let store = &cloakroom.sessions.store;
            store.end_of(tid, &form.oid, key).await.map(u64::from)
        }
        None => Ok(0),
    };
    done(&cloakroom, &form, ended)
}

/// `POST /account/end-others`: ends the viewer's sessions but this one; or, for administrators, all of a person.
pub async fn end_others(State(cloakroom): State<Arc<Cloakroom>>, form: End) -> Response {
    let own = StoreKey::of(&form.visitor.id);
    let keep = form.is_own().then_some(&own);
    let tid = form.visitor.signed_in.user.tid;
    let store = &cloakroom.sessions.store;
    let ended = store.end_others(tid, &form.oid, keep).await;
    done(&cloakroom, &form, ended)
}

/// Back to the list, with what was done; and its line in the log (R112).
fn done(cloakroom: &Cloakroom, form: &End, ended: Result<u64, StoreError>) -> Response {
    let user = &form.visitor.signed_in.user;
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            tracing::error!(event = "store_failed", %error, "sessions could not be ended");
            let back = LocalPath::parse(PATH).unwrap_or_else(LocalPath::root);
            return pages::unavailable(cloakroom, form.preferences, &form.id.0, &back);
        }
    };
    let event = if form.is_own() {
        "sessions_ended"
    } else {
        "sessions_ended_by_admin"
    };
    // What a form said is in the log only if it named somebody's session.
    if ended > 0 {
        tracing::info!(event, tid = %user.tid, by = user.oid, oid = form.oid, ended, "sessions were ended from the list");
    } else {
        tracing::info!(event, tid = %user.tid, by = user.oid, ended, "there was no such session to end");
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !form.is_own() {
        query.append_pair("person", &form.oid);
    }
    query.append_pair("done", &ended.to_string());
    pages::see_other(&format!("{PATH}?{}", query.finish()))
}

fn not_admin(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    visitor: &Session,
    id: &CorrelationId,
) -> Response {
    let user = &visitor.signed_in.user;
    tracing::warn!(event = "admin_refused", tid = %user.tid, oid = user.oid, "a user without the app role wanted to end another person's sessions");
    let locale = preferences.locale;
    let problem = Problem {
        lang: tag(locale),
        title: td_string!(locale, account.not_admin_title).to_owned(),
        text: td_string!(locale, account.not_admin_text, role = ADMIN_ROLE),
        mend: td_string!(locale, account.not_admin_mend).to_owned(),
        actions: vec![(
            td_string!(locale, account.not_admin_go).to_owned(),
            PATH.to_owned(),
        )],
        details: pages::details(cloakroom, locale, &id.0),
    };
    pages::problem(
        cloakroom,
        preferences,
        Some(visitor),
        StatusCode::FORBIDDEN,
        PATH,
        problem,
    )
}
