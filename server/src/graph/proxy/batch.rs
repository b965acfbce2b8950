//! `POST /$batch`: up to twenty calls in one, each held to the list like one that comes by itself (R81).
//! <https://learn.microsoft.com/graph/json-batching>
//!
//! A batch is written anew from what was read, so nothing goes to Graph that was not looked at; the bodies of its requests
//! and answers are kept to the letter.

use std::collections::{BTreeMap, HashSet};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use super::{
    headers,
    links::Links,
    list::{AllowList, BATCH, Denied},
};

/// Graph's own limit.
const MOST: usize = 20;

/// Why a batch is not passed on.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not what a batch looks like.
    Malformed(&'static str),
    /// One of its requests, by its place from 1 on, is not passed on.
    Request(usize, Denied),
}

/// A batch that is passed on.
#[derive(Debug)]
pub struct Batch {
    /// What is sent.
    pub body: Vec<u8>,
    /// The permissions of each of its requests.
    pub needs: Vec<Vec<String>>,
    ids: HashSet<String>,
}

#[derive(Deserialize)]
struct Requests<'a> {
    #[serde(borrow)]
    requests: Vec<Request<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    depends_on: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    id: &'a str,
    method: &'a str,
    url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    depends_on: &'a [String],
}

#[derive(Serialize)]
struct AllSent<'a> {
    requests: Vec<Sent<'a>>,
}

/// Reads a batch and holds each of its requests to the list.
pub fn read(body: &[u8], list: &AllowList) -> Result<Batch, Refused> {
    let Requests { requests } = serde_json::from_slice(body).map_err(|_| {
        Refused::Malformed("A batch is JSON: {\"requests\": [{\"id\", \"method\", \"url\"}]}.")
    })?;
    if requests.is_empty() || requests.len() > MOST {
        return Err(Refused::Malformed("A batch has 1 to 20 requests."));
    }
    let ids: HashSet<_> = requests.iter().map(|r| r.id.to_ascii_lowercase()).collect();
    if ids.len() != requests.len() || ids.iter().any(|id| id.is_empty() || id.len() > 100) {
        return Err(Refused::Malformed(
            "Each request of a batch has an id of its own.",
        ));
    }
    let known = |request: &Request<'_>, id: &String| {
        ids.contains(&id.to_ascii_lowercase()) && !id.eq_ignore_ascii_case(&request.id)
    };
    if requests
        .iter()
        .any(|r| !r.depends_on.iter().all(|id| known(r, id)))
    {
        return Err(Refused::Malformed(
            "dependsOn names the ids of other requests of the batch.",
        ));
    }
    let mut needs = Vec::new();
    let mut sent = Vec::new();
    for (request, place) in requests.iter().zip(1..) {
        let refuse = |denied| Refused::Request(place, denied);
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|_| refuse(Denied::Unlisted))?;
        // Graph takes them with and without the slash.
        let target = match request.url.strip_prefix('/') {
            Some(_) => request.url.clone(),
            None => format!("/{}", request.url),
        };
        let (entry, path) = list.admit(&method, &target).map_err(refuse)?;
        let url = path.to_string();
        let url = url.strip_prefix("/v1.0").unwrap_or_default().to_owned();
        let headers = request
            .headers
            .iter()
            .filter(|(name, value)| {
                headers::goes_up(name) && value.bytes().all(|b| (b' '..0x7f).contains(&b))
            })
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        needs.push(entry.scopes.clone());
        sent.push(Sent {
            id: &request.id,
            method: &request.method,
            url,
            headers,
            body: request.body.filter(|_| method != Method::GET),
            depends_on: &request.depends_on,
        });
    }
    let body = serde_json::to_vec(&AllSent { requests: sent })
        .map_err(|_| Refused::Malformed("The batch can't be written."))?;
    Ok(Batch { body, needs, ids })
}

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    responses: Vec<Answer<'a>>,
}

#[derive(Deserialize, Serialize)]
struct Answer<'a> {
    id: String,
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct AllAnswered<'a> {
    responses: Vec<Answer<'a>>,
}

impl Batch {
    /// Graph's answers, in whatever order (R106), for the page: those to its requests, with the headers that come down and
    /// the links rewritten. A 429 or a 424 stays what it is, the answer to one request. Nothing if this is no batch's answer.
    pub fn answers(&self, body: &[u8], origin: &Url) -> Option<Vec<u8>> {
        let Answers { mut responses } = serde_json::from_slice(body).ok()?;
        let mut left = self.ids.clone();
        responses.retain(|answer| left.remove(&answer.id.to_ascii_lowercase()));
        for answer in &mut responses {
            answer.headers.retain(|name, _| headers::comes_down(name));
        }
        let written = serde_json::to_vec(&AllAnswered { responses }).ok()?;
        Some(Links::of(origin).piece(&written))
    }

    /// The permissions that are missing: of each request the least, if the person has given none of its list.
    pub fn missing(&self, granted: &[String]) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        for need in &self.needs {
            let has = |wanted: &String| {
                granted
                    .iter()
                    .any(|scope| scope.eq_ignore_ascii_case(wanted))
            };
            if let Some(least) = need.first()
                && !need.iter().any(has)
                && !missing.contains(least)
            {
                missing.push(least.clone());
            }
        }
        missing
    }
}

