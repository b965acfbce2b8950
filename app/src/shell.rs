//! The document around a page, rendered on the server only: sign-in and sign-out load a whole page, so who is
//! signed in never changes while the app runs, and none of this needs to be in the WASM.

use std::sync::OnceLock;

use leptos::{config::LeptosOptions, prelude::*};

use crate::{
    app::App,
    components::ProblemView,
    links,
    model::{Problem, Viewer},
    pages::{Landing, SignInFirst, title, title_of},
};

/// What the server knows of a visit before it renders.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// Whether Microsoft is played by the emulator.
    pub demo: bool,
    /// Link that starts a sign-in and comes back here.
    pub login: String,
    /// Path and query of the page.
    pub path: String,
    /// Seconds after which an unused session ends.
    pub idle: u64,
}

/// The document of a page. Signed in, it holds the [`App`] and the scripts that wake it; signed out, nothing but
/// HTML and CSS.
pub fn shell(options: LeptosOptions, visit: Visit) -> impl IntoView {
    let title = title_of(&visit.path);
    if visit.viewer.is_some() {
        return document(options, visit, title, true, view! { <App/> }.into_any());
    }
    let login = visit.login.clone();
    let page = if path_of(&visit) == "/" {
        view! { <Landing login/> }.into_any()
    } else {
        let what = match path_of(&visit) {
            "/people" => "the directory",
            "/account" => "your sessions",
            _ => "this page",
        };
        view! { <SignInFirst login what/> }.into_any()
    };
    document(options, visit, title, false, page)
}

/// A document around one problem: a path of no page, a sign-in that failed, Microsoft being down. No scripts, but
/// the one that empties it when the session ends.
pub fn problem_document(options: LeptosOptions, visit: Visit, problem: Problem) -> impl IntoView {
    let title = title(&problem.title);
    document(
        options,
        visit,
        title,
        false,
        view! { <ProblemView problem is_page=true/> }.into_any(),
    )
}

fn document(
    options: LeptosOptions,
    visit: Visit,
    title: String,
    scripts: bool,
    page: AnyView,
) -> AnyView {
    let style = stylesheet(&options);
    let expiry = expiry(&visit);
    let watch = expiry
        .is_some()
        .then(|| view! { <script type="module" src="/session.js"></script> });
    let scripts = scripts.then(|| {
        view! {
            <AutoReload options=options.clone()/>
            <HydrationScripts options/>
        }
        .into_any()
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <title>{title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                {watch}
                {scripts}
            </head>
            <body>
                <a class="skip" href="#app" rel="external">"Skip to the content"</a>
                {visit.demo.then(|| view! {
                    <p class="ribbon">
                        <strong>"Demo"</strong>
                        " The accounts and the directory are invented, and nothing leaves this machine."
                    </p>
                })}
                {header(visit)}
                <main id="app" tabindex="-1">{page}</main>
                {expiry}
            </body>
        </html>
    }
    .into_any()
}

/// The page's path, without its query.
fn path_of(visit: &Visit) -> &str {
    visit.path.split('?').next().unwrap_or_default()
}

/// The style sheet's address. Beside the binary of a release lies a list of the hashes in its assets' names.
fn stylesheet(options: &LeptosOptions) -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash = HASH.get_or_init(|| {
        let binary = std::env::current_exe().unwrap_or_default();
        std::fs::read_to_string(binary.with_file_name(&*options.hash_file))
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("css:"))
            .map(|hash| format!(".{}", hash.trim()))
            .unwrap_or_default()
    });
    let hash = if options.hash_files { hash } else { "" };
    format!(
        "/{}/{}{hash}.css",
        options.site_pkg_dir, options.output_name
    )
}

fn header(visit: Visit) -> AnyView {
    let path = path_of(&visit).to_owned();
    let signed_out = visit.viewer.is_none();
    let link = move |href: &'static str, label: &'static str| {
        view! { <a href=href aria-current=(path == href).then_some("page")>{label}</a> }
    };
    let account = visit.viewer.map(|Viewer { name, username, .. }| {
        view! {
            <nav aria-label="Main">{link("/", "Home")}{link("/people", "People")}{link("/account", "Account")}</nav>
            <div class="account">
                <p><span>{name}</span><span>{username}</span></p>
                <a href=links::other_account(&visit.path) rel="external">"Use another account"</a>
                <form method="post" action=links::LOGOUT><button class="button">"Sign out"</button></form>
            </div>
        }
    });
    view! {
        <header>
            <a class="brand" href="/" rel=signed_out.then_some("external")>
                <svg width="28" height="28" viewBox="0 0 28 28" aria-hidden="true">
                    <path d="M14 11V9.5a2.5 2.5 0 1 0-2.5-2.5M14 11 4 19.2c-1 .8-.4 2.3.8 2.3h18.4c1.2 0 1.8-1.5.8-2.3z"/>
                </svg>
                "Cloakroom"
            </a>
            {account}
        </header>
    }
    .into_any()
}

/// What `session.js` opens before the session ends (WCAG 2.2.1). It fills in the times and shows what goes with the
/// end that comes: `idle`, which one key puts off, or `max`, which only a new sign-in does.
fn expiry(visit: &Visit) -> Option<AnyView> {
    let viewer = visit.viewer.as_ref()?;
    let dialog = view! {
        <dialog
            id="expiry"
            role="alertdialog"
            aria-labelledby="expiry-title"
            aria-describedby="expiry-text"
            data-user=viewer.key.clone()
            data-idle=visit.idle.to_string()
        >
            <form method="dialog">
                <h2 id="expiry-title">"You are about to be signed out"</h2>
                <div id="expiry-text">
                    <p data-end="idle">
                        "Nothing has happened here for a while. You will be signed out at "<time></time>", unless you stay."
                    </p>
                    <p data-end="max">
                        "No session lasts longer than this one has. It ends at "<time></time>
                        "; signing in again will be needed. You come back to this page."
                    </p>
                </div>
                <p class="countdown" role="timer"></p>
                <p class="unseen" role="status" data-text="{} seconds left"></p>
                <p class="actions">
                    <button class="button primary" data-end="idle">"Stay signed in"</button>
                    <a class="button primary" data-end="max" href=visit.login.clone() rel="external">"Sign in again"</a>
                    <button class="button" data-end="max">"Not now"</button>
                </p>
            </form>
        </dialog>
    };
    Some(dialog.into_any())
}
