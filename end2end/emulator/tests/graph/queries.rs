//! `$search`, `$filter`, `$orderby` and `$count`.

use super::{BASIC, EVERYTHING, MAYA, graph, names, ok, refused};

const NEEDS_HEADER: &str = "Request with $search query parameter only works through MSGraph with a special request header: \
                            'ConsistencyLevel: eventual'";

#[tokio::test]
async fn search_needs_its_header_on_every_page() {
    let graph = graph(MAYA, BASIC).await;
    let path = "/users?$search=%22displayName:a%22&$top=2";
    let message = refused(graph.get(path).await, 400, "Request_UnsupportedQuery").await;
    assert_eq!(message, NEEDS_HEADER);
    let page = ok(graph.eventually(path).await).await;
    let next = page["@odata.nextLink"].as_str().unwrap();
    assert!(next.contains("$search=%22displayName:a%22"), "{next}");
    refused(graph.get(next).await, 400, "Request_UnsupportedQuery").await;
    assert_eq!(names(&ok(graph.eventually(next).await).await).len(), 2);
}

#[tokio::test]
async fn search_finds_words_by_their_beginning_in_any_order_and_case() {
    let graph = graph(MAYA, BASIC).await;
    for search in [
        "displayName:lindq",
        "displayName:LINDQVIST maya",
        "displayName:Maya Lind",
        "mail:maya.l",
    ] {
        let body = ok(graph
            .eventually(&format!("/users?$search=\"{search}\""))
            .await)
        .await;
        assert_eq!(names(&body), ["Maya Lindqvist"], "{search}");
    }
    let inside = ok(graph
        .eventually("/users?$search=\"displayName:indqvist\"")
        .await)
    .await;
    assert!(names(&inside).is_empty(), "search is no 'contains'");
    let chinese = ok(graph
        .eventually("/users?$search=\"displayName:李思远\"")
        .await)
    .await;
    assert_eq!(names(&chinese), ["李思远 (David Li)"]);
    let symbol = ok(graph
        .eventually("/users?$search=\"displayName:O'Brien\"")
        .await)
    .await;
    assert_eq!(names(&symbol).len(), 1);
}

#[tokio::test]
async fn search_takes_and_or_and_parentheses() {
    let graph = graph(MAYA, BASIC).await;
    let search = async |text: &str| {
        let body = ok(graph.eventually(&format!("/users?$search={text}")).await).await;
        names(&body)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        search("\"displayName:maya\" AND \"displayName:lindqvist\"").await,
        ["Maya Lindqvist"]
    );
    let both = search("\"displayName:lindqvist\" OR \"mail:tomas.okafor\"").await;
    assert!(
        both.contains(&"Maya Lindqvist".to_owned()) && both.contains(&"Tomás Okafor".to_owned()),
        "{both:?}"
    );
    let nested =
        search("(\"displayName:maya\" OR \"displayName:tomás\") AND \"mail:tomas.okafor\"").await;
    assert_eq!(nested, ["Tomás Okafor"]);
}

#[tokio::test]
async fn a_broken_search_is_explained() {
    let graph = graph(MAYA, BASIC).await;
    let message = refused(
        graph.eventually("/users?$search=displayName:maya").await,
        400,
        "BadRequest",
    )
    .await;
    assert_eq!(
        message,
        "Syntax error: character ':' is not valid at position 11 in 'displayName:maya'."
    );
    for broken in [
        "\"displayName:maya",
        "(\"displayName:maya\"",
        "\"displayName:maya\" AND",
        ")",
        "\"\\",
    ] {
        refused(
            graph.eventually(&format!("/users?$search={broken}")).await,
            400,
            "BadRequest",
        )
        .await;
    }
    for broken in ["\"maya\"", "\"shoeSize:46\""] {
        refused(
            graph.eventually(&format!("/users?$search={broken}")).await,
            400,
            "Request_BadRequest",
        )
        .await;
    }
}

#[tokio::test]
async fn count_is_told_once_with_its_header_and_ignored_without() {
    let graph = graph(MAYA, BASIC).await;
    let silent = ok(graph.get("/users?$count=true&$top=5").await).await;
    assert!(silent.get("@odata.count").is_none());
    let first = ok(graph.eventually("/users?$count=true&$top=5").await).await;
    assert_eq!(first["@odata.count"], 220);
    let second = ok(graph
        .eventually(first["@odata.nextLink"].as_str().unwrap())
        .await)
    .await;
    assert!(second.get("@odata.count").is_none());
    let alone = graph.eventually("/users/$count").await;
    assert_eq!(alone.headers()["content-type"], "text/plain");
    assert_eq!(alone.text().await.unwrap(), "220");
    refused(graph.get("/users/$count").await, 400, "Request_BadRequest").await;
}

#[tokio::test]
async fn filters_of_the_common_kind_work_by_default() {
    let graph = graph(MAYA, EVERYTHING).await;
    let find = async |filter: &str| {
        let body = ok(graph
            .get(&format!("/users?$top=999&$filter={filter}"))
            .await)
        .await;
        names(&body)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        find("mail eq 'MAYA.lindqvist@fabrikam.example'").await,
        ["Maya Lindqvist"]
    );
    assert_eq!(
        find("startswith(displayName,'maya l')").await,
        ["Maya Lindqvist"]
    );
    assert_eq!(
        find("surname eq 'Lindqvist' and (givenName eq 'Maya' or givenName eq 'Nobody')").await,
        ["Maya Lindqvist"]
    );
    assert_eq!(
        find("userPrincipalName in ('maya.lindqvist@fabrikam.example', 'x@y.example')").await,
        ["Maya Lindqvist"]
    );
    assert_eq!(find("surname eq 'O''Brien %26 Sons'").await.len(), 1);
    assert_eq!(find("userType eq 'Guest'").await, ["Sofia Marchetti"]);
    assert_eq!(
        find("proxyAddresses/any(p:startsWith(p,'smtp:maya.l'))").await,
        ["Maya Lindqvist"]
    );
    let old = find("createdDateTime le 2020-01-01T00:00:00Z").await.len();
    assert!(old > 20 && old < 200, "{old}");
    assert!(!find("accountEnabled eq false").await.is_empty());
    assert!(
        find("jobTitle eq null")
            .await
            .contains(&"Sofia Marchetti".to_owned())
    );
}

