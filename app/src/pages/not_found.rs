//! A path that is no page of the router's.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// What the router does on a path that it does not know: the server has the page, or says that there is none (R67).
#[component]
pub fn NotFound() -> impl IntoView {
    let here = use_location();
    Effect::new(move |_| {
        let href = here.pathname.get_untracked() + &here.search.get_untracked();
        _ = window().location().set_href(&href);
    });
}
