//! How much one session may ask of Graph (R90): Graph counts against the whole app, so one page that runs wild must not use
//! up what everybody has.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::future::Cache;
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_sessions::session::Id;

use crate::{clock::Clock, graph::GraphError};

/// What one session may do.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Calls in a row, before the rate counts.
    pub burst: u32,
    /// Calls a second in the long run.
    pub rate: u32,
    /// Calls at once.
    pub at_once: u32,
}

impl Pace {
    /// A mailbox takes 10,000 calls in ten minutes from one app, and four at once; the directory more. 16 a second is that
    /// rate; a page that opens asks some dozens of things at once.
    /// <https://learn.microsoft.com/graph/throttling-limits>
    pub const USUAL: Self = Self {
        burst: 100,
        rate: 16,
        at_once: 64,
    };
}

/// The sessions' use.
pub struct Limits {
    pace: Pace,
    clock: Clock,
    lanes: Cache<i128, Arc<Lane>>,
}

struct Lane {
    places: Arc<Semaphore>,
    /// When the calls so far would be through at the long-run rate (the generic cell rate algorithm).
    through: Mutex<OffsetDateTime>,
}

/// A place among the calls at once; free again when dropped.
pub struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Limits {
    /// By this clock.
    pub fn new(pace: Pace, clock: Clock) -> Self {
        // A lane that nobody used for ten minutes is as good as a new one.
        let lanes = Cache::builder()
            .max_capacity(100_000)
            .time_to_idle(Duration::from_mins(10))
            .build();
        Self { pace, clock, lanes }
    }

    /// A place for so many calls of this session.
    pub async fn enter(&self, session: &Id, calls: u32) -> Result<Place, GraphError> {
        let place = self.try_enter(session, calls).await;
        place.map_err(|retry_after| GraphError::TooMuch { retry_after })
    }

    /// The same, or the seconds to wait.
    async fn try_enter(&self, session: &Id, calls: u32) -> Result<Place, u32> {
        let now = self.clock.now();
        let fresh = async {
            Arc::new(Lane {
                places: Arc::new(Semaphore::new(self.pace.at_once as usize)),
                through: Mutex::new(now),
            })
        };
        let lane = self.lanes.get_with(session.0, fresh).await;
        let place = lane.places.clone().try_acquire_many_owned(calls);
        let place = place.map_err(|_| 1_u32)?;
        let each = Duration::from_secs(1) / self.pace.rate;
        let mut through = lane.through.lock().unwrap_or_else(PoisonError::into_inner);
        let then = now.max(*through) + each * calls;
        let over = then - now - each * self.pace.burst;
        if over.is_positive() {
            let seconds = over.as_seconds_f64().ceil();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
            return Err((seconds as u32).max(1));
        }
        *through = then;
        Ok(Place(place))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use time::{Duration, OffsetDateTime};
    use tower_sessions::session::Id;

    use super::{Limits, Pace};
    use crate::clock::Clock;

    fn limits(pace: Pace) -> (Limits, Arc<AtomicI64>) {
        let ahead = Arc::new(AtomicI64::new(0));
        let now = ahead.clone();
        let clock = Clock::new(move || {
            OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(now.load(Ordering::SeqCst))
        });
        (Limits::new(pace, clock), ahead)
    }

    #[tokio::test] // R90
    async fn a_session_that_asks_too_fast_waits_and_others_do_not() {
        let pace = Pace {
            burst: 10,
            rate: 2,
            at_once: 100,
        };
        let (limits, ahead) = limits(pace);
        let (one, other) = (Id(1), Id(2));
        for _ in 0..10 {
            assert!(limits.try_enter(&one, 1).await.is_ok());
        }
        assert_eq!(limits.try_enter(&one, 1).await.err(), Some(1));
        assert_eq!(limits.try_enter(&one, 5).await.err(), Some(3));
        assert!(limits.try_enter(&other, 10).await.is_ok());
        // What was refused did not count.
        ahead.store(500, Ordering::SeqCst);
        assert!(limits.try_enter(&one, 1).await.is_ok());
        assert_eq!(limits.try_enter(&one, 1).await.err(), Some(1));
        ahead.store(60_000, Ordering::SeqCst);
        assert!(
            limits.try_enter(&one, 10).await.is_ok(),
            "the burst is back"
        );
        assert!(
            limits.try_enter(&one, 1).await.is_err(),
            "and no more than that"
        );
    }

    #[tokio::test] // R90
    async fn a_session_has_so_many_calls_at_once() {
        let pace = Pace {
            burst: 100,
            rate: 100,
            at_once: 3,
        };
        let (limits, _) = limits(pace);
        let first = limits.try_enter(&Id(1), 1).await.unwrap();
        let rest = limits.try_enter(&Id(1), 2).await.unwrap();
        assert_eq!(limits.try_enter(&Id(1), 1).await.err(), Some(1));
        assert!(limits.try_enter(&Id(2), 3).await.is_ok());
        drop(rest);
        assert!(limits.try_enter(&Id(1), 2).await.is_ok());
        drop(first);
    }
}
