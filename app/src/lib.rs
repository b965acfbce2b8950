//! Cloakroom's pages, compiled to WASM for the browser and into the server for the first rendering.
//!
//! The server calls [`shell`] for a page and [`problem_document`] for a refusal; `frontend` hydrates [`App`].

mod app;
mod components;
mod erase;
mod links;
mod pages;
mod shell;

pub mod api;
pub mod error;
pub mod model;
pub mod wire;

pub use app::App;
pub use shell::{Visit, problem_document, shell};
