//! The first segment of every path: which accounts may come in, and who issues their tokens.

use crate::{
    client::{Audience, Client},
    directory::{PERSONAL_TENANT, Persona, Tenant},
    platform::aadsts::{Refusal, tenant_not_found},
    state::State,
};

/// `/{tenant}/…`.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Common,
    Organizations,
    Consumers,
    Tenant(Tenant),
}

impl Place {
    pub(crate) fn find(state: &State, segment: &str) -> Result<Self, Refusal> {
        match segment.to_ascii_lowercase().as_str() {
            "common" => Ok(Self::Common),
            "organizations" => Ok(Self::Organizations),
            "consumers" | PERSONAL_TENANT => Ok(Self::Consumers),
            other => state
                .directory
                .tenant(other)
                .cloned()
                .map(Self::Tenant)
                .ok_or_else(|| tenant_not_found(segment)),
        }
    }

    /// How the metadata names this place in its endpoints: a domain becomes the tenant's id.
    pub(crate) fn segment(&self) -> &str {
        match self {
            Self::Common => "common",
            Self::Organizations => "organizations",
            Self::Consumers => "consumers",
            Self::Tenant(tenant) => &tenant.id,
        }
    }

    /// The issuer in the metadata. Where the tenant is not known beforehand it is literally `{tenantid}`.
    pub(crate) fn issuer(&self, origin: &str) -> String {
        match self {
            Self::Common | Self::Organizations => issuer(origin, "{tenantid}"),
            Self::Consumers => issuer(origin, PERSONAL_TENANT),
            Self::Tenant(tenant) => issuer(origin, &tenant.id),
        }
    }

    pub(crate) fn admits(&self, person: &Persona) -> bool {
        match self {
            Self::Common => true,
            Self::Organizations => !person.personal,
            Self::Consumers => person.personal,
            Self::Tenant(tenant) => person.tid == tenant.id,
        }
    }

    /// Whether the registration may be used at this place at all.
    pub(crate) fn open_to(&self, client: &Client) -> Result<(), Refusal> {
        let id = &client.client_id;
        let name = &client.name;
        match (&client.audience, self) {
            (Audience::Tenant(_), Self::Common | Self::Organizations) => Err(Refusal::new(
                "invalid_request",
                50194,
                format!(
                    "Application '{id}'({name}) is not configured as a multi-tenant application. Usage of the /common \
                     endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific \
                     endpoint or configure the application to be multi-tenant."
                ),
            )),
            (Audience::Consumers, Self::Common | Self::Organizations | Self::Tenant(_)) => {
                Err(Refusal::new(
                    "invalid_request",
                    9_002_331,
                    format!(
                        "Application '{id}'({name}) is configured for use by Microsoft Account users only. Please use the \
                     /consumers endpoint to serve this request."
                    ),
                ))
            }
            (Audience::Organizations | Audience::Tenant(_), Self::Consumers) => Err(Refusal::new(
                "invalid_request",
                9_002_346,
                format!(
                    "Application '{id}'({name}) is configured for use by Azure Active Directory users only. Please do \
                     not use the /consumers endpoint to serve this request."
                ),
            )),
            (Audience::Tenant(own), Self::Tenant(tenant)) if own != &tenant.id => {
                Err(super::aadsts::unknown_client(id, &tenant.name))
            }
            _ => Ok(()),
        }
    }
}

/// The v2.0 issuer of a tenant.
pub(crate) fn issuer(origin: &str, tid: &str) -> String {
    format!("{origin}/{tid}/v2.0")
}
