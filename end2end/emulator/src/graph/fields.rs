//! The properties of a user: their names, their values, who may see them.
//!
//! Graph docs, "user resource type" and "List users".

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::directory::Person;

/// What is returned without `$select` (Graph docs, "List users").
pub const DEFAULT: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// What `User.ReadBasic.All` shows of others (Graph docs, permissions reference, "User permissions").
pub const BASIC: &[&str] = &[
    "displayName",
    "givenName",
    "id",
    "mail",
    "photo",
    "surname",
    "userPrincipalName",
];

/// Beyond [`DEFAULT`], what `$select` can ask for.
const MORE: &[&str] = &[
    "accountEnabled",
    "ageGroup",
    "assignedLicenses",
    "city",
    "companyName",
    "country",
    "createdDateTime",
    "creationType",
    "department",
    "employeeHireDate",
    "employeeId",
    "employeeType",
    "externalUserState",
    "faxNumber",
    "identities",
    "imAddresses",
    "mailNickname",
    "onPremisesSyncEnabled",
    "otherMails",
    "postalCode",
    "proxyAddresses",
    "state",
    "streetAddress",
    "usageLocation",
    "userType",
];

/// What only a single user has; in a list it is 501 (Graph docs, "List users").
pub const SINGLE_ONLY: &[&str] = &[
    "aboutMe",
    "birthday",
    "hireDate",
    "interests",
    "mailboxSettings",
    "mySite",
    "pastProjects",
    "preferredName",
    "responsibilities",
    "schools",
    "skills",
];

/// A property's name as the metadata spells it; `None` if a user has no such property.
pub fn canonical(name: &str) -> Option<&'static str> {
    let all = [DEFAULT, MORE, SINGLE_ONLY].into_iter().flatten();
    all.copied().find(|known| known.eq_ignore_ascii_case(name))
}

/// A string property that `$search` accepts.
pub fn searchable(name: &str) -> Option<&'static str> {
    let name = canonical(name)?;
    let strings = [
        "displayName",
        "givenName",
        "surname",
        "mail",
        "userPrincipalName",
        "mailNickname",
        "jobTitle",
        "department",
        "officeLocation",
        "city",
        "country",
        "companyName",
        "employeeId",
    ];
    strings.contains(&name).then_some(name)
}

/// The value of a property.
#[derive(Clone, Debug)]
pub enum Field<'a> {
    /// No value.
    Null,
    /// A string.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// A time.
    Time(OffsetDateTime),
    /// Several strings.
    Texts(Vec<String>),
    /// Several of something that this directory has none of.
    Nothing,
}

impl<'a> Field<'a> {
    fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(text)
        }
    }

    fn maybe(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// Whether a string value begins so, whatever the case.
    pub fn starts_with(&self, start: &str) -> bool {
        match self {
            Self::Text(text) => starts_with(text, start),
            Self::Texts(texts) => texts.iter().any(|text| starts_with(text, start)),
            _ => false,
        }
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Time(time) => {
                serializer.serialize_str(&time.format(&Rfc3339).unwrap_or_default())
            }
            Self::Texts(texts) => serializer.collect_seq(texts),
            Self::Nothing => serializer.collect_seq([(); 0]),
        }
    }
}

/// Whether a text begins so, whatever the case.
pub fn starts_with(text: &str, start: &str) -> bool {
    if let Some(head) = text.as_bytes().get(..start.len())
        && head.is_ascii()
        && start.is_ascii()
    {
        return head.eq_ignore_ascii_case(start.as_bytes());
    }
    let mut text = text.chars().flat_map(char::to_lowercase);
    start
        .chars()
        .flat_map(char::to_lowercase)
        .all(|c| text.next() == Some(c))
}

/// Reads one property of anybody.
pub type Getter = for<'a> fn(&'a Person) -> Field<'a>;

