//! Profiles and the list of users.

use std::collections::HashSet;

use super::{BASIC, EVERYTHING, MAYA, PERSONAL, TOMAS, graph, names, ok, refused};

#[tokio::test]
async fn me_has_the_default_properties_and_no_more() {
    let graph = graph(MAYA, "User.Read").await;
    let me = ok(graph.get("/me").await).await;
    let mut keys: Vec<&String> = me.as_object().unwrap().keys().collect();
    keys.sort();
    let expected = [
        "@odata.context",
        "businessPhones",
        "displayName",
        "givenName",
        "id",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    ];
    assert_eq!(keys, expected);
    assert_eq!(me["displayName"], "Maya Lindqvist");
    assert_eq!(me["jobTitle"], "Software Engineer");
    assert_eq!(
        me["@odata.context"],
        format!(
            "{}/v1.0/$metadata#users/$entity",
            graph.world.emulator.origin()
        )
    );
}

#[tokio::test]
async fn select_returns_what_is_asked_in_the_real_spelling() {
    let graph = graph(MAYA, "User.Read").await;
    let me = ok(graph
        .get("/me?$select=displayname,department,accountEnabled,companyName")
        .await)
    .await;
    assert_eq!(me["department"], "Engineering");
    assert_eq!(me["accountEnabled"], true);
    assert_eq!(me["companyName"], "Fabrikam");
    assert!(me.get("mail").is_none());
    assert!(
        me["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("#users(accountEnabled,companyName,department,displayName)/$entity")
    );
    let message = refused(graph.get("/me?$select=shoeSize").await, 400, "BadRequest").await;
    assert!(message.contains("shoeSize"));
}

#[tokio::test]
async fn the_list_holds_a_hundred_and_links_on_until_everybody_came_once() {
    let graph = graph(MAYA, BASIC).await;
    let mut url = "/users".to_owned();
    let mut seen = HashSet::new();
    let mut pages = Vec::new();
    loop {
        let page = ok(graph.get(&url).await).await;
        let users = page["value"].as_array().unwrap();
        pages.push(users.len());
        seen.extend(
            users
                .iter()
                .map(|user| user["id"].as_str().unwrap().to_owned()),
        );
        match page["@odata.nextLink"].as_str() {
            Some(next) => {
                assert!(
                    next.starts_with(&format!("{}/v1.0/users?", graph.world.emulator.origin())),
                    "{next}"
                );
                next.clone_into(&mut url);
            }
            None => break,
        }
    }
    assert_eq!(pages, [100, 100, 20]);
    assert_eq!(seen.len(), 220);
}

#[tokio::test]
async fn a_next_link_keeps_the_query_and_takes_no_other() {
    let graph = graph(MAYA, BASIC).await;
    let first = ok(graph.get("/users?$top=7&$select=displayName,id").await).await;
    let next = first["@odata.nextLink"].as_str().unwrap();
    assert!(
        next.contains("?$top=7&$select=displayName,id&$skiptoken="),
        "{next}"
    );
    let second = ok(graph.get(next).await).await;
    assert_eq!(second["value"].as_array().unwrap().len(), 7);
    assert_ne!(names(&first)[0], names(&second)[0]);
    for broken in [
        next.replace("$top=7", "$top=8"),
        next.replace("displayName,id", "displayName%2Cid"),
        next.replace("$skiptoken", "%24skiptoken"),
        format!("{next}AA"),
        next.replace("skiptoken=RF", "skiptoken=RG"),
        format!("{next}&$count=true"),
    ] {
        refused(graph.get(&broken).await, 400, "Directory_ExpiredPageToken").await;
    }
}

#[tokio::test]
async fn a_page_token_is_worth_nothing_to_somebody_else() {
    let maya = graph(MAYA, BASIC).await;
    let page = ok(maya.get("/users?$top=5").await).await;
    let next = page["@odata.nextLink"].as_str().unwrap();
    let query = next.split_once("/v1.0").unwrap().1;
    let tomas = graph(TOMAS, BASIC).await;
    refused(tomas.get(query).await, 400, "Directory_ExpiredPageToken").await;
}

#[tokio::test]
async fn a_page_holds_between_1_and_999() {
    let graph = graph(MAYA, BASIC).await;
    let all = ok(graph.get("/users?$top=999").await).await;
    assert_eq!(all["value"].as_array().unwrap().len(), 220);
    assert!(all.get("@odata.nextLink").is_none());
    for top in ["0", "1000"] {
        let message = refused(
            graph.get(&format!("/users?$top={top}")).await,
            400,
            "Request_UnsupportedQuery",
        )
        .await;
        assert_eq!(
            message,
            format!("Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive.")
        );
    }
    refused(graph.get("/users?$top=-1").await, 400, "BadRequest").await;
    refused(graph.get("/users?$top=1&$top=2").await, 400, "BadRequest").await;
}

#[tokio::test]
async fn skip_is_refused_on_users() {
    let graph = graph(MAYA, BASIC).await;
    let message = refused(
        graph.get("/users?$skip=10").await,
        400,
        "Request_BadRequest",
    )
    .await;
    assert_eq!(message, "'$skip' is not supported by the service.");
}

#[tokio::test]
async fn somebody_is_found_by_id_and_by_name_in_any_case_and_nobody_is_404() {
    let graph = graph(MAYA, BASIC).await;
    let by_name = ok(graph.get(&format!("/users/{}", TOMAS.to_uppercase())).await).await;
    let id = by_name["id"].as_str().unwrap();
    let by_id = ok(graph.get(&format!("/users/{id}")).await).await;
    assert_eq!(by_id, by_name);
    let message = refused(
        graph.get("/users/nobody@fabrikam.example").await,
        404,
        "Request_ResourceNotFound",
    )
    .await;
    assert!(message.starts_with("Resource 'nobody@fabrikam.example' does not exist"));
}

#[tokio::test]
async fn a_guest_is_found_by_the_name_with_ext_in_it() {
    let graph = graph(MAYA, EVERYTHING).await;
    let name = "sofia.marchetti_tailspin.example%23EXT%23@fabrikam.example";
    let guest = ok(graph
        .get(&format!(
            "/users/{name}?$select=userType,mail,userPrincipalName"
        ))
        .await)
    .await;
    assert_eq!(guest["userType"], "Guest");
    assert_eq!(guest["mail"], "sofia.marchetti@tailspin.example");
}

#[tokio::test]
async fn names_that_need_care_arrive_as_they_are() {
    let graph = graph(MAYA, BASIC).await;
    let all = ok(graph.get("/users?$top=999").await).await;
    for name in [
        "<img src=x onerror=alert(1)> O'Brien & Sons",
        "ليلى الحدّاد",
        "李思远 (David Li)",
    ] {
        assert!(names(&all).contains(&name), "{name}");
    }
}

#[tokio::test]
async fn a_personal_account_has_an_id_of_sixteen_digits_and_no_directory() {
    let graph = graph(PERSONAL, BASIC).await;
    let me = ok(graph.get("/me").await).await;
    assert_eq!(me["id"], "8a5e3c7d10f42b06");
    assert_eq!(me["userPrincipalName"], PERSONAL);
    for path in [
        "/users",
        "/users/$count",
        "/organization",
        "/me/manager",
        "/users/someone@else.example",
    ] {
        let message = refused(graph.get(path).await, 400, "BadRequest").await;
        assert_eq!(
            message, "This API is not supported for MSA accounts",
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_organization_is_told() {
    let graph = graph(MAYA, "User.Read").await;
    let body = ok(graph.get("/organization").await).await;
    assert_eq!(body["value"][0]["displayName"], "Fabrikam");
    assert_eq!(
        body["value"][0]["verifiedDomains"][0]["name"],
        "fabrikam.example"
    );
}

#[tokio::test]
async fn an_answer_has_the_headers_of_the_real_one_and_echoes_the_callers_id() {
    let graph = graph(MAYA, "User.Read").await;
    let id = "0f1e2d3c-4b5a-4968-8776-655443322110";
    let response = graph.get_with("/me", &[("client-request-id", id)]).await;
    assert_eq!(response.headers()["client-request-id"], id);
    assert_ne!(response.headers()["request-id"], id);
    assert_eq!(response.headers()["odata-version"], "4.0");
    assert!(response.headers().contains_key("x-ms-ags-diagnostic"));
    assert!(response.headers().contains_key("date"));
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json;odata.metadata=minimal")
    );
    let response = graph
        .get_with("/me", &[("client-request-id", "no guid")])
        .await;
    assert_eq!(
        response.headers()["client-request-id"],
        response.headers()["request-id"]
    );
}

#[tokio::test]
async fn unknown_paths_methods_and_options_are_refused_and_never_a_panic() {
    let graph = graph(MAYA, BASIC).await;
    refused(graph.get("/unicorns").await, 400, "BadRequest").await;
    refused(graph.get("/me/unicorns").await, 400, "BadRequest").await;
    refused(graph.get("/me?$unicorn=1").await, 400, "BadRequest").await;
    refused(graph.get("/users/%ff").await, 400, "BadRequest").await;
    refused(graph.get("/users?$select=%zz").await, 400, "BadRequest").await;
    refused(
        graph.post("/me", &serde_json::json!({})).await,
        405,
        "Request_BadRequest",
    )
    .await;
    refused(graph.get("/$batch").await, 405, "Request_BadRequest").await;
}
