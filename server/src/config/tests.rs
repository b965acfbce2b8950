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
        ("SESSION_STORE", "redis://localhost"),
        ("SESSION_KEY", "c2hvcnQ="),
        ("SESSION_IDLE", "13h"),
        ("SESSION_IDLE", "0s"),
        ("SESSION_MAX", "forever"),
        ("LEPTOS_SITE_ADDR", "localhost"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
    ] {
        refused(name, value);
    }
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
