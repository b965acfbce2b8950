//! What the server has for a page, shown when it is here.

use std::pin::Pin;

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use crate::{app::Pending, components::Refusal, erase::Erase, error::ApiError, wire::Json};

/// What a page loads.
pub type Load<T> = Resource<Result<T, ApiError>, Json>;

/// Shows what was loaded, or why it could not be. While more is on its way, what is there stays. `is_page` says
/// that the page has no heading but what is shown here.
pub fn loaded<T>(
    load: Load<T>,
    is_page: bool,
    show: impl Fn(T) -> AnyView + Send + Sync + Copy + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    let location = use_location();
    when_here(Box::new(move || {
        let here = here(&location);
        Box::pin(async move {
            match load.await {
                Ok(value) => show(value),
                Err(error) => view! { <Refusal error is_page here/> }.erase(),
            }
        })
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
    let Pending(pending) = expect_context();
    view! { <Transition set_pending=pending>{move || Suspend::new(shown())}</Transition> }.erase()
}
