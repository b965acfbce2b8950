//! People, typed: `/me` and `/users` with `$select`, paged by nextLink.

use std::sync::Arc;

use app::model::{AccountKind, Directory, PeoplePage, Person};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{
    Client, GraphError,
    cursor::Trail,
    paging::{Page, Walk},
    permission,
};
use crate::session::{Session, User, seal::Sealer};

pub(super) const SELECT: &str =
    "id,displayName,jobTitle,mail,userPrincipalName,businessPhones,mobilePhone,officeLocation";
const PAGE: usize = 25;
/// Empty pages that are passed over before one is shown.
const MOST_EMPTY: usize = 10;
/// What a search may be long; Graph refuses more anyway.
const LONGEST_SEARCH: usize = 120;
/// A sign-in name is shorter.
const LONGEST_NAME: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GraphUser {
    id: String,
    display_name: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) surname: Option<String>,
    job_title: Option<String>,
    mail: Option<String>,
    pub(super) user_principal_name: Option<String>,
    #[serde(default)]
    business_phones: Option<Vec<String>>,
    mobile_phone: Option<String>,
    office_location: Option<String>,
}

impl GraphUser {
    /// Their numbers, the one at work first, each once.
    pub(super) fn phones(&self) -> Vec<String> {
        let business = self.business_phones.iter().flatten();
        let mut phones = Vec::new();
        for phone in business.chain(&self.mobile_phone) {
            if !phone.trim().is_empty() && !phones.contains(phone) {
                phones.push(phone.clone());
            }
        }
        phones
    }
}

/// Graph has empty texts where there is nothing.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl From<GraphUser> for Person {
    fn from(user: GraphUser) -> Self {
        let phone = user.phones().into_iter().next();
        Self {
            name: filled(user.display_name)
                .or_else(|| user.user_principal_name.clone())
                .unwrap_or_else(|| user.id.clone()),
            id: user.id,
            job_title: filled(user.job_title),
            mail: filled(user.mail),
            phone,
            office: filled(user.office_location),
        }
    }
}

/// The signed-in person.
pub async fn me(graph: &Client, session: &Arc<Session>) -> Result<Person, GraphError> {
    let mut url = graph.url("/v1.0/me")?;
    url.query_pairs_mut().append_pair("$select", SELECT);
    let user: GraphUser = graph
        .json(session, permission::ME, url, HeaderMap::new())
        .await?;
    Ok(user.into())
}

/// What kind of account a user signed in with.
pub fn kind(user: &User) -> AccountKind {
    if user.is_personal() {
        AccountKind::Personal
    } else {
        AccountKind::Work
    }
}

/// The person with this sign-in name or object id, if the viewer's directory has one.
pub async fn person(
    graph: &Client,
    session: &Arc<Session>,
    name: &str,
) -> Result<Option<Person>, GraphError> {
    if !is_name(name) {
        return Ok(None);
    }
    let mut url = graph.url("/v1.0/users/")?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(name);
    }
    url.query_pairs_mut().append_pair("$select", SELECT);
    match graph
        .json::<GraphUser>(session, permission::PEOPLE, url, HeaderMap::new())
        .await
    {
        Ok(user) => Ok(Some(user.into())),
        Err(GraphError::Refused(refused)) if refused.status == StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a text can be a sign-in name or an object id, and nothing else: no path, no query, no function (`delta`).
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-._@'#!^~+".contains(c);
    let is_id = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    text.len() <= LONGEST_NAME
        && text.starts_with(char::is_alphanumeric)
        && text.chars().all(plain)
        && (text.contains('@') || is_id(text))
}

/// A page of the directory.
pub async fn people(
    graph: &Client,
    sealer: &Sealer,
    session: &Arc<Session>,
    search: &str,
    cursor: &str,
) -> Result<Directory, GraphError> {
    let user = &session.signed_in.user;
    if user.is_personal() {
        return Ok(Directory::PersonalAccount);
    }
    let trail = Trail::open(sealer, user, cursor).ok_or(GraphError::Cursor)?;
    let url = match trail.link() {
        // Ours once; Graph may have moved since, and then the cursor is a dead one.
        Some(link) => graph.link(link).map_err(|_| GraphError::Cursor)?,
        None => listing(graph, search, PAGE)?,
    };
    let mut walk = Walk::new(url);
    let page = match first_with_people(&mut walk, graph, session).await {
        Err(error) if error.denies_listing() => return Ok(Directory::NotPermitted),
        // A page token ages (`Directory_ExpiredPageToken`); bookmarks and Back lead here.
        Err(GraphError::Refused(refused))
            if refused.status == StatusCode::BAD_REQUEST && trail.link().is_some() =>
        {
            return Err(GraphError::Cursor);
        }
        page => page?,
    };
    let total = page.count.and_then(|count| u32::try_from(count).ok());
    let total = total.or(trail.total());
    let seal = |trail: Trail| trail.seal(sealer, user);
    let next = match page.next_link {
        // R103: who is on this page may be shown, but there is no going on.
        Some(link) if walk.leads_back() || trail.has(&link) => {
            tracing::warn!(event = "graph_cycle", "Graph's nextLink leads back");
            None
        }
        Some(link) => seal(trail.next(link, total)),
        None => None,
    };
    Ok(Directory::People(PeoplePage {
        people: page.value.into_iter().map(Person::from).collect(),
        number: trail.page(),
        total,
        next,
        previous: trail.previous().and_then(seal),
    }))
}

/// R103: Graph may send empty pages before others; a person is spared some of them.
async fn first_with_people(
    walk: &mut Walk,
    graph: &Client,
    session: &Arc<Session>,
) -> Result<Page<GraphUser>, GraphError> {
    let mut page = walk.next(graph, session, permission::PEOPLE).await?;
    for _ in 0..MOST_EMPTY {
        match page {
            Some(empty) if empty.value.is_empty() && empty.next_link.is_some() => {
                page = walk.next(graph, session, permission::PEOPLE).await?;
            }
            page => return page.ok_or(GraphError::Endless),
        }
    }
    page.ok_or(GraphError::Endless)
}

/// The directory, or those of it whom a search finds, `top` a page, and how many they are (R104).
/// <https://learn.microsoft.com/graph/search-query-parameter#using-search-on-directory-object-collections>
pub(super) fn listing(graph: &Client, search: &str, top: usize) -> Result<Url, GraphError> {
    let mut url = graph.url("/v1.0/users")?;
    let search: String = search.trim().chars().take(LONGEST_SEARCH).collect();
    let mut query = url.query_pairs_mut();
    query.append_pair("$select", SELECT);
    query.append_pair("$top", &top.to_string());
    query.append_pair("$orderby", "displayName");
    query.append_pair("$count", "true");
    if !search.is_empty() {
        let term = search.replace('\\', "\\\\").replace('"', "\\\"");
        query.append_pair(
            "$search",
            &format!("\"displayName:{term}\" OR \"mail:{term}\""),
        );
    }
    drop(query);
    Ok(url)
}
