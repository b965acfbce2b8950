//! A sign-in attempt: what must come back with the code, kept by the browser in a sealed cookie of its
//! own, so that several tabs can sign in at once and the server keeps nothing for those who never return.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::{SameSite, time::Duration};
use uuid::Uuid;

use crate::{
    secret::Secret,
    session::{
        StoreKey, User, cookie,
        seal::{Purpose, SealError, Sealer},
    },
};

/// How long a person may take at Microsoft, in seconds: a password, a second factor, a consent.
const LIFETIME: i64 = 15 * 60;
/// How many attempts a browser may have under way; older ones are given up (R5).
const MOST: usize = 5;
/// How many bytes their cookies may have together: proxies bound the header at 8 KB.
const MOST_BYTES: usize = 4000;
/// How long one may be: browsers drop a cookie beyond 4096 bytes (RFC 6265 §6.1), and `replaces` may still come.
const LONGEST: usize = 3900;
/// How many are looked at; a browser of ours never sends more.
const INSPECTED: usize = 20;
const PREFIX: &str = "signin-";

/// One sign-in under way.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// `state`: ties the answer to this attempt and this browser.
    pub state: Secret,
    /// `nonce`: ties the ID token to it.
    pub nonce: Secret,
    /// The PKCE verifier (RFC 7636).
    pub verifier: Secret,
    /// Where the person wanted to go.
    pub return_to: String,
    /// The scopes that were asked for.
    pub scopes: Vec<String>,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// The session that it replaces. The callback comes without the Strict cookie and could not tell.
    pub replaces: Option<StoreKey>,
    /// Who was signed in and asked for more: only they may come back.
    #[serde(default)]
    pub expects: Option<Person>,
    /// The claims challenge that the tokens must meet.
    #[serde(default)]
    pub claims: Option<String>,
}

/// Who somebody is, without what goes with a session.
#[derive(Clone, Serialize, Deserialize)]
pub struct Person {
    tid: Uuid,
    oid: String,
    /// To name them on a page.
    pub username: String,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            tid: user.tid,
            oid: user.oid.clone(),
            username: user.username.clone(),
        }
    }
}

impl Person {
    /// Whether this is them; R43: by tenant and object id.
    pub fn is(&self, user: &User) -> bool {
        (self.tid, &self.oid) == (user.tid, &user.oid)
    }
}

impl Attempt {
    /// When it is given up, seconds since 1970.
    pub fn ends(&self) -> i64 {
        self.started.saturating_add(LIFETIME)
    }

    /// The cookie that carries it, and deletions of those that are too many or too old. `None`: it is too long for one.
    pub fn cookies(
        &self,
        https: bool,
        sealer: &Sealer,
        request: &HeaderMap,
        now: i64,
    ) -> Result<Option<Vec<HeaderValue>>, SealError> {
        let prefix = cookie::name(https, PREFIX);
        let mut alive = Vec::new();
        let mut headers = Vec::new();
        let found = cookie::all(request).filter(|(name, _)| name.starts_with(&prefix));
        for (name, value) in found.take(INSPECTED) {
            match open(sealer, &name, &value).filter(|attempt| attempt.ends() > now) {
                Some(attempt) => alive.push((attempt.started, name, value.len())),
                None => headers.extend(cookie::delete(https, &name, SameSite::Lax)),
            }
        }
        // The newest stay, as many as fit. Browsers send the older ones first (RFC 6265 §5.4): that tells those of the
        // same second apart.
        alive.sort_by_key(|(started, ..)| *started);
        let mut bytes = 0;
        for (kept, (_, name, length)) in alive.iter().rev().enumerate() {
            bytes += length;
            if kept + 1 >= MOST || bytes > MOST_BYTES {
                headers.extend(cookie::delete(https, name, SameSite::Lax));
            }
        }

        let own = self.cookie(https, sealer, now)?;
        Ok(own.filter(|own| own.len() <= LONGEST).map(|own| {
            headers.push(own);
            headers
        }))
    }

    /// The first of this browser's attempts that are under way. Callbacks of one moment all know it, for each comes with
    /// the cookies of all.
    pub fn first(https: bool, sealer: &Sealer, request: &HeaderMap, now: i64) -> Option<Self> {
        Self::under_way(https, sealer, request, now).min_by(|a, b| a.place().cmp(&b.place()))
    }

    fn place(&self) -> (i64, &str) {
        (self.started, self.state.expose())
    }

    fn under_way(
        https: bool,
        sealer: &Sealer,
        request: &HeaderMap,
        now: i64,
    ) -> impl Iterator<Item = Self> {
        let prefix = cookie::name(https, PREFIX);
        cookie::all(request)
            .filter(move |(name, _)| name.starts_with(&prefix))
            .filter_map(|(name, value)| open(sealer, &name, &value))
            .filter(move |attempt| attempt.ends() > now)
    }

