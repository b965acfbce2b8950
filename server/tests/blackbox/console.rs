//! The console: what it asks Graph, when it does not, and what its pages show.

use std::time::Duration;

use app::links;
use emulator::{Answer as Bad, Call, Endpoint, Fault};
use reqwest::Method;

use crate::{
    harness::{Answer, Browser, EMPLOYEE, TempDir, TestApp},
    proxy_hostile::Sentinel,
};

/// Follows a link of this site that runs a call.
async fn run(browser: &mut Browser, path: &str) -> Answer {
    browser.get(&links::console("GET", path, true)).await
}

/// Sends the form, as a browser does.
async fn send(browser: &mut Browser, method: &str, path: &str, body: &str) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("method", method)
        .append_pair("path", path)
        .append_pair("body", body)
        .finish();
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    browser
        .send(Method::POST, links::CONSOLE, &headers, Some(&form))
        .await
}

fn asked(app: &TestApp) -> Vec<String> {
    let address = |call: &Call| {
        let mark = if call.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", call.method, call.path, call.query)
    };
    app.calls(Endpoint::Graph).iter().map(address).collect()
}

fn exactly(status: u16, kind: &str, body: &str) -> emulator::Rule {
    Fault::answer(
        Endpoint::Graph,
        Bad::Exactly {
            status,
            content_type: kind.into(),
            body: body.into(),
        },
    )
}

fn assert_shows(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(
            answer.body.contains(text),
            "{text} is not in\n{}",
            answer.body
        );
    }
}

#[tokio::test] // R77, R98, R102
async fn a_form_goes_on_to_an_address_that_shows_graphs_answer() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let path = "/v1.0/me?$select=displayName,id";
    let sent = send(&mut browser, "GET", path, "{\"not\": \"sent\"}").await;
    assert_eq!(sent.status, 303, "{sent:?}");
    assert!(asked(&app).is_empty(), "the address asks, not the form");
    let answer = browser.get(sent.header("location")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(asked(&app), ["GET /v1.0/me?$select=displayName,id"]);
    let call = &app.calls(Endpoint::Graph)[0];
    let ids = [
        call.header("client-request-id").unwrap(),
        answer.header("x-correlation-id"),
    ];
    assert_shows(&answer, &ids);
    assert_shows(
        &answer,
        &[
            "200 OK · Console · Cloakroom",
            "<span class=\"key\">displayName</span> <code>\"Maya Lindqvist\"</code>",
            "<dt>request-id</dt>",
            " ms</span>",
            "value=\"/me?$select=displayName,id\"",
            "data-asked",
            "User.Read</code>",
            "You have given enough.",
            "<option value=\"/users/{id}/manager\">GET</option>",
        ],
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test] // R60, R77
async fn an_address_without_run_or_from_a_neighbour_fills_the_form_and_asks_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let filled = browser.get(&links::console("GET", "/me", false)).await;
    assert_shows(&filled, &["value=\"/me\"", "You have given enough."]);
    let address = links::console("GET", "/me", true);
    for headers in [
        &[
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-mode", "navigate"),
        ][..],
        &[
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
        ],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "no-cors")],
        &[("origin", "http://evil.example")],
        &[],
    ] {
        let answer = browser.send(Method::GET, &address, headers, None).await;
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_shows(&answer, &["value=\"/me\""]);
        assert!(!answer.body.contains("data-asked"), "{headers:?}");
    }
    let head = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
    ];
    browser.send(Method::HEAD, &address, &head, None).await;
    assert!(asked(&app).is_empty(), "{:?}", asked(&app));
    // By hand, and over the hop that a link from elsewhere takes (R46).
    let none = [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
    browser.send(Method::GET, &address, &none, None).await;
    assert_eq!(asked(&app), ["GET /v1.0/me"]);
}

