//! Pages as the server renders them, over a backend that answers what a test says.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use app::{
    Page, Visit,
    api::Backend,
    document,
    error::{ApiError, Code},
    i18n::Locale,
    model::{AccountKind, Directory, Home, Near, PeoplePage, Person, Preferences, Problem, Viewer},
    pages::welcome,
    shell,
};
use async_trait::async_trait;
use futures::StreamExt;
use leptos::prelude::*;
use leptos_router::location::RequestUrl;

struct Fake {
    locale: Locale,
    home: Result<Home, ApiError>,
    directory: Result<Directory, ApiError>,
    status: AtomicU16,
}

#[async_trait]
impl Backend for Fake {
    fn correlation_id(&self) -> String {
        "the-id".into()
    }

    fn set_status(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    async fn home(&self) -> Result<String, ApiError> {
        // Pending once, as a backend that waits for Graph is.
        tokio::task::yield_now().await;
        let home = self.home.clone()?;
        Ok(welcome(self.locale, home).to_html())
    }

    async fn people(&self, _search: &str, _cursor: &str) -> Result<Directory, ApiError> {
        tokio::task::yield_now().await;
        self.directory.clone()
    }
}

fn viewer() -> Viewer {
    Viewer {
        name: "Adele Vance".into(),
        username: "adele@contoso.example".into(),
        key: "the-tenant.the-person".into(),
    }
}

fn person(name: &str) -> Person {
    Person {
        id: "4a5b".into(),
        name: name.into(),
        job_title: None,
        mail: None,
        phone: None,
        office: None,
    }
}

fn page(people: Vec<Person>) -> PeoplePage {
    PeoplePage {
        people,
        number: 1,
        total: None,
        next: None,
        previous: None,
    }
}

fn options() -> LeptosOptions {
    LeptosOptions::builder().output_name("cloakroom").build()
}

fn visit(path: &str, viewer: Option<Viewer>) -> Visit {
    Visit {
        viewer,
        demo: false,
        login: "/auth/login?return_to=here".into(),
        path: path.into(),
        aside: false,
        idle: 1800,
        preferences: Preferences::default(),
    }
}

/// The status, where the page set one, and the document.
async fn render(visit: Visit, directory: Result<Directory, ApiError>) -> (u16, String) {
    let home = directory
        .clone()
        .map(|_| home(AccountKind::Personal, Near::default()));
    render_over(visit, home, directory).await
}

async fn render_over(
    visit: Visit,
    home: Result<Home, ApiError>,
    directory: Result<Directory, ApiError>,
) -> (u16, String) {
    _ = any_spawner::Executor::init_tokio();
    let fake = Arc::new(Fake {
        locale: visit.preferences.locale,
        home,
        directory,
        status: AtomicU16::new(0),
    });
    let owner = Owner::new();
    let html = owner.with(|| {
        provide_context(RequestUrl::new(&visit.path));
        provide_context(Arc::clone(&fake) as Arc<dyn Backend>);
        shell(options(), visit).to_html_stream_in_order()
    });
    let html = html.collect().await;
    (fake.status.load(Ordering::Relaxed), html)
}

fn home(account: AccountKind, near: Near) -> Home {
    Home {
        person: person("Adele Vance"),
        account,
        near,
    }
}

/// The home of a work account, in this language.
async fn home_with(locale: Locale, near: Near) -> String {
    let mut visit = visit("/", Some(viewer()));
    visit.preferences.locale = locale;
    let home = Ok(home(AccountKind::Work, near));
    let (status, html) = render_over(visit, home, Ok(Directory::NotPermitted)).await;
    assert_eq!(status, 0, "a page");
    html
}

/// The directory's page, signed in.
async fn people(path: &str, directory: Result<Directory, ApiError>) -> (u16, String) {
    render(visit(path, Some(viewer())), directory).await
}

#[tokio::test]
async fn a_signed_in_page_has_the_warning_and_the_script_that_opens_it() {
    let (_, html) = render(
        visit("/people", Some(viewer())),
        Ok(Directory::NotPermitted),
    )
    .await;
    assert!(
        html.contains("<script type=\"module\" src=\"/session.js\"></script>"),
        "{html}"
    );
    let dialog = html.split("<dialog").nth(1).unwrap_or_default();
    for part in [
        "role=\"alertdialog\"",
        "aria-labelledby=\"expiry-title\"",
        "aria-describedby=\"expiry-text\"",
        "data-user=\"the-tenant.the-person\"",
        "data-idle=\"1800\"",
        "role=\"status\"",
        "Stay signed in</button>",
        "href=\"/auth/login?return_to=here\"",
    ] {
        assert!(dialog.contains(part), "{part}: {dialog}");
    }
    for viewer in [None, Some(viewer())] {
        let signed_in = viewer.is_some();
        let (_, html) = render(visit("/no", viewer), Ok(Directory::NotPermitted)).await;
        assert_eq!(html.contains("session.js"), signed_in);
        assert_eq!(html.contains("<dialog"), signed_in);
    }
}

#[tokio::test]
async fn strings_from_graph_are_text_r69() {
    let evil = "<img src=x onerror=alert(1)>";
    let mut listed = person(evil);
    listed.id = "\"><script>".into();
    listed.mail = Some("\" onmouseover=\"alert(1)".into());
    let (_, html) = people("/people", Ok(Directory::People(page(vec![listed])))).await;
    assert!(
        html.contains("&lt;img src=x onerror=alert(1)&gt;"),
        "{html}"
    );
    assert!(!html.contains("<img src=x"), "{html}");
    assert!(!html.contains("\"><script>"), "{html}");
    assert!(
        html.contains("href=\"mailto:&quot; onmouseover=&quot;alert(1)\""),
        "{html}"
    );
}

#[tokio::test]
async fn a_search_is_text_too_r69() {
    let (_, html) = people(
        "/people?search=%3Cb%3E%22",
        Ok(Directory::People(page(Vec::new()))),
    )
    .await;
    assert!(html.contains("Nobody is found for “&lt;b&gt;\"”"), "{html}");
    assert!(html.contains("value=\"&lt;b&gt;&quot;\""), "{html}");
}

#[tokio::test]
async fn columns_that_nobody_has_a_value_for_are_left_out_r109() {
    let mut with_mail = person("Adele Vance");
    with_mail.mail = Some("adele@contoso.example".into());
    let listed = page(vec![with_mail, person("Alex Wilber")]);
    let (_, html) = people("/people", Ok(Directory::People(listed))).await;
    assert!(html.contains("<th scope=\"col\">Mail</th>"), "{html}");
    for column in ["Job title", "Office", "Phone"] {
        assert!(!html.contains(column), "{column}: {html}");
    }
    assert_eq!(html.matches("<td>").count(), 2, "{html}");
}

#[tokio::test]
async fn the_first_page_needs_no_cursor_to_go_back_to() {
    let listed = PeoplePage {
        number: 2,
        total: Some(1030),
        previous: Some(String::new()),
        next: Some("c3".into()),
        ..page(vec![person("Adele Vance")])
    };
    let (_, html) = people("/people?search=a&cursor=c2", Ok(Directory::People(listed))).await;
    assert!(
        html.contains("1,030 people found for “a” · Page 2"),
        "{html}"
    );
    assert!(
        html.contains("href=\"/people?search=a\" class=\"button\">Previous"),
        "{html}"
    );
    assert!(
        html.contains("href=\"/people?search=a&amp;cursor=c3\" class=\"button\">Next"),
        "{html}"
    );
    assert!(
        html.contains("href=\"/people\" class=\"button\">Clear"),
        "{html}"
    );
}

#[tokio::test]
async fn accounts_without_a_directory_are_told_why_r108() {
    for (directory, sentence) in [
        (
            Directory::PersonalAccount,
            "Personal accounts have no directory",
        ),
        (Directory::NotPermitted, "may not list the organisation"),
    ] {
        let (status, html) = people("/people", Ok(directory)).await;
        assert_eq!(status, 0, "not a failure");
        assert!(html.contains(sentence), "{html}");
        assert!(
            html.contains("/auth/login?return_to=%2Fpeople&amp;prompt=select_account"),
            "{html}"
        );
        assert!(
            !html.contains("<form role=\"search\""),
            "nothing to search: {html}"
        );
    }
}

#[tokio::test]
async fn each_refusal_has_its_status_its_action_and_the_id_to_quote() {
    let here = "%2Fpeople%3Fcursor%3Dc2";
    let again = "href=\"/people?cursor=c2\"".to_owned();
    let sign_in = format!("href=\"/auth/login?return_to={here}\"");
    for (code, action) in [
        (Code::SignedOut, sign_in.clone()),
        (Code::Reauthenticate, sign_in),
        (
            Code::ConsentRequired,
            format!(
                "href=\"/auth/login?return_to={here}&amp;scope=User.ReadBasic.All%20Mail.Read\""
            ),
        ),
        (
            Code::ClaimsRequired,
            format!("href=\"/auth/login?return_to={here}&amp;claims=%7B%7D\""),
        ),
        (
            Code::Forbidden,
            format!("href=\"/auth/login?return_to={here}&amp;prompt=select_account\""),
        ),
        (Code::NotFound, "href=\"/people\"".into()),
        (Code::TooLarge, "href=\"/people\"".into()),
        (Code::Throttled, again.clone()),
        (Code::Graph, again.clone()),
        (Code::Unavailable, again.clone()),
        (Code::Timeout, again),
    ] {
        let refusal = ApiError {
            scopes: vec!["User.ReadBasic.All".into(), "Mail.Read".into()],
            claims: Some("{}".into()),
            retry_after: Some(17),
            ..ApiError::new(code, "It is said.", "7f0d4c0e")
        };
        let (status, html) = people("/people?cursor=c2", Err(refusal)).await;
        assert_eq!(status, code.status(), "{code:?}");
        let problem = html.split("class=\"problem\"").nth(1).unwrap_or_default();
        assert!(
            problem.contains(&format!("<a {action} rel=\"external\"")),
            "{code:?}: {problem}"
        );
        assert!(problem.contains("<p>It is said.</p>"), "{problem}");
        assert!(
            problem.contains("data-wait=\"17\"")
                && problem.contains("You can try again in 17 seconds."),
            "{problem}"
        );
        assert!(problem.contains("<dd>7f0d4c0e</dd>"), "{problem}");
    }
}

#[tokio::test]
async fn the_landing_page_has_the_button_and_no_script() {
    let (status, html) = render(visit("/", None), Ok(Directory::NotPermitted)).await;
    assert_eq!(status, 0);
    assert!(
        html.contains("href=\"/auth/login?return_to=here\" rel=\"external\" class=\"microsoft\""),
        "{html}"
    );
    assert!(html.contains("</svg>Sign in with Microsoft</a>"), "{html}");
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("Sign out"), "{html}");
}

