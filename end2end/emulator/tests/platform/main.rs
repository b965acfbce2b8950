//! The identity platform and its faults, seen by a raw HTTP client and a JWT library.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod callbacks;
mod control;
mod credentials;
mod graph;
mod id_tokens;
mod metadata;
mod personas;
mod refusals;
mod sign_in;
#[path = "../support/mod.rs"]
mod support;
mod token_responses;
mod transport;
