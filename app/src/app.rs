//! The hydrated part of a page: the routes, and what happens on the way from one to the next.

use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    hooks::use_location,
    path,
};

use crate::pages::{Home, NotFound, People, title_of};

/// Whether a page is on its way. The page before stays until it is here.
#[derive(Clone, Copy)]
pub(crate) struct Busy(pub RwSignal<bool>);

/// The app inside the shell's `<main>`. It is rendered for someone who is signed in only.
#[component]
pub fn App() -> impl IntoView {
    let busy = RwSignal::new(false);
    provide_context(Busy(busy));
    view! {
        <Router set_is_routing=busy>
            <Arrival busy/>
            <div class="progress" class:busy=busy></div>
            <FlatRoutes fallback=NotFound>
                <Route path=path!("/") view=Home ssr=SsrMode::Async/>
                <Route path=path!("/people") view=People ssr=SsrMode::Async/>
            </FlatRoutes>
        </Router>
    }
}

/// Tells the static shell, and whoever listens to the page, that a navigation in the browser has ended: the
/// document's title, the current link of the navigation, and the focus on the heading.
#[component]
fn Arrival(busy: RwSignal<bool>) -> impl IntoView {
    let path = use_location().pathname;
    Effect::new(move |was_busy: Option<bool>| {
        let is_busy = busy.get();
        if was_busy == Some(true) && !is_busy {
            path.with_untracked(|path| arrive(path));
        }
        is_busy
    });
}

fn arrive(path: &str) {
    let document = document();
    document.set_title(&title_of(path));
    let find = |selector: &str| document.query_selector(selector).ok().flatten();
    if let Some(link) = find("nav [aria-current]") {
        _ = link.remove_attribute("aria-current");
    }
    if let Some(link) = find(&format!("nav [href=\"{path}\"]")) {
        _ = link.set_attribute("aria-current", "page");
    }
    if let Some(heading) = find("h1") {
        use leptos::wasm_bindgen::JsCast;
        _ = heading
            .unchecked_into::<leptos::web_sys::HtmlElement>()
            .focus();
    }
}