#[tokio::test]
async fn the_directory_asks_who_is_signed_out_to_sign_in() {
    let (status, html) = render(visit("/people?search=a", None), Ok(Directory::NotPermitted)).await;
    assert_eq!(status, 0, "an ordinary page");
    assert!(html.contains("Sign in to see this page"), "{html}");
    assert!(!html.contains("<script"), "{html}");
}

#[tokio::test]
async fn home_says_who_is_signed_in_and_has_the_scripts() {
    let (_, html) = render(visit("/", Some(viewer())), Ok(Directory::NotPermitted)).await;
    assert!(
        html.contains("<h1 tabindex=\"-1\">Welcome, Adele Vance</h1>"),
        "{html}"
    );
    assert!(html.contains("Personal account"), "{html}");
    assert!(
        html.contains("<a href=\"/\" aria-current=\"page\" data-key=\"h\">Home</a>"),
        "{html}"
    );
    assert!(
        html.contains("<form method=\"post\" action=\"/auth/logout\">"),
        "{html}"
    );
    assert!(html.contains("<script type=\"module\""), "{html}");
    assert_eq!(html.matches("<h1").count(), 1);
}

#[tokio::test]
async fn a_home_that_could_not_be_loaded_still_has_one_heading() {
    let refusal = ApiError::new(Code::Timeout, "Graph is slow.", "7f0d4c0e");
    let (status, html) = render(visit("/", Some(viewer())), Err(refusal)).await;
    assert_eq!(status, 504);
    assert_eq!(html.matches("<h1").count(), 1, "{html}");
}