#[tokio::test]
async fn advanced_filters_need_the_header_and_the_count() {
    let graph = graph(MAYA, EVERYTHING).await;
    let ext = "/users?$filter=endsWith(userPrincipalName,'%23EXT%23@fabrikam.example')";
    refused(graph.get(ext).await, 400, "Request_UnsupportedQuery").await;
    refused(graph.eventually(ext).await, 400, "Request_UnsupportedQuery").await;
    let body = ok(graph.eventually(&format!("{ext}&$count=true")).await).await;
    assert_eq!(names(&body), ["Sofia Marchetti"]);
    assert_eq!(body["@odata.count"], 1);
    for filter in [
        "userType ne 'Member'",
        "not(userType eq 'Member')",
        "NOT startsWith(userType,'Mem')",
    ] {
        refused(
            graph.get(&format!("/users?$filter={filter}")).await,
            400,
            "Request_UnsupportedQuery",
        )
        .await;
        let body = ok(graph
            .eventually(&format!("/users?$filter={filter}&$count=true"))
            .await)
        .await;
        assert_eq!(names(&body), ["Sofia Marchetti"], "{filter}");
    }
    refused(
        graph.get("/users?$filter=contains(displayName,'a')").await,
        400,
        "Request_UnsupportedQuery",
    )
    .await;
}

#[tokio::test]
async fn a_broken_filter_is_explained() {
    let graph = graph(MAYA, EVERYTHING).await;
    let deep = "(".repeat(5000);
    for filter in [
        "shoeSize eq 1",
        "mail eq",
        "mail eq 'x",
        "mail like 'x'",
        "startswith(mail)",
        "mail eq 'a' x",
        "mail eq 5",
        &deep,
    ] {
        refused(
            graph.get(&format!("/users?$filter={filter}")).await,
            400,
            "BadRequest",
        )
        .await;
    }
}

#[tokio::test]
async fn a_query_may_be_long_but_not_endless() {
    let graph = graph(MAYA, EVERYTHING).await;
    let alternatives = |count: usize| vec!["mail eq 'x'"; count].join(" or ");
    ok(graph
        .get(&format!("/users?$filter={}", alternatives(15)))
        .await)
    .await;
    let message = refused(
        graph
            .get(&format!("/users?$filter={}", alternatives(16)))
            .await,
        400,
        "Request_UnsupportedQuery",
    )
    .await;
    assert!(
        message.ends_with("'OR' operators: 16. Max allowed: 15."),
        "{message}"
    );
    for search in ["(".repeat(20_000), "\"displayName:a\"".repeat(2000)] {
        // In a batch, because a URL of that length never arrives.
        let batch = serde_json::json!({ "requests": [{
            "id": "1", "method": "GET", "url": format!("/users?$search={search}"),
            "headers": { "ConsistencyLevel": "eventual" },
        }]});
        let body = ok(graph.post("/$batch", &batch).await).await;
        assert_eq!(body["responses"][0]["status"], 400);
    }
}

#[tokio::test]
async fn order_by_name_works_by_default_and_the_rest_as_documented() {
    let graph = graph(MAYA, EVERYTHING).await;
    let up = ok(graph.get("/users?$orderby=displayName&$top=999").await).await;
    let down = ok(graph.get("/users?$orderby=displayName desc&$top=999").await).await;
    let mut reversed = names(&down);
    reversed.reverse();
    assert_eq!(names(&up), reversed);
    let first = ok(graph.get("/users?$orderby=userPrincipalName&$top=3").await).await;
    let next = ok(graph.get(first["@odata.nextLink"].as_str().unwrap()).await).await;
    let upn = |body: &serde_json::Value, at: usize| {
        body["value"][at]["userPrincipalName"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(upn(&first, 0) < upn(&first, 2) && upn(&first, 2) < upn(&next, 0));
    for path in [
        "/users?$orderby=createdDateTime",
        "/users?$orderby=jobTitle",
        "/users?$orderby=displayName&$filter=startswith(displayName,'a')",
    ] {
        let message = refused(graph.get(path).await, 400, "Request_UnsupportedQuery").await;
        assert_eq!(
            message, "Sorting not supported for current query.",
            "{path}"
        );
    }
    let path = "/users?$orderby=displayName&$filter=startswith(displayName,'a')&$count=true";
    assert!(!names(&ok(graph.eventually(path).await).await).is_empty());
    ok(graph
        .eventually("/users?$orderby=createdDateTime desc&$count=true")
        .await)
    .await;
}

#[tokio::test]
async fn what_may_not_be_read_may_not_be_asked_about() {
    let graph = graph(MAYA, BASIC).await;
    refused(
        graph.get("/users?$filter=department eq 'Legal'").await,
        403,
        "Authorization_RequestDenied",
    )
    .await;
    refused(
        graph.eventually("/users?$search=\"jobTitle:Soft\"").await,
        403,
        "Authorization_RequestDenied",
    )
    .await;
    ok(graph.get("/users?$filter=startswith(surname,'L')").await).await;
}
