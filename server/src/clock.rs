//! The time, as an argument: tests hold it still, move it and wait without waiting.

use std::{pin::Pin, sync::Arc, time::Duration};

use time::OffsetDateTime;

/// What passes once a wait is over.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of the current time, and of pauses.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
    sleep: Arc<dyn Fn(Duration) -> Wait + Send + Sync>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::new(OffsetDateTime::now_utc)
    }

    /// A clock that reads `now`.
    pub fn new(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self {
            now: Arc::new(now),
            sleep: Arc::new(|duration| Box::pin(tokio::time::sleep(duration))),
        }
    }

    /// The same clock, on which `sleep` waits.
    #[must_use]
    pub fn with_sleep(mut self, sleep: impl Fn(Duration) -> Wait + Send + Sync + 'static) -> Self {
        self.sleep = Arc::new(sleep);
        self
    }

    /// The current time, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        (self.now)()
    }

    /// Waits. Dropping it ends the wait.
    pub async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }
}
