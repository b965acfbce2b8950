//! What crosses the wire between the pages and the server: plain data, no behaviour.

use leptos::wasm_bindgen::JsValue;
use serde::{Deserialize, Serialize};

use crate::{
    error::ApiError,
    i18n::Locale,
    wire::{FromJson, field, from_json},
};

/// What a visitor has chosen for this browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// The language of the pages.
    pub locale: Locale,
    /// The colours of the pages.
    pub theme: Theme,
    /// Whether keys do nothing but type (WCAG 2.1.4).
    pub no_shortcuts: bool,
}

/// The colours of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has them.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The theme of this name; the system's if there is none.
    pub fn of(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Its name, if it is not the system's.
    pub fn chosen(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// The signed-in user, as the ID token names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// Display name, for people to read.
    pub name: String,
    /// `preferred_username`: an address to show, which may change.
    pub username: String,
    /// `tid.oid`, by which a tab notices that somebody else has signed in. Nothing is looked up by it.
    pub key: String,
}

/// What kind of account signed in; it decides what Microsoft Graph has to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A work or school account.
    Work,
    /// A personal Microsoft account: a profile, but no directory.
    Personal,
}

/// What the home shows of the signed-in person. Nulls are normal (R109).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The person.
    pub person: Person,
    /// The kind of account that signed in.
    pub account: AccountKind,
    /// Whom they work with.
    pub near: Near,
}

/// Whom somebody works with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// Whether these are their direct reports; else those whom Microsoft Graph calls relevant.
    pub reports: bool,
    /// A few of them.
    pub people: Vec<Person>,
    /// Why there are none to show.
    pub refusal: Option<ApiError>,
}

/// A person of the directory, as far as the granted scope shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Graph's object id.
    pub id: String,
    /// Display name; the sign-in name where Graph has none.
    pub name: String,
    /// Job title.
    pub job_title: Option<String>,
    /// Primary mail address.
    pub mail: Option<String>,
    /// Business or mobile phone number.
    pub phone: Option<String>,
    /// Office location.
    pub office: Option<String>,
}

/// A part of a page: what there is, or why there is nothing.
pub type Part<T> = Result<T, ApiError>;

/// Somebody, as far as the viewer may see them; the viewer too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portrait {
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
    /// Whether it is the viewer.
    pub own: bool,
    /// The viewer's kind of account.
    pub account: AccountKind,
    /// What an organisation knows; a personal account has none (R108).
    pub ties: Option<Ties>,
}

/// A person in their organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ties {
    /// The organisation's name.
    pub organization: Part<Option<String>>,
    /// The manager, the manager's manager and so on.
    pub managers: Part<Vec<Person>>,
    /// Who reports to them.
    pub reports: Part<Listed<Person>>,
    /// The groups that they are in; of another person those that the viewer is in as well.
    pub groups: Part<Listed<Group>>,
}

/// The first of a list, which is as far as a page goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// What is shown of it.
    pub first: Vec<T>,
    /// After how many of the list it ends, if the list goes on.
    pub cut_at: Option<usize>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

/// What the directory has for the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directory {
    /// One page of people.
    People(PeoplePage),
    /// A personal account has no organisation to list (R108).
    PersonalAccount,
    /// The organisation does not let this account (a guest, say) list its people (R108).
    NotPermitted,
}

/// One page of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeoplePage {
    /// At most 25 people, in Graph's order.
    pub people: Vec<Person>,
    /// Number of this page, from 1.
    pub number: u32,
    /// How many people there are on all pages, where Graph said so.
    pub total: Option<u32>,
    /// Opaque cursor of the next page, where there is one.
    pub next: Option<String>,
    /// Opaque cursor of the page before; empty text is the first page.
    pub previous: Option<String>,
}

/// Where somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose sessions these are, where they are not the viewer's own.
    pub person: Option<Person>,
    /// Their sessions.
    pub sessions: Vec<OpenSession>,
    /// The viewer's kind of account.
    pub kind: AccountKind,
    /// Whether the viewer may see and end other people's sessions (app role `Sessions.Admin`).
    pub admin: bool,
    /// The session at hand, where these are the viewer's own.
    pub this: Option<ThisSession>,
}

/// What the session at hand knows. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThisSession {
    /// When it ends if nobody does anything.
    pub idle: String,
    /// When it ends whatever happens.
    pub max: String,
    /// The permissions that Microsoft has granted.
    pub scopes: Vec<String>,
    /// The ID token's claims that were kept, by name.
    pub claims: Vec<(&'static str, String)>,
}

/// A session that somebody has in some browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// What it is ended by. It opens nothing.
    pub key: String,
    /// The browser, in words.
    pub browser: String,
    /// When it began, RFC 3339 in UTC.
    pub since: String,
    /// When it was last used, RFC 3339 in UTC.
    pub used: String,
    /// Whether it is the viewer's own, in this browser.
    pub current: bool,
}

/// Something that did not work, for a page: what happened, what to do, and what to quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The language that it is told in.
    pub lang: &'static str,
    /// A few words; the page's heading.
    pub title: String,
    /// What happened.
    pub text: String,
    /// What to do, and who can.
    pub mend: String,
    /// Labels and hrefs; the first is the one that helps most.
    pub actions: Vec<(String, String)>,
    /// Ids to quote, with their labels.
    pub details: Vec<(String, String)>,
}

from_json!(AccountKind { "work" => Work, "personal" => Personal });
from_json!(Person {
    id,
    name,
    job_title,
    mail,
    phone,
    office
});
from_json!(PeoplePage {
    people,
    number,
    total,
    next,
    previous
});

impl FromJson for Directory {
    fn from_json(json: &JsValue) -> Option<Self> {
        match json.as_string().as_deref() {
            Some("personal_account") => Some(Self::PersonalAccount),
            Some("not_permitted") => Some(Self::NotPermitted),
            _ => field(json, "people").map(Self::People),
        }
    }
}
