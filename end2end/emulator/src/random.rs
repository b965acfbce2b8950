//! Random values in the shapes that the platform uses.

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Base64url without padding, as in JOSE and PKCE.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in base64url.
pub fn sha256(text: &str) -> String {
    base64url(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// `length` random bytes in base64url.
pub fn token(length: usize) -> String {
    let mut bytes = vec![0; length];
    // A system without randomness can't run this at all; zeros would still be a well-formed token.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    base64url(&bytes)
}

/// A random GUID.
pub fn guid() -> String {
    uuid::Uuid::new_v4().to_string()
}