/// Whether this is the call that carries others.
pub fn is_batch(method: &Method, target: &str) -> bool {
    method == Method::POST && target == BATCH
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use url::Url;

    use super::{AllowList, Batch, Denied, Refused};

    fn read(requests: &Value) -> Result<Batch, Refused> {
        let body = json!({ "requests": requests }).to_string();
        super::read(body.as_bytes(), &AllowList::built_in())
    }

    fn one(url: &str) -> Value {
        json!([{ "id": "1", "method": "GET", "url": url }])
    }

    #[test] // R81
    fn each_request_is_held_to_the_list() {
        let sent = read(&one("/me?$select=id")).unwrap().body;
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(
            sent,
            json!({ "requests": [{ "id": "1", "method": "GET", "url": "/me?$select=id" }] })
        );
        assert!(read(&one("me")).is_ok());
        for url in [
            "https://graph.microsoft.com/v1.0/me",
            "//evil.example/me",
            "/v1.0/me",
            "/beta/me",
            "/$batch",
            "/%24batch",
            "$batch",
            "/me/../users",
            "/ME",
            "/me%2fphoto",
            "",
            "/",
            "/me#",
            "/applications",
            "@evil.example",
            "/\\evil.example",
            "/me?$expand=memberOf",
            "/me?$top=1&$top=2",
        ] {
            assert!(
                matches!(read(&one(url)), Err(Refused::Request(1, _))),
                "{url}"
            );
        }
        for method in ["POST", "get", "DELETE", "", "GET /x", "PATCH"] {
            let requests = json!([{ "id": "1", "method": method, "url": "/me" }]);
            assert_eq!(
                read(&requests).unwrap_err(),
                Refused::Request(1, Denied::Unlisted),
                "{method}"
            );
        }
    }

    #[test] // R81
    fn a_batch_has_up_to_twenty_requests_with_ids_of_their_own() {
        let many = |count: usize| {
            (0..count)
                .map(|id| json!({ "id": id.to_string(), "method": "GET", "url": "/me" }))
                .collect::<Value>()
        };
        assert!(read(&many(20)).is_ok());
        for wrong in [
            many(21),
            many(0),
            json!([{ "id": "a", "method": "GET", "url": "/me" }, { "id": "A", "method": "GET", "url": "/me" }]),
            json!([{ "id": "", "method": "GET", "url": "/me" }]),
            json!([{ "id": "1", "method": "GET", "url": "/me", "dependsOn": ["2"] }]),
            json!([{ "id": "1", "method": "GET", "url": "/me", "dependsOn": ["1"] }]),
            json!([{ "method": "GET", "url": "/me" }]),
            json!([{ "id": 1, "method": "GET", "url": "/me" }]),
            json!([{ "id": "1", "method": "GET", "url": "/me", "headers": { "Prefer": 1 } }]),
            json!({}),
        ] {
            assert!(
                matches!(read(&wrong), Err(Refused::Malformed(_))),
                "{wrong}"
            );
        }
        // Which of two addresses Graph would take is not known.
        let twice =
            br#"{"requests":[{"id":"1","method":"GET","url":"/me","url":"/applications"}]}"#;
        assert!(super::read(twice, &AllowList::built_in()).is_err());
    }

    #[test] // R81, R82
    fn only_what_was_read_is_sent() {
        let batch = read(&json!([
            { "id": "1", "method": "GET", "url": "/me", "headers": { "Authorization": "Bearer x", "Prefer": "a", "Host": "evil", "If-Match": "a\r\nb" }, "body": {}, "evil": 1 },
            { "id": "b", "method": "GET", "url": "/users", "dependsOn": ["1"] },
        ]))
        .unwrap();
        let sent: Value = serde_json::from_slice(&batch.body).unwrap();
        assert_eq!(
            sent,
            json!({ "requests": [
                { "id": "1", "method": "GET", "url": "/me", "headers": { "Prefer": "a" } },
                { "id": "b", "method": "GET", "url": "/users", "dependsOn": ["1"] },
            ] })
        );
        let granted = ["User.Read".to_owned()];
        assert_eq!(batch.missing(&granted), ["User.ReadBasic.All"]);
        assert_eq!(
            batch.missing(&["user.readbasic.all".to_owned()]),
            Vec::<String>::new()
        );
    }

    #[test] // R83, R106
    fn answers_are_matched_by_id_in_any_order_and_cleaned() {
        let batch = read(&json!([
            { "id": "1", "method": "GET", "url": "/users" },
            { "id": "2", "method": "GET", "url": "/me" },
        ]))
        .unwrap();
        let origin = Url::parse("https://graph.microsoft.com").unwrap();
        let from = json!({ "responses": [
            { "id": "2", "status": 429, "headers": { "Retry-After": "7", "Set-Cookie": "a=b", "Location": "https://evil.example" }, "body": { "error": {} } },
            { "id": "9", "status": 200, "body": { "nobody": "asked" } },
            { "id": "1", "status": 200, "body": { "big": "BIG", "@odata.nextLink": "https://graph.microsoft.com/v1.0/users?$skiptoken=x", "a@odata.nextLink": "https://evil.example/" } },
            { "id": "1", "status": 200, "body": "twice" },
        ], "@odata.nextLink": "https://evil.example" });
        // A number that no type here holds stays what it is.
        let big = "12345678901234567890123.50";
        let from = from.to_string().replace("\"BIG\"", big);
        let to = batch.answers(from.as_bytes(), &origin).unwrap();
        let to = String::from_utf8(to).unwrap().replace(big, "\"BIG\"");
        let to: Value = serde_json::from_str(&to).unwrap();
        assert_eq!(
            to,
            json!({ "responses": [
                { "id": "2", "status": 429, "headers": { "Retry-After": "7" }, "body": { "error": {} } },
                { "id": "1", "status": 200, "body": { "big": "BIG", "@odata.nextLink": "/graph/v1.0/users?$skiptoken=x", "a@odata.nextLink": null } },
            ] })
        );
        assert_eq!(batch.answers(b"<html>", &origin), None);
        assert_eq!(batch.answers(b"{}", &origin), None);
    }
}
