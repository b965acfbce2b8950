//! The name under which the store knows a session.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use tower_sessions::session::Id;

/// How the store knows a session: the SHA-256 of its id, from which nobody gets the id back. It may be shown to
/// whoever may end the session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// The key of the session with this id.
    pub fn of(id: &Id) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, &id.0.to_le_bytes()).as_ref());
        Self(key)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }
}

/// Lower-case hex.
impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({self})")
    }
}

/// A text that is no key of a session.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of a session: 64 lower-case hex digits")]
pub struct NotAKey;

impl FromStr for StoreKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NotAKey),
        };
        let text: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NotAKey)?;
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_in_hex_and_read_back_and_nothing_else_is_a_key() {
        let key = StoreKey::of(&Id(7));
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        for other in [
            "",
            &text[1..],
            &text.to_ascii_uppercase(),
            &format!("{text}0"),
            &format!("+{}", &text[1..]),
            &"é".repeat(32),
        ] {
            assert_eq!(other.parse::<StoreKey>(), Err(NotAKey), "{other}");
        }
    }
}
