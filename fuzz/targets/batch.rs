//! R81, R106: whatever batch is passed on, each of its requests is on the list; whatever Graph answers, nothing leads
//! elsewhere.
#![no_main]

use std::sync::LazyLock;

use axum::http::Method;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use serde_json::{Value, json};
use server::graph::proxy::{batch, list::AllowList};
use url::Url;

static LIST: LazyLock<AllowList> = LazyLock::new(AllowList::built_in);

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    raw: &'a [u8],
    requests: Vec<Request<'a>>,
    answers: Vec<(&'a str, u16, &'a str)>,
    raw_answer: &'a [u8],
}

#[derive(Arbitrary, Debug)]
struct Request<'a> {
    id: &'a str,
    get: bool,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    depends_on: Vec<&'a str>,
}

fuzz_target!(|input: Input<'_>| {
    let requests: Vec<Value> = input
        .requests
        .iter()
        .map(|Request { id, get, url, headers, depends_on }| {
            let headers: serde_json::Map<_, _> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let method = if *get { "GET" } else { "POST" };
            json!({ "id": id, "method": method, "url": url, "headers": headers, "dependsOn": depends_on })
        })
        .collect();
    let made = json!({ "requests": requests }).to_string();
    let answers: Vec<Value> = input
        .answers
        .iter()
        .map(|(id, status, link)| {
            json!({ "id": id, "status": status, "headers": { "Location": link }, "body": { "@odata.nextLink": link } })
        })
        .collect();
    let answer = json!({ "responses": answers }).to_string();
    for body in [made.as_bytes(), input.raw] {
        let Ok(batch) = batch::read(body, &LIST) else {
            continue;
        };
        let sent: Value = serde_json::from_slice(&batch.body).expect("JSON");
        let requests = sent["requests"].as_array().expect("a list");
        assert!((1..=20).contains(&requests.len()) && batch.needs.len() == requests.len());
        for request in requests {
            let (method, url) = (
                request["method"].as_str().expect("text"),
                request["url"].as_str().expect("text"),
            );
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let (entry, path) = LIST.admit(&method, url).expect("on the list");
            assert_eq!(path.to_string(), format!("/v1.0{url}"));
            assert!(batch.needs.contains(&entry.scopes));
            for (name, value) in request["headers"].as_object().into_iter().flatten() {
                let name = name.to_ascii_lowercase();
                assert!(
                    !["cookie", "authorization", "host"].contains(&name.as_str()),
                    "{name}"
                );
                assert!(!value.as_str().expect("text").contains(['\r', '\n', '\0']));
            }
        }
        let origin = Url::parse("https://graph.microsoft.com").expect("a URL");
        for answer in [answer.as_bytes(), input.raw_answer] {
            let Some(out) = batch.answers(answer, &origin) else {
                continue;
            };
            let out: Value = serde_json::from_slice(&out).expect("JSON");
            let out = out["responses"].as_array().expect("a list");
            assert!(out.len() <= requests.len());
            for answer in out {
                assert!(
                    answer["headers"]
                        .as_object()
                        .is_none_or(|h| h.keys().all(|n| !n.eq_ignore_ascii_case("location")))
                );
                if let Some(link) = answer["body"]["@odata.nextLink"].as_str() {
                    assert!(link.starts_with("/graph/v1.0/"), "{link}");
                }
            }
        }
    }
});
