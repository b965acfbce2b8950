//! The properties of a user: their names, their values, who may see them.
//!
//! Graph docs, "user resource type" and "List users".

use std::borrow::Cow;

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

    /// The value in JSON.
    pub fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => json!(text),
            Self::Flag(flag) => json!(flag),
            Self::Time(time) => json!(time.format(&Rfc3339).unwrap_or_default()),
            Self::Texts(texts) => json!(texts),
            Self::Nothing => json!([]),
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

/// The value of a property of a person; `name` is canonical.
pub fn of<'a>(person: &'a Person, name: &str) -> Field<'a> {
    match name {
        "id" => Field::text(person.oid.to_string()),
        "displayName" => Field::text(&*person.display_name),
        "givenName" | "preferredName" => Field::text(person.given_name),
        "surname" => Field::text(person.surname),
        "userPrincipalName" => Field::text(&*person.username),
        "mail" => Field::text(person.mail()),
        "jobTitle" => Field::maybe(person.job),
        "department" => Field::maybe(person.department()),
        "companyName" => Field::maybe(person.company),
        "officeLocation" => Field::maybe(person.office_location()),
        "preferredLanguage" => Field::maybe(person.language),
        "businessPhones" => Field::Texts(person.business_phone().into_iter().collect()),
        "mobilePhone" => Field::maybe(person.mobile_phone()),
        "accountEnabled" => Field::Flag(person.enabled()),
        "city" => Field::maybe(person.office().map(|office| office.city.as_str())),
        "country" => Field::maybe(person.office().map(|office| office.country.as_str())),
        "state" => Field::maybe(person.office().map(|office| office.state.as_str())),
        "streetAddress" => Field::maybe(person.office().map(|office| office.street.as_str())),
        "postalCode" => Field::maybe(person.office().map(|office| office.postal.as_str())),
        "usageLocation" => Field::maybe(person.office().map(|office| office.code.as_str())),
        "createdDateTime" | "employeeHireDate" => Field::Time(person.created()),
        "creationType" => Field::maybe(person.guest.then_some("Invitation")),
        "employeeId" => Field::maybe((!person.guest).then(|| person.employee_id())),
        "employeeType" => Field::maybe((!person.guest).then_some("Employee")),
        "externalUserState" => Field::maybe(person.guest.then_some("Accepted")),
        "mailNickname" => Field::text(person.username.split('@').next().unwrap_or_default()),
        "proxyAddresses" => Field::Texts(vec![format!("SMTP:{}", person.mail())]),
        "imAddresses" => Field::Texts(vec![person.mail().to_owned()]),
        "otherMails" if person.guest => Field::Texts(vec![person.mail().to_owned()]),
        "userType" => Field::text(if person.guest { "Guest" } else { "Member" }),
        "aboutMe" => Field::maybe(
            person
                .job
                .map(|job| format!("{} works as {job}.", person.given_name)),
        ),
        "assignedLicenses" | "identities" | "otherMails" | "interests" | "pastProjects"
        | "responsibilities" | "schools" | "skills" => Field::Nothing,
        _ => Field::Null,
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

/// A user in JSON with these properties.
pub fn json(person: &Person, names: &[&'static str], view: View) -> Value {
    let mut user = serde_json::Map::new();
    for &name in names {
        let hidden = view == View::Basic && !BASIC.contains(&name);
        let value = match name {
            "businessPhones" if hidden => json!([]),
            _ if hidden => Value::Null,
            "id" if view == View::Personal => json!(personal_id(person)),
            _ => of(person, name).json(),
        };
        user.insert(name.to_owned(), value);
    }
    Value::Object(user)
}

/// A personal account's id at Graph: the last sixteen digits of its object id.
pub fn personal_id(person: &Person) -> String {
    format!("{:016x}", person.oid.as_u64_pair().1)
}
