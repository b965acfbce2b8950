//! Which hosts are Microsoft's: the clouds, each with its sign-in hosts and its Graph hosts, and the
//! authority in one of them. Nothing outside this list is ever sent a credential, unless the operator
//! names it in `TRUSTED_HOSTS` or it is on loopback.
//!
//! <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
//! <https://learn.microsoft.com/graph/deployments>

use url::{Host, Url};
use uuid::Uuid;

/// The tenant of all personal Microsoft accounts.
pub const PERSONAL_TENANT: Uuid = Uuid::from_u128(0x9188_040d_6c67_4c5b_b112_36a3_04b6_6dad);

/// A Microsoft cloud.
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Hosts of the identity platform; aliases after the first.
    login: &'static [&'static str],
    /// Hosts of Microsoft Graph; the first is the default.
    graph: &'static [&'static str],
    /// Whether personal accounts exist there.
    pub personal_accounts: bool,
}

static CLOUDS: [Cloud; 3] = [
    Cloud {
        login: &[
            "login.microsoftonline.com",
            "login.windows.net",
            "login.microsoft.com",
        ],
        graph: &["graph.microsoft.com"],
        personal_accounts: true,
    },
    Cloud {
        login: &["login.microsoftonline.us", "login.usgovcloudapi.net"],
        graph: &["graph.microsoft.us", "dod-graph.microsoft.us"],
        personal_accounts: false,
    },
    Cloud {
        login: &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        graph: &["microsoftgraph.chinacloudapi.cn"],
        personal_accounts: false,
    },
];

impl Cloud {
    /// The cloud whose identity platform answers at this host.
    pub fn of_login_host(host: &str) -> Option<&'static Self> {
        CLOUDS.iter().find(|cloud| cloud.login.contains(&host))
    }

    /// The cloud whose Graph answers at this host.
    pub fn of_graph_host(host: &str) -> Option<&'static Self> {
        CLOUDS.iter().find(|cloud| cloud.graph.contains(&host))
    }

    /// The origins of this cloud's identity platform.
    pub fn login_origins(&self) -> impl Iterator<Item = String> {
        self.login.iter().map(|host| format!("https://{host}"))
    }

    /// The origin of this cloud's Graph.
    pub fn graph_origin(&self) -> String {
        format!("https://{}", self.graph[0])
    }
}

/// Whether the URL's host is this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Who may sign in, as far as the authority says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `common`: work, school and personal accounts.
    Common,
    /// `organizations`: work and school accounts.
    Organizations,
    /// `consumers`: personal accounts.
    Consumers,
    /// One tenant, by its id.
    Tenant(Uuid),
    /// One tenant, by one of its domains; discovery tells its id.
    Domain(String),
}

impl Audience {
    /// Reads the path segment of an authority.
    pub fn parse(segment: &str) -> Option<Self> {
        Some(match segment.to_ascii_lowercase().as_str() {
            "common" => Self::Common,
            "organizations" => Self::Organizations,
            "consumers" => Self::Consumers,
            other => match Uuid::try_parse(other) {
                Ok(PERSONAL_TENANT) => Self::Consumers,
                Ok(tenant) => Self::Tenant(tenant),
                Err(_) if other.contains('.') && is_domain(other) => Self::Domain(other.to_owned()),
                Err(_) => return None,
            },
        })
    }
}

/// Labels of letters, digits and hyphens.
pub(super) fn is_domain(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Where people sign in: `https://login.microsoftonline.com/common`.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The URL, without a slash at its end.
    pub url: Url,
    /// What its last segment admits.
    pub audience: Audience,
}

impl Authority {
    /// Reads an authority: an origin and one segment; a `/v2.0` behind it is dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text.trim()).ok()?;
        let path = url.path().trim_matches('/');
        let segment = path.strip_suffix("/v2.0").unwrap_or(path).to_owned();
        let audience = Audience::parse(&segment)?;
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && matches!(url.scheme(), "http" | "https");
        url.set_path(&segment);
        plain.then_some(Self { url, audience })
    }

    /// The address of the discovery document (OpenID Connect Discovery 1.0 §4).
    pub fn discovery(&self) -> String {
        format!("{}/v2.0/.well-known/openid-configuration", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_an_origin_and_one_segment() {
        for (text, audience) in [
            ("https://login.microsoftonline.com/common", Audience::Common),
            (
                "https://login.microsoftonline.com/Organizations/",
                Audience::Organizations,
            ),
            (
                "https://login.microsoftonline.com/consumers/v2.0",
                Audience::Consumers,
            ),
            (
                "https://login.microsoftonline.com/fabrikam.example",
                Audience::Domain("fabrikam.example".into()),
            ),
            (
                "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad",
                Audience::Consumers,
            ),
        ] {
            assert_eq!(Authority::parse(text).unwrap().audience, audience, "{text}");
        }
        for text in [
            "",
            "login.microsoftonline.com/common",
            "https://h/a/b",
            "https://h/",
            "https://h/x?y",
            "https://user@h/common",
            "ftp://h/common",
            "https://h/Enter_the_Tenant_Here",
        ] {
            assert!(Authority::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine_and_nothing_else() {
        for (url, expected) in [
            ("http://localhost:1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]/", true),
            ("http://localhost.example/", false),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
            ("http://[::2]/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
