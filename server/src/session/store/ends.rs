//! Who is told that a session has ended: open pages of it, which must not go on showing a person.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::StoreKey;

/// So many ends may wait for a slow listener; with more it is told that it missed some.
const WAITING: usize = 1024;

/// A session that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The session.
    pub key: StoreKey,
    /// Whether the same person's next session takes its place in the same browser, which may not have its cookie yet.
    pub replaced: bool,
}

impl Ended {
    /// As servers tell it to each other: the key, and one byte more of a session that was replaced.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, replaced) = match bytes.strip_suffix(REPLACED) {
            Some(key) if bytes.len() > KEY_LENGTH => (key, true),
            _ => (bytes, false),
        };
        Some(Self {
            key: StoreKey::from_bytes(key)?,
            replaced,
        })
    }

    /// What comes after the key.
    pub(super) fn mark(self) -> &'static [u8] {
        if self.replaced { REPLACED } else { b"" }
    }
}

const REPLACED: &[u8] = b"r";
const KEY_LENGTH: usize = 32;

/// The ends of sessions, to whoever listens.
#[derive(Clone)]
pub struct Ends(Arc<Mutex<broadcast::Sender<Ended>>>);

impl Ends {
    /// Nobody listens yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(broadcast::Sender::new(WAITING))))
    }

    /// This session has ended.
    pub fn tell(&self, ended: Ended) {
        // Without listeners there is nobody to tell.
        _ = self.sender().send(ended);
    }

    /// From now on.
    pub fn listen(&self) -> broadcast::Receiver<Ended> {
        self.sender().subscribe()
    }

    /// Some ends may have been missed: every listener's channel closes, and they ask again.
    pub fn begin_anew(&self) {
        *self.sender() = broadcast::Sender::new(WAITING);
    }

    fn sender(&self) -> MutexGuard<'_, broadcast::Sender<Ended>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tower_sessions::session::Id;

    use super::*;

    #[test]
    fn what_ends_is_told_to_other_servers_with_how_it_ended() {
        for n in 0..300 {
            for replaced in [false, true] {
                let key = StoreKey::of(&Id(n));
                let ended = Ended { key, replaced };
                let told = [key.bytes(), ended.mark()].concat();
                assert_eq!(Ended::from_bytes(&told), Some(ended));
            }
        }
        assert_eq!(Ended::from_bytes(b"r"), None);
        assert_eq!(Ended::from_bytes(&[b'r'; 34]), None);
    }
}