#[test]
fn a_page_that_nobody_comes_back_to_is_no_place_of_the_navigation() {
    for (aside, current) in [(true, 0), (false, 1)] {
        let visit = Visit {
            aside,
            ..visit("/", Some(viewer()))
        };
        let page = || Page::sign_in_first("/");
        let html = Owner::new().with(|| document(options(), visit, page).to_html());
        assert_eq!(html.matches("aria-current").count(), current, "{html}");
    }
}

#[tokio::test]
async fn an_address_is_whole_for_who_copies_it() {
    let mut listed = person("Adele Vance");
    listed.mail = Some("adele.vance@contoso.example".into());
    let (_, html) = people("/people", Ok(Directory::People(page(vec![listed])))).await;
    let link = html
        .split("href=\"mailto:adele.vance@contoso.example\">")
        .nth(1);
    let (text, _) = link.unwrap_or_default().split_once("</a>").unwrap();
    assert_eq!(text.matches("<wbr>").count(), 3, "{text}");
    let text = text
        .replace("<wbr>", "")
        .replace("<!>", "")
        .replace("<!---->", "");
    assert_eq!(text, "adele.vance@contoso.example");
}

#[tokio::test]
async fn every_page_of_the_demo_says_so() {
    for viewer in [None, Some(viewer())] {
        let visit = Visit {
            demo: true,
            ..visit("/", viewer)
        };
        let (_, html) = render(visit, Ok(Directory::NotPermitted)).await;
        assert!(
            html.contains("<aside class=\"ribbon\"><strong>Demo</strong>"),
            "{html}"
        );
    }
}

