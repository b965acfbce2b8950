//! What a visitor sees who is not signed in. Rendered on the server only: no script, no WASM.

use leptos::prelude::*;

use crate::components::MicrosoftButton;

/// `/`, signed out: what this is, and the way in.
#[component]
pub fn Landing(
    /// Where the sign-in starts.
    login: String,
) -> impl IntoView {
    view! {
        <section class="hero">
            <h1>"Your organisation, one sign-in away"</h1>
            <p class="lead">
                "Cloakroom shows your profile and the people you work with, straight from Microsoft 365. You sign in at \
                 Microsoft, with the account you already have."
            </p>
            <div class="way-in">
                <MicrosoftButton href=login/>
                <p class="note">"Work, school or personal account"</p>
            </div>
        </section>
        <ul class="promises">
            <li>
                <h2>"Nothing new to remember"</h2>
                <p>"Your password and your second factor stay with Microsoft. Cloakroom never sees them."</p>
            </li>
            <li>
                <h2>"Your keys stay behind the counter"</h2>
                <p>"What opens your data is kept on the server. Your browser carries a ticket, and signing out tears it up."</p>
            </li>
            <li>
                <h2>"Made to be built on"</h2>
                <p>"For developers: Leptos pages and an axum backend-for-frontend, all Rust. The README says how to make it yours."</p>
            </li>
        </ul>
    }
}

/// Any other page, signed out.
#[component]
pub fn SignInFirst(
    /// Where the sign-in starts; it comes back to the page.
    login: String,
    /// The path of the page.
    path: String,
) -> impl IntoView {
    let what = if path.starts_with("/people") {
        "the directory"
    } else {
        "this page"
    };
    view! {
        <section class="hero">
            <h1>{format!("Sign in to see {what}")}</h1>
            <p class="lead">"You come back here when you have signed in."</p>
            <div class="way-in">
                <MicrosoftButton href=login/>
                <p class="note">"Work, school or personal account"</p>
            </div>
        </section>
    }
}
