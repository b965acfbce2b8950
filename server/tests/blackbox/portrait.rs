//! `/me` and `/people/{id}`: a person, and each part of their place in the organisation by itself.

use emulator::{Answer as Bad, Endpoint, Fault, Rule};
use serde_json::{Value, json};

use crate::harness::{EMPLOYEE, FABRIKAM, MANAGER, TestApp};

const DIRECTOR: &str = "ingrid.vandermeer@fabrikam.example";
const PERSONAL: &str = "sam.whitaker@outlook.example";
const GUEST: &str = "sofia.marchetti@tailspin.example";
const SCOPES: [&str; 4] = [
    "User.Read",
    "User.ReadBasic.All",
    "User.Read.All",
    "GroupMember.Read.All",
];

/// Where an administrator has allowed what these pages ask for, and the sign-in asks for all of it.
async fn allowed(settings: &[(&str, &str)]) -> TestApp {
    let scopes = SCOPES.join(" ");
    let settings: Vec<_> = [("SCOPES", scopes.as_str())]
        .iter()
        .chain(settings)
        .copied()
        .collect();
    let app = TestApp::with(&settings).await;
    app.allow(&SCOPES);
    app
}

#[tokio::test] // R107, R109
async fn ones_own_page_shows_the_person_the_organisation_and_who_is_around() {
    let app = allowed(&[]).await;
    let page = app.signed_in(EMPLOYEE).await.get("/me").await;
    assert_eq!(page.status, 200);
    for shown in [
        "Maya Lindqvist",
        "Software Engineer",
        "Engineering",
        "Fabrikam",
        "Tomás Okafor",
        EMPLOYEE,
        "/photo/",
    ] {
        // Where an address may break says nothing about it.
        let body = page.body.replace("<wbr>", "").replace("<!>", "");
        assert!(body.contains(shown), "{shown}: {body}");
    }
    assert_eq!(page.body.matches("<h1").count(), 1);
    let page = app.signed_in(MANAGER).await.get("/me").await;
    assert!(page.body.contains("Maya Lindqvist"), "{}", page.body);
}

#[tokio::test] // R108
async fn who_has_no_manager_or_no_organisation_is_told_so_calmly() {
    let app = allowed(&[]).await;
    let page = app.signed_in(DIRECTOR).await.get("/me").await;
    assert_eq!(page.status, 200);
    // Her profile is in Dutch.
    assert!(
        page.body.contains("Niemand staat hierboven."),
        "{}",
        page.body
    );
    app.control().forget_calls();
    let page = app.signed_in(PERSONAL).await.get("/me").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("belongs to no organisation"),
        "{}",
        page.body
    );
    let asked = app.calls(Endpoint::Graph);
    assert!(
        asked.iter().all(|call| call.path == "/v1.0/me"),
        "{asked:?}"
    );
}

/// Graph says this, and nothing else, where a path has this in it.
fn says(path: &str, body: &Value) -> Rule {
    let exactly = Bad::Exactly {
        status: 200,
        content_type: "application/json".into(),
        body: body.to_string(),
    };
    Fault::answer(Endpoint::Graph, exactly).for_path(path)
}

#[tokio::test] // R103
async fn a_list_that_goes_on_says_where_the_page_stops() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(MANAGER).await;
    let list = |kind: &str, count: u32, next: bool| {
        let one = |n| json!({ "@odata.type": kind, "id": format!("{n:04}"), "displayName": format!("Number {n}") });
        let value: Vec<_> = (0..count).map(one).collect();
        let link = format!(
            "{}/v1.0/directoryObjects?$skiptoken=x",
            app.emulator.origin()
        );
        json!({ "value": value, "@odata.nextLink": next.then_some(link) })
    };
    let (user, group) = ("#microsoft.graph.user", "#microsoft.graph.group");
    for (count, next, goes_on) in [(100, false, false), (100, true, true), (101, false, true)] {
        app.control().clear();
        app.control()
            .fault(says("/directReports", &list(user, count, next)));
        app.control()
            .fault(says("/memberOf", &list(group, count, next)));
        for (path, texts) in [
            (
                "/me",
                [
                    "The first 100 are shown",
                    "Only the first 100 memberships were looked at",
                ],
            ),
            (
                "/people/ingrid.vandermeer@fabrikam.example",
                [
                    "The first 100 are shown",
                    "memberships of each of you were compared",
                ],
            ),
        ] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.body.contains("Number 99") && !page.body.contains("Number 100"));
            for text in texts {
                assert_eq!(page.body.contains(text), goes_on, "{path}: {text}");
            }
        }
    }
}

