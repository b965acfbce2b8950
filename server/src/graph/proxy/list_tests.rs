use std::path::PathBuf;

use http::Method;
use url::Url;

use super::{AllowList, Denied, parse};

fn sent(list: &AllowList, target: &str) -> Result<String, Denied> {
    list.admit(&Method::GET, target)
        .map(|(_, path)| path.to_string())
}

#[test] // R77
fn the_built_in_list_has_no_mistake_and_names_its_scopes() {
    let entries = parse(include_str!("../allowed.toml")).unwrap();
    assert!(entries.len() > 30);
    let list = AllowList::built_in();
    assert!(list.knows_scope("User.Read") && list.knows_scope("mail.readbasic"));
    // Enough for many calls, and the least for none: nobody is asked for it.
    assert!(!list.knows_scope("Directory.ReadWrite.All") && !list.knows_scope(""));
    // What it lists, it reads.
    assert!(entries.iter().all(|entry| entry.method == Method::GET));
}

#[test] // R77
fn what_is_not_listed_is_denied_method_and_path() {
    let list = AllowList::built_in();
    assert_eq!(sent(&list, "/me").unwrap(), "/v1.0/me");
    for target in [
        "/ME",
        "/Me",
        "/me/MESSAGES",
        "/me/",
        "/",
        "/me/x",
        "/me/messages/delta",
        "/users/delta",
        "/users/delta()",
        "/users('1')",
        "/me/revokeSignInSessions",
        "/users/$Count",
        "/users/1/x",
        "/$batch",
        "/$metadata",
        "/applications",
        "/users/1/microsoft.graph.user",
    ] {
        assert!(sent(&list, target).is_err(), "{target}");
    }
    for method in [
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ] {
        assert_eq!(list.admit(&method, "/me").unwrap_err(), Denied::Unlisted);
    }
}

#[test] // R77
fn the_more_particular_pattern_is_found_first() {
    let list = AllowList::built_in();
    let pattern = |target| list.admit(&Method::GET, target).unwrap().0.pattern.clone();
    assert_eq!(pattern("/users/$count"), "/users/$count");
    assert_eq!(pattern("/users/a@b.example"), "/users/{id}");
    assert_eq!(
        pattern("/me/photos/48x48/$value"),
        "/me/photos/{size}/$value"
    );
}

#[test] // R91
fn a_parameter_is_listed_and_comes_once_however_it_is_written() {
    let list = AllowList::built_in();
    for query in [
        "$select=id,mail",
        "%24select=id",
        "$SELECT=id",
        "select=id",
        "$top=5&$skiptoken=a%2Bb&$count=true",
        "$search=%22displayName:a%22",
        "",
        "$expand=manager",
        "$expand=manager($levels=max;$select=id)",
        "&$top=1&",
    ] {
        assert!(sent(&list, &format!("/users?{query}")).is_ok(), "{query}");
    }
    for query in [
        "$top=1&$top=2",
        "$top=1&%24top=2",
        "$top=1&$TOP=2",
        "$top=1&top=2",
        "$select=id&%24%73elect=mail",
        "%2524expand=manager",
        "$expand=memberOf",
        "%24expand=memberOf",
        "expand=memberOf",
        "$EXPAND=memberOf",
        "$expand=manager,memberOf",
        "$expand=manager($expand=memberOf)",
        "$expand=manager($filter=a%20eq%20%27(%27),memberOf",
        "$expand=manager)",
        "$expand=(memberOf)manager",
        "$expand=man(memberOf)ager",
        "$expand=manager(a)(b)",
        "$expand=",
        "$expand=*",
        "$format=xml",
        "$apply=x",
        "$value",
        "access_token=x",
        "api-version=beta",
        "$select=id;$expand=memberOf",
        "startDateTime=x",
        "$startDateTime=x",
        "+$top=1",
        "$$top=1",
    ] {
        assert!(
            matches!(
                sent(&list, &format!("/users?{query}")),
                Err(Denied::Parameter(_))
            ),
            "{query}"
        );
    }
    assert!(
        sent(
            &list,
            "/me/calendarView?startDateTime=2026-01-01T00:00:00Z&EndDateTime=x"
        )
        .is_ok()
    );
    assert!(sent(&list, "/groups?$expand=members").is_err());
}

