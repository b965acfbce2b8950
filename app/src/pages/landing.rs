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
            <div>
                <h1>"Your organisation, one sign-in away"</h1>
                <p class="lead">
                    "Cloakroom shows your profile and the people you work with, straight from Microsoft 365. You sign in at \
                     Microsoft, with the account you already have."
                </p>
                <WayIn login/>
            </div>
            <Ticket/>
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
    /// What they want to see.
    what: &'static str,
) -> impl IntoView {
    view! {
        <section class="hero">
            <div>
                <h1>{format!("Sign in to see {what}")}</h1>
                <p class="lead">"You come back here when you have signed in."</p>
                <WayIn login/>
            </div>
        </section>
    }
}

#[component]
fn WayIn(login: String) -> impl IntoView {
    view! {
        <div class="way-in">
            <MicrosoftButton href=login/>
            <p class="note">"Work, school or personal account"</p>
        </div>
    }
}

/// A cloakroom ticket, to look at.
#[component]
fn Ticket() -> impl IntoView {
    view! {
        <svg class="ticket" viewBox="0 0 400 280" aria-hidden="true">
            <path class="under" transform="rotate(7 200 140)" d=TICKET/>
            <g transform="rotate(-6 200 140)">
                <path class="paper" d=TICKET/>
                <path class="line" d="M125 118v-9a16 16 0 1 0-16-16M125 118 67 163c-7 5-3 15 5 15h106c8 0 12-10 5-15z"/>
                <path class="perforation" d="M240 62v156"/>
                <text x="264" y="152">"118"</text>
            </g>
        </svg>
    }
}

/// Its outline: notched at both ends.
const TICKET: &str = "M32 50h336a12 12 0 0 1 12 12v50a28 28 0 0 0 0 56v50a12 12 0 0 1-12 12H32a12 12 0 0 1-12-12v-50a28 28 0 0 0 \
                      0-56V62a12 12 0 0 1 12-12z";
