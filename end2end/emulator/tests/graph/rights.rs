//! Which scope opens what, and how much of it.

use serde_json::{Value, json};

use super::{BASIC, EVERYTHING, GUEST, MAYA, TOMAS, graph, ok, refused};

#[tokio::test]
async fn without_a_token_or_with_a_wrong_one_it_is_401() {
    let graph = graph(MAYA, "User.Read").await;
    for authorization in ["", "Bearer ", "Bearer nonsense", "Basic dXNlcjpwYXNz"] {
        let request = graph.world.http.get(graph.world.url("/v1.0/me"));
        let request = if authorization.is_empty() {
            request
        } else {
            request.header("authorization", authorization)
        };
        refused(
            request.send().await.unwrap(),
            401,
            "InvalidAuthenticationToken",
        )
        .await;
    }
}

#[tokio::test]
async fn user_read_opens_the_callers_own_profile_only() {
    let graph = graph(MAYA, "User.Read").await;
    ok(graph.get("/me").await).await;
    ok(graph.get(&format!("/users/{MAYA}")).await).await;
    for path in [
        "/users",
        &format!("/users/{TOMAS}"),
        "/me/manager",
        "/me/directReports",
    ] {
        refused(graph.get(path).await, 403, "Authorization_RequestDenied").await;
    }
    for path in [
        "/me/people",
        "/me/messages",
        "/me/calendarView?startDateTime=2026-01-01&endDateTime=2026-01-02",
    ] {
        refused(graph.get(path).await, 403, "ErrorAccessDenied").await;
    }
    refused(graph.get("/me/drive/recent").await, 403, "accessDenied").await;
    refused(
        graph.post("/me/revokeSignInSessions", &json!({})).await,
        403,
        "Authorization_RequestDenied",
    )
    .await;
}

#[tokio::test]
async fn read_basic_all_shows_six_properties_of_others_and_everything_of_oneself() {
    let graph = graph(MAYA, BASIC).await;
    let tomas = ok(graph.get(&format!("/users/{TOMAS}")).await).await;
    assert_eq!(tomas["displayName"], "Tomás Okafor");
    assert_eq!(tomas["mail"], TOMAS);
    assert_eq!(tomas["givenName"], "Tomás");
    for hidden in [
        "jobTitle",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
    ] {
        assert_eq!(tomas[hidden], Value::Null, "{hidden}");
    }
    assert_eq!(tomas["businessPhones"], json!([]));
    let list = ok(graph
        .get("/users?$top=999&$select=displayName,department,jobTitle")
        .await)
    .await;
    let users = list["value"].as_array().unwrap();
    assert!(
        users
            .iter()
            .all(|user| user["department"].is_null() && user["jobTitle"].is_null())
    );
    let me = ok(graph.get(&format!("/users/{MAYA}")).await).await;
    assert_eq!(me["jobTitle"], "Software Engineer");
}

#[tokio::test]
async fn read_all_shows_jobs_and_phones() {
    let graph = graph(MAYA, "User.Read.All").await;
    let tomas = ok(graph
        .get(&format!("/users/{TOMAS}?$select=jobTitle,department,city"))
        .await)
    .await;
    assert_eq!(tomas["jobTitle"], "Engineering Manager");
    assert_eq!(tomas["city"], "London");
    let list = ok(graph.get("/users?$top=999").await).await;
    let with_job = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["jobTitle"].is_string())
        .count();
    assert!(with_job > 200, "{with_job}");
}

#[tokio::test]
async fn a_guest_reads_single_people_and_may_not_list() {
    let graph = graph(GUEST, EVERYTHING).await;
    let me = ok(graph.get("/me?$select=userType,userPrincipalName").await).await;
    assert_eq!(me["userType"], "Guest");
    assert_eq!(
        me["userPrincipalName"],
        "sofia.marchetti_tailspin.example#EXT#@fabrikam.example"
    );
    refused(
        graph.get("/users").await,
        403,
        "Authorization_RequestDenied",
    )
    .await;
    let maya = ok(graph.get(&format!("/users/{MAYA}")).await).await;
    assert_eq!(maya["jobTitle"], Value::Null);
    refused(
        graph.get("/me/messages").await,
        404,
        "MailboxNotEnabledForRESTAPI",
    )
    .await;
}