#[tokio::test] // R103
async fn managers_who_lead_round_in_a_circle_are_each_named_once() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let id = |n: u32| format!("00000000-0000-0000-0000-{n:012}");
    let circle = json!({ "id": id(1), "manager": {
        "id": id(2), "displayName": "Above", "manager": {
            "id": id(1), "displayName": "Oneself", "manager": { "id": id(2), "displayName": "Above" },
        },
    }});
    app.control().fault(says("/v1.0/users/", &circle));
    let page = browser.get("/people/round@fabrikam.example").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body.matches(">Above</a>").count(), 1, "{}", page.body);
    assert!(!page.body.contains(">Oneself</a>"), "{}", page.body);
}

#[tokio::test] // R69
async fn a_name_that_is_markup_is_text() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let found = browser.call("people", "search=Brien").await.json();
    let person = &found["people"]["people"][0];
    assert_eq!(
        person["name"],
        "<img src=x onerror=alert(1)> O'Brien & Sons"
    );
    let page = browser
        .get(&format!("/people/{}", person["id"].as_str().unwrap()))
        .await;
    assert_eq!(page.status, 200);
    let name = "&lt;img src=x onerror=alert(1)&gt; O'Brien &amp; Sons";
    assert!(
        page.body
            .contains(&format!("<h1 tabindex=\"-1\">{name}</h1>")),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<img src=x"), "{}", page.body);
}

#[tokio::test] // R109
async fn every_name_and_number_that_is_known_is_shown_once() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let profile = json!({
        "id": "00000000-0000-0000-0000-000000000001", "displayName": "Zoë of Accounts",
        "givenName": "Zoë", "surname": "Meijer",
        "businessPhones": ["+31 20 555 0100", "", "+31 20 555 0101"], "mobilePhone": "+31 20 555 0100",
    });
    app.control().fault(says("/v1.0/users/", &profile));
    let page = browser.get("/people/zoe@fabrikam.example").await;
    for fact in [
        "<dt>First name</dt><dd>Zoë</dd>",
        "<dt>Last name</dt><dd>Meijer</dd>",
        "<dt>Phone</dt><dd>+31 20 555 0100</dd>",
        "<dt>Other phone</dt><dd>+31 20 555 0101</dd>",
    ] {
        assert_eq!(page.body.matches(fact).count(), 1, "{fact}: {}", page.body);
    }
    assert_eq!(page.body.matches("<dt>Other phone").count(), 1);
    let bare = json!({ "id": "00000000-0000-0000-0000-000000000001", "displayName": "Zoë" });
    app.control().clear();
    app.control().fault(says("/v1.0/users/", &bare));
    let page = browser.get("/people/zoe@fabrikam.example").await;
    for label in ["First name", "Last name", "<dt>Phone", "Other phone"] {
        assert!(!page.body.contains(label), "{label}: {}", page.body);
    }
}

#[tokio::test] // R108
async fn a_guest_is_told_calmly_what_guests_are_not_shown() {
    let tenant = format!("{{emulator}}/{FABRIKAM}");
    let app = allowed(&[("AUTHORITY", &tenant)]).await;
    let mut browser = app.signed_in(GUEST).await;
    for path in ["/directReports", "/memberOf"] {
        let refused = Bad::Status {
            status: 403,
            retry_after: None,
        };
        app.control()
            .fault(Fault::answer(Endpoint::Graph, refused).for_path(path));
    }
    let page = browser.get("/me").await;
    assert_eq!(page.status, 200);
    let main = page.body.split("<main").nth(1).unwrap();
    let told = "Guests of this organisation are not shown this.";
    assert_eq!(main.matches(told).count(), 2, "{main}");
    assert!(!main.contains("class=\"problem\""), "{main}");
}

