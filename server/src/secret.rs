//! A text that never shows itself: not in Debug, not in a log, not in an error (R111).

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A client secret, a code, a token. Serialised only into a sealed record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.expose().to_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test] // R111
    fn a_secret_does_not_show_in_debug_output() {
        let secret = Secret::from("hunter2-canary".to_owned());
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    }
}
