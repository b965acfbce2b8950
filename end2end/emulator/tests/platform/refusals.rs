//! Bad input is answered as the real platform answers it, by status and AADSTS number.

use base64::{Engine, prelude::BASE64_STANDARD};
use emulator::{Audience, Client, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET};
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use crate::support::{REDIRECT, VERIFIER, World, callback, world, world_with};

/// The number of a refusal that is a page.
async fn shown(response: Response) -> u32 {
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(!response.headers().contains_key(header::LOCATION));
    let page = response.text().await.unwrap();
    let number = page
        .split("AADSTS")
        .nth(1)
        .expect("a number")
        .split(':')
        .next()
        .unwrap();
    number.parse().unwrap()
}

/// The number of a refusal that went back to the client.
fn returned(response: &Response) -> (String, u32) {
    let back = callback(response);
    let description = &back["error_description"];
    let number = description
        .strip_prefix("AADSTS")
        .unwrap()
        .split(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    (back["error"].clone(), number)
}

async fn refused(response: Response) -> (u16, String, u64) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    for member in [
        "error_description",
        "trace_id",
        "correlation_id",
        "timestamp",
        "error_uri",
    ] {
        assert!(body[member].is_string(), "{member}");
    }
    (
        status,
        body["error"].as_str().unwrap().to_owned(),
        body["error_codes"][0].as_u64().unwrap(),
    )
}

#[tokio::test]
async fn an_unknown_client_is_aadsts700016() {
    let world = world().await;
    assert_eq!(
        shown(
            world
                .authorize(&[("client_id", "11111111-1111-1111-1111-111111111111")])
                .await
        )
        .await,
        700_016
    );
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "nobody"),
        ("code", "x"),
    ];
    assert_eq!(
        refused(world.token(&form).await).await,
        (400, "unauthorized_client".into(), 700_016)
    );
}

#[tokio::test]
async fn an_unregistered_redirect_uri_is_aadsts50011_and_never_followed() {
    let world = world().await;
    for uri in [
        "https://evil.example/",
        "http://localhost.evil.example/",
        "javascript:alert(1)",
    ] {
        assert_eq!(
            shown(world.authorize(&[("redirect_uri", uri)]).await).await,
            50011,
            "{uri}"
        );
    }
    let page = world
        .authorize(&[(
            "redirect_uri",
            "https://evil.example/<script>alert(1)</script>",
        )])
        .await;
    assert!(!page.text().await.unwrap().contains("<script>alert"));
}

#[tokio::test]
async fn an_unknown_tenant_is_aadsts90002() {
    let world = world().await;
    assert_eq!(
        shown(world.authorize_at("nowhere.example", &[]).await).await,
        90002
    );
    let token = world
        .http
        .post(world.url("/nowhere.example/oauth2/v2.0/token"))
        .form(&[("grant_type", "x")]);
    assert_eq!(
        refused(token.send().await.unwrap()).await,
        (400, "invalid_request".into(), 90002)
    );
}

#[tokio::test]
async fn scopes_and_prompts_that_do_not_exist_go_back_to_the_client() {
    let world = world().await;
    let unknown = world.authorize(&[("scope", "openid User.Fly")]).await;
    assert_eq!(returned(&unknown), ("invalid_client".into(), 650_053));
    let none = world.authorize(&[("scope", "")]).await;
    assert_eq!(returned(&none), ("invalid_request".into(), 900_144));
    let prompt = world.authorize(&[("prompt", "please")]).await;
    assert_eq!(returned(&prompt).0, "invalid_request");
    let implicit = world.authorize(&[("response_type", "token")]).await;
    assert_eq!(
        returned(&implicit),
        ("unsupported_response_type".into(), 700_054)
    );
    let claims = world.authorize(&[("claims", "{not json")]).await;
    assert_eq!(returned(&claims).0, "invalid_request");
    let challenge = world.authorize(&[("code_challenge", "short")]).await;
    assert_eq!(returned(&challenge).0, "invalid_request");
}

#[tokio::test]
async fn a_client_must_prove_who_it_is() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    let with = async |secret: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_secret", secret),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        world.token(&form).await
    };
    assert_eq!(
        refused(with("").await).await,
        (401, "invalid_client".into(), 7_000_218)
    );
    assert_eq!(
        refused(with("wrong").await).await,
        (401, "invalid_client".into(), 7_000_215)
    );
    assert_eq!(
        with(DEMO_CLIENT_SECRET).await.status(),
        StatusCode::OK,
        "the code was not spent on a refusal"
    );
}

#[tokio::test]
async fn basic_authentication_carries_form_encoded_credentials() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = BASE64_STANDARD.encode(format!(
        "{}:{}",
        encode(DEMO_CLIENT_ID),
        encode(DEMO_CLIENT_SECRET)
    ));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let request = world
        .http
        .post(world.url("/common/oauth2/v2.0/token"))
        .form(&form);
    let answer = request
        .header(header::AUTHORIZATION, format!("Basic {pair}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn credentials_with_an_origin_header_are_aadsts9002326() {
    let world = world().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", DEMO_CLIENT_ID),
        ("client_secret", DEMO_CLIENT_SECRET),
        ("code", "x"),
    ];
    let request = world
        .http
        .post(world.url("/common/oauth2/v2.0/token"))
        .form(&form);
    let answer = request
        .header(header::ORIGIN, "http://localhost:3000")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refused(answer).await,
        (400, "invalid_request".into(), 9_002_326)
    );
}

