//! How quick Graph is with a tenant of 100,000 people: `cargo run --release -p emulator --example large_tenant`.
//!
//! Everything goes over loopback HTTP with one client and one connection, one call after the other.

use std::error::Error;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use emulator::{Client, Emulator, Settings};
use reqwest::{header, redirect::Policy};
use serde_json::Value;
use url::Url;

const USER: &str = "noa.shapiro@adatum.example";
const CLIENT: &str = "0b6f2d4e-7c91-4a35-8e60-2f1d9c7b5a48";
const REDIRECT: &str = "http://localhost:3000/auth/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rule-of-43";
const SCOPE: &str = "openid User.Read User.Read.All";
const TIMES: usize = 300;

// Path after `/users`, and whether it needs `ConsistencyLevel: eventual`.
const CALLS: &[(&str, &str, bool)] = &[
    ("first page of 100", "", false),
    (
        "first page of 25, selected",
        "?$top=25&$select=id,displayName,mail",
        false,
    ),
    ("a page of 999", "?$top=999", false),
    (
        "search by name",
        "?$search=%22displayName:maya%22&$top=25",
        true,
    ),
    (
        "search, one letter",
        "?$search=%22displayName:a%22&$count=true",
        true,
    ),
    ("search, nobody", "?$search=%22displayName:zzzz%22", true),
    (
        "search by name or mail",
        "?$search=%22displayName:li%22%20OR%20%22mail:li%22&$count=true",
        true,
    ),
    (
        "filter by mail",
        "?$filter=mail%20eq%20'noa.shapiro@adatum.example'",
        false,
    ),
    (
        "filter by a rare name",
        "?$filter=startswith(displayName,'zi')",
        false,
    ),
    (
        "filter by department, counted",
        "?$filter=department%20eq%20'Legal'&$count=true",
        true,
    ),
    (
        "by user principal name, backwards",
        "?$orderby=userPrincipalName%20desc",
        false,
    ),
    ("count", "/$count", true),
    ("one person", "/noa.shapiro@adatum.example", false),
    (
        "one photo of 96 pixels",
        "/noa.shapiro@adatum.example/photos/96x96/$value",
        false,
    ),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let client = Client {
        client_id: CLIENT.into(),
        secrets: vec!["secret".into()],
        redirect_uris: vec![REDIRECT.into()],
        consented: SCOPE.split(' ').map(str::to_owned).collect(),
        ..Client::default()
    };
    let emulator = Emulator::start(Settings {
        clients: vec![client],
        ..Settings::default()
    })
    .await?;
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()?;
    let keys = format!("{}/common/discovery/v2.0/keys", emulator.origin());
    http.get(keys).send().await?.error_for_status()?;
    println!(
        "{:<36} {:>9.2} ms",
        "start, until the keys are served",
        millis(started.elapsed())
    );

    let token = sign_in(&emulator, &http).await?;
    let users = format!("{}/v1.0/users", emulator.origin());
    let first = Instant::now();
    let page = call(&http, &token, &users, false).await?;
    println!(
        "{:<36} {:>9.2} ms",
        "the very first page",
        millis(first.elapsed())
    );
    let page: Value = serde_json::from_slice(&page)?;
    let next = page["@odata.nextLink"]
        .as_str()
        .ok_or("no nextLink")?
        .to_owned();

    println!(
        "\n{:<36} {:>12} {:>12}",
        format!("{TIMES} times each"),
        "median",
        "95th of 100"
    );
    measure(&http, &token, "second page, by nextLink", &next, false).await?;
    for (name, path, eventual) in CALLS {
        measure(&http, &token, name, &format!("{users}{path}"), *eventual).await?;
    }
    Ok(())
}

async fn measure(
    http: &reqwest::Client,
    token: &str,
    name: &str,
    url: &str,
    eventual: bool,
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let start = Instant::now();
        call(http, token, url, eventual).await?;
        times.push(start.elapsed());
    }
    times.sort();
    let (median, late) = (times[TIMES / 2], times[TIMES * 95 / 100]);
    println!(
        "{name:<36} {:>9.2} ms {:>9.2} ms",
        millis(median),
        millis(late)
    );
    Ok(())
}

async fn call(
    http: &reqwest::Client,
    token: &str,
    url: &str,
    eventual: bool,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut request = http.get(url).bearer_auth(token);
    if eventual {
        request = request.header("ConsistencyLevel", "eventual");
    }
    Ok(request
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?
        .to_vec())
}

async fn sign_in(emulator: &Emulator, http: &reqwest::Client) -> Result<String, Box<dyn Error>> {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let authorize = Url::parse_with_params(
        &format!(
            "{}/oauth2/v2.0/authorize",
            emulator.authority("organizations")
        ),
        [
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", SCOPE),
            ("state", "state"),
            ("nonce", "nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("login_hint", USER),
        ],
    )?;
    let back = http.get(authorize).send().await?;
    let back = Url::parse(back.headers()[header::LOCATION].to_str()?)?;
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .ok_or("no code")?
        .1
        .into_owned();
    let form = [
        ("client_id", CLIENT),
        ("client_secret", "secret"),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let url = format!("{}/oauth2/v2.0/token", emulator.authority("organizations"));
    let tokens: Value = http
        .post(url)
        .form(&form)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(tokens["access_token"]
        .as_str()
        .ok_or("no access token")?
        .to_owned())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
