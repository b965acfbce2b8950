//! What a visitor sees who is not signed in. Rendered on the server only: no script, no WASM.

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{components::MicrosoftButton, i18n::locale};

/// `/`, signed out: what this is, and the way in.
#[component]
pub fn Landing(
    /// Where the sign-in starts.
    login: String,
) -> impl IntoView {
    let locale = locale();
    view! {
        <section class="hero">
            <div>
                <h1>{td_string!(locale, landing.title)}</h1>
                <p class="lead">{td_string!(locale, landing.lead)}</p>
                <WayIn login/>
            </div>
            <Ticket/>
        </section>
        <ul class="promises">
            <li>
                <h2>{td_string!(locale, landing.password)}</h2>
                <p>{td_string!(locale, landing.password_text)}</p>
            </li>
            <li>
                <h2>{td_string!(locale, landing.keys)}</h2>
                <p>{td_string!(locale, landing.keys_text)}</p>
            </li>
            <li>
                <h2>{td_string!(locale, landing.developers)}</h2>
                <p>{td_string!(locale, landing.developers_text)}</p>
            </li>
        </ul>
    }
}

/// Any other page, signed out.
#[component]
pub fn SignInFirst(
    /// Where the sign-in starts; it comes back to the page.
    login: String,
) -> impl IntoView {
    let locale = locale();
    view! {
        <section class="hero">
            <div>
                <h1>{td_string!(locale, landing.first)}</h1>
                <p class="lead">{td_string!(locale, landing.back)}</p>
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
            <p class="note">{td_string!(locale(), landing.accounts)}</p>
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
