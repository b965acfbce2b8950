//! Cloakroom's pages, compiled to WASM for the browser and into the server for the first rendering.
//!
//! The server calls [`shell`] for a page and [`document`] for one that needs no WASM; `frontend` hydrates [`App`].

mod app;
mod components;
mod erase;
mod shell;

pub mod api;
pub mod error;
pub mod i18n;
pub mod links;
pub mod model;
pub mod pages;
pub mod wire;

pub use app::App;
pub use shell::{Page, Visit, document, shell};
