//! Tenants and the people in them.
//!
//! `people.toml` is the data: the tenants, the personas, the words that everybody else is made of. `generate` makes
//! a tenant's people from it, `people` finds them again. Nothing here knows of HTTP, tokens or Graph's JSON.

mod data;
mod generate;
mod groups;
mod people;
mod person;
mod words;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

pub use data::{DATA, Office};
pub use groups::{Group, of_person as groups_of};
pub use people::People;
pub use person::Person;
pub use words::tokens;

/// Tenant of all personal Microsoft accounts.
pub const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// A directory: an organisation, or the home of all personal accounts.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Tenant id, a GUID.
    pub id: String,
    /// Its verified domain.
    pub domain: String,
    /// Its display name.
    pub name: String,
    /// Whether this is the tenant of personal Microsoft accounts, which has no directory to list.
    pub personal: bool,
    size: u32,
    people: Arc<OnceLock<People>>,
    expected: Arc<AtomicBool>,
}

impl Tenant {
    /// Everybody in the tenant. The first call makes them, so that a large tenant costs nothing until it is asked.
    pub fn people(&self) -> &People {
        self.people
            .get_or_init(|| generate::people(&self.id, &self.domain, self.size))
    }

    /// Somebody of the tenant signs in and will ask for it soon: a large one is made meanwhile.
    fn expect(&self) {
        if self.size > 1000 && !self.expected.swap(true, Ordering::Relaxed) {
            let tenant = self.clone();
            std::thread::spawn(move || tenant.people().prepare());
        }
    }
}

/// An account that can sign in, with what the sign-in needs to know of it.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is one column of the data file
pub struct Persona {
    /// Tenant id.
    pub tid: String,
    /// Object id.
    pub oid: String,
    /// Display name.
    pub name: String,
    /// What is typed at sign-in: the user principal name, or a guest's own address.
    pub username: String,
    /// What this person shows, such as "Manager". Empty for everybody without a part.
    pub description: String,
    /// App roles.
    pub roles: Vec<String>,
    /// Ids of the groups that the person is a member of.
    pub groups: Vec<String>,
    /// A personal Microsoft account.
    pub personal: bool,
    /// A guest in the tenant.
    pub guest: bool,
    /// Preferred language.
    pub language: Option<String>,
    /// Must do multifactor authentication.
    pub needs_mfa: bool,
    /// Blocked by Conditional Access.
    pub blocked: bool,
    /// May not consent without an administrator.
    pub needs_admin_consent: bool,
}

/// All tenants.
#[derive(Debug)]
pub struct Directory {
    tenants: Vec<Tenant>,
    personas: Vec<Persona>,
}

impl Directory {
    /// What `people.toml` describes. Quick: people are made when they are asked for.
    pub fn standard() -> Self {
        let organisation = |tenant: &data::Tenant| Tenant {
            id: tenant.id.clone(),
            domain: tenant.domain.clone(),
            name: tenant.name.clone(),
            personal: false,
            size: tenant.people,
            people: Arc::default(),
            expected: Arc::default(),
        };
        let personal = Tenant {
            id: PERSONAL_TENANT.to_owned(),
            domain: "outlook.example".to_owned(),
            name: "Microsoft accounts".to_owned(),
            personal: true,
            size: 0,
            people: Arc::default(),
            expected: Arc::default(),
        };
        let tenants = DATA.tenant.iter().map(organisation);
        let mut directory = Self {
            tenants: tenants.chain([personal]).collect(),
            personas: Vec::new(),
        };
        directory.personas = (DATA.persona.iter())
            .map(|persona| {
                let tid = DATA
                    .tenant_of(persona)
                    .map_or(PERSONAL_TENANT, |tenant| &tenant.id);
                Persona {
                    groups: groups::of_persona(tid, persona),
                    ..persona_account(tid, persona)
                }
            })
            .collect();
        directory
    }

    /// A tenant by its id or domain.
    pub fn tenant(&self, key: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| {
            tenant.id.eq_ignore_ascii_case(key) || tenant.domain.eq_ignore_ascii_case(key)
        })
    }

    /// All tenants, the main one first.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// The named personas, in the order of the account picker.
    pub fn personas(&self) -> &[Persona] {
        &self.personas
    }

    /// The same, one by one.
    pub fn accounts_to_pick(&self) -> Vec<&Persona> {
        self.personas.iter().collect()
    }

    /// The account with this object id or username: a persona, or anybody else in a tenant.
    pub fn account(&self, key: &str) -> Option<Persona> {
        let persona = (self.personas.iter()).find(|persona| {
            persona.oid.eq_ignore_ascii_case(key) || persona.username.eq_ignore_ascii_case(key)
        });
        if let Some(persona) = persona {
            self.tenant(&persona.tid)
                .into_iter()
                .for_each(Tenant::expect);
            return Some(persona.clone());
        }
        // A username names its tenant, so the large ones are not made for a small one's people.
        let of_domain = key.rsplit_once('@').map(|(_, domain)| domain);
        if of_domain.is_none() && uuid::Uuid::try_parse(key).is_err() {
            return None;
        }
        self.tenants
            .iter()
            .filter(|tenant| {
                of_domain.is_none_or(|domain| tenant.domain.eq_ignore_ascii_case(domain))
            })
            .find_map(|tenant| {
                let person = tenant.people().find(key)?;
                Some(Persona {
                    tid: tenant.id.clone(),
                    oid: person.oid.to_string(),
                    name: person.display_name.to_string(),
                    username: person.mail().to_owned(),
                    groups: (groups::of_person(tenant, person).iter())
                        .map(|group| group.id.to_string())
                        .collect(),
                    guest: person.guest,
                    ..Persona::default()
                })
            })
    }
}

