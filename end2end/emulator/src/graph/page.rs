//! Page tokens: opaque, and good for exactly the query that they were made for.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

use super::error::Refusal;

// Made anew by each process: a token of yesterday's is as dead as an expired one.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

// What real tokens begin with ("RFNwdA" in base64).
const MAGIC: &[u8; 4] = b"DSpt";

/// A link to the page that starts at `rank`: the request's own query, byte by byte, and a token.
pub fn link(origin: &str, path: &str, raw: &str, owner: &str, rank: u32) -> String {
    let query = without_token(raw);
    let token = token(path, &query, owner, rank);
    let join = if query.is_empty() { "" } else { "&" };
    format!("{origin}/v1.0{path}?{query}{join}$skiptoken={token}")
}

/// The rank that a token names, if this very query by the same person was given it.
pub fn rank(token: &str, path: &str, raw: &str, owner: &str) -> Result<u32, Refusal> {
    let read = || {
        // The token must stand where we put it, in our spelling: clients send a nextLink as it is.
        let query = raw.strip_suffix(token)?.strip_suffix("$skiptoken=")?;
        let query = query.strip_suffix('&').unwrap_or(query);
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let rank = u32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
        (token == self::token(path, query, owner, rank)).then_some(rank)
    };
    read().ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    })
}

fn without_token(raw: &str) -> String {
    let kept = raw
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("$skiptoken="));
    kept.collect::<Vec<_>>().join("&")
}

fn token(path: &str, query: &str, owner: &str, rank: u32) -> String {
    let seal = SECRET.hash_one((path, query, owner, rank));
    let mut token = MAGIC.to_vec();
    token.extend([2, 0, 1, 0]);
    token.extend(rank.to_be_bytes());
    token.extend(seal.to_be_bytes());
    token.extend([0; 16]); // real ones are longer than anybody expects
    URL_SAFE_NO_PAD.encode(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_query_alone() {
        let link = link(
            "http://graph",
            "/users",
            "$top=2&$search=%22displayName:a%22",
            "me",
            7,
        );
        let raw = link.split_once('?').unwrap().1;
        let token = raw.rsplit_once('=').unwrap().1;
        assert_eq!(rank(token, "/users", raw, "me").unwrap(), 7);
        assert!(rank(token, "/users", raw, "you").is_err());
        assert!(rank(token, "/groups", raw, "me").is_err());
        assert!(rank(token, "/users", &raw.replace("$top=2", "$top=3"), "me").is_err());
        assert!(rank(token, "/users", &raw.replace("%22", "\""), "me").is_err());
        assert!(
            rank(
                token,
                "/users",
                &raw.replace("$skiptoken", "%24skiptoken"),
                "me"
            )
            .is_err()
        );
        assert!(rank("nonsense", "/users", "$skiptoken=nonsense", "me").is_err());
        assert!(rank("", "/users", "$skiptoken=", "me").is_err());
    }
}
