//! Paging cursors: Graph's nextLinks never reach the browser (R79). A cursor is the sealed trail of the
//! links that led to a page, so that it pages both ways, on any instance, and for nobody but its user.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::session::{
    User,
    seal::{Purpose, Sealer},
};

/// How much of the trail a cursor carries, in bytes: URLs stay short enough for every proxy. When the
/// trail is lost, the way back leads to the first page.
const MOST: usize = 1200;

/// The way from the first page to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Packed", from = "Packed")]
pub struct Trail {
    /// Number of the page that the last link leads to; the first page is 1.
    page: u32,
    /// How many people there are on all pages: Graph says so with the first only.
    total: Option<u32>,
    /// Graph's nextLinks, the last one for this page; old ones are dropped.
    links: Vec<String>,
}

impl Trail {
    /// The first page.
    pub fn first() -> Self {
        Self {
            page: 1,
            total: None,
            links: Vec::new(),
        }
    }

    /// The nextLink that leads to this page; none to the first.
    pub fn link(&self) -> Option<&str> {
        self.links.last().map(String::as_str)
    }

    /// Whether this nextLink is on the way already.
    pub fn has(&self, link: &str) -> bool {
        self.links.iter().any(|known| known == link)
    }

    /// Number of the page, from 1.
    pub fn page(&self) -> u32 {
        self.page
    }

    /// How many people there are on all pages, if that was said on the way.
    pub fn total(&self) -> Option<u32> {
        self.total
    }

    /// The page behind this nextLink, of so many people.
    #[must_use]
    pub fn next(&self, link: String, total: Option<u32>) -> Self {
        let mut links = self.links.clone();
        links.push(link);
        let page = self.page.saturating_add(1);
        while links.len() > 1 && packed_length(&links) > MOST {
            links.remove(0);
        }
        Self { page, total, links }
    }

    /// The page before; the first one where the trail has been lost.
    pub fn previous(&self) -> Option<Self> {
        match self.links.as_slice() {
            [] => None,
            [_] => Some(Self::first()),
            [rest @ .., _] => Some(Self {
                page: self.page - 1,
                total: self.total,
                links: rest.to_vec(),
            }),
        }
    }

    /// The opaque text for the URL; empty for the first page.
    pub fn seal(&self, sealer: &Sealer, user: &User) -> Option<String> {
        if self.links.is_empty() {
            return Some(String::new());
        }
        let plain = serde_json::to_vec(self).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode(sealer.seal(Purpose::Cursor, &user.key(), &plain).ok()?))
    }

    /// What `seal` made for this user.
    pub fn open(sealer: &Sealer, user: &User, text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::first());
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let trail: Self =
            serde_json::from_slice(&sealer.open(Purpose::Cursor, &user.key(), &sealed)?).ok()?;
        (trail.page > 1 && !trail.links.is_empty()).then_some(trail)
    }
}

/// As it is sealed: nextLinks differ only in their page token, at the end.
#[derive(Serialize, Deserialize)]
struct Packed {
    page: u32,
    total: Option<u32>,
    start: String,
    ends: Vec<String>,
}

impl From<Trail> for Packed {
    fn from(trail: Trail) -> Self {
        let (start, ends) = split(&trail.links);
        Self {
            page: trail.page,
            total: trail.total,
            start: start.to_owned(),
            ends: ends.map(str::to_owned).collect(),
        }
    }
}

impl From<Packed> for Trail {
    fn from(packed: Packed) -> Self {
        let Packed {
            page,
            total,
            start,
            ends,
        } = packed;
        let links = ends.iter().map(|end| format!("{start}{end}")).collect();
        Self { page, total, links }
    }
}

/// What all links begin with, and what is left of each.
fn split(links: &[String]) -> (&str, impl Iterator<Item = &str>) {
    let first = links.first().map_or("", String::as_str);
    let shared = links.iter().fold(first.len(), |shared, link| {
        let same = first.bytes().zip(link.bytes()).take_while(|(a, b)| a == b);
        shared.min(same.count())
    });
    let shared = (0..=shared).rev().find(|&n| first.is_char_boundary(n));
    let shared = shared.unwrap_or_default();
    let ends = links
        .iter()
        .map(move |link| link.get(shared..).unwrap_or_default());
    (&first[..shared], ends)
}

fn packed_length(links: &[String]) -> usize {
    let (start, ends) = split(links);
    start.len() + ends.map(|end| end.len() + 3).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::seal::Key;

    fn user(oid: &str) -> User {
        User {
            tid: uuid::Uuid::nil(),
            oid: oid.into(),
            sub: "s".into(),
            iss: "i".into(),
            name: "n".into(),
            username: "u".into(),
            sid: None,
            login_hint: None,
            roles: Vec::new(),
            language: None,
            issued: 0,
            expires: 0,
        }
    }

    #[test] // R79
    fn a_cursor_pages_both_ways_and_is_useless_to_another_user() {
        let sealer = Sealer::new(Key::from_bytes(&[7; 32]).unwrap(), vec![]);
        let third = Trail::first()
            .next("https://g/2".into(), Some(60))
            .next("https://g/3".into(), Some(60));
        let text = third.seal(&sealer, &user("a")).unwrap();
        assert!(!text.contains("https"));
        let back = Trail::open(&sealer, &user("a"), &text).unwrap();
        assert_eq!((back.page(), back.link()), (3, Some("https://g/3")));
        assert_eq!(back.total(), Some(60));
        assert_eq!(back.previous().unwrap().link(), Some("https://g/2"));
        assert_eq!(back.previous().unwrap().previous(), Some(Trail::first()));
        assert_eq!(Trail::first().previous(), None);
        assert_eq!(Trail::open(&sealer, &user("b"), &text), None);
        assert_eq!(Trail::open(&sealer, &user("a"), "nonsense"), None);
    }

    #[test]
    fn a_long_walk_keeps_its_cursor_short_and_its_way_to_the_start() {
        let mut trail = Trail::first();
        for n in 0..300 {
            let link = format!("https://g/v1.0/users?$skiptoken={}{n}", "x".repeat(150));
            trail = trail.next(link, Some(7500));
        }
        assert_eq!(trail.page(), 301);
        let sealer = Sealer::new(Key::from_bytes(&[7; 32]).unwrap(), vec![]);
        assert!(trail.seal(&sealer, &user("a")).unwrap().len() < 1700);
        let mut steps = 0;
        while let Some(previous) = trail.previous() {
            trail = previous;
            steps += 1;
        }
        assert_eq!(trail, Trail::first());
        assert!(steps >= 5, "{steps}");
    }
}
