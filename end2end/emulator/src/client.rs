//! Application registrations: what an administrator would enter in the portal.

use serde::{Deserialize, Serialize};
use url::Url;

/// The registered web application that the demo signs in with.
pub const DEMO_CLIENT_ID: &str = "c10a4200-0b8e-4f5a-9d3c-5e0f7a6b1d42";

/// Its secret. It holds every character that a form-encoded body must escape, because real ones do too.
pub const DEMO_CLIENT_SECRET: &str = "demo~only+not&a=real%2Fsecret/8400";

/// Scopes that every user of a fresh registration is taken to have consented to, so that the demo is one click.
const DEMO_CONSENTED: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "offline_access",
    "User.Read",
    "User.ReadBasic.All",
];

/// Who may sign in: the portal's "Supported account types".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Any organisation and personal accounts.
    #[default]
    Everyone,
    /// Any organisation.
    Organizations,
    /// Personal accounts only.
    Consumers,
    /// One tenant, by its id.
    Tenant(String),
}

/// A workload that may speak for the client: its token is the credential (federated identity credential).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Federation {
    /// `iss` of the workload's token.
    pub issuer: String,
    /// `sub` of the workload's token.
    pub subject: String,
    /// `aud` of the workload's token, by convention `api://AzureADTokenExchange`.
    pub audience: String,
    /// The issuer's RSA public key in PEM; the real platform would fetch it from the issuer's metadata.
    pub public_key: String,
}

/// An application registration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// Application (client) id.
    pub client_id: String,
    /// Display name, shown on the consent page.
    pub name: String,
    /// Client secrets; any of them is accepted.
    pub secrets: Vec<String>,
    /// Secrets that were valid once; they are refused as expired.
    pub expired_secrets: Vec<String>,
    /// Certificates in PEM whose keys may sign client assertions.
    pub certificates: Vec<String>,
    /// Workload identities that may stand in for a credential.
    pub federations: Vec<Federation>,
    /// Redirect URIs, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Accept any http redirect URI on a loopback host. Not a thing of the real platform: it lets the demo run on
    /// any port.
    pub any_loopback_redirect: bool,
    /// Front-channel logout URL; a mere path is taken on the origin of the redirect URI in use.
    pub front_channel_logout: Option<String>,
    /// Scopes that nobody is asked for any more (an administrator's consent).
    pub consented: Vec<String>,
    /// Who may sign in.
    pub audience: Audience,
}

impl Client {
    /// A web application with one secret and one redirect URI, open to every account.
    pub fn web(client_id: &str, secret: &str, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            name: format!("App {client_id}"),
            secrets: vec![secret.to_owned()],
            redirect_uris: vec![redirect_uri.to_owned()],
            ..Self::default()
        }
    }

    /// The registration that is always there.
    pub fn demo() -> Self {
        Self {
            client_id: DEMO_CLIENT_ID.to_owned(),
            name: "Cloakroom demo".to_owned(),
            secrets: vec![DEMO_CLIENT_SECRET.to_owned()],
            any_loopback_redirect: true,
            front_channel_logout: Some("/auth/frontchannel-logout".to_owned()),
            consented: DEMO_CONSENTED.map(str::to_owned).to_vec(),
            ..Self::default()
        }
    }

    /// Whether the client has no credential at all and so must not present one.
    pub fn is_public(&self) -> bool {
        self.secrets.is_empty()
            && self.expired_secrets.is_empty()
            && self.certificates.is_empty()
            && self.federations.is_empty()
    }

    /// Whether this redirect URI is registered.
    pub fn accepts_redirect(&self, uri: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| registered == uri)
            || (self.any_loopback_redirect
                && Url::parse(uri).is_ok_and(|url| is_loopback_http(&url)))
    }

    /// Whether a signed-out user may be sent there: any page on an origin with a registered redirect URI.
    ///
    /// The real platform asks for a registered URI or one below it; the origin is what matters for safety.
    pub fn accepts_sign_out_return(&self, uri: &str) -> bool {
        let Ok(target) = Url::parse(uri) else {
            return false;
        };
        (self.any_loopback_redirect && is_loopback_http(&target))
            || self
                .redirect_uris
                .iter()
                .filter_map(|registered| Url::parse(registered).ok())
                .any(|registered| registered.origin() == target.origin())
    }
}

fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http"
        && url.fragment().is_none()
        && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_client_takes_any_loopback_redirect_and_nothing_else() {
        let demo = Client::demo();
        assert!(demo.accepts_redirect("http://localhost:3000/auth/callback"));
        assert!(demo.accepts_redirect("http://127.0.0.1:41234/getAToken"));
        assert!(!demo.accepts_redirect("http://localhost.evil.example/auth/callback"));
        assert!(!demo.accepts_redirect("https://evil.example/auth/callback"));
        assert!(!demo.accepts_redirect("http://localhost@evil.example/"));
    }

    #[test]
    fn other_clients_compare_redirects_exactly() {
        let client = Client::web("id", "secret", "https://app.example/callback");
        assert!(client.accepts_redirect("https://app.example/callback"));
        assert!(!client.accepts_redirect("https://app.example/callback/"));
        assert!(!client.accepts_redirect("http://localhost/callback"));
        assert!(client.accepts_sign_out_return("https://app.example/bye"));
        assert!(!client.accepts_sign_out_return("https://app.example.evil.example/bye"));
    }
}