#[tokio::test]
async fn a_problem_document_has_no_script_but_those_of_the_frame_and_the_ids_to_quote() {
    let problem = Problem {
        lang: "en",
        title: "You were not signed in".into(),
        text: "Microsoft said <no>.".into(),
        mend: "Try again.".into(),
        actions: vec![("Try again".into(), "/auth/login".into())],
        details: vec![("Code".into(), "AADSTS50011".into())],
    };
    let owner = Owner::new();
    let visit = visit("/auth/error", Some(viewer()));
    let html = owner.with(|| document(options(), visit, || Page::problem(problem)).to_html());
    assert!(
        html.contains("<title>You were not signed in · Cloakroom</title>"),
        "{html}"
    );
    assert!(html.contains("Microsoft said &lt;no&gt;."), "{html}");
    assert!(html.contains("<dt>Code</dt><dd>AADSTS50011</dd>"), "{html}");
    assert_eq!(html.matches("<script").count(), 3, "{html}");
    for script in ["/session.js", "/frame.js", "/wait.js"] {
        assert!(html.contains(&format!("src=\"{script}\"")), "{html}");
    }
}

#[tokio::test]
async fn the_frame_leads_everywhere_without_a_script() {
    let (_, html) = render(
        visit("/people/4a5b", Some(viewer())),
        Ok(Directory::NotPermitted),
    )
    .await;
    let header = html.split("<header>").nth(1).unwrap_or_default();
    let (header, _) = header.split_once("</header>").unwrap_or_default();
    // Where an address may break says nothing about it.
    let header = header.replace("<wbr>", "").replace("<!>", "");
    for part in [
        "<a href=\"/people\" aria-current=\"true\" data-key=\"p\">People</a>",
        "<a href=\"/console\" rel=\"external\" data-key=\"c\">Console</a>",
        "<button popovertarget=\"menu\" class=\"who\">",
        "popover=\"auto\"",
        "src=\"/photo/the-person?size=48&amp;none=empty\"",
        "<a href=\"/me\" rel=\"external\">Your profile</a>",
        "<a href=\"/account\" rel=\"external\">Your sessions</a>",
        "prompt=select_account",
        "adele@contoso.example",
    ] {
        assert!(header.contains(part), "{part}: {header}");
    }
    // The way out is in no menu.
    let menu = header.split("id=\"menu\"").nth(1).unwrap_or_default();
    let (menu, after) = menu.split_once("</div>").unwrap_or_default();
    assert!(
        !menu.contains("Sign out") && after.contains("Sign out</button>"),
        "{header}"
    );
    assert!(
        html.contains("<button type=\"button\" popovertarget=\"keys\">"),
        "{html}"
    );
    assert!(html.contains("id=\"offline\""), "{html}");
}

