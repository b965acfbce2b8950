//! The settings, read from a map.

use std::collections::HashMap;

use super::*;

fn read(changes: &[(&str, &str)]) -> Result<Config> {
    let mut map = HashMap::from([
        ("CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
        ("CLIENT_SECRET", "a~b.c"),
    ]);
    map.extend(changes.iter().copied());
    Settings(|name: &str| map.get(name).map(|value| (*value).to_owned())).read(false)
}

fn refused(name: &str, value: &str) {
    let error = read(&[(name, value)])
        .err()
        .unwrap_or_else(|| panic!("{name}={value} was accepted"));
    assert_eq!(error.name, name, "{value}: {error}");
}

#[test]
fn a_registration_alone_is_enough() {
    let config = read(&[]).unwrap();
    assert_eq!(
        config.authority.url.as_str(),
        "https://login.microsoftonline.com/common"
    );
    assert_eq!(config.graph.as_str(), "https://graph.microsoft.com/");
    assert_eq!(config.redirect_uri(), "http://localhost:3000/auth/callback");
    assert_eq!(
        config.scopes_to_ask().join(" "),
        "openid profile offline_access User.Read User.ReadBasic.All"
    );
    assert_eq!(
        config.session_store,
        StoreLocation::File("data/sessions.db".into())
    );
    assert_eq!(
        (config.session_idle, config.session_max),
        (Duration::from_mins(30), Duration::from_hours(12))
    );
}

#[test] // R11
fn a_redirect_uri_that_the_platform_would_refuse_stops_the_start() {
    for path in [
        "callback",
        "/",
        "/a?b",
        "/a#b",
        "/a b",
        "/a//b",
        "/../a",
        "/auth/login",
        "/api/x",
        "/ä",
        "/pkg",
        "/favicon.svg",
        "/people.csv",
        "/me",
        "/{x}",
    ] {
        refused("REDIRECT_PATH", path);
    }
    refused("REDIRECT_PATH", &format!("/{}", "a".repeat(256)));
    assert_eq!(
        read(&[("REDIRECT_PATH", "/getAToken")])
            .unwrap()
            .redirect_path,
        "/getAToken"
    );
    for url in [
        "http://app.example",
        "https://app.example/x",
        "https://app.example?x",
        "app.example",
        "https://u@app.example",
    ] {
        refused("PUBLIC_URL", url);
    }
    for url in [
        "http://localhost:5000",
        "http://127.0.0.1:5000",
        "http://[::1]:5000",
        "https://app.example",
        "https://app.example/",
    ] {
        read(&[("PUBLIC_URL", url)]).unwrap();
    }
}

#[test] // R41, R114
fn only_microsofts_hosts_and_loopback_are_authorities() {
    for url in [
        "https://login.evil.example/common",
        "https://login.microsoftonline.com.evil.example/common",
        "https://evil.example/login.microsoftonline.com",
        "http://login.microsoftonline.com/common",
        "https://login.microsoftonline.com@evil.example/common",
        "https://login.microsoftonline.com/",
    ] {
        refused("AUTHORITY", url);
    }
    let own = [
        ("AUTHORITY", "https://login.own.example/common"),
        ("GRAPH_ENDPOINT", "https://graph.own.example"),
    ];
    assert!(read(&own).is_err());
    read(&[
        own[0],
        own[1],
        ("TRUSTED_HOSTS", "login.own.example, graph.own.example"),
    ])
    .unwrap();
    read(&[
        ("AUTHORITY", "http://127.0.0.1:8400/common"),
        ("GRAPH_ENDPOINT", "http://127.0.0.1:8400"),
    ])
    .unwrap();
    assert_eq!(
        read(&[("AUTHORITY", "http://127.0.0.1:8400/common")])
            .err()
            .unwrap()
            .name,
        "GRAPH_ENDPOINT"
    );
}

#[test] // R42
fn a_national_cloud_has_no_personal_accounts() {
    for audience in [
        "common",
        "consumers",
        "9188040d-6c67-4c5b-b112-36a304b66dad",
    ] {
        refused(
            "AUTHORITY",
            &format!("https://login.microsoftonline.us/{audience}"),
        );
        refused(
            "AUTHORITY",
            &format!("https://login.partner.microsoftonline.cn/{audience}"),
        );
    }
    let config = read(&[(
        "AUTHORITY",
        "https://login.microsoftonline.us/organizations",
    )])
    .unwrap();
    assert_eq!(config.graph.as_str(), "https://graph.microsoft.us/");
}

#[test] // R110
fn authority_and_graph_belong_to_the_same_cloud() {
    refused("GRAPH_ENDPOINT", "https://graph.microsoft.us");
    refused("GRAPH_ENDPOINT", "https://microsoftgraph.chinacloudapi.cn");
    refused("GRAPH_ENDPOINT", "http://graph.microsoft.com");
    refused("GRAPH_ENDPOINT", "https://graph.microsoft.com/v1.0");
    refused("GRAPH_ENDPOINT", "http://127.0.0.1:8400");
    let mixed = [
        ("AUTHORITY", "http://127.0.0.1:8400/common"),
        ("GRAPH_ENDPOINT", "https://graph.microsoft.com"),
    ];
    assert_eq!(read(&mixed).err().unwrap().name, "GRAPH_ENDPOINT");
    let dod = [
        (
            "AUTHORITY",
            "https://login.microsoftonline.us/organizations",
        ),
        ("GRAPH_ENDPOINT", "https://dod-graph.microsoft.us"),
    ];
    read(&dod).unwrap();
}

#[test] // R115
fn placeholders_are_no_secrets() {
    for value in [
        "Enter_the_Client_Secret_Here",
        "<secret>",
        "changeme",
        "your-client-secret",
        "xxxxxxxx",
        "{{SECRET}}",
        " ",
    ] {
        refused("CLIENT_SECRET", value);
    }
    for value in [
        "Enter_the_Application_Id_Here",
        "00000000-0000-0000-0000-000000000000",
        "<client id>",
    ] {
        refused("CLIENT_ID", value);
    }
    read(&[("CLIENT_SECRET", "abc8Q~Xxxxplausible_value.with-marks~0")]).unwrap();
}

#[test]
fn other_wrong_values_name_their_variable() {
    for (name, value) in [
        ("SCOPES", "User.Read \"x\""),
        ("ALLOWED_TENANTS", "fabrikam.example"),
        ("SESSION_STORE", "sqlite:"),
        ("SESSION_STORE", "sqlite"),
        ("SESSION_STORE", "memcached://localhost"),
        ("SESSION_STORE", "redis:"),
        ("SESSION_STORE", "redis://"),
        ("SESSION_STORE", "redis://host/sessions"),
        ("SESSION_STORE", "redis://host?protocol=resp3"),
        // R114: it would take any certificate.
        ("SESSION_STORE", "rediss://host/#insecure"),
        ("SESSION_KEY", "c2hvcnQ="),
        // R115
        (
            "SESSION_KEY",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
        (
            "SESSION_KEY",
            "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        ),
        ("SCOPES", &"S.1 ".repeat(41)),
        ("SCOPES", &"S.12345678901234567890123456789 ".repeat(33)),
        ("SESSION_IDLE", "13h"),
        ("SESSION_IDLE", "0s"),
        ("SESSION_MAX", "forever"),
        ("LEPTOS_SITE_ADDR", "localhost"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.1, proxy.example"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "::ffff:0.0.0.0/96"),
        ("TRUSTED_HOSTS", "https://login.example.org"),
        ("TRUSTED_HOSTS", "login.example.org:443"),
        ("TRUSTED_HOSTS", "login.example.org, *.example.org"),
        ("TRUSTED_HOSTS", "login.example.org/common"),
    ] {
        refused(name, value);
    }
}

#[test] // R113
fn trusted_proxies_are_networks_or_addresses() {
    let config = read(&[("TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1 , 2001:db8::/32")]).unwrap();
    let networks: Vec<_> = config
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
    let mapped = read(&[("TRUSTED_PROXIES", "::ffff:10.0.0.0/104, ::ffff:192.0.2.1")]).unwrap();
    let networks: Vec<_> = mapped
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert!(read(&[]).unwrap().trusted_proxies.is_empty());
}

#[test] // R111
fn servers_that_share_a_redis_share_a_key_and_its_password_is_not_shown() {
    let key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    for address in [
        "redis://localhost",
        "redis://localhost:6380/2",
        "rediss://user:s3cret-canary@cache.example:6380",
    ] {
        let error = read(&[("SESSION_STORE", address)]).err().unwrap();
        assert_eq!(error.name, "SESSION_KEY");
        assert!(error.mend.contains("openssl rand"), "{error}");
        let config = read(&[("SESSION_STORE", address), ("SESSION_KEY", key)]).unwrap();
        let expected = StoreLocation::Redis(address.to_owned().into());
        assert_eq!(config.session_store, expected);
        assert!(!format!("{:?}", config.session_store).contains("canary"));
    }
    let error = read(&[("SESSION_STORE", "rediss://user:s3cret-canary@")]).err();
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[test]
fn the_demo_is_for_those_who_have_set_nothing_of_a_registration() {
    let demo = |pairs: &'static [(&str, &str)]| {
        Settings(move |name: &str| {
            pairs
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
        .is_demo()
    };
    assert_eq!(demo(&[]), Ok(true));
    assert_eq!(demo(&[("CLIENT_ID", "x")]), Ok(false));
    for given in [
        &[("CLIENT_SECRET", "x")],
        &[("CLIENT_CERTIFICATE_KEY", "x")],
        &[("AZURE_FEDERATED_TOKEN_FILE", "x")],
    ] {
        assert_eq!(demo(given).unwrap_err().name, "CLIENT_ID");
    }
}