#[tokio::test] // R60
async fn an_address_never_runs_a_method_other_than_get() {
    let folder = TempDir::new();
    let file = folder.0.join("allowed.toml");
    let rows = ["POST", "PUT", "PATCH", "DELETE"]
        .map(|method| format!("[\"{method} /me/events/{{id}}\"]\nscopes = [\"User.Read\"]\n"));
    std::fs::write(&file, rows.concat()).unwrap();
    let app = TestApp::with(&[("GRAPH_ALLOW_LIST", file.to_str().unwrap())]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "post", "HEAD", "", "GET "] {
        let address = links::console(method, "/me/events/1", true);
        let answer = browser
            .get(&format!("{address}&body=%7B%22filled%22%3A1%7D"))
            .await;
        assert_eq!(answer.status, 200, "{method}");
        let filled = ["{\"filled", "{&quot;filled"].map(|text| answer.body.contains(text));
        assert_eq!(filled, [false; 2], "{method}");
    }
    // Twice is no method at all.
    browser
        .get("/console?method=GET&method=DELETE&path=/me/events/1&run=1")
        .await;
    assert!(asked(&app).is_empty(), "{:?}", asked(&app));
    // The form runs it.
    let answer = send(&mut browser, "PATCH", "/me/events/1", "{\"a\": \"é\"}").await;
    assert_eq!(asked(&app), ["PATCH /v1.0/me/events/1"]);
    assert_shows(
        &answer,
        &["--request 'PATCH'", "--data-raw '{\"a\": \"\\u00e9\"}'"],
    );
    assert!(answer.body.contains(".patch(\""), "{}", answer.body);
    let call = &app.calls(Endpoint::Graph)[0];
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.body, "{\"a\": \"é\"}");
    let answer = send(&mut browser, "PATCH", "/me/events/1", "{\"a\": ").await;
    assert_eq!(answer.status, 400);
    assert_shows(&answer, &["The body is no JSON", "{\"a\": </textarea>"]);
    assert_eq!(asked(&app).len(), 1);
}

#[tokio::test] // R60, R62
async fn a_form_of_another_site_is_refused() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let form = "method=GET&path=/me";
    let typed = ("content-type", "application/x-www-form-urlencoded");
    for headers in [
        &[typed, ("sec-fetch-site", "cross-site")][..],
        &[typed, ("sec-fetch-site", "same-site")],
        &[typed, ("origin", "http://evil.example")],
        &[typed],
        &[
            ("content-type", "text/plain"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let answer = browser
            .send(Method::POST, links::CONSOLE, headers, Some(form))
            .await;
        assert!(
            answer.status == 403 || answer.status == 415,
            "{headers:?}: {}",
            answer.status
        );
    }
    assert!(asked(&app).is_empty());
    // A browser without fetch metadata names its origin, and is answered in place.
    let headers = [typed, ("origin", app.origin.as_str())];
    let answer = browser
        .send(Method::POST, links::CONSOLE, &headers, Some(form))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(asked(&app), ["GET /v1.0/me"]);
}

#[tokio::test] // R53
async fn who_is_signed_out_signs_in_first() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for answer in [
        run(&mut browser, "/me").await,
        send(&mut browser, "POST", "/$batch", "{}").await,
    ] {
        assert_shows(&answer, &["Sign in to see this page"]);
        assert!(!answer.body.contains("datalist"));
    }
    assert!(asked(&app).is_empty());
}

