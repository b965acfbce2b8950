//! The `claims` parameter: what a challenge asks for, and what this app announces that it can handle.
//! <https://learn.microsoft.com/entra/identity-platform/claims-challenge>

use serde_json::{Map, Value, json};

/// Longer ones are nobody's: an address has to carry them.
const LONGEST: usize = 4000;

/// A claims challenge: a JSON object, as the platform or Graph gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Map<String, Value>);

impl Challenge {
    /// `None` for what is no JSON object, or too long for an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let challenge = Self(serde_json::from_str(text).ok()?);
        // Written out it may have grown: `1e15`.
        (challenge.to_string().len() <= LONGEST).then_some(challenge)
    }
}

impl std::fmt::Display for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&json!(self.0).to_string())
    }
}

/// The parameter of every request for tokens: this app answers claims challenges (`cp1`, R99), and here is
/// the one it answers now.
pub fn parameter(challenge: Option<&Challenge>) -> String {
    let mut claims = challenge.map(|known| known.0.clone()).unwrap_or_default();
    let wanted = claims.entry("access_token").or_insert_with(|| json!({}));
    if !wanted.is_object() {
        *wanted = json!({});
    }
    wanted["xms_cc"] = json!({ "values": ["cp1"] });
    Value::Object(claims).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // R99
    fn a_challenge_is_kept_beside_what_is_announced() {
        assert_eq!(
            parameter(None),
            r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#
        );
        let challenge =
            Challenge::parse(r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#);
        assert_eq!(
            parameter(challenge.as_ref()),
            r#"{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}"#
        );
        let odd = Challenge::parse(r#"{"access_token":7,"id_token":null}"#);
        assert_eq!(
            parameter(odd.as_ref()),
            r#"{"access_token":{"xms_cc":{"values":["cp1"]}},"id_token":null}"#
        );
    }

    #[test] // R99
    fn what_is_no_object_is_no_challenge() {
        for text in ["", "x", "[]", "7", "null", "\"x\"", "{"] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
        for long in [
            format!("\"{}\"", "x".repeat(5000)),
            format!("[{}0]", "1e15,".repeat(700)),
        ] {
            assert_eq!(Challenge::parse(&format!("{{\"a\":{long}}}")), None);
        }
    }
}
