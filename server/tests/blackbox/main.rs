//! Black box: the real router on a loopback port, the emulator as Microsoft, a client that plays the browser.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod account;
mod at_rest;
mod browser;
mod callback;
mod credentials;
mod events;
mod export;
mod faults;
mod forgeries;
mod forwarded;
mod graph_calls;
mod graph_paging;
mod graph_retries;
mod harness;
mod id_token;
mod instances;
mod kept;
mod leaks;
mod people;
mod photos;
mod provider;
mod proxy_answers;
mod proxy_batch;
mod proxy_bodies;
mod proxy_hostile;
mod redis_server;
mod refusals;
mod second_provider;
mod session;
mod sign_in;
mod sign_out;
mod start;
mod step_up;
mod store;
mod tokens;
