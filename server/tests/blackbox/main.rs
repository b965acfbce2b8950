//! Black box: the real router on a loopback port, the emulator as Microsoft, a client that plays the browser.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod browser;
mod credentials;
mod harness;
mod id_token;
mod leaks;
mod people;
mod refusals;
mod session;
mod sign_in;
mod sign_out;
mod start;
mod step_up;
mod tokens;