#[tokio::test] // R77, R78, R91
async fn no_hostile_path_gets_past_the_list() {
    let app = TestApp::start().await;
    let sentinel = Sentinel::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let evil = sentinel.address.to_string();
    let mut wrong = Vec::new();
    let paths = [
        "/applications",
        "/ME",
        "/beta/me",
        "/v1.0/beta/me",
        "/me/",
        "//me",
        "///me",
        "/./me",
        "/me/../users/1",
        "/me/%2e%2e/users",
        "/me/%252e%252e/users",
        "/me%2fphoto",
        "/me%5cphoto",
        "\\me",
        "/me\\..\\users",
        "/me#fragment",
        "/me%23",
        "/me;a=b",
        "/me:/x",
        "/me%00",
        "/me%0d%0aX: y",
        "/me\r\nHost: {evil}",
        "/me HTTP/1.1\r\nHost: {evil}\r\n\r\nGET /me",
        "http://{evil}/v1.0/me",
        "https://{evil}/v1.0/me",
        "//{evil}/me",
        "@{evil}/me",
        "/@{evil}",
        "me@{evil}/",
        "/\\{evil}/me",
        "?x",
        "#",
        "/",
        "/é",
        "/me%",
        "/me%zz",
        "/users('1')",
        "/users/delta()",
        "/users/{id}",
        "/users/microsoft.graph.user",
        "/me?$expand=memberOf",
        "/me?$top=1&$top=2",
        "/me?$top=1&%24top=2",
        "/me?access_token=x",
        "/me?$select=id;x",
        "/me?a",
        "/me?%00",
        "/$batch",
        "/graph/v1.0/graph/v1.0/me",
        "'; curl evil; '",
        "$(id)",
        "`id`",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</textarea><script>",
    ];
    for path in paths {
        // The table is longer than a session may ask in one go (R90).
        app.advance(Duration::from_secs(1));
        let path = path.replace("{evil}", &evil);
        let answer = run(&mut browser, &path).await;
        let status = answer.status.as_u16();
        let shows = answer.body.contains("class=\"problem\"") && !answer.body.contains("--header");
        let right = matches!(status, 403 | 404) && shows && asked(&app).is_empty();
        if !right {
            wrong.push(format!("{path:?}: {status}, {:?}", asked(&app)));
            app.control().forget_calls();
        }
        let main = answer.body.split("<main").nth(1).unwrap_or_default();
        for markup in ["<script>", "<img", "</textarea><"] {
            // The frame has an image of its own.
            let own = main.matches(markup).count();
            let allowed = usize::from(markup == "</textarea><");
            if own > allowed {
                wrong.push(format!("{path:?} is not escaped: {markup}"));
            }
        }
    }
    // An empty path asks nothing and is nothing.
    assert_eq!(run(&mut browser, " ").await.status, 200);
    assert_eq!(run(&mut browser, &"/a".repeat(9000)).await.status, 404);
    assert!(asked(&app).is_empty());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(sentinel.calls(), 0, "another host was called");
}

#[tokio::test] // R26, R77
async fn a_missing_permission_is_offered_and_graph_is_not_asked() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let path = "/me/messages?$top=5";
    let here = links::console("GET", path, true);
    let offer = links::login(&here, &[("scope", "Mail.ReadBasic")]).replace('&', "&amp;");
    for (address, status) in [(links::console("GET", path, false), 200), (here, 403)] {
        let answer = browser.get(&address).await;
        assert_eq!(answer.status, status, "{address}");
        assert_eq!(answer.body.matches(&offer).count(), 1, "{}", answer.body);
        assert_shows(
            &answer,
            &["Mail.ReadBasic</code>", "You have not given it yet."],
        );
    }
    assert!(asked(&app).is_empty());
    let login = links::login("/console", &[("scope", "Mail.ReadBasic")]);
    assert_eq!(browser.get(&login).await.status, 303, "it may be asked for");
}

#[tokio::test] // R81
async fn a_batch_is_asked_as_the_proxy_asks_it() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let filled = browser.get(&links::console("POST", "/$batch", false)).await;
    assert_shows(&filled, &["\"requests\": [", "Each request in a batch"]);
    let body = "{\"requests\": [{\"id\": \"1\", \"method\": \"GET\", \"url\": \"/me\"}]}";
    let answer = send(&mut browser, "POST", "/$batch", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(asked(&app), ["POST /v1.0/$batch"]);
    assert_shows(&answer, &["Maya Lindqvist"]);
    let body = body.replace("/me", "/me/../applications");
    let answer = send(&mut browser, "POST", "/$batch", &body).await;
    assert_eq!((answer.status.as_u16(), asked(&app).len()), (404, 1));
    // What is missing of it is offered at once.
    let body = body.replace("/me/../applications", "/me/messages");
    let answer = send(&mut browser, "POST", "/$batch", &body).await;
    assert_eq!((answer.status.as_u16(), asked(&app).len()), (403, 1));
    assert_shows(&answer, &["scope=Mail.ReadBasic"]);
}

