//! An answer as a tree and as text, neither longer than a page can bear.

use std::io;

use leptos::prelude::*;
use leptos_i18n::td_string;

use super::json::Json;
use crate::{i18n::Locale, links};

/// The most nodes of a tree.
const MOST_NODES: usize = 1000;
/// How deep a tree goes.
const DEEPEST: usize = 12;
/// The most characters of one string in a tree.
const LONGEST: usize = 400;
/// The most bytes of a text.
const MOST_TEXT: usize = 200 * 1024;

/// The answer as nested lists that open and close; and whether some of it had no room.
pub fn tree(locale: Locale, json: &Json) -> (AnyView, bool) {
    let mut tree = Tree {
        locale,
        left: MOST_NODES,
        cut: false,
    };
    let view = match tree.inner(json, 0) {
        Some(inner) => inner,
        None => tree.value("", json),
    };
    (
        view! { <div class="tree">{view}</div> }.into_any(),
        tree.cut,
    )
}

struct Tree {
    locale: Locale,
    left: usize,
    cut: bool,
}

impl Tree {
    /// What is in an array or an object; nothing of what is neither, or has nothing in it.
    fn inner(&mut self, json: &Json, depth: usize) -> Option<AnyView> {
        let items: Vec<(String, &Json)> = match json {
            Json::List(list) => list
                .iter()
                .enumerate()
                .map(|(n, v)| (n.to_string(), v))
                .collect(),
            Json::Fields(fields) => fields.iter().map(|(k, v)| (short(k).0, v)).collect(),
            _ => return None,
        };
        if items.is_empty() || depth > DEEPEST {
            self.cut |= !items.is_empty();
            return None;
        }
        let total = items.len();
        let mut shown = Vec::new();
        for (key, value) in items {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            shown.push(self.node(key, value, depth));
        }
        let more = total - shown.len();
        let more = (more > 0).then(|| {
            self.cut = true;
            view! { <li class="more">{td_string!(self.locale, console.more, count = more)}</li> }
        });
        Some(view! { <ul>{shown}{more}</ul> }.into_any())
    }

    fn node(&mut self, key: String, json: &Json, depth: usize) -> AnyView {
        if let Some(inner) = self.inner(json, depth + 1) {
            let size = match json {
                Json::List(list) => format!("[{}]", list.len()),
                Json::Fields(fields) => format!("{{{}}}", fields.len()),
                _ => String::new(),
            };
            let name = name(json).map(|name| short(name).0);
            let name = name.map(|name| view! { " "<bdi>{name}</bdi> });
            return view! {
                <li>
                    <details open=depth == 0>
                        <summary><span class="key">{key}</span>" "<small>{size}</small>{name}</summary>
                        {inner}
                    </details>
                </li>
            }
            .into_any();
        }
        let value = self.value(&key, json);
        view! { <li><span class="key">{key}</span>" "{value}</li> }.into_any()
    }

    /// A value that does not open.
    fn value(&mut self, key: &str, json: &Json) -> AnyView {
        let (text, cut) = match json {
            Json::Text(text) => short(text),
            Json::List(list) if !list.is_empty() => {
                return view! { <code>"[ … ]"</code> }.into_any();
            }
            Json::Fields(list) if !list.is_empty() => {
                return view! { <code>"{ … }"</code> }.into_any();
            }
            other => (written(other), false),
        };
        if let Json::Text(whole) = json {
            self.cut |= cut;
            // R79: the proxy has made them paths of this site.
            let path = whole.strip_prefix("/graph/v1.0");
            if let Some(path) =
                path.filter(|_| key.ends_with("nextLink") || key.ends_with("deltaLink"))
            {
                let href = links::console("GET", path, true);
                return view! { <a href=href>{text}</a> }.into_any();
            }
            let mut text = written(&Json::Text(text));
            if cut {
                text.push('…');
            }
            return view! { <code>{text}</code> }.into_any();
        }
        view! { <code class="plain">{text}</code> }.into_any()
    }
}

/// What an item is known by.
fn name(json: &Json) -> Option<&str> {
    ["displayName", "subject", "name", "id"]
        .into_iter()
        .find_map(|field| json.field(field)?.text())
}

fn short(text: &str) -> (String, bool) {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => (text[..end].to_owned(), true),
        None => (text.to_owned(), false),
    }
}

fn written(json: &Json) -> String {
    serde_json::to_string(json).unwrap_or_default()
}

/// The answer as indented text; and whether its end had no room.
pub fn text(json: &Json) -> (String, bool) {
    let mut bounded = Bounded(Vec::new());
    let cut = serde_json::to_writer_pretty(&mut bounded, json).is_err();
    let text = String::from_utf8_lossy(&bounded.0).into_owned();
    (text.trim_end_matches('\u{fffd}').to_owned(), cut)
}

/// Plain text; and whether its end had no room.
pub fn plain(text: &str) -> (String, bool) {
    let mut end = text.len().min(MOST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (text[..end].to_owned(), end < text.len())
}

/// Takes so much and then fails: indentation can make much of little.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MOST_TEXT - self.0.len();
        self.0.extend(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            return Err(io::Error::other("full"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_that_is_indented_to_much_is_cut() {
        let mut json = Json::List(vec![Json::Null; 9000]);
        for _ in 0..100 {
            json = Json::List(vec![json]);
        }
        let (text, cut) = text(&json);
        assert!(cut && text.len() <= MOST_TEXT, "{}", text.len());
        let (_, cut) = super::text(&Json::Text("é".repeat(MOST_TEXT)));
        assert!(cut);
        assert_eq!(plain("17"), ("17".into(), false));
        let (text, cut) = plain(&"€".repeat(MOST_TEXT));
        assert!(cut && text.len() <= MOST_TEXT && text.ends_with('€'));
    }
}
