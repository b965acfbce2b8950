//! The hydrated part of a page: the routes, and what happens on the way from one to the next.

use leptos::prelude::*;
use leptos_router::{
    SsrMode, StaticSegment,
    components::{FlatRoutes, Route, Router},
    hooks::use_location,
};

use crate::{
    i18n,
    pages::{self, NotFound, SEARCH, title_of},
};

/// Whether a page's next data are on their way. Those before stay until they are here.
#[derive(Clone, Copy)]
pub(crate) struct Pending(pub RwSignal<bool>);

/// The app inside the shell's `<main>`. It is rendered for someone who is signed in only.
#[component]
pub fn App() -> impl IntoView {
    let routing = RwSignal::new(false);
    let pending = RwSignal::new(false);
    provide_context(Pending(pending));
    // Of one type, so that the WASM has the router's half of a page once.
    let [home, people]: [fn() -> AnyView; 2] = [pages::home, pages::people];
    view! {
        <Router set_is_routing=routing>
            <Arrival routing pending/>
            <FlatRoutes fallback=NotFound>
                <Route path=StaticSegment("") view=home ssr=SsrMode::Async/>
                <Route path=StaticSegment("people") view=people ssr=SsrMode::Async/>
            </FlatRoutes>
        </Router>
    }
}

/// Tells the static shell, and whoever listens to the page, that a navigation in the browser has ended: the
/// document's title, the current link of the navigation, and the focus on the heading.
#[component]
fn Arrival(routing: RwSignal<bool>, pending: RwSignal<bool>) -> impl IntoView {
    let path = use_location().pathname;
    Effect::new(move |was_busy: Option<bool>| {
        let is_busy = routing.get() | pending.get();
        if let Some(main) = document().get_element_by_id("app") {
            _ = main.set_attribute("aria-busy", if is_busy { "true" } else { "false" });
        }
        if was_busy == Some(true) && !is_busy {
            path.with_untracked(|path| arrive(path));
        }
        is_busy
    });
}

fn arrive(path: &str) {
    let document = document();
    document.set_title(&title_of(i18n::of_document(), path));
    let find = |selector: &str| document.query_selector(selector).ok().flatten();
    if let Some(link) = find("nav [aria-current]") {
        _ = link.remove_attribute("aria-current");
    }
    if let Some(link) = find(&format!("nav [href=\"{path}\"]")) {
        _ = link.set_attribute("aria-current", "page");
    }
    // Who is typing goes on.
    let typing = find(":focus").is_some_and(|field| field.id() == SEARCH);
    if let Some(heading) = find("h1").filter(|_| !typing) {
        use leptos::wasm_bindgen::JsCast;
        _ = heading
            .unchecked_into::<leptos::web_sys::HtmlElement>()
            .focus();
    }
}
