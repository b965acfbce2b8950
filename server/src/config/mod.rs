//! The settings, read once from the environment or `.env` and checked before anything is bound.
//! A wrong one stops the start with one line that names the variable and the mend.

mod addresses;
pub mod cloud;
mod credential;
mod redirect;
mod scopes;
mod session;

use std::{collections::HashSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use ipnet::IpNet;
use url::Url;
use uuid::Uuid;

use crate::{auth::credential::Credential, graph::proxy::list::AllowList, session::seal::Key};
use cloud::{Authority, Cloud, is_loopback};
use redirect::redirect_path;

pub use scopes::{is_identity, is_scope};
pub use session::StoreLocation;

/// Everything that the server is told.
#[derive(Clone)]
pub struct Config {
    /// `CLIENT_ID`: the application (client) id of the registration.
    pub client_id: String,
    /// `CLIENT_SECRET`, `CLIENT_CERTIFICATE` with `CLIENT_CERTIFICATE_KEY`, or `AZURE_FEDERATED_TOKEN_FILE`.
    pub credential: Credential,
    /// `AUTHORITY`: where people sign in.
    pub authority: Authority,
    /// `TRUSTED_HOSTS`: hosts beside Microsoft's own that the authority and Graph may name, over https.
    pub trusted_hosts: HashSet<String>,
    /// `PUBLIC_URL`: the origin that browsers see, without a slash at its end.
    pub public_url: Url,
    /// `REDIRECT_PATH`: path of the redirect URI.
    pub redirect_path: String,
    /// `SCOPES`: Graph scopes asked for at sign-in.
    pub scopes: Vec<String>,
    /// `GRAPH_ENDPOINT`: origin of Microsoft Graph.
    pub graph: Url,
    /// `GRAPH_ALLOW_LIST`: the calls that a page may make through the proxy, the built-in ones and this file's.
    pub allowed: Arc<AllowList>,
    /// `ALLOWED_TENANTS`: who may sign in; empty is whoever the authority admits.
    pub allowed_tenants: HashSet<Uuid>,
    /// `SESSION_STORE`: where sessions are kept.
    pub session_store: StoreLocation,
    /// `SESSION_KEY`: the first seals, all open. None is made and kept beside the SQLite file.
    pub session_keys: Vec<Key>,
    /// `SESSION_IDLE`: a session ends after this long without a person's doing.
    pub session_idle: Duration,
    /// `SESSION_MAX`: a session ends this long after sign-in, whatever happens.
    pub session_max: Duration,
    /// `TRUSTED_PROXIES`: networks whose forwarded headers count (R113).
    pub trusted_proxies: Vec<IpNet>,
    /// `LEPTOS_SITE_ADDR`: where to listen.
    pub listen: SocketAddr,
    /// Every page says that this is a demonstration.
    pub demo: bool,
}

/// A setting that can't be used: its name and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}: {mend}")]
pub struct ConfigError {
    name: &'static str,
    mend: String,
}

type Result<T> = std::result::Result<T, ConfigError>;

fn wrong<T>(name: &'static str, mend: impl Into<String>) -> Result<T> {
    Err(ConfigError {
        name,
        mend: mend.into(),
    })
}

/// Settings by name: the environment in production, a map in tests.
pub struct Settings<F>(pub F);

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Demonstration: nothing of a registration is set.
    pub fn is_demo(&self) -> Result<bool> {
        if self.get("CLIENT_ID").is_some() {
            return Ok(false);
        }
        let rest = [
            "CLIENT_SECRET",
            "CLIENT_CERTIFICATE",
            "CLIENT_CERTIFICATE_KEY",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AUTHORITY",
            "GRAPH_ENDPOINT",
        ];
        match rest.into_iter().find(|name| self.get(name).is_some()) {
            None => Ok(true),
            Some(name) => wrong(
                "CLIENT_ID",
                format!(
                    "missing, while {name} is set; give the application (client) id of your app registration, or unset {name} for the demo"
                ),
            ),
        }
    }

    /// Reads and checks every setting.
    pub fn read(&self, demo: bool) -> Result<Config> {
        let listen = self.listen()?;
        if demo && !listen.ip().is_loopback() {
            return wrong(
                "LEPTOS_SITE_ADDR",
                format!(
                    "{listen} is not on loopback, and the demo lets anyone in; listen on 127.0.0.1, or set CLIENT_ID to use a real registration"
                ),
            );
        }
        let trusted_hosts = self.trusted_hosts()?;
        let authority = self.authority(&trusted_hosts)?;
        let graph = self.graph(&authority, &trusted_hosts)?;
        let public_url = self.public_url(listen)?;
        let redirect_path = redirect_path(self.get("REDIRECT_PATH"), &public_url)?;
        let (session_idle, session_max) = self.timeouts()?;
        let session_store = self.session_store(demo)?;
        Ok(Config {
            client_id: self.client_id()?,
            credential: self.credential()?,
            authority,
            trusted_hosts,
            public_url,
            redirect_path,
            scopes: self.scopes()?,
            graph,
            allowed: self.allow_list()?,
            allowed_tenants: self.allowed_tenants()?,
            session_keys: self.session_keys(&session_store)?,
            session_store,
            session_idle,
            session_max,
            trusted_proxies: self.trusted_proxies()?,
            listen,
            demo,
        })
    }

    fn list(&self, name: &str) -> impl Iterator<Item = String> {
        let value = self.get(name).unwrap_or_default();
        let items: Vec<_> = value
            .split(',')
            .map(|item| item.trim().to_owned())
            .collect();
        items.into_iter().filter(|item| !item.is_empty())
    }

    fn client_id(&self) -> Result<String> {
        match self.get("CLIENT_ID") {
            None => wrong(
                "CLIENT_ID",
                "missing; give the application (client) id of your app registration",
            ),
            Some(id) if is_placeholder(&id) => wrong(
                "CLIENT_ID",
                "still a placeholder; copy the application (client) id from your app registration",
            ),
            Some(id) => Ok(id),
        }
    }

    fn allow_list(&self) -> Result<Arc<AllowList>> {
        const NAME: &str = "GRAPH_ALLOW_LIST";
        let list = match self.get(NAME) {
            None => AllowList::built_in(),
            Some(file) => {
                AllowList::with_file(Path::new(&file)).or_else(|mend| wrong(NAME, mend))?
            }
        };
        Ok(Arc::new(list))
    }

    fn allowed_tenants(&self) -> Result<HashSet<Uuid>> {
        self.list("ALLOWED_TENANTS")
            .map(|item| {
                Uuid::try_parse(&item).or_else(|_| {
                    wrong(
                        "ALLOWED_TENANTS",
                        format!("{item:?} is not a tenant id; list GUIDs, separated by commas"),
                    )
                })
            })
            .collect()
    }

    fn listen(&self) -> Result<SocketAddr> {
        const NAME: &str = "LEPTOS_SITE_ADDR";
        let text = self.get(NAME).unwrap_or_else(|| "127.0.0.1:3000".into());
        text.parse()
            .or_else(|_| wrong(NAME, "not an address; use one like 127.0.0.1:3000"))
    }
}

