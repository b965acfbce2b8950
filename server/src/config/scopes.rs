//! Which scopes are asked for.

use super::{Config, Result, Settings, wrong};

/// A sign-in attempt lives in a cookie of 4 KB, beside the way back and a claims challenge.
const MOST: usize = 40;
const LONGEST: usize = 1000;

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    pub(super) fn scopes(&self) -> Result<Vec<String>> {
        let text = self
            .get("SCOPES")
            .unwrap_or_else(|| "User.Read User.ReadBasic.All".into());
        let scopes: Vec<_> = text
            .split([' ', ','])
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect();
        if scopes.len() > MOST || text.len() > LONGEST {
            return wrong(
                "SCOPES",
                format!(
                    "more than {MOST} scopes or {LONGEST} characters, and every sign-in has to carry them; name only what the app needs"
                ),
            );
        }
        match scopes.iter().find(|scope| !is_scope(scope)) {
            Some(scope) => wrong(
                "SCOPES",
                format!("{scope:?} is not a scope; separate Graph scopes by spaces"),
            ),
            None => Ok(scopes),
        }
    }
}

/// R15: who the user is, and a refresh token.
const IDENTITY: [&str; 3] = ["openid", "profile", "offline_access"];

impl Config {
    /// R15: identity, and the least of Graph.
    pub fn scopes_to_ask(&self) -> Vec<String> {
        self.with_identity(&self.scopes)
    }

    /// Identity and the Graph scopes among these.
    pub fn with_identity(&self, scopes: &[String]) -> Vec<String> {
        let identity = IDENTITY.map(str::to_owned);
        identity
            .into_iter()
            .chain(self.graph_scopes(scopes))
            .collect()
    }

    /// The Graph scopes among these; those of sign-in if there are none.
    pub fn graph_scopes(&self, scopes: &[String]) -> Vec<String> {
        let is_graph = |scope: &&String| !is_identity(scope);
        let some: Vec<_> = scopes.iter().filter(is_graph).cloned().collect();
        if some.is_empty() {
            self.scopes.clone()
        } else {
            some
        }
    }
}

/// Whether this scope is OpenID Connect's own and says nothing of Graph.
pub fn is_identity(scope: &str) -> bool {
    scope == "email" || IDENTITY.contains(&scope)
}

/// RFC 6749 §3.3, and none of the characters that a URL would have to escape.
pub fn is_scope(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_:/".contains(&b))
}
