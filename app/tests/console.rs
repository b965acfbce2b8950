//! The console over plain data.

use app::{
    Visit, document,
    error::{ApiError, Code},
    i18n::Locale,
    model::{Preferences, Viewer},
    pages::console::{Answer, Body, Console, Denied, Known},
};
use leptos::{config::LeptosOptions, prelude::*};

fn known(missing: bool) -> Known {
    Known {
        url: "https://graph.example/v1.0/me".into(),
        eventual: false,
        scopes: vec!["User.Read".into(), "User.ReadWrite".into()],
        missing,
    }
}

fn asked(known: Result<Known, Denied>, outcome: Option<Result<Answer, ApiError>>) -> Console {
    Console {
        method: "GET".into(),
        path: "/me".into(),
        body: String::new(),
        listed: vec![
            ("GET".into(), "/me".into()),
            ("POST".into(), "/$batch".into()),
        ],
        known: Some(known),
        outcome,
    }
}

fn answered(status: u16, body: Body) -> Console {
    let answer = Answer {
        status,
        reason: "Reason",
        milliseconds: 42,
        ids: vec![("request-id", "the-id".into())],
        retry_after: None,
        body,
    };
    asked(Ok(known(false)), Some(Ok(answer)))
}

fn page_in(locale: Locale, console: &Console) -> String {
    let visit = Visit {
        viewer: Some(Viewer {
            name: "Adele Vance".into(),
            username: "adele@contoso.example".into(),
            key: "the-tenant.the-person".into(),
        }),
        demo: false,
        login: "/auth/login?return_to=here".into(),
        path: "/console".into(),
        aside: false,
        idle: 1800,
        preferences: Preferences {
            locale,
            ..Preferences::default()
        },
    };
    let options = LeptosOptions::builder().output_name("cloakroom").build();
    let make = || app::pages::console::console(console);
    Owner::new().with(|| document(options, visit, make).to_html())
}

fn page(console: &Console) -> String {
    page_in(Locale::en, console)
}

fn json(text: &str) -> Body {
    serde_json::from_str(text).map_or(Body::Broken, Body::Json)
}

#[test]
fn an_empty_console_has_a_form_and_samples_and_nothing_else() {
    let html = page(&Console {
        method: "GET".into(),
        listed: vec![("GET".into(), "/me".into())],
        ..Console::default()
    });
    assert!(
        html.contains("<form method=\"post\" action=\"/console\" class=\"card ask\">"),
        "{html}"
    );
    assert!(
        html.contains("<option value=\"/me\">GET</option>"),
        "{html}"
    );
    assert!(
        html.contains("href=\"/console?method=POST&amp;path=%2F%24batch\""),
        "{html}"
    );
    assert!(
        !html.contains("id=\"answer\"") && !html.contains("curl"),
        "{html}"
    );
    assert!(
        html.contains("spellcheck=\"false\" dir=\"ltr\">\n</textarea>"),
        "{html}"
    );
    assert_eq!(html.matches("<h1").count(), 1);
}

#[test]
fn the_permission_button_stands_once() {
    let login = "/auth/login?return_to=%2Fconsole%3Fmethod%3DGET%26path%3D%252Fme%26run%3D1&amp;scope=User.Read\"";
    let filled = page(&asked(Ok(known(true)), None));
    assert_eq!(filled.matches(login).count(), 1, "{filled}");
    assert!(filled.contains("Allow User.Read"), "{filled}");
    let mut refusal = ApiError::new(Code::ConsentRequired, "Not given.", "the-correlation");
    refusal.scopes.push("User.Read".into());
    let refused = page(&asked(Ok(known(true)), Some(Err(refusal))));
    assert_eq!(refused.matches(login).count(), 1, "{refused}");
    let given = page(&asked(Ok(known(false)), None));
    assert!(!given.contains("scope=User.Read"), "{given}");
}

#[test]
fn each_reason_not_to_ask_has_its_words_in_both_languages() {
    for (denied, en, nl) in [
        (Denied::Malformed, "This is no path", "Dit is geen pad"),
        (Denied::Placeholder, "An id is still", "Er moet nog een ID"),
        (Denied::Unlisted, "not on the list", "niet op de lijst"),
        (
            Denied::Parameter("<x>".into()),
            "parameter &lt;x&gt;",
            "parameter &lt;x&gt;",
        ),
        (
            Denied::Body,
            "The body is no JSON",
            "De inhoud is geen JSON",
        ),
    ] {
        let refusal = ApiError::new(Code::NotFound, "No.", "the-correlation");
        let console = asked(Err(denied), Some(Err(refusal)));
        assert!(page(&console).contains(en), "{en}");
        let html = page_in(Locale::nl, &console);
        assert!(
            html.contains(nl) && html.contains("the-correlation"),
            "{html}"
        );
        assert!(!html.contains("id=\"curl\""), "{html}");
    }
}

#[test]
fn every_kind_of_answer_is_shown_or_named() {
    for (body, shows) in [
        (Body::Empty, "The answer has no body."),
        (Body::TooLarge, "larger than 1 MB"),
        (Body::Broken, "broke off"),
        (
            Body::File("image/<png>".into(), None),
            "a file (image/&lt;png&gt;)",
        ),
        (
            Body::File("image/png".into(), Some(17)),
            "(image/png, 17 bytes)",
        ),
        (
            Body::Text("<17>".into()),
            "<pre tabindex=\"0\">&lt;17&gt;</pre>",
        ),
        (
            json("null"),
            "<div class=\"tree\"><code class=\"plain\">null</code></div>",
        ),
        (
            json("\"<a>\""),
            "<div class=\"tree\"><code>\"&lt;a&gt;\"</code></div>",
        ),
        (json("{\"a\": [{\"id\": \"x\"}]}"), "<bdi>x</bdi>"),
    ] {
        let html = page(&answered(200, body));
        assert!(html.contains(shows), "{shows}: {html}");
        assert!(
            html.contains("42 ms") && html.contains("<dd>the-id</dd>"),
            "{html}"
        );
        assert!(!html.contains("Too long"), "{html}");
    }
}
