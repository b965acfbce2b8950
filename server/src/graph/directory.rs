//! People, typed: `/me` and `/users` with `$select`, paged by nextLink.

use std::sync::Arc;

use app::model::{AccountKind, Directory, PeoplePage, Person, Profile};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{Client, GraphError, cursor::Trail, permission};
use crate::session::{Session, seal::Sealer};

const SELECT: &str =
    "id,displayName,jobTitle,mail,userPrincipalName,businessPhones,mobilePhone,officeLocation";
const PAGE: usize = 25;
/// What a search may be long; Graph refuses more anyway.
const LONGEST_SEARCH: usize = 120;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphUser {
    id: String,
    display_name: Option<String>,
    job_title: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
    #[serde(default)]
    business_phones: Option<Vec<String>>,
    mobile_phone: Option<String>,
    office_location: Option<String>,
}

impl From<GraphUser> for Person {
    fn from(user: GraphUser) -> Self {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let phone = user.business_phones.unwrap_or_default().into_iter().next();
        Self {
            name: filled(user.display_name)
                .or_else(|| user.user_principal_name.clone())
                .unwrap_or_else(|| user.id.clone()),
            id: user.id,
            job_title: filled(user.job_title),
            mail: filled(user.mail),
            phone: filled(phone).or_else(|| filled(user.mobile_phone)),
            office: filled(user.office_location),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    value: Vec<GraphUser>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

/// The signed-in person's profile.
pub async fn profile(graph: &Client, session: &Arc<Session>) -> Result<Profile, GraphError> {
    let mut url = graph.url("/v1.0/me")?;
    url.query_pairs_mut().append_pair("$select", SELECT);
    let user: GraphUser = graph
        .json(session, permission::ME, url, HeaderMap::new())
        .await?;
    let account = if session.signed_in.user.is_personal() {
        AccountKind::Personal
    } else {
        AccountKind::Work
    };
    Ok(Profile {
        person: user.into(),
        account,
    })
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
        Some(link) => Url::parse(link)
            .ok()
            .and_then(|link| graph.own(link).ok())
            .ok_or(GraphError::Cursor)?,
        None => first_page(graph, search)?,
    };
    // R104: `$search` needs it, on every page.
    let eventual = (
        HeaderName::from_static("consistencylevel"),
        HeaderValue::from_static("eventual"),
    );
    let page: Page = match graph
        .json(
            session,
            permission::PEOPLE,
            url,
            HeaderMap::from_iter([eventual]),
        )
        .await
    {
        Err(GraphError::Refused {
            status: StatusCode::FORBIDDEN,
            code,
            ..
        }) if code == "Authorization_RequestDenied" => {
            return Ok(Directory::NotPermitted);
        }
        // A page token ages (`Directory_ExpiredPageToken`); bookmarks and Back lead here.
        Err(GraphError::Refused {
            status: StatusCode::BAD_REQUEST,
            ..
        }) if trail.link().is_some() => return Err(GraphError::Cursor),
        page => page?,
    };
    let seal = |trail: Trail| trail.seal(sealer, user);
    let next = match page.next_link {
        // An evil link is refused here, before anyone holds a cursor to it.
        Some(link) => {
            graph.own(Url::parse(&link).map_err(|_| GraphError::Foreign)?)?;
            seal(trail.next(link))
        }
        None => None,
    };
    Ok(Directory::People(PeoplePage {
        people: page.value.into_iter().map(Person::from).collect(),
        number: trail.page(),
        next,
        previous: trail.previous().and_then(seal),
    }))
}

/// <https://learn.microsoft.com/graph/search-query-parameter#using-search-on-directory-object-collections>
fn first_page(graph: &Client, search: &str) -> Result<Url, GraphError> {
    let mut url = graph.url("/v1.0/users")?;
    let search: String = search.trim().chars().take(LONGEST_SEARCH).collect();
    let mut query = url.query_pairs_mut();
    query.append_pair("$select", SELECT);
    query.append_pair("$top", &PAGE.to_string());
    query.append_pair("$orderby", "displayName");
    if !search.is_empty() {
        let term = search.replace('\\', "\\\\").replace('"', "\\\"");
        query.append_pair("$count", "true");
        query.append_pair(
            "$search",
            &format!("\"displayName:{term}\" OR \"mail:{term}\""),
        );
    }
    drop(query);
    Ok(url)
}
