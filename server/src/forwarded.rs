//! Where a request comes from, when proxies stand in front: their word counts, nobody else's (R113). It is for the log
//! and for limits, never for an address that this server gives out (R10).

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The client's address. Each proxy adds whom it heard from at the right of `X-Forwarded-For`; so, from the right, it is
/// the first that is no proxy of ours. What stands left of that, the client may have made up.
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        // A header that is no text says nothing, and what stands left of it cannot be told from the client's own.
        let Ok(text) = value.to_str() else {
            return client;
        };
        for entry in text.rsplit(',') {
            if !is_proxy(&client) {
                return client;
            }
            let Some(address) = address(entry.trim()) else {
                return client;
            };
            client = address;
        }
    }
    client
}

/// An address as proxies write it: some add the port, some the brackets of a URL.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let parsed = plain.unwrap_or(text).parse::<IpAddr>();
    let parsed = parsed.or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Whom a request from `peer` with these headers comes from, behind 10.0.0.0/8 and 2001:db8:1::/48.
    fn client_of(peer: &str, values: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                "x-forwarded-for",
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test] // R113
    fn a_stranger_speaks_for_nobody() {
        for peer in [
            "203.0.113.9",
            "11.0.0.1",
            "2001:db8:2::1",
            "::ffff:203.0.113.9",
        ] {
            let plain = client_of(peer, &[]);
            assert_eq!(client_of(peer, &["198.51.100.7"]), plain);
            assert_eq!(
                client_of(peer, &["198.51.100.7, 10.0.0.2", "10.0.0.3"]),
                plain
            );
        }
        assert_eq!(client_of("::ffff:203.0.113.9", &[]), "203.0.113.9");
    }

    #[test] // R113
    fn the_first_from_the_right_that_is_no_proxy_is_the_client() {
        for (peer, values, expected) in [
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["192.0.2.1, 198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["192.0.2.1,198.51.100.7 ,10.0.0.2"],
                "198.51.100.7",
            ),
            (
                "10.0.0.1",
                &["192.0.2.1", "198.51.100.7", "10.0.0.2"],
                "198.51.100.7",
            ),
            ("2001:db8:1::1", &["2001:db8:9::7"], "2001:db8:9::7"),
            ("10.0.0.1", &["198.51.100.7:51234"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["[2001:db8:9::7]:443, [2001:db8:1::2]"],
                "2001:db8:9::7",
            ),
            ("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
            // Nothing but proxies: one of them asks for itself.
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            assert_eq!(client_of(peer, values), expected, "{peer} {values:?}");
        }
    }

    #[test] // R113
    fn what_is_no_address_ends_the_chain_and_hides_what_stands_left_of_it() {
        let long = "10.0.0.2, ".repeat(5000) + "x";
        for value in [
            "",
            ",",
            ", ,",
            "unknown",
            "_hidden",
            "[",
            "[]",
            "[10.0.0.2",
            "999.1.1.1",
            "10.0.0.2:99999",
            "é",
            "198.51.100.7, nonsense",
            "198.51.100.7, 10.0.0.0/8",
            "198.51.100.7 10.0.0.2",
            &long,
        ] {
            assert_eq!(client_of("10.0.0.1", &["198.51.100.7", value]), "10.0.0.1");
        }
        assert_eq!(
            client_of("10.0.0.1", &["192.0.2.1, x, 10.0.0.2"]),
            "10.0.0.2"
        );
    }
}
