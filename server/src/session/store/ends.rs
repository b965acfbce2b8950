//! Who is told that a session has ended: open pages of it, which must not go on showing a person.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::StoreKey;

/// So many ends may wait for a slow listener; with more it is told that it missed some.
const WAITING: usize = 1024;

/// The ends of sessions, to whoever listens.
#[derive(Clone)]
pub struct Ends(Arc<Mutex<broadcast::Sender<StoreKey>>>);

impl Ends {
    /// Nobody listens yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(broadcast::Sender::new(WAITING))))
    }

    /// This session has ended.
    pub fn tell(&self, key: StoreKey) {
        // Without listeners there is nobody to tell.
        _ = self.sender().send(key);
    }

    /// From now on.
    pub fn listen(&self) -> broadcast::Receiver<StoreKey> {
        self.sender().subscribe()
    }

    /// Some ends may have been missed: every listener's channel closes, and they ask again.
    pub fn begin_anew(&self) {
        *self.sender() = broadcast::Sender::new(WAITING);
    }

    fn sender(&self) -> MutexGuard<'_, broadcast::Sender<StoreKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