fn persona_account(tid: &str, persona: &data::Persona) -> Persona {
    Persona {
        tid: tid.to_owned(),
        oid: persona.oid.to_string(),
        name: persona.name.clone(),
        username: persona.username.clone(),
        description: persona.description.clone(),
        roles: persona.roles.clone(),
        groups: Vec::new(),
        personal: persona.tenant.is_none(),
        guest: persona.guest,
        language: persona.language.clone(),
        needs_mfa: persona.needs_mfa,
        blocked: persona.blocked,
        needs_admin_consent: persona.needs_admin_consent,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fabrikam() -> Directory {
        Directory::standard()
    }

    #[test]
    fn the_company_has_its_people_and_each_has_a_name_of_their_own() {
        let directory = fabrikam();
        let people = directory.tenant("fabrikam.example").unwrap().people();
        assert_eq!(people.len(), 220);
        let usernames: HashSet<&str> = people.iter().map(|(_, person)| &*person.username).collect();
        assert_eq!(usernames.len(), 220);
        let photos = people.iter().filter(|(_, person)| person.photo).count();
        assert!((110..=160).contains(&photos), "{photos}");
    }

    #[test]
    fn everybody_but_the_director_and_the_guest_reports_to_somebody_and_nobody_to_themselves() {
        let directory = fabrikam();
        for domain in ["fabrikam.example", "contoso.example", "tailspin.example"] {
            let people = directory.tenant(domain).unwrap().people();
            let mut free = 0;
            for (_, person) in people.iter() {
                let mut boss = person;
                let mut steps = 0;
                while let Some(manager) = boss.manager {
                    boss = people.get(manager).unwrap();
                    steps += 1;
                    assert!(steps < 12, "a circle of managers at {}", person.username);
                }
                free += u32::from(steps == 0 && !person.guest);
            }
            assert_eq!(free, 1, "{domain}");
        }
    }

    #[test]
    fn personas_come_first_the_employee_and_each_is_somebody_in_their_tenant() {
        let directory = fabrikam();
        assert_eq!(directory.personas()[0].description, "Employee");
        for persona in directory.personas() {
            let tenant = directory.tenant(&persona.tid).unwrap();
            if tenant.size > 1000 {
                continue; // slow without optimisation
            }
            let by_oid = tenant.people().find(&persona.oid).unwrap();
            let by_username = tenant
                .people()
                .find(&persona.username.to_uppercase())
                .unwrap();
            assert_eq!(by_oid.oid, by_username.oid, "{}", persona.username);
            assert_eq!(&*by_oid.display_name, persona.name);
        }
    }

    #[test]
    fn anybody_can_be_an_account() {
        let directory = fabrikam();
        let people = directory.tenant("fabrikam.example").unwrap().people();
        let (_, somebody) = people
            .iter()
            .find(|(_, person)| person.persona.is_none())
            .unwrap();
        let account = directory.account(&somebody.username).unwrap();
        assert_eq!(account.oid, somebody.oid.to_string());
        assert_eq!(account.groups.len(), 3);
        assert!(directory.account("nobody@fabrikam.example").is_none());
        assert!(directory.account("nobody@elsewhere.example").is_none());
    }

    #[test]
    fn people_are_the_same_every_time() {
        let name = |at| {
            let directory = fabrikam();
            let people = directory.tenant("fabrikam.example").unwrap().people();
            people.get(at).unwrap().display_name.clone()
        };
        assert_eq!(name(0), name(0));
        assert_eq!(name(219), name(219));
    }

    #[test]
    fn a_word_of_a_name_finds_its_people() {
        let directory = fabrikam();
        let people = directory.tenant("fabrikam.example").unwrap().people();
        let found: Vec<&str> = (people.with_word_prefix("lindq"))
            .filter_map(|at| people.get(at))
            .map(|person| &*person.display_name)
            .collect();
        assert!(found.contains(&"Maya Lindqvist"), "{found:?}");
        let manager = people.position("tomas.okafor@fabrikam.example").unwrap();
        assert!(people.reports_of(manager).count() >= 2);
        assert_eq!(people.with_username_prefix("MAYA.LINDQ").len(), 1);
    }
}