/// How to read a property; `name` is canonical. Lists look the name up once, not for everybody.
pub fn getter(name: &str) -> Getter {
    match name {
        "id" => |person| Field::text(person.oid.to_string()),
        "displayName" => |person| Field::text(&*person.display_name),
        "givenName" | "preferredName" => |person| Field::text(person.given_name),
        "surname" => |person| Field::text(person.surname),
        "userPrincipalName" => |person| Field::text(&*person.username),
        "mail" => |person| Field::text(person.mail()),
        "jobTitle" => |person| Field::maybe(person.job),
        "department" => |person| Field::maybe(person.department()),
        "companyName" => |person| Field::maybe(person.company),
        "officeLocation" => |person| Field::maybe(person.office_location()),
        "preferredLanguage" => |person| Field::maybe(person.language),
        "businessPhones" => |person| Field::Texts(person.business_phone().into_iter().collect()),
        "mobilePhone" => |person| Field::maybe(person.mobile_phone()),
        "accountEnabled" => |person| Field::Flag(person.enabled()),
        "city" => |person| Field::maybe(person.office().map(|office| office.city.as_str())),
        "country" => |person| Field::maybe(person.office().map(|office| office.country.as_str())),
        "state" => |person| Field::maybe(person.office().map(|office| office.state.as_str())),
        "streetAddress" => {
            |person| Field::maybe(person.office().map(|office| office.street.as_str()))
        }
        "postalCode" => |person| Field::maybe(person.office().map(|office| office.postal.as_str())),
        "usageLocation" => {
            |person| Field::maybe(person.office().map(|office| office.code.as_str()))
        }
        "createdDateTime" | "employeeHireDate" => |person| Field::Time(person.created()),
        "creationType" => |person| Field::maybe(person.guest.then_some("Invitation")),
        "employeeId" => |person| Field::maybe((!person.guest).then(|| person.employee_id())),
        "employeeType" => |person| Field::maybe((!person.guest).then_some("Employee")),
        "externalUserState" => |person| Field::maybe(person.guest.then_some("Accepted")),
        "mailNickname" => {
            |person| Field::text(person.username.split('@').next().unwrap_or_default())
        }
        "proxyAddresses" => |person| Field::Texts(vec![format!("SMTP:{}", person.mail())]),
        "imAddresses" => |person| Field::Texts(vec![person.mail().to_owned()]),
        "otherMails" => |person| {
            if person.guest {
                Field::Texts(vec![person.mail().to_owned()])
            } else {
                Field::Nothing
            }
        },
        "userType" => |person| Field::text(if person.guest { "Guest" } else { "Member" }),
        "aboutMe" => |person| {
            Field::maybe(
                person
                    .job
                    .map(|job| format!("{} works as {job}.", person.given_name)),
            )
        },
        "assignedLicenses" | "identities" | "interests" | "pastProjects" | "responsibilities"
        | "schools" | "skills" => |_| Field::Nothing,
        _ => |_| Field::Null,
    }
}

/// How much of a user a caller sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    /// Everything.
    Full,
    /// The basic profile: the rest is null.
    Basic,
    /// The account of a personal Microsoft account, with the id that Graph has for it.
    Personal,
}

/// Properties of a user, ready to be read from anybody.
pub struct Columns {
    columns: Vec<(&'static str, Getter)>,
    view: View,
}

impl Columns {
    /// These properties, as far as the view shows them.
    pub fn new(names: &[&'static str], view: View) -> Self {
        let hidden: Getter = |_| Field::Null;
        let hidden_list: Getter = |_| Field::Nothing;
        let columns = names.iter().map(|&name| match name {
            name if view == View::Full || BASIC.contains(&name) => (name, getter(name)),
            "businessPhones" if view == View::Basic => (name, hidden_list),
            name if view == View::Basic => (name, hidden),
            name => (name, getter(name)),
        });
        Self {
            columns: columns.collect(),
            view,
        }
    }

    /// A user with them.
    pub fn of<'a>(&'a self, person: &'a Person) -> Row<'a> {
        Row {
            columns: self,
            person,
            manager: None,
        }
    }
}

/// A user as JSON.
pub struct Row<'a> {
    columns: &'a Columns,
    person: &'a Person,
    /// The expanded manager.
    pub manager: Option<Value>,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut user = serializer.serialize_map(None)?;
        for (name, get) in &self.columns.columns {
            if *name == "id" && self.columns.view == View::Personal {
                user.serialize_entry(name, &personal_id(self.person))?;
            } else {
                user.serialize_entry(name, &get(self.person))?;
            }
        }
        if let Some(manager) = &self.manager {
            user.serialize_entry("manager", manager)?;
        }
        user.end()
    }
}

/// A user in JSON with these properties.
pub fn json(person: &Person, names: &[&'static str], view: View) -> Value {
    json!(Columns::new(names, view).of(person))
}

/// A personal account's id at Graph: the last sixteen digits of its object id.
pub fn personal_id(person: &Person) -> String {
    format!("{:016x}", person.oid.as_u64_pair().1)
}
