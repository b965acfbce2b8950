//! The log of what was called.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Endpoint;
use crate::lock;

/// The log keeps this many calls; older ones go.
const KEPT: usize = 10_000;

/// One request that reached the emulator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Counts from 1.
    pub number: u64,
    /// When it came, by the emulator's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Which endpoint it was for.
    pub endpoint: Endpoint,
    /// The method.
    pub method: String,
    /// `Host`, or the authority of a request through the forward proxy.
    pub host: String,
    /// The path, undecoded.
    pub path: String,
    /// The query, undecoded.
    pub query: String,
    /// All headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text; unlike a real log it holds credentials.
    pub body: String,
    /// The client, where the request tells.
    pub client_id: Option<String>,
    /// The signed-in person's object id, where the request tells.
    pub oid: Option<String>,
    /// `grant_type` at the token endpoint.
    pub grant: Option<String>,
    /// The answer's status; none while it is under way or if the connection was dropped.
    pub status: Option<u16>,
}

impl Call {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        pair(&self.query, name)
    }

    /// A field of the form in the body, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        pair(&self.body, name)
    }
}

fn pair(encoded: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(encoded.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Who asks, as far as the request tells: what decides whether a fault strikes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    pub client_id: Option<String>,
    pub oid: Option<String>,
    pub username: Option<String>,
    pub grant: Option<String>,
    pub path: String,
    /// The origin that was asked.
    pub origin: String,
}

#[derive(Default)]
pub(super) struct Calls {
    log: Mutex<VecDeque<Call>>,
    next: AtomicU64,
}

impl Calls {
    pub(super) fn add(&self, mut call: Call) -> u64 {
        call.number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let number = call.number;
        let mut log = lock(&self.log);
        if log.len() == KEPT {
            log.pop_front();
        }
        log.push_back(call);
        number
    }

    pub(super) fn answered(&self, number: u64, status: u16) {
        let mut log = lock(&self.log);
        if let Some(call) = log.iter_mut().rev().find(|call| call.number == number) {
            call.status = Some(status);
        }
    }

    pub(super) fn list(&self) -> Vec<Call> {
        lock(&self.log).iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        lock(&self.log).clear();
    }
}
