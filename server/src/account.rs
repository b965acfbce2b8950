//! "Where you're signed in": who may list and end which sessions, and the forms that end them (R58).

use std::sync::Arc;

use app::model::{Account, OpenSession, Person, Preferences, Problem};
use axum::{
    Extension, Form,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Cloakroom,
    auth::{local_path::LocalPath, sign_out},
    browser::CorrelationId,
    graph::{GraphError, directory},
    pages,
    session::{
        Session, StoreKey, User, Visitor,
        store::{Listed, StoreError},
    },
};

/// The page.
const PATH: &str = "/account";

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
pub async fn account(
    cloakroom: &Cloakroom,
    session: &Arc<Session>,
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
            .map(|listed| show(listed, &own))
            .collect(),
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

fn show(listed: Listed, own: &StoreKey) -> OpenSession {
    OpenSession {
        key: listed.key.to_string(),
        current: listed.key == *own,
        since: pages::rfc3339_of(listed.since),
        used: pages::rfc3339_of(listed.used),
        browser: listed.browser,
    }
}

/// What a form ends.
#[derive(Default, Deserialize)]
pub struct EndForm {
    /// A session's key.
    #[serde(default)]
    session: String,
    /// The object id of another person, for administrators.
    #[serde(default)]
    person: String,
}

/// `POST /account/end`: ends one session. A key that is not this person's gets the answer of one that nobody has.
pub async fn end(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    session: tower_sessions::Session,
    form: Result<Form<EndForm>, FormRejection>,
) -> Response {
    let Some(visitor) = visitor else {
        return pages::see_other(PATH);
    };
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let Some(oid) = whose(&visitor, &form.person) else {
        return not_admin(&cloakroom, preferences, &visitor, &id);
    };
    let ended = match form.session.parse::<StoreKey>() {
        Ok(key) if key == StoreKey::of(&visitor.id) && oid == visitor.signed_in.user.oid => {
            let visitor = Extension(Visitor(Some(visitor)));
            return sign_out::logout(
                State(cloakroom),
                Extension(id),
                Extension(preferences),
                visitor,
                session,
            )
            .await;
        }
        Ok(key) => {
            let tid = visitor.signed_in.user.tid;
            let store = &cloakroom.sessions.store;
            store.end_of(tid, oid, &key).await.map(u64::from)
        }
        Err(_) => Ok(0),
    };
    done(&cloakroom, preferences, &visitor, &id, oid, ended)
}

/// `POST /account/end-others`: ends the viewer's sessions but this one; or, for administrators, all of a person.
pub async fn end_others(
    State(cloakroom): State<Arc<Cloakroom>>,
    Extension(id): Extension<CorrelationId>,
    Extension(preferences): Extension<Preferences>,
    Extension(Visitor(visitor)): Extension<Visitor>,
    form: Result<Form<EndForm>, FormRejection>,
) -> Response {
    let Some(visitor) = visitor else {
        return pages::see_other(PATH);
    };
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let Some(oid) = whose(&visitor, &form.person) else {
        return not_admin(&cloakroom, preferences, &visitor, &id);
    };
    let own = StoreKey::of(&visitor.id);
    let keep = (oid == visitor.signed_in.user.oid).then_some(&own);
    let tid = visitor.signed_in.user.tid;
    let ended = cloakroom.sessions.store.end_others(tid, oid, keep).await;
    done(&cloakroom, preferences, &visitor, &id, oid, ended)
}

/// The object id whose sessions a form is about; `None` if they are not the viewer's to end.
fn whose<'a>(visitor: &'a Session, person: &'a str) -> Option<&'a str> {
    let user = &visitor.signed_in.user;
    if person.is_empty() || person == user.oid {
        Some(&user.oid)
    } else {
        is_admin(user).then_some(person)
    }
}

/// Back to the list, with what was done; and its line in the log (R112).
fn done(
    cloakroom: &Cloakroom,
    preferences: Preferences,
    visitor: &Session,
    id: &CorrelationId,
    oid: &str,
    ended: Result<u64, StoreError>,
) -> Response {
    let user = &visitor.signed_in.user;
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            tracing::error!(event = "store_failed", %error, "sessions could not be ended");
            let back = LocalPath::parse(PATH).unwrap_or_else(LocalPath::root);
            return pages::unavailable(cloakroom, preferences, &id.0, &back);
        }
    };
    let own = oid == user.oid;
    let event = if own {
        "sessions_ended"
    } else {
        "sessions_ended_by_admin"
    };
    // What a form said is in the log only if it named somebody's session.
    if ended > 0 {
        tracing::info!(event, tid = %user.tid, by = user.oid, oid, ended, "sessions were ended from the list");
    } else {
        tracing::info!(event, tid = %user.tid, by = user.oid, ended, "there was no such session to end");
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !own {
        query.append_pair("person", oid);
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
    let problem = Problem {
        lang: "en",
        title: "These are not your sessions".to_owned(),
        text: format!("Ending other people's sessions takes the app role {ADMIN_ROLE}."),
        mend: "Nothing has changed. An administrator of your organisation gives the role."
            .to_owned(),
        actions: vec![("Go to your sessions".to_owned(), PATH.to_owned())],
        details: pages::details(cloakroom, &id.0),
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
