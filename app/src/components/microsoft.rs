//! Microsoft's own sign-in button.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::i18n::locale;

/// "Sign in with Microsoft" as Microsoft's branding guidelines draw it: 41 px high, the logo 21 px, both variants
/// in the guidelines' colours (the style sheet has them). It is a link, so it works before and without scripts.
#[component]
pub fn MicrosoftButton(
    /// Where the sign-in starts.
    href: String,
) -> impl IntoView {
    view! {
        <a class="microsoft" href=href rel="external">
            <svg width="21" height="21" viewBox="0 0 21 21" aria-hidden="true">
                <path fill="#f25022" d="M1 1h9v9H1z"/>
                <path fill="#00a4ef" d="M1 11h9v9H1z"/>
                <path fill="#7fba00" d="M11 1h9v9h-9z"/>
                <path fill="#ffb900" d="M11 11h9v9h-9z"/>
            </svg>
            {td_string!(locale(), landing.sign_in)}
        </a>
    }
}
