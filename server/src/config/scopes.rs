//! Which scopes are asked for.

use super::{Config, Result, Settings, wrong};

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
        let is_graph =
            |scope: &&String| scope.as_str() != "email" && !IDENTITY.contains(&scope.as_str());
        let some: Vec<_> = scopes.iter().filter(is_graph).cloned().collect();
        if some.is_empty() {
            self.scopes.clone()
        } else {
            some
        }
    }
}

/// RFC 6749 §3.3, and none of the characters that a URL would have to escape.
pub fn is_scope(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_:/".contains(&b))
}
