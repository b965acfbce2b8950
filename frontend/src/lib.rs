//! The WASM entry: wakes the page that the server rendered.

use app::{App, i18n};
use leptos::{
    mount::hydrate_from,
    prelude::{document, provide_context},
    wasm_bindgen::JsCast,
};

/// Hydrates the app inside the shell; the shell's script calls it.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    if let Some(element) = document().get_element_by_id("app") {
        let app = || {
            provide_context(i18n::of_document());
            App()
        };
        hydrate_from(element.unchecked_into(), app).forget();
    }
}
