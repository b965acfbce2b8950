//! Who belongs to what: everybody's company, department and office, and the groups of personas.

use std::borrow::Cow;

use uuid::Uuid;

use super::data::{DATA, Persona};
use super::person::guid;
use super::{Person, Tenant};

/// A security group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Object id.
    pub id: Uuid,
    /// Display name.
    pub name: Cow<'static, str>,
}

impl Group {
    fn new(tid: &str, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        let seed = (tid.bytes().chain(name.bytes())).fold(17, |hash: u64, byte| {
            hash.wrapping_mul(31) ^ u64::from(byte)
        });
        Self {
            id: guid(seed),
            name,
        }
    }
}

/// The groups of anybody in a tenant.
pub fn of_person(tenant: &Tenant, person: &Person) -> Vec<Group> {
    if let Some(persona) = person.persona {
        return named(&tenant.id, &DATA.persona[usize::from(persona)]);
    }
    let office = person.office().map(|office| office.city.as_str());
    common(&tenant.id, person.department(), office, false)
}

/// Ids of a persona's groups. Needs nobody else of the tenant.
pub(super) fn of_persona(tid: &str, persona: &Persona) -> Vec<String> {
    named(tid, persona)
        .iter()
        .map(|group| group.id.to_string())
        .collect()
}

fn named(tid: &str, persona: &Persona) -> Vec<Group> {
    if persona.guest {
        return vec![Group::new(tid, "Guests")];
    }
    if persona.tenant.is_none() {
        return Vec::new();
    }
    let leads = persona.leads || persona.director;
    let mut groups = common(
        tid,
        persona.department.as_deref(),
        persona.office.as_deref(),
        leads,
    );
    groups.extend((1..=persona.extra_groups).map(|n| Group::new(tid, format!("Project {n:03}"))));
    groups
}

fn common(tid: &str, department: Option<&str>, office: Option<&str>, leads: bool) -> Vec<Group> {
    let mut groups = vec![Group::new(tid, "All Company")];
    groups.extend(department.map(|name| Group::new(tid, name.to_owned())));
    groups.extend(office.map(|city| Group::new(tid, format!("{city} office"))));
    groups.extend(leads.then(|| Group::new(tid, "People managers")));
    groups
}
