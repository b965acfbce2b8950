//! The WASM entry: wakes the page that the server rendered.

use app::App;
use leptos::{mount::hydrate_from, prelude::document, wasm_bindgen::JsCast};

/// Hydrates the app inside the shell; the shell's script calls it.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    if let Some(element) = document().get_element_by_id("app") {
        hydrate_from(element.unchecked_into(), App).forget();
    }
}
