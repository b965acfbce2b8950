//! When Graph is asked again, and when not: <https://learn.microsoft.com/graph/throttling> and the retry
//! handler of Graph's SDK design. Decisions only; the client sends and waits.

use std::time::Duration;

use http::StatusCode;
use moka::future::Cache;
use time::OffsetDateTime;

use crate::session::User;

/// A call is sent so often, the first time included (R94).
pub const ATTEMPTS: u32 = 3;
/// A call may take so long, waits included, and still be sent again (R94): somebody looks at an empty page.
pub const BUDGET: Duration = Duration::from_secs(5);
/// A person's calls are refused here for so long at most, without Graph being asked. Graph's longest window of a limit is
/// ten minutes <https://learn.microsoft.com/graph/throttling-limits>: what asks for more is most likely a mistake, and the
/// person would be locked out by it. R94 is about a call that is sent again, which never happens earlier than told; after
/// so long a new call of the person's may ask, and is told anew.
pub const LONGEST_REFUSAL: Duration = Duration::from_mins(10);
/// The first wait where Graph names none; each further one is twice as long.
const BACKOFF: Duration = Duration::from_millis(500);

/// R92: the three statuses that pass by themselves.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How far a call has come.
#[derive(Debug)]
pub struct Progress {
    started: OffsetDateTime,
    attempts: u32,
    retries: u32,
}

impl Progress {
    /// Nothing sent yet.
    pub fn new(now: OffsetDateTime) -> Self {
        Self {
            started: now,
            attempts: 0,
            retries: 0,
        }
    }

    /// It is about to be sent.
    pub fn sent(&mut self) {
        self.attempts += 1;
    }

    /// The next sending is a retry.
    pub fn retrying(&mut self) {
        self.retries += 1;
    }

    /// How often it was retried: the value of `Retry-Attempt` (R95), 0 at first.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Whether this wait ends within the budget.
    pub fn affords(&self, wait: Duration, now: OffsetDateTime) -> bool {
        let spent = Duration::try_from(now - self.started).unwrap_or_default();
        spent.saturating_add(wait) <= BUDGET
    }

    /// R94: how long to wait before the next try: exactly as told, else longer each time and at `random`
    /// (0 to 1), so that those who were refused together don't come back together. `None` gives up.
    pub fn wait(
        &self,
        told: Option<Duration>,
        now: OffsetDateTime,
        random: f64,
    ) -> Option<Duration> {
        if self.attempts >= ATTEMPTS {
            return None;
        }
        let wait = told.unwrap_or_else(|| {
            let longest = BACKOFF * 2_u32.saturating_pow(self.retries);
            longest.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
        });
        self.affords(wait, now).then_some(wait)
    }
}

/// Who was told to wait, and until when: their other calls don't ask earlier either, for [`LONGEST_REFUSAL`] at most. Graph
/// limits a person, whatever the session; photos have a limit of their own, so one too many of them spares the rest.
pub struct Pauses(Cache<String, Pause>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pause {
    /// As Graph said.
    until: OffsetDateTime,
    /// When the next call is let through.
    refused_until: OffsetDateTime,
}

/// What is left of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// As Graph said.
    pub told: Duration,
    /// Until the next call is let through.
    pub refused: Duration,
}

impl Pauses {
    /// Nobody waits.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(10_000)
                .time_to_live(LONGEST_REFUSAL)
                .build(),
        )
    }

    /// Graph answered a call for this path with 429 and a time.
    pub async fn tell(&self, user: &User, path: &str, told: Duration, now: OffsetDateTime) {
        let key = key(user, is_photo(path));
        let pause = Pause {
            until: now + told,
            refused_until: now + told.min(LONGEST_REFUSAL),
        };
        let known = self.0.get(&key).await;
        if known.is_none_or(|known| known < pause || known.refused_until <= now) {
            self.0.insert(key, pause).await;
        }
    }

    /// How long a call for this path has to wait.
    pub async fn left(&self, user: &User, path: &str, now: OffsetDateTime) -> Option<Left> {
        let mut pause = self.0.get(&key(user, false)).await;
        if is_photo(path) {
            pause = pause.max(self.0.get(&key(user, true)).await);
        }
        let pause = pause.filter(|pause| now < pause.refused_until)?;
        Some(Left {
            told: Duration::try_from(pause.until - now).ok()?,
            refused: Duration::try_from(pause.refused_until - now).ok()?,
        })
    }
}