#[tokio::test] // R69, R101
async fn what_graph_refuses_is_told_whole_in_words_and_escaped() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    for (status, words) in [
        (400, "Graph does not understand the request."),
        (403, "your account may not do this"),
        (404, "There is nothing by that name or id."),
        (405, "This path does not know this method."),
        (412, "has changed meanwhile"),
        (418, "Graph refuses the request as it is."),
        (500, "Something failed at Microsoft."),
    ] {
        let error = r#"{"error": {"code": "Outer_<b>", "message": "<script>alert('1')</script>", "innerError":
            {"code": "inner&amp;", "request-id": "the-<i>id", "innererror": {"message": "deepest"}}}}"#;
        app.control()
            .fault(exactly(status, "application/json", error).once());
        let answer = run(&mut browser, "/me").await;
        assert_eq!(answer.status, 200, "the page has what it is for");
        assert_shows(
            &answer,
            &[
                words,
                &format!("{status} "),
                "<dt>Code</dt><dd>Outer_&lt;b&gt;</dd>",
                "&lt;script&gt;alert",
                "<dt>Inner code</dt><dd>inner&amp;amp;</dd>",
                "<dd>the-&lt;i&gt;id</dd>",
                "<dd>deepest</dd>",
            ],
        );
        assert!(!answer.body.contains("<script>") && !answer.body.contains("<b>"));
    }
    let mut dutch = app.signed_in(EMPLOYEE).await;
    dutch.cookies.insert("lang".into(), "nl".into());
    app.control()
        .fault(Fault::status(Endpoint::Graph, 400).once());
    let answer = run(&mut dutch, "/me").await;
    assert_shows(
        &answer,
        &["Graph begrijpt het verzoek niet.", "<html lang=\"nl\""],
    );
}

#[tokio::test] // R90, R94
async fn who_asks_too_much_is_told_when_to_ask_again() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let busy = Bad::Status {
        status: 429,
        retry_after: Some("90".into()),
    };
    app.control()
        .fault(Fault::answer(Endpoint::Graph, busy).once());
    let answer = run(&mut browser, "/me").await;
    assert_shows(&answer, &["Graph asks for a pause", "Try again in 90 s."]);
    // Graph is left alone until then.
    let answer = run(&mut browser, "/me").await;
    assert_eq!((answer.status.as_u16(), asked(&app).len()), (429, 1));
    assert_eq!(answer.header("retry-after"), "90");
    assert_shows(&answer, &["You can try again in 90 seconds."]);
    // The pace of the session is the proxy's.
    app.advance(Duration::from_mins(2));
    let fetch = "/graph/v1.0/applications";
    for _ in 0..3 {
        browser.fetch(fetch).await;
    }
    app.control()
        .fault(Fault::answer(Endpoint::Graph, Bad::Empty));
    let mut last = run(&mut browser, "/me").await;
    for _ in 0..150 {
        last = run(&mut browser, "/me").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!(last.status, 429);
    assert_shows(&last, &["This session asks for too much at once."]);
}

#[tokio::test] // R69
async fn an_answer_is_text_in_the_order_in_which_it_came() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let body = r#"{"zebra": "</code></pre><script>alert(1)</script>", "<b>apple": [1, {"displayName": "<i>x", "n": 2}],
        "empty": [], "a@odata.nextLink": "{origin}/v1.0/users?$skiptoken=a%2Bb"}"#;
    let body = body.replace("{origin}", &app.emulator.origin());
    app.control().fault(exactly(200, "application/json", &body));
    let answer = run(&mut browser, "/me").await;
    assert_shows(
        &answer,
        &[
            "<span class=\"key\">zebra</span> <code>\"&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"</code>",
            "<span class=\"key\">&lt;b&gt;apple</span>",
            "<bdi>&lt;i&gt;x</bdi>",
            "<code class=\"plain\">[]</code>",
            // R79: the next page is a call of the console's.
            "href=\"/console?method=GET&amp;path=%2Fusers%3F%24skiptoken%3Da%252Bb&amp;run=1\"",
        ],
    );
    assert!(!answer.body.contains("<script>"), "{}", answer.body);
    let at = |text| answer.body.find(text).unwrap();
    assert!(at("zebra") < at("apple"));
}

