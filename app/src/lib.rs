//! Cloakroom's pages, compiled to WASM for the browser and into the server for the first rendering.

pub mod api;
pub mod error;
pub mod model;