#[test] // R78
fn what_was_checked_is_what_is_sent() {
    let list = AllowList::built_in();
    let origin = Url::parse("https://graph.microsoft.com").unwrap();
    for (target, expected) in [
        ("/%6De?", "/v1.0/me"),
        (
            "/users/a%40b.example?$select=id",
            "/v1.0/users/a@b.example?$select=id",
        ),
        ("/users/o'neil@b.example", "/v1.0/users/o%27neil@b.example"),
        (
            "/users/x%23EXT%23@b.example",
            "/v1.0/users/x%23EXT%23@b.example",
        ),
        (
            "/users?$filter=startswith(mail,'a')",
            "/v1.0/users?$filter=startswith(mail,%27a%27)",
        ),
        (
            "/users?$search=%22{a|b}^`\"",
            "/v1.0/users?$search=%22{a|b}^`%22",
        ),
    ] {
        let path = list.admit(&Method::GET, target).unwrap().1;
        assert_eq!(path.to_string(), expected);
        let url = path.on(&origin).unwrap();
        assert_eq!(&url[url::Position::BeforePath..], expected);
    }
}

fn with(text: &str) -> Result<AllowList, String> {
    let file = std::env::temp_dir().join(format!("allowed-{}.toml", uuid::Uuid::new_v4()));
    std::fs::write(&file, text).unwrap();
    let list = AllowList::with_file(&file);
    std::fs::remove_file(&file).unwrap();
    list.map_err(|text| text.replace(&file.display().to_string(), "FILE"))
}

#[test] // R77
fn an_operators_file_adds_calls_and_changes_them() {
    let list = with("[\"GET /me/todo/lists\"]\nscopes = [\"Tasks.Read\"]\n\n[\"GET /me\"]\nscopes = [\"User.Read.All\"]\n").unwrap();
    assert_eq!(
        sent(&list, "/me/todo/lists").unwrap(),
        "/v1.0/me/todo/lists"
    );
    assert!(list.knows_scope("Tasks.Read"));
    assert_eq!(
        list.admit(&Method::GET, "/me").unwrap().0.scopes,
        ["User.Read.All"]
    );
    assert!(sent(&list, "/me?$expand=manager").is_err());
    assert!(sent(&list, "/users").is_ok());
    // A function is passed on if it is listed as it is written.
    let list = with("[\"GET /users/delta()\"]\nscopes = [\"User.Read.All\"]\n").unwrap();
    assert!(
        sent(&list, "/users/delta()?$deltatoken=x").is_ok() && sent(&list, "/users/delta").is_err()
    );
}

#[test]
fn a_mistake_in_an_operators_file_names_its_line_and_the_mend() {
    let row = "scopes = [\"User.Read\"]\n";
    for (text, line, word) in [
        ("\n[\"GET /me\"\n", 2, "write it as in"),
        ("[\"GET /me\"]\nscope = [\"User.Read\"]\n", 2, "scope"),
        ("[\"GET /me\"]\nscopes = \"User.Read\"\n", 2, "sequence"),
        ("[\"GET /me\"]\nscopes = []\n", 1, "empty"),
        (
            &format!("[\"GET /me\"]\n{row}[\"GET /me\"]\n{row}"),
            3,
            "duplicate",
        ),
        (&format!("# x\n[\"GET /me/\"]\n{row}"), 2, "no path"),
        (&format!("[\"GET me\"]\n{row}"), 1, "no path"),
        (&format!("[\"GET /a/../b\"]\n{row}"), 1, "no path"),
        (&format!("[\"GET /a%2fb\"]\n{row}"), 1, "no path"),
        (&format!("[\"GET /{{a}}b\"]\n{row}"), 1, "no path"),
        (&format!("[\"GET /v1.0/me\"]\n{row}"), 1, "leave out /v1.0"),
        (&format!("[\"GET /beta/me\"]\n{row}"), 1, "leave out /beta"),
        (&format!("[\"POST /$batch\"]\n{row}"), 1, "already"),
        (&format!("[\"get /me\"]\n{row}"), 1, "no method"),
        (&format!("[\"/me\"]\n{row}"), 1, "no call"),
        (
            "[\"GET /me\"]\nscopes = [\"User Read\"]\n",
            1,
            "no permission",
        ),
        (
            &format!("[\"GET /me\"]\n{row}parameters = [\"$x\"]\n"),
            1,
            "no plain name",
        ),
    ] {
        let mend = with(text).unwrap_err();
        assert!(
            mend.starts_with(&format!("line {line} of FILE: ")) && mend.contains(word),
            "{text}: {mend}"
        );
        assert!(!mend.contains('\n'), "{mend}");
    }
    let missing = AllowList::with_file(&PathBuf::from("/no/such/file.toml")).unwrap_err();
    assert!(missing.contains("can't be read"), "{missing}");
}