impl Default for Pauses {
    fn default() -> Self {
        Self::new()
    }
}

fn key(user: &User, photo: bool) -> String {
    let kind = if photo { "photo" } else { "" };
    format!("{}.{} {kind}", user.tid, user.oid)
}

fn is_photo(path: &str) -> bool {
    path.split('/')
        .any(|segment| matches!(segment, "photo" | "photos"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(attempts: u32) -> Progress {
        let mut progress = Progress::new(OffsetDateTime::UNIX_EPOCH);
        for attempt in 0..attempts {
            progress.sent();
            if attempt > 0 {
                progress.retrying();
            }
        }
        progress
    }

    #[test] // R92
    fn only_429_503_and_504_are_worth_another_try() {
        let passing: Vec<u16> = (100..600)
            .filter(|&status| is_passing(StatusCode::from_u16(status).unwrap()))
            .collect();
        assert_eq!(passing, [429, 503, 504]);
    }

    #[test] // R94
    fn without_a_word_the_wait_grows_at_random_and_ends_after_three_attempts() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let waits = |random| {
            (1..=4).map(move |n| {
                after(n)
                    .wait(None, now, random)
                    .map(|wait| wait.as_millis())
            })
        };
        assert!(waits(0.0).eq([Some(250), Some(500), None, None]));
        assert!(waits(1.0).eq([Some(500), Some(1000), None, None]));
        assert!(waits(7.0).eq(waits(1.0)) && waits(-1.0).eq(waits(0.0)));
    }

    #[test] // R94
    fn a_wait_is_as_long_as_told_or_it_is_not_made() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let told = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(after(1).wait(told(0), start, 0.5), told(0));
        assert_eq!(after(1).wait(told(5), start, 0.5), told(5));
        assert_eq!(after(1).wait(told(6), start, 0.5), None);
        // What has passed counts: four seconds of waiting for a 504, say.
        let later = start + Duration::from_secs(4);
        assert_eq!(after(1).wait(told(1), later, 0.5), told(1));
        assert_eq!(after(1).wait(told(2), later, 0.5), None);
        // A clock that was put back is no reason to wait for ever, or to panic.
        let earlier = start - Duration::from_hours(1);
        assert_eq!(after(1).wait(told(5), earlier, 0.5), told(5));
        assert_eq!(after(1).wait(told(u64::MAX), start, 0.5), None);
    }

    #[tokio::test] // R94
    async fn a_photo_too_many_spares_the_rest_and_not_the_other_way_round() {
        let user = |oid: &str| User {
            tid: uuid::Uuid::nil(),
            oid: oid.into(),
            sub: String::new(),
            iss: String::new(),
            name: String::new(),
            username: String::new(),
            sid: None,
            login_hint: None,
            roles: Vec::new(),
            language: None,
            issued: 0,
            expires: 0,
        };
        let (pauses, now) = (Pauses::new(), OffsetDateTime::UNIX_EPOCH);
        let (ada, bob) = (user("ada"), user("bob"));
        let in_seconds = |seconds| now + Duration::from_secs(seconds);
        let photo = "/v1.0/users/x/photos/48x48/$value";
        let seconds = Duration::from_secs;
        pauses.tell(&ada, photo, seconds(9), now).await;
        assert_eq!(pauses.left(&ada, "/v1.0/users", now).await, None);
        assert_eq!(
            pauses.left(&ada, photo, now).await,
            Some(Left {
                told: seconds(9),
                refused: seconds(9)
            })
        );
        pauses.tell(&ada, "/v1.0/users", seconds(20), now).await;
        pauses.tell(&ada, "/v1.0/users", seconds(3), now).await;
        for path in [photo, "/v1.0/me/photo/$value", "/v1.0/me"] {
            let left = pauses.left(&ada, path, in_seconds(5)).await;
            assert_eq!(left.map(|left| left.told), Some(seconds(15)), "{path}");
            assert_eq!(pauses.left(&ada, path, in_seconds(20)).await, None);
            assert_eq!(pauses.left(&bob, path, now).await, None);
        }
    }
}
