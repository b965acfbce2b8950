//! A short name for the browser that somebody signed in with, so that they know it again in a list. For people
//! only: nothing is decided by it.

use app::i18n::Locale;
use leptos_i18n::td_string;

/// Browsers by the word that gives them away. Those built on others come first, for they name those too.
/// <https://developer.mozilla.org/docs/Web/HTTP/Guides/Browser_detection_using_the_user_agent>
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"), // Edg, EdgA, EdgiOS
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems likewise: Android says Linux too, and an iPhone says Mac OS X.
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// "Chrome on Linux", by a `User-Agent`; never the header itself.
pub fn name(user_agent: Option<&str>) -> String {
    let text = user_agent.unwrap_or_default();
    let known = |table: &[(&str, &'static str)]| {
        let mut found = table.iter().filter(|(mark, _)| text.contains(mark));
        found.next().map(|(_, name)| *name)
    };
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("Unknown browser on {system}"),
        (None, None) => "Unknown browser".to_owned(),
    }
}

/// The name in the language of whoever reads it. It was kept in English.
pub fn shown(name: &str, locale: Locale) -> String {
    let on = format!(" {} ", td_string!(locale, account.browser_on));
    let unknown = td_string!(locale, account.browser_unknown);
    name.replace("Unknown browser", unknown)
        .replace(" on ", &on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_so_in_the_readers_language() {
        for (kept, dutch) in [
            ("Chrome on Linux", "Chrome op Linux"),
            ("Unknown browser on Windows", "Onbekende browser op Windows"),
            ("Firefox", "Firefox"),
        ] {
            assert_eq!(shown(kept, Locale::nl), dutch);
            assert_eq!(shown(kept, Locale::en), kept);
        }
    }

    #[test] // R58
    fn browsers_are_called_what_their_users_call_them() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (user_agent, expected) in [
            (
                format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/131.0.0.0 Safari/537.36"),
                "Chrome on Linux",
            ),
            (
                format!(
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"
                ),
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
                    .to_owned(),
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0"
                    .to_owned(),
                "Firefox on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1"
                    .to_owned(),
                "Chrome on iPhone",
            ),
            (
                format!(
                    "Mozilla/5.0 (Linux; Android 10; K) {webkit} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36"
                ),
                "Samsung Internet on Android",
            ),
            ("curl/8.5.0".to_owned(), "Unknown browser"),
            ("something for Windows".to_owned(), "Unknown browser on Windows"),
        ] {
            assert_eq!(name(Some(&user_agent)), expected, "{user_agent}");
        }
        assert_eq!(name(None), "Unknown browser");
        assert_eq!(name(Some(&"<script>".repeat(1000))), "Unknown browser");
    }
}