impl Config {
    /// The redirect URI: the same in both legs, never from a request (R10).
    pub fn redirect_uri(&self) -> String {
        format!("{}{}", self.origin(), self.redirect_path)
    }

    /// The origin that browsers see, as they write it in `Origin`.
    pub fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }

    /// Where the platform's sign-out may be: the authority's origin, its cloud's, those named as trusted.
    pub fn login_origins(&self) -> Vec<String> {
        let own = self.authority.url.origin().ascii_serialization();
        let cloud = Cloud::of_login_host(self.authority.url.host_str().unwrap_or_default());
        let cloud = cloud.into_iter().flat_map(Cloud::login_origins);
        let trusted = self
            .trusted_hosts
            .iter()
            .map(|host| format!("https://{host}"));
        let mut origins: Vec<_> = [own].into_iter().chain(cloud).chain(trusted).collect();
        origins.sort();
        origins.dedup();
        origins
    }

    /// Whether browsers reach this server over https.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Whether a token, a secret or a person may be sent to this URL's host.
    pub fn is_known_login_url(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let own = self.authority.url.host_str().unwrap_or_default();
        match url.scheme() {
            "http" => is_loopback(url) && is_loopback(&self.authority.url),
            "https" => {
                host == own
                    || Cloud::of_login_host(host)
                        .is_some_and(|cloud| Cloud::of_login_host(own) == Some(cloud))
                    || self.trusted_hosts.contains(host)
                    || (is_loopback(url) && is_loopback(&self.authority.url))
            }
            _ => false,
        }
    }
}

/// What samples and templates leave in place of a value.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let marks = [
        "enter_the",
        "enter-the",
        "your-",
        "your_",
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "replace-me",
        "replace_me",
    ];
    marks.iter().any(|mark| lower.contains(mark))
        || (lower.starts_with('<') && lower.ends_with('>'))
        || (lower.starts_with("{{") && lower.ends_with("}}"))
        || matches!(
            lower.as_str(),
            "secret" | "client_secret" | "client_id" | "todo" | "xxx" | "..."
        )
        || (lower.len() >= 3 && lower.bytes().all(|b| b == b'x' || b == b'-'))
        || (lower.len() >= 8 && lower.bytes().all(|b| b == b'0' || b == b'-'))
}

#[cfg(test)]
mod tests;
