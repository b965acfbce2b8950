//! Collections, page after page by nextLink: <https://learn.microsoft.com/graph/paging>.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{Client, GraphError};
use crate::{session::Session, tokens::AnyOf};

/// R103: an empty page is no end, but so many in a row are.
const MOST_EMPTY: u32 = 100;

/// One page.
#[derive(Deserialize)]
pub struct Page<T> {
    /// What is on it; possibly nothing, also before the last one.
    pub value: Vec<T>,
    /// The address of the next page, to the letter.
    #[serde(rename = "@odata.nextLink")]
    pub next_link: Option<String>,
    /// How many there are on all pages; with the first one, where it was asked for.
    #[serde(rename = "@odata.count")]
    pub count: Option<u64>,
}

/// A walk over the pages of a collection. What it keeps of each is one number.
pub struct Walk {
    next: Option<Url>,
    headers: HeaderMap,
    seen: HashSet<u64>,
    hasher: RandomState,
    empty: u32,
}

impl Walk {
    /// From this page on. R104: each page is asked for as the first one was.
    pub fn new(first: Url) -> Self {
        let eventual = (
            HeaderName::from_static("consistencylevel"),
            HeaderValue::from_static("eventual"),
        );
        Self {
            next: Some(first),
            headers: HeaderMap::from_iter([eventual]),
            seen: HashSet::new(),
            hasher: RandomState::new(),
            empty: 0,
        }
    }

    /// The next page; `None` after the last. After an error it can be asked for again.
    pub async fn next<T: DeserializeOwned>(
        &mut self,
        graph: &Client,
        session: &Arc<Session>,
        need: AnyOf<'_>,
    ) -> Result<Option<Page<T>>, GraphError> {
        let Some(url) = &self.next else {
            return Ok(None);
        };
        if self.leads_back() || self.empty >= MOST_EMPTY {
            return Err(GraphError::Endless);
        }
        let page: Page<T> = graph
            .json(session, need, url.clone(), self.headers.clone())
            .await?;
        // An evil link is refused here, before anyone follows it (R79).
        let next = match &page.next_link {
            Some(link) => Some(graph.link(link)?),
            None => None,
        };
        self.seen.insert(self.hasher.hash_one(url));
        self.empty = if page.value.is_empty() {
            self.empty + 1
        } else {
            0
        };
        self.next = next;
        Ok(Some(page))
    }

    /// Whether the next page is one of those before (R103).
    pub fn leads_back(&self) -> bool {
        self.next
            .as_ref()
            .is_some_and(|url| self.seen.contains(&self.hasher.hash_one(url)))
    }
}
