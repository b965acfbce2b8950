//! Tenants and the people in them.

/// Tenant of all personal Microsoft accounts.
pub const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// An organisation.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Tenant id.
    pub id: String,
    /// Its verified domain.
    pub domain: String,
    /// Its display name.
    pub name: String,
}

/// An account that can sign in.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Persona {
    /// Tenant id.
    pub tid: String,
    /// Object id.
    pub oid: String,
    /// Display name.
    pub name: String,
    /// User principal name.
    pub username: String,
    /// What this person shows, such as "manager".
    pub description: String,
    /// App roles.
    pub roles: Vec<String>,
    /// Ids of the groups.
    pub groups: Vec<String>,
    /// A personal Microsoft account.
    pub personal: bool,
    /// A guest in the tenant.
    pub guest: bool,
    /// Must do multi-factor authentication.
    pub needs_mfa: bool,
    /// Blocked by a policy.
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
    /// The standard data.
    pub fn standard() -> Self {
        let work = "0f1d2c3b-4a59-4e68-8d77-86a5b4c3d2e1";
        Self {
            tenants: vec![
                Tenant { id: work.into(), domain: "fabrikam.example".into(), name: "Fabrikam".into() },
                Tenant { id: PERSONAL_TENANT.into(), domain: "live.example".into(), name: "Personal".into() },
            ],
            personas: vec![Persona {
                tid: work.into(),
                oid: "11111111-0000-4000-8000-000000000001".into(),
                name: "Ada Example".into(),
                username: "ada@fabrikam.example".into(),
                description: "employee".into(),
                ..Persona::default()
            }],
        }
    }
    /// A tenant by id or domain.
    pub fn tenant(&self, key: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|t| t.id == key || t.domain == key)
    }
    /// All tenants.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }
    /// An account by object id or username.
    pub fn account(&self, key: &str) -> Option<Persona> {
        self.personas.iter().find(|p| p.oid == key || p.username == key).cloned()
    }
    /// The named personas, for the account picker.
    pub fn accounts_to_pick(&self) -> Vec<&Persona> {
        self.personas.iter().collect()
    }
}
