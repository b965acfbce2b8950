//! Photos.

use super::{BASIC, MAYA, NOOR, PERSONAL, TOMAS, graph, ok, refused};

/// Width and height in a JPEG's start-of-frame segment.
fn size(jpeg: &[u8]) -> (u16, u16) {
    assert_eq!(&jpeg[..2], [0xff, 0xd8], "a JPEG");
    let mut at = 2;
    loop {
        let (marker, length) = (
            jpeg[at + 1],
            u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]),
        );
        if (0xc0..=0xc2).contains(&marker) {
            let number = |from: usize| u16::from_be_bytes([jpeg[from], jpeg[from + 1]]);
            return (number(at + 7), number(at + 5));
        }
        at += 2 + usize::from(length);
    }
}

#[tokio::test]
async fn a_photo_comes_in_every_documented_size() {
    let graph = graph(MAYA, BASIC).await;
    for side in [48, 64, 96, 120, 240, 360, 432, 504, 648] {
        let response = graph
            .get(&format!("/users/{TOMAS}/photos/{side}x{side}/$value"))
            .await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "image/jpeg");
        let bytes = response.bytes().await.unwrap();
        assert_eq!(size(&bytes), (side, side));
        assert!(bytes.len() > 700 && bytes.len() < 80_000, "{}", bytes.len());
    }
    refused(
        graph.get("/me/photos/50x50/$value").await,
        404,
        "ErrorEntityNotFound",
    )
    .await;
}

#[tokio::test]
async fn a_photo_is_known_by_its_etag() {
    let graph = graph(MAYA, "User.Read").await;
    let first = graph.get("/me/photos/64x64/$value").await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    let again = graph
        .get_with("/me/photos/64x64/$value", &[("if-none-match", &etag)])
        .await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()["etag"], etag.as_str());
    assert!(again.bytes().await.unwrap().is_empty());
    let about = ok(graph.get("/me/photos/64x64").await).await;
    assert_eq!(about["@odata.mediaEtag"], etag);
    assert_eq!(about["width"], 64);
    assert_eq!(ok(graph.get("/me/photo").await).await["id"], "648x648");
    assert_eq!(
        ok(graph.get("/me/photos").await).await["value"]
            .as_array()
            .unwrap()
            .len(),
        9
    );
}

#[tokio::test]
async fn six_in_ten_have_a_photo_and_the_others_are_not_found() {
    let graph = graph(MAYA, BASIC).await;
    let users = ok(graph.get("/users?$top=100&$select=id").await).await;
    let mut with = 0;
    for user in users["value"].as_array().unwrap() {
        let response = graph
            .get(&format!(
                "/users/{}/photos/48x48/$value",
                user["id"].as_str().unwrap()
            ))
            .await;
        if response.status() == 200 {
            with += 1;
        } else {
            refused(response, 404, "ImageNotFound").await;
        }
    }
    assert!((45..=75).contains(&with), "{with}");
    refused(
        graph.get(&format!("/users/{NOOR}/photo/$value")).await,
        404,
        "ImageNotFound",
    )
    .await;
}

#[tokio::test]
async fn a_personal_accounts_photo_is_not_supported() {
    let graph = graph(PERSONAL, "User.Read").await;
    refused(
        graph.get("/me/photo/$value").await,
        404,
        "ConsumerPhotoIsNotSupported",
    )
    .await;
}
