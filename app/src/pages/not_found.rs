//! A path that is no page.

use leptos::prelude::*;

use crate::{components::ProblemView, erase::Erase, model::Problem};

/// What the router shows on a path of no page. The server answers such a path before it gets here.
#[component]
pub fn NotFound() -> impl IntoView {
    let problem = Problem {
        lang: "en",
        title: "Page not found".into(),
        text: "There is no page at this address.".into(),
        mend: "The link may be old, or mistyped.".into(),
        actions: vec![("Back to the start".into(), "/".into())],
        details: Vec::new(),
    };
    view! { <ProblemView problem is_page=true/> }.erase()
}
