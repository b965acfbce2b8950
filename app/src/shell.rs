//! The document around a page, rendered on the server only: sign-in and sign-out load a whole page, so who is
//! signed in never changes while the app runs, and none of this needs to be in the WASM.

use std::sync::OnceLock;

use leptos::{config::LeptosOptions, prelude::*};
use leptos_i18n::td_string;

use crate::{
    app::App,
    components::{Avatar, ProblemView},
    i18n::{Locale, locale, tag},
    links,
    model::{Preferences, Problem, Theme, Viewer},
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
    /// Path and query of the page, or of the one to come back to where this one is none to come back to.
    pub path: String,
    /// Whether it is such a page: one that the navigation does not have.
    pub aside: bool,
    /// Seconds after which an unused session ends.
    pub idle: u64,
    /// What was chosen for this browser.
    pub preferences: Preferences,
}

/// What a document shows.
pub struct Page {
    /// The document's title.
    pub title: String,
    /// What is in its `<main>`.
    pub view: AnyView,
}

impl Page {
    /// What a page shows to someone who is signed out.
    pub fn sign_in_first(path: &str) -> Self {
        let locale = locale();
        let login = links::login(path, &[]);
        Self {
            title: title(td_string!(locale, landing.first)),
            view: view! { <SignInFirst login/> }.into_any(),
        }
    }

    /// One problem: a path of no page, a sign-in that failed, Microsoft being down.
    pub fn problem(problem: Problem) -> Self {
        Self {
            title: title(&problem.title),
            view: view! { <ProblemView problem is_page=true/> }.into_any(),
        }
    }
}

/// The document of a page. Signed in, it holds the [`App`] and the scripts that wake it; signed out, nothing but
/// HTML and CSS.
pub fn shell(options: LeptosOptions, visit: Visit) -> impl IntoView {
    let locale = visit.preferences.locale;
    provide_context(locale);
    let title = title_of(locale, &visit.path);
    let signed_in = visit.viewer.is_some();
    let view = if signed_in {
        view! { <App/> }.into_any()
    } else {
        let login = visit.login.clone();
        if path_of(&visit) == "/" {
            view! { <Landing login/> }.into_any()
        } else {
            view! { <SignInFirst login/> }.into_any()
        }
    };
    around(options, visit, Page { title, view }, signed_in)
}

/// A document that is made on the server alone: no WASM, and no script but the one that empties it when the session ends.
pub fn document(
    options: LeptosOptions,
    visit: Visit,
    page: impl FnOnce() -> Page,
) -> impl IntoView {
    provide_context(visit.preferences.locale);
    let page = page();
    around(options, visit, page, false)
}