#[tokio::test] // R87
async fn a_huge_answer_is_bounded_and_says_so() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let giant = Bad::Giant { bytes: 3_000_000 };
    app.control()
        .fault(Fault::answer(Endpoint::Graph, giant).once());
    let answer = run(&mut browser, "/me").await;
    assert_shows(&answer, &["larger than 1 MB"]);
    assert!(answer.body.len() < 60_000, "{}", answer.body.len());
    let many = format!("[{}]", vec!["{\"a\":{\"b\":[1,2]}}"; 50_000].join(","));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let long = format!("[\"{}\"]", "é".repeat(300_000));
    let fields = format!("{{\"{}\":1}}", "k".repeat(300_000));
    for body in [many, deep, long, fields] {
        app.control()
            .fault(exactly(200, "application/json", &body).once());
        let answer = run(&mut browser, "/me").await;
        assert_eq!(answer.status, 200);
        assert_shows(&answer, &["Too long to be shown whole"]);
        assert!(answer.body.len() < 600_000, "{}", answer.body.len());
    }
    let endless = "[".repeat(500_000);
    app.control()
        .fault(exactly(200, "application/json", &endless).once());
    assert_shows(&run(&mut browser, "/me").await, &["can't be read"]);
    app.control()
        .fault(Fault::answer(Endpoint::Graph, Bad::CutOff).once());
    assert_shows(&run(&mut browser, "/me").await, &["broke off"]);
}

#[tokio::test] // R84
async fn what_is_no_json_is_said_in_words() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let answer = run(&mut browser, "/me/photos/48x48/$value").await;
    assert_shows(&answer, &["The answer is a file (image/jpeg, "]);
    let answer = run(&mut browser, "/users/$count").await;
    assert_shows(&answer, &["200 OK", "<pre tabindex=\"0\">"]);
    let call = app.calls(Endpoint::Graph).pop().unwrap();
    assert_eq!(call.header("consistencylevel"), Some("eventual"), "R104");
    app.control()
        .fault(Fault::answer(Endpoint::Graph, Bad::Html).once());
    let answer = run(&mut browser, "/me").await;
    assert_shows(&answer, &["The answer is a file (application/octet-stream"]);
    app.control()
        .fault(Fault::answer(Endpoint::Graph, Bad::Empty).once());
    assert_shows(&run(&mut browser, "/me").await, &["no body"]);
}

#[tokio::test] // R52
async fn a_copy_is_quoted_and_has_a_place_for_a_token_but_no_token() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let session = browser.cookies["session"].clone();
    let path = "/users?$filter=startswith(displayName,'O')&$search=\"a:$(id)`id`\"&$count=true";
    let answer = run(&mut browser, path).await;
    let graph = app.emulator.origin();
    let sent = "/v1.0/users?$filter=startswith(displayName,%27O%27)&amp;$search=%22a:$(id)%60id%60%22&amp;$count=true";
    assert_shows(
        &answer,
        &[
            &format!("--globoff --path-as-is \\\n  '{graph}{sent}' \\\n"),
            "--header \"Authorization: Bearer $TOKEN\" \\\n  --header 'ConsistencyLevel: eventual'\n",
            &format!(".get(\"{graph}{sent}\")"),
            ".bearer_auth(token)",
        ],
    );
    // The harness holds every answer to the emulator's tokens; here are the others.
    assert!(!answer.body.contains(&session));
    assert_eq!(asked(&app), [format!("GET {}", sent.replace("&amp;", "&"))]);
}
