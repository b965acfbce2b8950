//! `people.toml` as Rust values, read once per process.

use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

/// The data file. A mistake in it stops every test at once, with the line.
#[allow(clippy::panic)] // the file is part of the program
pub static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("people.toml"))
        .unwrap_or_else(|error| panic!("people.toml: {error}"))
});

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Organisations.
    pub tenant: Vec<Tenant>,
    /// People with a part to play.
    pub persona: Vec<Persona>,
    /// Where people work.
    pub office: Vec<Office>,
    /// What people do.
    pub department: Vec<Department>,
    /// Names that go together.
    pub culture: Vec<Culture>,
}

impl Data {
    /// The organisation of a persona; none has a personal account.
    pub fn tenant_of(&self, persona: &Persona) -> Option<&Tenant> {
        let domain = persona.tenant.as_deref()?;
        self.tenant.iter().find(|tenant| tenant.domain == domain)
    }

    /// Index of a department by its name.
    pub fn department(&self, name: &str) -> Option<usize> {
        self.department
            .iter()
            .position(|department| department.name == name)
    }

    /// Index of an office by its city.
    pub fn office(&self, city: &str) -> Option<usize> {
        self.office.iter().position(|office| office.city == city)
    }
}

/// An organisation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Tenant id.
    pub id: String,
    /// Verified domain.
    pub domain: String,
    /// Display name.
    pub name: String,
    /// How many people it has, personas included.
    pub people: u32,
}

/// Somebody with a part to play.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // each is one key of the file
pub struct Persona {
    /// What this person shows.
    pub description: String,
    /// Domain of the tenant; none is a personal Microsoft account.
    pub tenant: Option<String>,
    /// Object id.
    pub oid: Uuid,
    /// Display name.
    pub name: String,
    /// Given name.
    pub given_name: String,
    /// Surname.
    pub surname: String,
    /// What is typed at sign-in.
    pub username: String,
    /// Department, by name.
    pub department: Option<String>,
    /// Job title.
    pub job: Option<String>,
    /// Office, by city.
    pub office: Option<String>,
    /// Preferred language.
    pub language: Option<String>,
    /// Username of the manager; otherwise the head of the department.
    pub reports_to: Option<String>,
    /// Has direct reports.
    #[serde(default)]
    pub leads: bool,
    /// Runs the company and has no manager.
    #[serde(default)]
    pub director: bool,
    /// A guest in the tenant.
    #[serde(default)]
    pub guest: bool,
    /// Whether there is a photo.
    #[serde(default = "yes")]
    pub photo: bool,
    /// App roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Groups beyond the ones that everybody is in.
    #[serde(default)]
    pub extra_groups: u32,
    /// Must do multifactor authentication.
    #[serde(default)]
    pub needs_mfa: bool,
    /// Blocked by Conditional Access.
    #[serde(default)]
    pub blocked: bool,
    /// May not consent without an administrator.
    #[serde(default)]
    pub needs_admin_consent: bool,
}

fn yes() -> bool {
    true
}

/// Where people work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Office {
    /// City.
    pub city: String,
    /// Country, in English.
    pub country: String,
    /// Country, ISO 3166-1 alpha-2.
    pub code: String,
    /// State or province.
    pub state: String,
    /// Street and number.
    pub street: String,
    /// Postal code.
    pub postal: String,
    /// Pattern of desk telephone numbers; `#` is a digit.
    pub phone: String,
    /// Pattern of mobile telephone numbers.
    pub mobile: String,
}

/// What people do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Name.
    pub name: String,
    /// Of every hundred people.
    pub share: u32,
    /// Title of the one who runs it.
    pub head: String,
    /// Title of those with direct reports.
    pub lead: String,
    /// Titles of everybody else.
    pub jobs: Vec<String>,
}

/// Names that go together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Culture {
    /// Preferred language.
    pub language: String,
    /// Given names.
    #[serde(deserialize_with = "spaced")]
    pub given: Vec<String>,
    /// Surnames.
    #[serde(deserialize_with = "spaced")]
    pub surname: Vec<String>,
}

fn spaced<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = String::deserialize(deserializer)?;
    Ok(words.split_whitespace().map(str::to_owned).collect())
}
