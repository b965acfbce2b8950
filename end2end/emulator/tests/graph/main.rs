//! Graph as a raw HTTP client sees it, which knows nothing of Cloakroom.
#![allow(clippy::unwrap_used, missing_docs)]

mod batches;
mod directory;
mod mailbox;
mod photos;
mod queries;
mod relations;
mod rights;
#[path = "../support/mod.rs"]
mod support;

use emulator::Client;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use support::{REDIRECT, VERIFIER, World, callback, world_with};

const CLIENT: &str = "5f3d9a71-2c84-4e60-b1f7-9a0c6d8e2b35";
const SECRET: &str = "only-for-tests";

pub const MAYA: &str = "maya.lindqvist@fabrikam.example";
pub const TOMAS: &str = "tomas.okafor@fabrikam.example";
pub const INGRID: &str = "ingrid.vandermeer@fabrikam.example";
pub const NOOR: &str = "noor.dewit@fabrikam.example";
pub const GWENDOLYN: &str = "gwendolyn.achterberg@fabrikam.example";
pub const GUEST: &str = "sofia.marchetti@tailspin.example";
pub const PERSONAL: &str = "sam.whitaker@outlook.example";
pub const BASIC: &str = "User.Read User.ReadBasic.All";
pub const EVERYTHING: &str = "User.Read User.Read.All GroupMember.Read.All People.Read Calendars.Read Mail.Read \
                              Files.Read User.RevokeSessions.All";

/// Somebody's access to Graph.
pub struct Graph {
    pub world: World,
    token: String,
}

/// An access token for somebody with these scopes.
pub async fn graph(user: &str, scopes: &str) -> Graph {
    let client = Client {
        client_id: CLIENT.to_owned(),
        secrets: vec![SECRET.to_owned()],
        redirect_uris: vec![REDIRECT.to_owned()],
        consented: format!("openid profile {scopes}")
            .split(' ')
            .map(str::to_owned)
            .collect(),
        ..Client::default()
    };
    let world = world_with(vec![client]).await;
    let scope = format!("openid profile {scopes}");
    let changes = [
        ("client_id", CLIENT),
        ("login_hint", user),
        ("scope", scope.as_str()),
    ];
    let back = callback(&world.authorize(&changes).await);
    let response = world
        .token(&[
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("grant_type", "authorization_code"),
            ("code", &back["code"]),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
        .await;
    let tokens: Value = response.json().await.unwrap();
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    Graph { world, token }
}

impl Graph {
    /// `GET /v1.0{path}`, or an absolute link as it is.
    pub async fn get(&self, path: &str) -> Response {
        self.get_with(path, &[]).await
    }

    /// The same with `ConsistencyLevel: eventual`.
    pub async fn eventually(&self, path: &str) -> Response {
        self.get_with(path, &[("ConsistencyLevel", "eventual")])
            .await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            self.world.url(&format!("/v1.0{path}"))
        };
        let request = self.world.http.get(url).bearer_auth(&self.token);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        let url = self.world.url(&format!("/v1.0{path}"));
        self.world
            .http
            .post(url)
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap()
    }
}

/// The body of a success.
pub async fn ok(response: Response) -> Value {
    let status = response.status();
    let body = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Asserts a refusal in Graph's shape and returns its message.
pub async fn refused(response: Response, status: u16, code: &str) -> String {
    assert_eq!(response.status().as_u16(), status);
    let request_id = response.headers()["request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let client_request_id = response.headers()["client-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let body: Value = response.json().await.unwrap();
    let error = &body["error"];
    assert_eq!(error["code"], code, "{body}");
    assert_eq!(error["innerError"]["request-id"], request_id.as_str());
    assert_eq!(
        error["innerError"]["client-request-id"],
        client_request_id.as_str()
    );
    assert_eq!(error["innerError"]["date"].as_str().unwrap().len(), 19);
    error["message"].as_str().unwrap().to_owned()
}

/// Display names in a list.
pub fn names(body: &Value) -> Vec<&str> {
    body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["displayName"].as_str().unwrap())
        .collect()
}
