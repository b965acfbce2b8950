//! What the platform remembers: who is signed in where, what was consented to, which codes and tokens are out.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::lock;

/// An authorization: what a code or a refresh token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub client_id: String,
    pub oid: String,
    /// As asked for, prefixes included.
    pub scopes: Vec<String>,
    pub sid: String,
    pub nonce: Option<String>,
    /// What the client asked for by `claims`.
    pub claims: Option<Value>,
    pub mfa: bool,
    pub issued_at: OffsetDateTime,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub grant: Grant,
    pub redirect_uri: String,
    pub challenge: Option<String>,
    pub challenge_method: Option<String>,
    pub redeemed: bool,
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub tid: String,
    pub oid: String,
    pub client_id: String,
    /// Empty for Graph, else the API's identifier.
    pub resource: String,
    pub scopes: Vec<String>,
    pub issued_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// The client announced that it can handle claims challenges (`cp1`).
    pub can_be_challenged: bool,
}

/// An account that is signed in in a browser.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub oid: String,
    pub sid: String,
    pub mfa: bool,
    /// Clients that were signed in to, and where their front-channel logout would be.
    pub clients: HashMap<String, Option<String>>,
}

#[derive(Default)]
struct Inner {
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, Grant>,
    access_tokens: HashMap<String, AccessToken>,
    browsers: HashMap<String, Vec<SignedIn>>,
    consents: HashMap<(String, String), BTreeSet<String>>,
    revoked: HashMap<String, OffsetDateTime>,
    stale: HashMap<String, OffsetDateTime>,
}

/// A demonstration runs for months: of so many of a kind those that are of no more use go.
const MANY: usize = 10_000;

fn prune<T>(kept: &mut HashMap<String, T>, useful: impl Fn(&T) -> bool) {
    if kept.len() >= MANY {
        kept.retain(|_, value| useful(value));
    }
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<Inner>);

impl Memory {
    pub(crate) fn clear(&self) {
        *lock(&self.0) = Inner::default();
    }

    pub(crate) fn add_code(&self, value: &str, code: Code) {
        let mut inner = lock(&self.0);
        let now = code.grant.issued_at;
        prune(&mut inner.codes, |code| {
            now - code.grant.issued_at < Duration::DAY
        });
        inner.codes.insert(value.to_owned(), code);
    }

    pub(crate) fn code(&self, value: &str) -> Option<Code> {
        lock(&self.0).codes.get(value).cloned()
    }

    /// Marks a code as redeemed; false if it was already.
    pub(crate) fn redeem(&self, value: &str) -> bool {
        lock(&self.0)
            .codes
            .get_mut(value)
            .is_some_and(|code| !std::mem::replace(&mut code.redeemed, true))
    }

    pub(crate) fn add_refresh_token(&self, value: &str, grant: Grant) {
        let mut inner = lock(&self.0);
        let now = grant.issued_at;
        prune(&mut inner.refresh_tokens, |grant| {
            now - grant.issued_at < Duration::days(90)
        });
        inner.refresh_tokens.insert(value.to_owned(), grant);
    }

    pub(crate) fn refresh_token(&self, value: &str) -> Option<Grant> {
        lock(&self.0).refresh_tokens.get(value).cloned()
    }

    pub(crate) fn add_access_token(&self, value: &str, token: AccessToken) {
        let mut inner = lock(&self.0);
        let now = token.issued_at;
        prune(&mut inner.access_tokens, |token| now < token.expires_at);
        inner.access_tokens.insert(value.to_owned(), token);
    }

    pub(crate) fn access_token(&self, value: &str) -> Option<AccessToken> {
        lock(&self.0).access_tokens.get(value).cloned()
    }

    pub(crate) fn accounts(&self, browser: &str) -> Vec<SignedIn> {
        lock(&self.0)
            .browsers
            .get(browser)
            .cloned()
            .unwrap_or_default()
    }

    /// Signs an account in in a browser, or confirms it, and remembers the client.
    pub(crate) fn sign_in(&self, browser: &str, account: SignedIn) -> SignedIn {
        let mut inner = lock(&self.0);
        let accounts = inner.browsers.entry(browser.to_owned()).or_default();
        if let Some(known) = accounts.iter_mut().find(|known| known.oid == account.oid) {
            known.mfa |= account.mfa;
            known.clients.extend(account.clients);
            return known.clone();
        }
        accounts.push(account.clone());
        account
    }

    /// Signs one account out, or all of them, and returns those.
    pub(crate) fn sign_out(&self, browser: &str, oid: Option<&str>) -> Vec<SignedIn> {
        let mut inner = lock(&self.0);
        let Some(accounts) = inner.browsers.get_mut(browser) else {
            return Vec::new();
        };
        let (gone, stay) = accounts
            .drain(..)
            .partition(|account| oid.is_none_or(|oid| oid == account.oid));
        *accounts = stay;
        gone
    }

    pub(crate) fn consented(&self, oid: &str, client_id: &str) -> BTreeSet<String> {
        lock(&self.0)
            .consents
            .get(&(oid.to_owned(), client_id.to_owned()))
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn consent(
        &self,
        oid: &str,
        client_id: &str,
        scopes: impl IntoIterator<Item = String>,
    ) {
        lock(&self.0)
            .consents
            .entry((oid.to_owned(), client_id.to_owned()))
            .or_default()
            .extend(scopes);
    }

    pub(crate) fn forget_consents(&self) {
        lock(&self.0).consents.clear();
    }

    pub(crate) fn revoke(&self, oid: &str, now: OffsetDateTime) {
        let mut inner = lock(&self.0);
        inner.revoked.insert(oid.to_owned(), now);
        for accounts in inner.browsers.values_mut() {
            accounts.retain(|account| account.oid != oid);
        }
    }

    pub(crate) fn revoked_at(&self, oid: &str) -> Option<OffsetDateTime> {
        lock(&self.0).revoked.get(oid).copied()
    }

    pub(crate) fn declare_stale(&self, oid: &str, now: OffsetDateTime) {
        lock(&self.0).stale.insert(oid.to_owned(), now);
    }

    pub(crate) fn stale_at(&self, oid: &str) -> Option<OffsetDateTime> {
        lock(&self.0).stale.get(oid).copied()
    }
}