#[tokio::test] // R69
async fn home_shows_whom_somebody_works_with_and_each_has_a_page() {
    let mut colleague = person("<b>Alex");
    colleague.id = "a/b".into();
    let people = vec![colleague];
    for (reports, locale, heading) in [
        (true, Locale::en, "Your team"),
        (true, Locale::nl, "Je team"),
        (false, Locale::en, "People you work with"),
        (false, Locale::nl, "Met wie je werkt"),
    ] {
        let near = Near {
            reports,
            people: people.clone(),
            refusal: None,
        };
        let html = home_with(locale, near).await;
        assert!(html.contains(&format!("<h2>{heading}</h2>")), "{html}");
        assert!(html.contains("&lt;b&gt;Alex"), "{html}");
        assert!(html.contains("href=\"/people/a%2Fb\""), "{html}");
    }
    let html = home_with(Locale::en, Near::default()).await;
    assert!(html.contains("Microsoft knows of nobody yet."), "{html}");
}

#[tokio::test] // R26
async fn a_home_without_colleagues_says_why_and_asks_for_what_it_lacks() {
    for (code, text, action) in [
        (
            Code::ConsentRequired,
            "if you allow it",
            "href=\"/auth/login?return_to=%2F&amp;scope=People.Read\"",
        ),
        (Code::Timeout, "could not be loaded", "href=\"/\""),
    ] {
        let refusal = ApiError {
            scopes: vec!["People.Read".into()],
            ..ApiError::new(code, "It is said.", "7f0d4c0e")
        };
        let near = Near {
            refusal: Some(refusal),
            ..Near::default()
        };
        let html = home_with(Locale::en, near).await;
        assert!(html.contains("Welcome, Adele Vance"), "{html}");
        assert!(html.contains(text), "{html}");
        assert!(
            html.contains(&format!("<a {action} rel=\"external\" class=\"button\"")),
            "{html}"
        );
    }
}

#[tokio::test]
async fn the_directory_speaks_dutch_where_the_visit_does() {
    let mut visit = visit("/people", Some(viewer()));
    visit.preferences.locale = Locale::nl;
    let mut listed = page(vec![person("Adele Vance")]);
    listed.total = Some(1030);
    listed.next = Some("c2".into());
    let (_, html) = render(visit.clone(), Ok(Directory::People(listed))).await;
    assert!(html.contains("1.030 personen · Pagina 1"), "{html}");
    assert!(html.contains(">Volgende</a>"), "{html}");
    let refusal = ApiError {
        retry_after: Some(17),
        ..ApiError::new(Code::Throttled, "Er is iets gezegd.", "7f0d4c0e")
    };
    let (status, html) = render(visit, Err(refusal)).await;
    assert_eq!(status, 429);
    assert!(html.contains("Over 17 seconden"), "{html}");
    assert!(
        html.contains("<section class=\"problem\" lang=\"nl\">")
            || html.contains("lang=\"nl\" class=\"problem\""),
        "{html}"
    );
    assert!(
        html.contains("role=\"search\""),
        "another search may do: {html}"
    );
}

#[tokio::test] // R69
async fn the_directory_can_be_downloaded_as_it_was_searched() {
    let mut listed = page(vec![person("Adele Vance")]);
    listed.total = Some(1);
    let (_, html) = people("/people?search=a%26b", Ok(Directory::People(listed))).await;
    assert!(html.contains("1 person found for “a&amp;b”"), "{html}");
    assert!(
        html.contains("href=\"/people.csv?q=a%26b\" rel=\"external\""),
        "{html}"
    );
    let (_, html) = people("/people", Ok(Directory::People(page(Vec::new())))).await;
    assert!(!html.contains("people.csv"), "nobody to download: {html}");
}
