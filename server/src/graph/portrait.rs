//! One person and their place in the organisation: profile, managers, reports, groups, the organisation's name. Each part is
//! asked for by itself and may be refused by itself.

use std::{collections::HashSet, sync::Arc};

use app::model::{AccountKind, Group, Listed, Person};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{
    Client, GraphError,
    directory::{self, GraphUser, SELECT, filled, is_name},
    paging::Walk,
    permission,
};
use crate::{session::Session, tokens::AnyOf};

/// Managers above a person that are shown.
const MOST_MANAGERS: usize = 5;
/// Members of a list that are shown; a page is no export.
const MOST_LISTED: usize = 100;

/// Somebody: the viewer, or a user of their directory by sign-in name or object id.
#[derive(Clone, Copy)]
pub struct Whom<'a>(Option<&'a str>);

impl<'a> Whom<'a> {
    /// The viewer.
    pub const ME: Self = Self(None);

    /// Another one, if that can be anybody's name or id.
    pub fn user(name: &'a str) -> Option<Self> {
        is_name(name).then_some(Self(Some(name)))
    }

    /// Whether it is the viewer, as the viewer.
    pub fn is_me(self) -> bool {
        self.0.is_none()
    }

    /// The address of what Graph has of them.
    fn url(self, graph: &Client, what: &[&str]) -> Result<Url, GraphError> {
        let mut url = graph.url("/v1.0/")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            match self.0 {
                None => path.push("me"),
                Some(name) => path.push("users").push(name),
            };
            path.extend(what);
        }
        Ok(url)
    }
}

