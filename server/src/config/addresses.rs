//! The addresses that are told: whom this server talks to, whom it believes, and where browsers find it.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
};

use ipnet::{IpNet, Ipv4Net};
use url::Url;

use super::{
    Result, Settings,
    cloud::{Audience, Authority, Cloud, is_domain, is_loopback},
    wrong,
};

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    pub(super) fn authority(&self, trusted: &HashSet<String>) -> Result<Authority> {
        const NAME: &str = "AUTHORITY";
        let text = self
            .get(NAME)
            .unwrap_or_else(|| "https://login.microsoftonline.com/common".into());
        let Some(authority) = Authority::parse(&text) else {
            return wrong(
                NAME,
                "not an authority; use https://login.microsoftonline.com/ with common, organizations, consumers, a tenant id or a domain",
            );
        };
        let cloud = Cloud::of_login_host(authority.url.host_str().unwrap_or_default());
        check_upstream(NAME, &authority.url, cloud.is_some(), trusted)?;
        let personal = matches!(authority.audience, Audience::Common | Audience::Consumers);
        if personal && cloud.is_some_and(|cloud| !cloud.personal_accounts) {
            return wrong(
                NAME,
                "a national cloud has no personal accounts; end it with organizations, a tenant id or a domain",
            );
        }
        Ok(authority)
    }

    pub(super) fn graph(&self, authority: &Authority, trusted: &HashSet<String>) -> Result<Url> {
        const NAME: &str = "GRAPH_ENDPOINT";
        let login = Cloud::of_login_host(authority.url.host_str().unwrap_or_default());
        let default = match (self.get(NAME), login) {
            (Some(text), _) => text,
            (None, Some(cloud)) => cloud.graph_origin(),
            (None, None) => {
                return wrong(
                    NAME,
                    "missing; AUTHORITY is not a Microsoft cloud, so give the origin of its Graph",
                );
            }
        };
        let Some(url) = origin(&default) else {
            return wrong(
                NAME,
                "not an origin; use one like https://graph.microsoft.com",
            );
        };
        let cloud = Cloud::of_graph_host(url.host_str().unwrap_or_default());
        check_upstream(NAME, &url, cloud.is_some(), trusted)?;
        // R110: a token of one cloud is worth nothing in another, and must not be shown to it. Loopback goes
        // with loopback.
        let named = trusted.contains(url.host_str().unwrap_or_default());
        match login {
            Some(login) if cloud != Some(login) && !named => wrong(
                NAME,
                format!(
                    "belongs to another cloud than AUTHORITY; use {}",
                    login.graph_origin()
                ),
            ),
            None if cloud.is_some() && is_loopback(&authority.url) => wrong(
                NAME,
                "is Microsoft's own, while AUTHORITY is on loopback; use one of the same provider",
            ),
            _ => Ok(url),
        }
    }

    pub(super) fn public_url(&self, listen: SocketAddr) -> Result<Url> {
        const NAME: &str = "PUBLIC_URL";
        let text = self
            .get(NAME)
            .unwrap_or_else(|| format!("http://localhost:{}", listen.port()));
        match origin(&text) {
            None => wrong(
                NAME,
                "not an origin; use one like https://app.example.org, without a path",
            ),
            // R11, R47: cookies without Secure only where nothing leaves the machine.
            Some(url) if url.scheme() == "http" && !is_loopback(&url) => {
                wrong(NAME, "plain http works on localhost only; use https")
            }
            Some(url) => Ok(url),
        }
    }

    pub(super) fn trusted_hosts(&self) -> Result<HashSet<String>> {
        const NAME: &str = "TRUSTED_HOSTS";
        let host = |item: String| {
            if is_domain(&item) {
                Ok(item.to_ascii_lowercase())
            } else {
                wrong(
                    NAME,
                    format!(
                        "{item:?} is not a host; list names like login.example.org, without https:// and port, separated by commas"
                    ),
                )
            }
        };
        self.list(NAME).map(host).collect()
    }

    /// A bare address is a network of one.
    pub(super) fn trusted_proxies(&self) -> Result<Vec<IpNet>> {
        const NAME: &str = "TRUSTED_PROXIES";
        let network = |item: String| {
            let address = || item.parse::<IpAddr>().map(IpNet::from);
            match item.parse::<IpNet>().or_else(|_| address()).map(canonical) {
                Ok(network) if network.prefix_len() == 0 => wrong(
                    NAME,
                    format!("{item} is everybody; list only your own proxies"),
                ),
                Ok(network) => Ok(network),
                Err(_) => wrong(
                    NAME,
                    format!(
                        "{item:?} is not a network; list networks like 10.0.0.0/8 or addresses, separated by commas"
                    ),
                ),
            }
        };
        self.list(NAME).map(network).collect()
    }
}

/// Clients are told apart by their canonical address, so an IPv4 network in IPv6's clothes would never match.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else {
        return network;
    };
    let four = six.addr().to_ipv4_mapped();
    four.zip(six.prefix_len().checked_sub(96))
        .and_then(|(address, length)| Ipv4Net::new(address, length).ok())
        .map_or(network, IpNet::from)
}

/// R41, R114: https on a Microsoft cloud or a host named in `TRUSTED_HOSTS`; http on loopback.
fn check_upstream(
    name: &'static str,
    url: &Url,
    known: bool,
    trusted: &HashSet<String>,
) -> Result<()> {
    let host = url.host_str().unwrap_or_default();
    if is_loopback(url) {
        Ok(())
    } else if url.scheme() != "https" {
        wrong(name, "must be https; plain http is for loopback only")
    } else if known || trusted.contains(host) {
        Ok(())
    } else {
        wrong(
            name,
            format!(
                "{host} is not a host of a Microsoft cloud; if you mean it, add it to TRUSTED_HOSTS"
            ),
        )
    }
}

/// A URL that is an origin and nothing more.
fn origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    bare.then_some(url)
}