#[tokio::test]
async fn the_redirect_uri_is_the_same_in_both_legs() {
    let world = world().await;
    let user = world.employee().await;
    let code = world.code(&user).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "http://localhost:3000/elsewhere"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(refused(world.token(&form).await).await.2, 500_112);
}

#[tokio::test]
async fn a_code_or_refresh_token_is_for_the_client_that_got_it() {
    let other = Client::web("22222222-2222-2222-2222-222222222222", "secret", REDIRECT);
    let world = world_with(vec![other.clone()]).await;
    let user = world.employee().await;
    let tokens = world.tokens(&user).await;
    let code = world.code(&user).await;
    let as_other = [
        ("client_id", other.client_id.as_str()),
        ("client_secret", "secret"),
    ];
    let by_code = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
    ];
    let by_refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(
        refused(world.token(&[&as_other[..], &by_code].concat()).await)
            .await
            .1,
        "invalid_grant"
    );
    assert_eq!(
        refused(world.token(&[&as_other[..], &by_refresh].concat()).await)
            .await
            .1,
        "invalid_grant"
    );
}

#[tokio::test]
async fn what_is_no_token_request_is_told_so() {
    let world = world().await;
    let url = world.url("/common/oauth2/v2.0/token");
    let get = world.http.get(&url).send().await.unwrap();
    assert_eq!(refused(get).await, (400, "invalid_request".into(), 900_561));
    let json = world
        .http
        .post(&url)
        .json(&serde_json::json!({ "grant_type": "refresh_token" }))
        .send()
        .await
        .unwrap();
    assert_eq!(
        refused(json).await,
        (400, "invalid_request".into(), 900_144)
    );
    let grant = world.token(&[("grant_type", "password")]).await;
    assert_eq!(
        refused(grant).await,
        (400, "unsupported_grant_type".into(), 70003)
    );
    let twice = world
        .token(&[
            ("grant_type", "refresh_token"),
            ("grant_type", "refresh_token"),
        ])
        .await;
    assert_eq!(refused(twice).await.2, 9_000_411);
    let form = "application/x-www-form-urlencoded";
    let bytes = world
        .http
        .post(&url)
        .header(header::CONTENT_TYPE, form)
        .body(vec![0xff, b'=', 0xfe, b'&', b'%']);
    assert_eq!(refused(bytes.send().await.unwrap()).await.0, 400);
}

#[tokio::test]
async fn nonsense_anywhere_is_refused_and_nothing_panics() {
    let world = world().await;
    for path in [
        "/",
        "/common",
        "/%00/oauth2/v2.0/authorize",
        "/common/oauth2/v2.0/authorize?%ff=%fe",
        "/common/nothing",
        "/common/oauth2/v2.0/logout?post_logout_redirect_uri=%00&logout_hint=O.%25%25",
        "/v1.0/",
        "/_control/nothing",
    ] {
        let answer = world.http.get(world.url(path)).send().await.unwrap();
        assert!(
            answer.status().as_u16() < 500,
            "{path}: {}",
            answer.status()
        );
    }
    for path in [
        "/common/login",
        "/common/oauth2/v2.0/authorize",
        "/_control/faults",
        "/_control/clients",
    ] {
        let answer = world
            .http
            .post(world.url(path))
            .body(vec![0xff; 300])
            .send()
            .await
            .unwrap();
        assert!(
            (400..500).contains(&answer.status().as_u16()),
            "{path}: {}",
            answer.status()
        );
    }
    let large = world
        .http
        .post(world.url("/common/login"))
        .body(vec![b'a'; 9 << 20])
        .send()
        .await;
    assert!(large.is_err() || large.unwrap().status() == StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_correlation_id_is_the_clients_own() {
    let world = world().await;
    let id = "0f0e0d0c-0b0a-4908-8706-050403020100";
    let request = world
        .http
        .post(world.url("/common/oauth2/v2.0/token"))
        .header("client-request-id", id);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(body["correlation_id"], id);
}

async fn for_audience(audience: Audience) -> World {
    let client = Client {
        audience,
        ..Client::web(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, REDIRECT)
    };
    let world = world().await;
    world.control().register(client);
    world
}

#[tokio::test]
async fn a_registration_for_some_accounts_is_refused_at_the_others_endpoint() {
    let world = for_audience(Audience::Tenant(
        "7e1f5c1a-3b8d-4c57-9a44-0d2f6b9c8e10".into(),
    ))
    .await;
    assert_eq!(shown(world.authorize(&[]).await).await, 50194);
    let world = for_audience(Audience::Consumers).await;
    assert_eq!(shown(world.authorize(&[]).await).await, 9_002_331);
    let world = for_audience(Audience::Organizations).await;
    assert_eq!(
        shown(world.authorize_at("consumers", &[]).await).await,
        9_002_346
    );
}