/// What Graph says of them beside what every list shows.
pub struct Profile {
    /// The person.
    pub person: Person,
    /// Given name.
    pub given_name: Option<String>,
    /// Surname.
    pub surname: Option<String>,
    /// Phone numbers beside the person's first.
    pub other_phones: Vec<String>,
    /// The sign-in name.
    pub username: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// A guest of the organisation.
    pub guest: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphProfile {
    #[serde(flatten)]
    user: GraphUser,
    department: Option<String>,
    user_type: Option<String>,
}

/// The profile, if there is such a person.
pub async fn profile(
    graph: &Client,
    session: &Arc<Session>,
    whom: Whom<'_>,
) -> Result<Option<Profile>, GraphError> {
    if !whom.is_me() && session.signed_in.user.is_personal() {
        return Err(GraphError::PersonalAccount);
    }
    let need = if whom.is_me() {
        permission::ME
    } else {
        permission::PEOPLE
    };
    let select = match directory::kind(&session.signed_in.user) {
        AccountKind::Work => format!("{SELECT},givenName,surname,department,userType"),
        // A personal account's profile has neither department nor type.
        AccountKind::Personal => format!("{SELECT},givenName,surname"),
    };
    let mut url = whom.url(graph, &[])?;
    url.query_pairs_mut().append_pair("$select", &select);
    let found = graph
        .json::<GraphProfile>(session, need, url, HeaderMap::new())
        .await;
    let Some(found) = there(found)? else {
        return Ok(None);
    };
    Ok(Some(Profile {
        given_name: filled(found.user.given_name.clone()),
        surname: filled(found.user.surname.clone()),
        other_phones: found.user.phones().into_iter().skip(1).collect(),
        username: found.user.user_principal_name.clone(),
        department: filled(found.department),
        guest: found.user_type.as_deref() == Some("Guest"),
        person: found.user.into(),
    }))
}

#[derive(Deserialize)]
struct Managed {
    id: String,
    manager: Option<Box<Manager>>,
}

#[derive(Deserialize)]
struct Manager {
    #[serde(flatten)]
    user: GraphUser,
    manager: Option<Box<Manager>>,
}

/// The manager, the manager's manager and so on, as far as the directory goes without coming back.
pub async fn managers(
    graph: &Client,
    session: &Arc<Session>,
    whom: Whom<'_>,
) -> Result<Vec<Person>, GraphError> {
    let mut url = whom.url(graph, &[])?;
    url.query_pairs_mut()
        .append_pair("$select", "id")
        .append_pair(
            "$expand",
            "manager($levels=max;$select=id,displayName,jobTitle,mail,userPrincipalName)",
        )
        .append_pair("$count", "true");
    let found = graph
        .json::<Managed>(session, permission::MANAGER, url, eventual())
        .await;
    let Some(found) = there(found)? else {
        return Ok(Vec::new());
    };
    // Who leads back to somebody below is where it ends.
    let (mut managers, mut seen) = (Vec::<Person>::new(), HashSet::from([found.id]));
    let mut next = found.manager;
    while let Some(manager) = next
        && managers.len() < MOST_MANAGERS
    {
        let person = Person::from(manager.user);
        if !seen.insert(person.id.clone()) {
            break;
        }
        managers.push(person);
        next = manager.manager;
    }
    Ok(managers)
}

/// Who reports to them.
pub async fn reports(
    graph: &Client,
    session: &Arc<Session>,
    whom: Whom<'_>,
) -> Result<Listed<Person>, GraphError> {
    let mut url = whom.url(graph, &["directReports"])?;
    url.query_pairs_mut().append_pair("$select", SELECT);
    let found: Listed<GraphUser> = listed(graph, session, permission::REPORTS, url).await?;
    Ok(Listed {
        first: found.first.into_iter().map(Person::from).collect(),
        cut_at: found.cut_at,
    })
}

/// A directory object that somebody is a member of: a group, a role, an administrative unit.
#[derive(Deserialize)]
struct GraphGroup {
    #[serde(rename = "@odata.type", default)]
    kind: String,
    id: String,
    #[serde(rename = "displayName")]
    name: Option<String>,
    description: Option<String>,
}

/// The groups that they are in; of another person those that the viewer is in as well.
pub async fn groups(
    graph: &Client,
    session: &Arc<Session>,
    whom: Whom<'_>,
) -> Result<Listed<Group>, GraphError> {
    let mine = members_of(graph, session, Whom::ME);
    let found = if whom.is_me() {
        mine.await?
    } else {
        let theirs = members_of(graph, session, whom);
        let (mine, mut theirs) = tokio::try_join!(mine, theirs)?;
        let ids: HashSet<_> = mine.first.into_iter().map(|group| group.id).collect();
        theirs.first.retain(|group| ids.contains(&group.id));
        theirs.cut_at = theirs.cut_at.or(mine.cut_at);
        theirs
    };
    let mut groups: Vec<_> = found
        .first
        .into_iter()
        .filter_map(|group| {
            Some(Group {
                name: filled(group.name)?,
                description: filled(group.description),
            })
        })
        .collect();
    groups.sort_by_key(|group| group.name.to_lowercase());
    Ok(Listed {
        first: groups,
        cut_at: found.cut_at,
    })
}

async fn members_of(
    graph: &Client,
    session: &Arc<Session>,
    whom: Whom<'_>,
) -> Result<Listed<GraphGroup>, GraphError> {
    let mut url = whom.url(graph, &["memberOf"])?;
    url.query_pairs_mut()
        .append_pair("$select", "id,displayName,description");
    let mut found: Listed<GraphGroup> = listed(graph, session, permission::GROUPS, url).await?;
    found
        .first
        .retain(|object| object.kind == "#microsoft.graph.group");
    Ok(found)
}

#[derive(Deserialize)]
struct GraphOrganization {
    #[serde(rename = "displayName")]
    name: Option<String>,
}

/// The name of the viewer's organisation.
pub async fn organization(
    graph: &Client,
    session: &Arc<Session>,
) -> Result<Option<String>, GraphError> {
    let mut url = graph.url("/v1.0/organization")?;
    url.query_pairs_mut()
        .append_pair("$select", "id,displayName");
    let found: Listed<GraphOrganization> =
        listed(graph, session, permission::ORGANIZATION, url).await?;
    let mut found = found.first.into_iter();
    Ok(found.find_map(|organization| organization.name))
}

/// A collection, as far as a page shows one.
async fn listed<T: serde::de::DeserializeOwned>(
    graph: &Client,
    session: &Arc<Session>,
    need: AnyOf<'_>,
    url: Url,
) -> Result<Listed<T>, GraphError> {
    let (mut walk, mut first, mut goes_on) = (Walk::new(url), Vec::new(), false);
    while first.len() < MOST_LISTED
        && let Some(page) = walk.next(graph, session, need).await?
    {
        first.extend(page.value);
        goes_on = page.next_link.is_some();
    }
    let cut = first.len() > MOST_LISTED || goes_on;
    first.truncate(MOST_LISTED);
    Ok(Listed {
        first,
        cut_at: cut.then_some(MOST_LISTED),
    })
}

/// A 404 is no trouble: there is nothing.
fn there<T>(found: Result<T, GraphError>) -> Result<Option<T>, GraphError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(GraphError::Refused(refused)) if refused.status == StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

fn eventual() -> HeaderMap {
    HeaderMap::from_iter([(
        HeaderName::from_static("consistencylevel"),
        HeaderValue::from_static("eventual"),
    )])
}