#[tokio::test] // R108
async fn a_guest_gets_a_page_with_what_guests_may_see() {
    let tenant = format!("{{emulator}}/{FABRIKAM}");
    let app = allowed(&[("AUTHORITY", &tenant)]).await;
    let page = app.signed_in(GUEST).await.get("/me").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("Guest of the organisation"),
        "{}",
        page.body
    );
}

#[tokio::test] // R16, R26
async fn a_part_whose_permission_is_missing_offers_it_and_is_not_asked_for() {
    let app = TestApp::start().await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().forget_calls();
    let page = browser.get("/me").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body
            .contains("/auth/login?return_to=%2Fme&amp;scope=User.Read.All"),
        "{}",
        page.body
    );
    let asked = app.calls(Endpoint::Graph);
    assert!(
        asked.iter().all(|call| !call.query.contains("manager")),
        "{asked:?}"
    );
}

#[tokio::test] // R101
async fn one_part_in_trouble_leaves_the_others() {
    for (status, said) in [
        (403, "does not show this"),
        (404, "Nobody reports here."),
        (500, "Try again"),
        (503, "Try again"),
        (429, "Try again"),
    ] {
        let app = allowed(&[]).await;
        let mut browser = app.signed_in(MANAGER).await;
        let busy = Bad::Status {
            status,
            retry_after: (status == 429).then(|| "30".into()),
        };
        app.control()
            .fault(Fault::answer(Endpoint::Graph, busy).for_path("/directReports"));
        let page = browser.get("/me").await;
        assert_eq!(page.status, 200, "{status}");
        let said = if status == 404 {
            "does not show this"
        } else {
            said
        };
        assert!(page.body.contains(said), "{status}: {}", page.body);
        assert!(page.body.contains("Tomás Okafor"), "{status}");
    }
}

#[tokio::test] // R101
async fn without_the_profile_there_is_no_page_but_a_word() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let unknown = browser
        .get("/people/00000000-0000-0000-0000-00000000dead")
        .await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.body.contains("nobody of this name"),
        "{}",
        unknown.body
    );
    let personal = app
        .signed_in(PERSONAL)
        .await
        .get("/people/anybody@fabrikam.example")
        .await;
    assert_eq!(personal.status, 403);
    assert_eq!(
        app.browser()
            .get("/people/anybody@fabrikam.example")
            .await
            .status,
        200
    );
}

#[tokio::test] // R107
async fn a_persons_page_has_what_reaches_them_and_leads_to_those_around() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    let page = browser.get(&format!("/people/{MANAGER}")).await;
    assert_eq!(page.status, 200);
    for shown in [
        "mailto:",
        "https://teams.microsoft.com/l/chat/0/0?users=",
        "Maya Lindqvist",
        "Ingrid van der Meer",
        "href=\"/people/",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
}

#[tokio::test] // R78
async fn an_id_is_one_segment_and_nothing_else() {
    let app = allowed(&[]).await;
    let mut browser = app.signed_in(EMPLOYEE).await;
    app.control().forget_calls();
    for hostile in [
        "..%2Fme",
        "me%2Fmessages",
        "$count",
        "delta",
        "me",
        "a%3F$select=id",
        "a%20b",
        "microsoft.graph.delta()",
        "%00",
        "a%5Cb",
        "%ff",
        "a;b",
    ] {
        let page = browser.get(&format!("/people/{hostile}")).await;
        assert_eq!(page.status, 404, "{hostile}");
        assert!(page.body.contains("nobody of this name"), "{hostile}");
    }
    assert_eq!(app.calls(Endpoint::Graph).len(), 0, "nobody is asked");
}
