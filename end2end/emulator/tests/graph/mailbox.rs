//! Calendar, mail and files.

use serde_json::Value;

use super::{EVERYTHING, MAYA, graph, ok, refused};

#[tokio::test]
async fn a_calendar_view_holds_the_meetings_of_its_window_in_order() {
    let graph = graph(MAYA, EVERYTHING).await;
    let path = "/me/calendarView?startDateTime=2026-11-23T00:00:00Z&endDateTime=2026-11-28T00:00:00Z&$top=50";
    let body = ok(graph.get(path).await).await;
    let starts: Vec<&str> = (body["value"].as_array().unwrap().iter())
        .map(|event| event["start"]["dateTime"].as_str().unwrap())
        .collect();
    assert!((10..=20).contains(&starts.len()), "{starts:?}");
    assert!(starts.is_sorted());
    assert!(
        starts
            .iter()
            .all(|start| ("2026-11-23".."2026-11-28").contains(start))
    );
    assert_eq!(ok(graph.get(path).await).await, body, "the same every time");
    let weekend =
        "/me/calendarView?startDateTime=2026-11-21&endDateTime=2026-11-22T23:59:59.000%2B01:00";
    assert_eq!(
        ok(graph.get(weekend).await).await["value"],
        Value::Array(Vec::new())
    );
}

#[tokio::test]
async fn a_calendar_view_needs_a_window_that_makes_sense() {
    let graph = graph(MAYA, EVERYTHING).await;
    for query in [
        "",
        "?startDateTime=2026-11-23",
        "?startDateTime=tomorrow&endDateTime=2026-11-23",
        "?startDateTime=2026-11-23&endDateTime=2026-11-22",
        "?startDateTime=0001-01-01&endDateTime=9999-12-31",
    ] {
        refused(
            graph.get(&format!("/me/calendarView{query}")).await,
            400,
            "ErrorInvalidParameter",
        )
        .await;
    }
}

#[tokio::test]
async fn messages_come_newest_first_and_are_paged_by_skip() {
    let graph = graph(MAYA, EVERYTHING).await;
    let first = ok(graph
        .get("/me/messages?$top=5&$select=subject,receivedDateTime")
        .await)
    .await;
    let received: Vec<&str> = (first["value"].as_array().unwrap().iter())
        .map(|message| message["receivedDateTime"].as_str().unwrap())
        .collect();
    assert_eq!(received.len(), 5);
    assert!(
        received.windows(2).all(|pair| pair[0] >= pair[1]),
        "{received:?}"
    );
    assert!(first["value"][0].get("body").is_none(), "not selected");
    let next = first["@odata.nextLink"].as_str().unwrap();
    assert!(next.ends_with("&$skip=5"), "{next}");
    let second = ok(graph.get(next).await).await;
    let id = second["value"][0]["id"].as_str().unwrap();
    assert_ne!(first["value"][0]["id"], id);
    let one = ok(graph.get(&format!("/me/messages/{id}")).await).await;
    assert!(
        one["body"]["content"]
            .as_str()
            .unwrap()
            .starts_with("Hello Maya")
    );
    refused(
        graph.get("/me/messages/nonsense").await,
        404,
        "ErrorItemNotFound",
    )
    .await;
}

#[tokio::test]
async fn read_basic_leaves_out_what_is_in_a_message() {
    let graph = graph(MAYA, "Mail.ReadBasic").await;
    let body = ok(graph.get("/me/messages").await).await;
    let messages = body["value"].as_array().unwrap();
    assert!(
        messages
            .iter()
            .all(|message| message.get("body").is_none() && message.get("bodyPreview").is_none())
    );
}

#[tokio::test]
async fn recent_files_have_names_types_and_links() {
    let graph = graph(MAYA, EVERYTHING).await;
    let body = ok(graph.get("/me/drive/recent").await).await;
    let files = body["value"].as_array().unwrap();
    assert!(files.len() > 5);
    assert!(
        files
            .iter()
            .all(|file| file["file"]["mimeType"].is_string() && file["webUrl"].is_string())
    );
}
