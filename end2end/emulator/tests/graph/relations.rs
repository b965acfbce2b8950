//! Managers, reports, groups, relevant people, and ending one's sessions.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    BASIC, EVERYTHING, GWENDOLYN, INGRID, MAYA, PERSONAL, TOMAS, graph, names, ok, refused,
};

#[tokio::test]
async fn the_employee_reports_to_the_manager_and_the_director_to_nobody() {
    let graph = graph(MAYA, EVERYTHING).await;
    let manager = ok(graph.get("/me/manager").await).await;
    assert_eq!(manager["userPrincipalName"], TOMAS);
    assert_eq!(manager["@odata.type"], "#microsoft.graph.user");
    let message = refused(
        graph.get(&format!("/users/{INGRID}/manager")).await,
        404,
        "Request_ResourceNotFound",
    )
    .await;
    assert!(message.starts_with("Resource 'manager' does not exist"));
}

#[tokio::test]
async fn a_manager_comes_along_when_expanded_up_to_the_director() {
    let full = graph(MAYA, EVERYTHING).await;
    let me = ok(full
        .get("/me?$select=displayName&$expand=manager($levels=max;$select=displayName)")
        .await)
    .await;
    assert_eq!(me["manager"]["displayName"], "Tomás Okafor");
    assert_eq!(
        me["manager"]["manager"]["manager"]["displayName"],
        "Ingrid van der Meer"
    );
    assert!(me["manager"].get("mail").is_none());
    let list = ok(full
        .get("/users?$top=999&$expand=manager($select=id)")
        .await)
    .await;
    let without = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user.get("manager").is_none());
    assert_eq!(without.count(), 2, "the director and the guest");
    for broken in [
        "unicorn",
        "manager(",
        "manager($select=shoeSize)",
        "manager($levels=many)",
    ] {
        refused(
            full.get(&format!("/me?$expand={broken}")).await,
            400,
            "BadRequest",
        )
        .await;
    }
    let basic = graph(MAYA, BASIC).await;
    refused(
        basic.get("/me?$expand=manager").await,
        403,
        "Authorization_RequestDenied",
    )
    .await;
}

#[tokio::test]
async fn the_manager_has_the_employee_as_a_report() {
    let graph = graph(TOMAS, BASIC).await;
    let reports = ok(graph.get("/me/directReports").await).await;
    assert!(names(&reports).contains(&"Maya Lindqvist"));
    assert_eq!(reports["value"][0]["@odata.type"], "#microsoft.graph.user");
    assert_eq!(
        reports["value"][0]["jobTitle"],
        Value::Null,
        "basic profiles"
    );
}

#[tokio::test]
async fn groups_have_names_only_for_who_may_read_groups() {
    let basic = graph(MAYA, "User.Read").await;
    let hidden = ok(basic.get("/me/memberOf").await).await;
    assert!(
        hidden["value"]
            .as_array()
            .unwrap()
            .iter()
            .all(|group| group["id"].is_string() && group["displayName"].is_null())
    );
    let full = graph(MAYA, EVERYTHING).await;
    let shown = ok(full.get("/me/memberOf").await).await;
    assert_eq!(
        names(&shown),
        ["All Company", "Engineering", "Stockholm office"]
    );
}

#[tokio::test]
async fn more_groups_than_a_page_holds_are_paged() {
    let graph = graph(GWENDOLYN, EVERYTHING).await;
    let mut url = "/me/memberOf?$select=id".to_owned();
    let mut seen = HashSet::new();
    loop {
        let page = ok(graph.get(&url).await).await;
        seen.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|group| group["id"].as_str().unwrap().to_owned()),
        );
        match page["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => break,
        }
    }
    assert_eq!(seen.len(), 233);
}

#[tokio::test]
async fn relevant_people_are_those_nearby() {
    let graph = graph(MAYA, EVERYTHING).await;
    let people = ok(graph.get("/me/people").await).await;
    assert_eq!(names(&people).len(), 10);
    assert_eq!(names(&people)[0], "Tomás Okafor");
    let next = ok(graph.get(people["@odata.nextLink"].as_str().unwrap()).await).await;
    assert!(!names(&next).contains(&"Tomás Okafor"));
    let found = ok(graph.get("/me/people?$search=\"tomás\"").await).await;
    assert!(names(&found).contains(&"Tomás Okafor"));
}

#[tokio::test]
async fn who_revokes_their_sessions_loses_the_refresh_token() {
    let graph = graph(MAYA, EVERYTHING).await;
    let tokens = graph.world.tokens(MAYA).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(graph.world.refresh(refresh).await.status(), 200);
    let answer = ok(graph.post("/me/revokeSignInSessions", &json!({})).await).await;
    assert_eq!(answer["value"], true);
    let refused: Value = graph.world.refresh(refresh).await.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_grant");
}

#[tokio::test]
async fn a_personal_account_has_no_relations() {
    let graph = graph(PERSONAL, "User.Read").await;
    for path in ["/me/manager", "/me/directReports", "/me/memberOf"] {
        refused(graph.get(path).await, 400, "BadRequest").await;
    }
}
