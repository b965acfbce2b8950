//! What a person's home shows: they themselves, and whom they work with.

use std::sync::Arc;

use app::{
    error::ApiError,
    model::{AccountKind, Home, Near, Person},
};
use http::HeaderMap;
use serde::Deserialize;

use super::{
    Client, GraphError,
    directory::{self, GraphUser, SELECT},
    paging::Page,
    permission,
};
use crate::session::Session;

/// The most people of a home.
const MOST: usize = 12;

/// The home of the signed-in person. Whom they work with may be refused without the rest: `refuse` says it to the page.
pub async fn home(
    graph: &Client,
    session: &Arc<Session>,
    refuse: impl Fn(&GraphError) -> ApiError,
) -> Result<Home, GraphError> {
    let account = directory::kind(&session.signed_in.user);
    let near = async {
        match account {
            AccountKind::Personal => Ok(Near::default()),
            AccountKind::Work => near(graph, session).await,
        }
    };
    let (person, near) = tokio::join!(directory::me(graph, session), near);
    let near = near.unwrap_or_else(|error| Near {
        refusal: Some(refuse(&error)),
        ..Near::default()
    });
    Ok(Home {
        person: person?,
        account,
        near,
    })
}

/// Their direct reports; without any, those whom Graph finds relevant.
async fn near(graph: &Client, session: &Arc<Session>) -> Result<Near, GraphError> {
    let reports = reports(graph, session).await?;
    let near = if reports.is_empty() {
        Near {
            people: relevant(graph, session).await?,
            ..Near::default()
        }
    } else {
        Near {
            reports: true,
            people: reports,
            refusal: None,
        }
    };
    Ok(near)
}

/// <https://learn.microsoft.com/graph/api/user-list-directreports>
async fn reports(graph: &Client, session: &Arc<Session>) -> Result<Vec<Person>, GraphError> {
    let mut url = graph.url("/v1.0/me/directReports")?;
    url.query_pairs_mut().append_pair("$select", SELECT);
    let page: Result<Page<GraphUser>, _> = graph
        .json(session, permission::PEOPLE, url, HeaderMap::new())
        .await;
    match page {
        Ok(page) => Ok(page
            .value
            .into_iter()
            .take(MOST)
            .map(Person::from)
            .collect()),
        // A guest of whom the organisation shows nobody (R108) has nobody here.
        Err(error) if error.denies_listing() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Of `/me/people` what a home shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relevant {
    id: String,
    display_name: Option<String>,
    job_title: Option<String>,
    #[serde(default)]
    person_type: PersonType,
}

#[derive(Default, Deserialize)]
struct PersonType {
    subclass: Option<String>,
}

/// <https://learn.microsoft.com/graph/api/user-list-people>
async fn relevant(graph: &Client, session: &Arc<Session>) -> Result<Vec<Person>, GraphError> {
    let mut url = graph.url("/v1.0/me/people")?;
    url.query_pairs_mut()
        .append_pair("$select", "id,displayName,jobTitle,personType")
        .append_pair("$top", &(2 * MOST).to_string());
    let page: Result<Page<Relevant>, _> = graph
        .json(session, permission::RELEVANT, url, HeaderMap::new())
        .await;
    let page = match page {
        Ok(page) => page,
        // Who has no mailbox, a guest for instance, has no relevant people either.
        Err(error) if error.code() == app::error::Code::NotFound || error.denies_listing() => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    // Rooms, groups and strangers that they write to have no page here.
    let colleagues = page
        .value
        .into_iter()
        .filter(|person| person.person_type.subclass.as_deref() == Some("OrganizationUser"));
    Ok(colleagues
        .take(MOST)
        .filter_map(|person| {
            Some(Person {
                id: person.id,
                name: person.display_name?,
                job_title: person.job_title.filter(|title| !title.trim().is_empty()),
                mail: None,
                phone: None,
                office: None,
            })
        })
        .collect())
}
