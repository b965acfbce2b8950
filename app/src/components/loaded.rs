//! What the server has for a page, shown when it is here.

use std::pin::Pin;

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use crate::{app::Pending, erase::Erase, error::ApiError, wire::Json};

/// What a page loads.
pub type Load<T> = Resource<Result<T, ApiError>, Json>;

/// Shows what was loaded, or why it could not be, on the page of that path and query. While more is on its way, what is
/// there stays.
pub fn loaded<T>(
    load: Load<T>,
    show: impl Fn(Result<T, ApiError>, String) -> AnyView + Send + Sync + Copy + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    let location = use_location();
    when_here(Box::new(move || {
        // Taken now: whoever leaves quickly takes the page's values along before this goes on.
        let (here, load) = (here(&location), load.into_future());
        Box::pin(async move { show(load.await, here) })
    }))
}

/// Path and query of the page at hand.
fn here(location: &Location) -> String {
    let mut here = location.pathname.get_untracked();
    let search = location.search.get_untracked();
    if !search.is_empty() {
        here.push('?');
        here.push_str(&search);
    }
    here
}

type Shown = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Of one type for all pages, so that the WASM has it once.
fn when_here(shown: Box<dyn Fn() -> Shown + Send + Sync>) -> AnyView {
    // On the server nobody sees what is pending, and the effect that tells it panics where two threads meet: it reads a
    // signal that the other one is writing, and takes it for disposed (leptos 0.8.23, `transition.rs`).
    if cfg!(feature = "ssr") {
        return view! { <Transition>{move || Suspend::new(shown())}</Transition> }.erase();
    }
    let Pending(pending) = expect_context();
    view! { <Transition set_pending=pending>{move || Suspend::new(shown())}</Transition> }.erase()
}