fn around(options: LeptosOptions, visit: Visit, page: Page, scripts: bool) -> AnyView {
    let style = stylesheet(&options);
    let Preferences {
        locale,
        theme,
        no_shortcuts,
    } = visit.preferences;
    let expiry = expiry(&visit);
    let signed_in = expiry.is_some();
    let frame = signed_in.then(|| {
        view! {
            <script type="module" src="/frame.js"></script>
            <script type="module" src="/wait.js"></script>
        }
    });
    // The last to run: it may empty the document at once.
    let watch = signed_in.then(|| view! { <script type="module" src="/session.js"></script> });
    let keys = signed_in.then(|| keys(locale, no_shortcuts));
    // A live region has to be there before it says anything.
    let offline = signed_in.then(|| {
        let text = td_string!(locale, shell.offline);
        view! { <p id="offline" class="notice" role="status" data-text=text></p> }
    });
    let scripts = scripts.then(|| {
        view! {
            <script type="module" src="/people.js"></script>
            <AutoReload options=options.clone()/>
            <HydrationScripts options/>
        }
        .into_any()
    });
    view! {
        <!DOCTYPE html>
        <html lang=tag(locale) data-theme=theme.chosen()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=theme.chosen().unwrap_or("light dark")/>
                <title>{page.title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                {frame}
                {scripts}
            </head>
            <body>
                <a class="skip" href="#app" rel="external">{td_string!(locale, shell.skip)}</a>
                {visit.demo.then(|| view! {
                    <aside class="ribbon">
                        <strong>{td_string!(locale, shell.demo)}</strong>
                        " "{td_string!(locale, shell.demo_text)}
                    </aside>
                })}
                {header(visit)}
                {offline}
                <main id="app" tabindex="-1">{page.view}</main>
                {expiry}
                {keys}
                {footer(locale, theme, signed_in)}
                {watch}
            </body>
        </html>
    }
    .into_any()
}

/// The language and the theme, each a button of a form, so that they work without scripts.
fn footer(locale: Locale, theme: Theme, signed_in: bool) -> AnyView {
    let button = |name, value, label, chosen: bool| {
        view! { <button name=name value=value aria-pressed=chosen.to_string()>{label}</button> }
    };
    let languages = [(Locale::en, "English"), (Locale::nl, "Nederlands")].map(|(other, label)| {
        // Each in its own language, so that whoever reads it finds it.
        view! { <span lang=tag(other)>{button("lang", tag(other), label, other == locale)}</span> }
    });
    let themes = [
        (Theme::System, td_string!(locale, shell.theme_system)),
        (Theme::Light, td_string!(locale, shell.theme_light)),
        (Theme::Dark, td_string!(locale, shell.theme_dark)),
    ]
    .map(|(other, label)| {
        button(
            "theme",
            other.chosen().unwrap_or("system"),
            label,
            other == theme,
        )
    });
    let keys = signed_in.then(|| {
        view! { <button type="button" popovertarget="keys">{td_string!(locale, shell.keys)}</button> }
    });
    view! {
        <footer>
            <form method="post" action=links::PREFERENCES>
                <div role="group" aria-label=td_string!(locale, shell.language)>{languages}</div>
                <div role="group" aria-label=td_string!(locale, shell.theme)>{themes}</div>
                {keys}
            </form>
        </footer>
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
    let locale = visit.preferences.locale;
    let signed_out = visit.viewer.is_none();
    // The app makes the first two; the server alone the others.
    let links = PLACES.map(|(key, href, is_app)| {
        let current = if visit.aside {
            None
        } else if path == href {
            Some("page")
        } else {
            (href == "/people" && path.starts_with("/people/")).then_some("true")
        };
        view! {
            <a href=href rel=(!is_app).then_some("external") aria-current=current data-key=key>
                {place(locale, href)}
            </a>
        }
    });
    let account = visit.viewer.map(|viewer| {
        let nav = td_string!(locale, shell.nav);
        view! {
            <div class="account">
                {menu(locale, viewer, &visit.path)}
                <form method="post" action=links::LOGOUT>
                    <button class="button">{td_string!(locale, shell.sign_out)}</button>
                </form>
            </div>
            <nav aria-label=nav>{links}</nav>
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

/// The pages of the navigation: the key that goes there after `g`, the path, and whether the app has it.
const PLACES: [(&str, &str, bool); 4] = [
    ("h", "/", true),
    ("p", "/people", true),
    ("c", "/console", false),
    ("a", links::ACCOUNT, false),
];

fn place(locale: Locale, href: &str) -> &'static str {
    match href {
        "/" => td_string!(locale, shell.home),
        "/people" => td_string!(locale, shell.people),
        "/console" => td_string!(locale, shell.console),
        _ => td_string!(locale, shell.account),
    }
}

/// Who is signed in, and what is theirs. The browser opens it: no script.
fn menu(locale: Locale, viewer: Viewer, here: &str) -> AnyView {
    let Viewer {
        name,
        username,
        key,
    } = viewer;
    let id = key.split('.').next_back().unwrap_or_default();
    view! {
        <button class="who" popovertarget="menu">
            <Avatar id name=&name loading="eager"/>
            <span>{name.clone()}</span>
        </button>
        <div id="menu" popover="auto" role="group" aria-label=td_string!(locale, shell.menu)>
            <p><strong>{name}</strong><span>{username}</span></p>
            <a href="/me" rel="external">{td_string!(locale, shell.your_profile)}</a>
            <a href=links::ACCOUNT rel="external">{td_string!(locale, shell.your_sessions)}</a>
            <a href=links::other_account(here) rel="external">
                {td_string!(locale, shell.other_account)}
            </a>
        </div>
    }
    .into_any()
}

/// The shortcuts, which `frame.js` listens for. They can be turned off, also without a script (WCAG 2.1.4).
fn keys(locale: Locale, off: bool) -> AnyView {
    let places = PLACES.map(|(key, href, _)| {
        let text = td_string!(locale, shell.keys_go, page = place(locale, href));
        view! {
            <div>
                <dt><kbd>"g"</kbd>" "{td_string!(locale, shell.keys_then)}" "<kbd>{key}</kbd></dt>
                <dd>{text}</dd>
            </div>
        }
    });
    let (said, value, label) = if off {
        (
            td_string!(locale, shell.keys_are_off),
            "on",
            td_string!(locale, shell.keys_on),
        )
    } else {
        (
            td_string!(locale, shell.keys_text),
            "off",
            td_string!(locale, shell.keys_off),
        )
    };
    view! {
        <dialog id="keys" popover="auto" aria-labelledby="keys-title" data-off=off.then_some("")>
            <h2 id="keys-title" tabindex="-1" autofocus>{td_string!(locale, shell.keys)}</h2>
            <p>{said}</p>
            <dl>
                <div><dt><kbd>"/"</kbd></dt><dd>{td_string!(locale, shell.keys_search)}</dd></div>
                {places}
                <div><dt><kbd>"?"</kbd></dt><dd>{td_string!(locale, shell.keys_list)}</dd></div>
            </dl>
            <form class="actions" method="post" action=links::PREFERENCES>
                <button class="button" name="keys" value=value>{label}</button>
                <button class="button" type="button" popovertarget="keys" popovertargetaction="hide">
                    {td_string!(locale, shell.close)}
                </button>
            </form>
        </dialog>
    }
    .into_any()
}

/// What `session.js` opens before the session ends (WCAG 2.2.1). It fills in the times and shows what goes with the
/// end that comes: `idle`, which one key puts off, or `max`, which only a new sign-in does.
fn expiry(visit: &Visit) -> Option<AnyView> {
    let viewer = visit.viewer.as_ref()?;
    let locale = visit.preferences.locale;
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
                <h2 id="expiry-title">{td_string!(locale, shell.expiry_title)}</h2>
                <div id="expiry-text">
                    <p data-end="idle">
                        {td_string!(locale, shell.expiry_idle_before)}" "<time></time>
                        {td_string!(locale, shell.expiry_idle_after)}
                    </p>
                    <p data-end="max">
                        {td_string!(locale, shell.expiry_max_before)}" "<time></time>
                        {td_string!(locale, shell.expiry_max_after)}
                    </p>
                </div>
                <div class="countdown" role="timer"></div>
                <p class="unseen" role="status" data-text=td_string!(locale, shell.expiry_left)></p>
                <p class="actions">
                    <button class="button primary" data-end="idle">{td_string!(locale, shell.stay)}</button>
                    <a class="button primary" data-end="max" href=visit.login.clone() rel="external">
                        {td_string!(locale, shell.sign_in_again)}
                    </a>
                    <button class="button" data-end="max">{td_string!(locale, shell.not_now)}</button>
                </p>
            </form>
        </dialog>
    };
    Some(dialog.into_any())
}
