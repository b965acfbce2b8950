//! A path that is no page.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    components::ProblemView,
    erase::Erase,
    i18n::{locale, tag},
    model::Problem,
};

/// What the router shows on a path of no page. The server answers such a path before it gets here.
#[component]
pub fn NotFound() -> impl IntoView {
    let locale = locale();
    let problem = Problem {
        lang: tag(locale),
        title: td_string!(locale, shell.not_found).into(),
        text: td_string!(locale, shell.missing_text).into(),
        mend: td_string!(locale, shell.missing_mend).into(),
        actions: vec![(td_string!(locale, shell.to_start).into(), "/".into())],
        details: Vec::new(),
    };
    view! { <ProblemView problem is_page=true/> }.erase()
}
