//! What a person sees while signing in. Plain forms: all of it works without scripts.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    aadsts::{Refusal, Trace},
    authorize::{Visit, shown},
    request::Request,
    scopes::Scope,
};
use crate::directory::Persona;

const STYLE: &str = include_str!("pages.css");

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\
         <link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style></head><body><main>\
         <p class=\"brand\">Identity platform <span>emulator</span></p><h1>{title}</h1>{body}</main>\
         <footer>Not Microsoft: an emulator on this machine. There are no passwords here.</footer></body></html>"
    )
}

/// A form that goes one step on in the sign-in.
fn form(request: &Request, hidden: &[(&str, &str)], inside: &str) -> String {
    let fields = hidden
        .iter()
        .chain([&("request", request.raw.as_str())])
        .map(|(name, value)| {
            format!(
                "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                escape(value)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<form method=\"post\" action=\"/{}/login\">{fields}{inside}</form>",
        request.place.segment()
    )
}

fn button(name: &str, value: &str, class: &str, label: &str) -> String {
    format!(
        "<button type=\"submit\" name=\"{name}\" value=\"{}\" class=\"{class}\">{label}</button>",
        escape(value)
    )
}

/// An account as its button shows it; the button's accessible name is this text.
fn account_label(person: &Persona, note: &str) -> String {
    let initial = escape(
        &person
            .name
            .chars()
            .next()
            .unwrap_or('?')
            .to_uppercase()
            .to_string(),
    );
    format!(
        "<span class=\"face\" aria-hidden=\"true\">{initial}</span><span class=\"who\"><bdi>{}</bdi> \
         <small>{}</small> <small class=\"note\">{}</small></span>",
        escape(&person.name),
        escape(&person.username),
        escape(note)
    )
}

pub(super) fn picker(visit: &Visit, request: &Request, signed_in: &[Persona]) -> Response {
    let hint = request.domain_hint.as_deref();
    let wanted = |person: &Persona| {
        request.place.admits(person)
            && match hint {
                Some("consumers") => person.personal,
                Some("organizations") => !person.personal,
                Some(domain) => visit
                    .state
                    .directory
                    .tenant(domain)
                    .is_none_or(|tenant| tenant.id == person.tid),
                None => true,
            }
    };
    let named = visit.state.directory.accounts_to_pick();
    let others = named
        .into_iter()
        .filter(|person| !signed_in.iter().any(|known| known.oid == person.oid));
    let accounts = signed_in
        .iter()
        .map(|person| (person, "Signed in"))
        .chain(
            others
                .filter(|person| wanted(person))
                .map(|person| (person, person.description.as_str())),
        )
        .map(|(person, note)| {
            format!(
                "<li>{}</li>",
                button(
                    "account",
                    &person.oid,
                    "account",
                    &account_label(person, note)
                )
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let body = format!(
        "<p>to continue to <strong>{}</strong></p>{}<details><summary>Use another account</summary>{}</details>{}",
        escape(&request.client.name),
        form(
            request,
            &[("step", "pick")],
            &format!("<ul class=\"accounts\">{accounts}</ul>")
        ),
        form(
            request,
            &[("step", "pick")],
            "<label for=\"account\">User name</label><input id=\"account\" name=\"account\" type=\"text\" \
             autocomplete=\"username\" spellcheck=\"false\" required><p class=\"buttons\"><button type=\"submit\" \
             class=\"main\">Next</button></p>"
        ),
        form(
            request,
            &[],
            &format!(
                "<p class=\"buttons\">{}</p>",
                button("step", "cancel", "", "Cancel")
            )
        ),
    );
    shown(page("Pick an account", &body))
}

pub(super) fn no_such_account(visit: &Visit, request: &Request, wanted: &str) -> Response {
    // The text behind AADSTS50034.
    let body = format!(
        "<p role=\"alert\">This username may be incorrect. There is no account <strong>{}</strong> in this emulator \
         (AADSTS50034). Request id: {}.</p>{}",
        escape(wanted),
        visit.trace.id,
        form(
            request,
            &[],
            &format!(
                "<label for=\"account\">User name</label><input id=\"account\" name=\"account\" type=\"text\" \
                 value=\"{}\" required><p class=\"buttons\">{}{}</p>",
                escape(wanted),
                button("step", "pick", "main", "Next"),
                "<button type=\"submit\" name=\"step\" value=\"cancel\" formnovalidate>Cancel</button>"
            )
        ),
    );
    shown(page("Sign in", &body))
}

/// `prompt=login`: the real one asks for the password again.
pub(super) fn confirm(request: &Request, person: &Persona) -> Response {
    let body = form(
        request,
        &[("account", &person.oid)],
        &format!(
            "<p class=\"account\">{}</p><p class=\"buttons\">{}{}</p>",
            account_label(person, &person.description),
            button("step", "pick", "main", "Sign in"),
            button("step", "cancel", "", "Cancel")
        ),
    );
    shown(page("Sign in again", &body))
}

pub(super) fn mfa(request: &Request, person: &Persona) -> Response {
    let body = form(
        request,
        &[("account", &person.oid), ("mfa", "done")],
        &format!(
            "<p class=\"account\">{}</p><p>Your organization asks for more than a password. Open your authenticator \
             app and approve the request.</p><p class=\"buttons\">{}{}</p>",
            account_label(person, "Multi-factor authentication"),
            button("step", "pick", "main", "Approve"),
            button("step", "cancel", "", "Cancel")
        ),
    );
    shown(page("Approve sign in request", &body))
}

pub(super) fn consent(
    request: &Request,
    person: &Persona,
    scopes: &[Scope],
    mfa: bool,
) -> Response {
    let items = scopes
        .iter()
        .map(|scope| {
            format!(
                "<li>{} <small>{}</small></li>",
                escape(&scope.words()),
                escape(&scope.name)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let inside = format!(
        "<p class=\"account\">{}</p><p><strong>{}</strong> would like to:</p><ul class=\"scopes\">{items}</ul>\
         <p><small>Accepting these permissions means that you allow this app to use your data as specified in its terms \
         of service and privacy statement.</small></p><p class=\"buttons\">{}{}</p>",
        account_label(person, ""),
        escape(&request.client.name),
        button("step", "decline", "", "Cancel"),
        button("step", "accept", "main", "Accept"),
    );
    let done = if mfa { "done" } else { "" };
    let body = form(request, &[("account", &person.oid), ("mfa", done)], &inside);
    shown(page("Permissions requested", &body))
}

pub(super) fn admin_approval(request: &Request, person: &Persona) -> Response {
    let body = form(
        request,
        &[("account", &person.oid)],
        &format!(
            "<p class=\"account\">{}</p><p><strong>{}</strong> needs permission to access resources in your \
             organization that only an admin can grant. Please ask an admin to grant permission to this app before \
             you can use it.</p><p><small>AADSTS90094</small></p><p class=\"buttons\">{}</p>",
            account_label(person, ""),
            escape(&request.client.name),
            button(
                "step",
                "decline",
                "",
                "Return to the application without granting consent"
            ),
        ),
    );
    shown(page("Need admin approval", &body))
}

pub(super) fn blocked(request: &Request, trace: &Trace) -> Response {
    let body = format!(
        "<p>Your sign-in was successful but does not meet the criteria to access this resource. For example, you might \
         be signing in from a browser, app, or location that is restricted by your admin.</p>{}{}",
        ids(53003, trace),
        form(
            request,
            &[],
            &format!(
                "<p class=\"buttons\">{}</p>",
                button("step", "cancel", "", "Cancel")
            )
        ),
    );
    shown(page("You cannot access this right now", &body))
}

fn ids(number: u32, trace: &Trace) -> String {
    format!(
        "<dl><dt>Error Code</dt><dd>{number}</dd><dt>Request Id</dt><dd>{}</dd><dt>Correlation Id</dt><dd>{}</dd>\
         <dt>Timestamp</dt><dd>{}</dd></dl>",
        trace.id, trace.correlation_id, trace.timestamp
    )
}

/// An error that can't be sent to a client.
pub(super) fn error(refusal: &Refusal, trace: &Trace) -> Response {
    let body = format!(
        "<p role=\"alert\">AADSTS{}: {}</p>{}",
        refusal.number,
        escape(&refusal.text),
        ids(refusal.number, trace)
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (
        StatusCode::BAD_REQUEST,
        headers,
        page("Sorry, but we’re having trouble signing you in.", &body),
    )
        .into_response()
}

/// `response_mode=form_post`: a form that sends itself, or is sent by hand where scripts are off.
pub(super) fn form_post(uri: &str, pairs: &[(&str, String)]) -> Response {
    let fields = pairs
        .iter()
        .map(|(name, value)| {
            format!(
                "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                escape(value)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let body = format!(
        "<form method=\"post\" action=\"{}\">{fields}<p class=\"buttons\"><button type=\"submit\" \
         class=\"main\">Continue</button></p></form><script>document.forms[0].submit()</script>",
        escape(uri)
    );
    shown(page("Working…", &body))
}

/// Signed out; the frames tell every application that was signed in to.
pub(super) fn signed_out(frames: &[String], next: Option<&str>) -> Response {
    let frames = frames
        .iter()
        .map(|url| {
            format!(
                "<iframe hidden title=\"Signing out\" src=\"{}\"></iframe>",
                escape(url)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let onward = next.map_or_else(String::new, |next| {
        // With scripts as soon as the frames have loaded, without them after a second.
        let next = escape(next);
        format!(
            "<p><a id=\"next\" href=\"{next}\">Continue</a></p><noscript><meta http-equiv=\"refresh\" \
             content=\"1;url={next}\"></noscript><script>const go=()=>location.replace(document.getElementById('next')\
             .href);addEventListener('load',go);setTimeout(go,3000)</script>"
        )
    });
    let body = format!(
        "<p>You signed out of your account. It’s a good idea to close all browser windows.</p>{onward}{frames}"
    );
    shown(page("You signed out", &body))
}

/// Several accounts and no hint: which one?
pub(super) fn sign_out_picker(segment: &str, query: &str, people: &[Persona]) -> Response {
    let accounts = people
        .iter()
        .map(|person| {
            let label = account_label(person, "Signed in");
            format!(
                "<li>{}</li>",
                button("logout_hint", &person.oid, "account", &label)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let body = format!(
        "<form method=\"post\" action=\"/{segment}/oauth2/v2.0/logout?{}\"><ul class=\"accounts\">{accounts}</ul></form>",
        escape(query)
    );
    shown(page("Pick an account to sign out of", &body))
}
