//! Section E: what another site, a wrong method or a wrong type gets.

use reqwest::Method;

use crate::harness::{EMPLOYEE, TestApp};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test] // R59
async fn a_data_call_without_the_custom_header_is_403() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let site = ("sec-fetch-site", "same-origin");
    for (method, path) in [
        (Method::GET, "/auth/session"),
        (Method::POST, "/api/people"),
        (Method::POST, "/api/no-such"),
        (Method::GET, "/graph/v1.0/me"),
    ] {
        for header in [
            &[site, FORM][..],
            &[site, FORM, ("x-csrf", "0")],
            &[site, FORM, ("x-csrf", "")],
        ] {
            let answer = browser.send(method.clone(), path, header, Some("")).await;
            assert_eq!(answer.status, 403, "{path}");
            assert_eq!(answer.json()["error"]["code"], "forbidden");
        }
    }
}

#[tokio::test] // R60, R70
async fn only_this_origin_may_ask() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let own = app.origin.clone();
    let upper = own.replace("http", "https");
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "nonsense")], false),
        (&[("origin", &own)], true),
        (&[("origin", &upper)], false),
        (&[("origin", "null")], false),
        (&[("origin", "http://evil.example")], false),
        (&[("sec-fetch-site", "cross-site"), ("origin", &own)], false),
        (&[], false),
    ];
    for (headers, allowed) in cases {
        for (method, path) in [
            (Method::GET, "/auth/session"),
            (Method::POST, "/api/people"),
            (
                Method::GET,
                "/photo/3f6a1c52-8d04-4b7e-9f21-6c5d0e7a8b01?size=48",
            ),
        ] {
            let headers: Vec<_> = headers
                .iter()
                .copied()
                .chain([("x-csrf", "1"), FORM])
                .collect();
            let body = (method == Method::POST).then_some("");
            let answer = browser.send(method, path, &headers, body).await;
            assert_eq!(
                answer.status == 403,
                !allowed,
                "{path} {headers:?} {}",
                answer.status
            );
        }
    }
    let answer = browser
        .send(
            Method::POST,
            "/auth/logout",
            &[("sec-fetch-site", "cross-site"), FORM],
            Some(""),
        )
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R61
async fn a_preflight_gets_no_grant() {
    let app = TestApp::start().await;
    let headers = [
        ("origin", "http://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-csrf"),
    ];
    for path in ["/api/people", "/auth/session", "/graph/v1.0/me", "/"] {
        let answer = app
            .browser()
            .send(Method::OPTIONS, path, &headers, None)
            .await;
        assert!(!answer.status.is_success(), "{path}: {}", answer.status);
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-")),
            "{path}"
        );
    }
}

#[tokio::test] // R62
async fn content_types_are_enforced() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "nonsense",
    ] {
        for path in ["/api/people", "/auth/logout"] {
            let headers = [
                ("x-csrf", "1"),
                ("sec-fetch-site", "same-origin"),
                ("content-type", kind),
            ];
            let answer = browser
                .send(Method::POST, path, &headers, Some("search=a"))
                .await;
            assert_eq!(answer.status, 415, "{kind} {path}");
        }
    }
    let untyped = [("x-csrf", "1"), ("sec-fetch-site", "same-origin")];
    assert_eq!(
        browser
            .send(Method::POST, "/api/people", &untyped, Some("search=a"))
            .await
            .status,
        415
    );
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R63
async fn signing_out_takes_a_post() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    assert_eq!(browser.get("/auth/logout").await.status, 405);
    assert_eq!(browser.user().await["username"], EMPLOYEE);
}

#[tokio::test] // R64
async fn a_pages_policy_has_a_fresh_nonce_and_nothing_unsafe() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let mut nonces = Vec::new();
    for path in ["/", "/people", "/"] {
        let page = browser.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "{policy}"
        );
        for part in [
            "default-src 'none'",
            "'wasm-unsafe-eval'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned();
        assert!(
            nonce.len() >= 16 && page.body.contains(&format!("nonce=\"{nonce}\"")),
            "{nonce}"
        );
        nonces.push(nonce);
    }
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
}

#[tokio::test]
async fn a_page_of_the_sign_in_is_no_place_of_the_navigation() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for (path, current) in [("/", 1), ("/people?search=a", 1), ("/auth/error", 0)] {
        let page = browser.get(path).await;
        assert_eq!(page.body.matches("aria-current").count(), current, "{path}");
    }
}

#[tokio::test] // R65, R66, R67
async fn every_response_carries_the_security_headers_and_nothing_personal_is_kept() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for (path, status) in [
        ("/", 200),
        ("/people", 200),
        ("/auth/error", 200),
        ("/no/such/page", 404),
        ("/auth/callback", 400),
        ("/auth/login", 303),
        ("/pkg/nothing.js", 404),
        ("/healthz", 200),
        ("/auth/session", 403),
        ("/api/people", 403),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        for name in [
            "referrer-policy",
            "permissions-policy",
            "content-security-policy",
            "x-correlation-id",
        ] {
            assert!(!answer.header(name).is_empty(), "{path} {name}");
        }
        assert!(
            answer.header("strict-transport-security").is_empty(),
            "plain http"
        );
    }
    let missing = browser.get("/no/such/page").await;
    assert!(
        missing.body.contains("Page not found") && missing.body.contains("Maya Lindqvist"),
        "the app's own look"
    );
}

#[tokio::test] // R67
async fn unknown_data_calls_are_404_json() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    assert_eq!(
        browser.call("no-such", "").await.json()["error"]["code"],
        "not_found"
    );
    let answer = browser.fetch("/graph/v1.0/nothing").await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["error"]["code"].as_str()
        ),
        (404, Some("not_found"))
    );
}

#[tokio::test] // R86
async fn a_body_that_is_too_large_is_413() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = browser
        .call("people", &format!("search={}", "a".repeat(100_000)))
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["error"]["code"].as_str()
        ),
        (413, Some("too_large"))
    );
}

#[tokio::test] // R53, R86
async fn a_malformed_data_call_is_refused_with_json_and_an_id() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for form in ["search=a&search=b", "search[x]=1"] {
        let answer = browser.call("people", form).await;
        assert_eq!(answer.status, 404, "{form}: {}", answer.body);
        assert_eq!(
            answer.json()["error"]["correlation_id"],
            answer.header("x-correlation-id")
        );
    }
    // What a form of a page would send is answered as data all the same.
    let headers = [
        ("x-csrf", "1"),
        ("sec-fetch-site", "same-origin"),
        FORM,
        ("accept", "text/html"),
        ("referer", "http://evil.example/"),
    ];
    let answer = browser
        .send(Method::POST, "/api/people", &headers, Some(""))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (200, "")
    );
    let mut stranger = app.browser();
    let answer = stranger
        .send(Method::POST, "/api/people", &headers, Some(""))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (401, "")
    );
}

#[tokio::test] // R115
async fn trace_is_off() {
    let app = TestApp::start().await;
    for path in ["/", "/api/people", "/nothing"] {
        assert_eq!(
            app.browser()
                .send(Method::TRACE, path, &[], None)
                .await
                .status,
            405,
            "{path}"
        );
    }
}