    /// Tells the browser's other attempts which session they will replace: a callback comes without the
    /// Strict cookie, and two that end one after the other must not leave two sessions (R48). The one that has `ended` is
    /// not told.
    pub fn replace(
        https: bool,
        sealer: &Sealer,
        request: &HeaderMap,
        now: i64,
        session: StoreKey,
        ended: &str,
    ) -> Vec<HeaderValue> {
        Self::under_way(https, sealer, request, now)
            .filter(|attempt| attempt.state.expose() != ended)
            .filter_map(|mut attempt| {
                attempt.replaces = Some(session);
                attempt.cookie(https, sealer, now).ok().flatten()
            })
            .collect()
    }

    fn cookie(
        &self,
        https: bool,
        sealer: &Sealer,
        now: i64,
    ) -> Result<Option<HeaderValue>, SealError> {
        let name = cookie_name(https, self.state.expose());
        let plain = serde_json::to_vec(self).map_err(|_| SealError)?;
        let sealed = sealer.seal(Purpose::Attempt, name.as_bytes(), &plain)?;
        let value = BASE64_URL_SAFE_NO_PAD.encode(sealed);
        let age = Duration::seconds(self.ends() - now);
        Ok(cookie::set(https, &name, &value, SameSite::Lax, age))
    }

    /// The attempt that `state` names, if this browser began it and it is not too old (R3).
    pub fn find(
        https: bool,
        sealer: &Sealer,
        request: &HeaderMap,
        state: &str,
        now: i64,
    ) -> Option<Self> {
        let name = cookie_name(https, state);
        let attempt = open(sealer, &name, &cookie::get(request, &name)?)?;
        (attempt.state.expose() == state && attempt.ends() > now).then_some(attempt)
    }

    /// Deletes the cookie of the attempt that `state` names.
    pub fn forget(https: bool, state: &str) -> Option<HeaderValue> {
        cookie::delete(https, &cookie_name(https, state), SameSite::Lax)
    }
}

fn open(sealer: &Sealer, name: &str, value: &str) -> Option<Attempt> {
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
    let plain = sealer.open(Purpose::Attempt, name.as_bytes(), &sealed)?;
    serde_json::from_slice(&plain).ok()
}

/// Named after a hash of the state, so that the answer finds its cookie and the cookie tells no state.
fn cookie_name(https: bool, state: &str) -> String {
    let hash = digest(&SHA256, state.as_bytes());
    cookie::name(
        https,
        &format!(
            "{PREFIX}{}",
            BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..9])
        ),
    )
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::session::seal::Key;

    const NOW: i64 = 1_700_000_000;

    fn sealer() -> Sealer {
        Sealer::new(Key::from_bytes(&[1; 32]).unwrap(), Vec::new())
    }

    fn attempt(state: &str, return_to: &str) -> Attempt {
        Attempt {
            state: state.to_owned().into(),
            nonce: "nonce".to_owned().into(),
            verifier: "verifier".to_owned().into(),
            return_to: return_to.to_owned(),
            scopes: Vec::new(),
            started: NOW,
            replaces: None,
            expects: None,
            claims: None,
        }
    }

    #[test] // R5
    fn of_attempts_of_the_same_second_the_first_ones_are_given_up() {
        // More than once: names are hashes, and an order by name would be right now and then.
        for round in 0..20 {
            let mut jar: Vec<String> = Vec::new();
            for n in 0..8 {
                let mut request = HeaderMap::new();
                request.insert(
                    header::COOKIE,
                    HeaderValue::from_str(&jar.join("; ")).unwrap(),
                );
                let made = attempt(&format!("state-{round}-{n}"), "/")
                    .cookies(false, &sealer(), &request, NOW)
                    .unwrap()
                    .unwrap();
                for cookie in made {
                    let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                    let (name, value) = pair.split_once('=').unwrap();
                    if value.is_empty() {
                        jar.retain(|kept| !kept.starts_with(name));
                    } else {
                        jar.push(pair.to_owned());
                    }
                }
            }
            let mut request = HeaderMap::new();
            request.insert(
                header::COOKIE,
                HeaderValue::from_str(&jar.join("; ")).unwrap(),
            );
            let alive = |n: &i32| {
                let state = format!("state-{round}-{n}");
                Attempt::find(false, &sealer(), &request, &state, NOW).is_some()
            };
            assert_eq!((0..8).filter(alive).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        }
    }

    #[test] // R5
    fn an_attempt_that_no_browser_would_keep_is_not_made() {
        let made = |length: usize| {
            attempt("state", &"x".repeat(length))
                .cookies(true, &sealer(), &HeaderMap::new(), NOW)
                .unwrap()
        };
        assert!(made(2048).unwrap().iter().all(|cookie| cookie.len() < 4096));
        assert!(made(4000).is_none());
    }
}
