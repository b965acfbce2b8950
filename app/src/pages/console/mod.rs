//! `/console?method=&path=&run=`: a person asks Graph, as themself, and sees what it says. The server makes it of plain
//! data; it has no WASM. `console.js` adds what takes a script: copying, and the calls that this tab has made.

mod copies;
mod json;
mod samples;
mod shown;
mod words;

use leptos::prelude::*;
use leptos_i18n::td_string;

use crate::{
    Page,
    components::{ProblemView, Refusal},
    error::{ApiError, Code},
    i18n::{Locale, locale},
    links,
    pages::title,
};
pub use json::Json;
pub use samples::{BATCH_BODY, topics};

/// The call at hand, and what came of it.
#[derive(Debug, Default)]
pub struct Console {
    /// Method.
    pub method: String,
    /// Path and query below `/v1.0`; empty before anything is asked.
    pub path: String,
    /// The body, with a method that has one.
    pub body: String,
    /// The methods and paths that are passed on.
    pub listed: Vec<(String, String)>,
    /// What is known of the call before Graph is asked; nothing of an empty one.
    pub known: Option<Result<Known, Denied>>,
    /// Graph's answer, if it was asked.
    pub outcome: Option<Result<Answer, ApiError>>,
}

/// A call on the list.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its whole address at Graph.
    pub url: String,
    /// Whether it goes with `ConsistencyLevel: eventual` (R104).
    pub eventual: bool,
    /// The permissions of which one is enough, the least first. None is known of a batch.
    pub scopes: Vec<String>,
    /// Whether the person has given none of them.
    pub missing: bool,
}

/// Why a call is not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Its address can be read in more than one way.
    Malformed,
    /// It has `{id}` where an id belongs.
    Placeholder,
    /// It is not on the list.
    Unlisted,
    /// It has a parameter that it may not have, or twice.
    Parameter(String),
    /// Its body is no JSON.
    Body,
}

/// What Graph said.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its name.
    pub reason: &'static str,
    /// What passed on the server from the question to the whole answer.
    pub milliseconds: u64,
    /// Ids to quote, with their headers' names.
    pub ids: Vec<(&'static str, String)>,
    /// Seconds to wait, if Graph says so.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: Body,
}

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    /// There is none.
    Empty,
    /// JSON.
    Json(Json),
    /// Plain text.
    Text(String),
    /// A picture or a file: its type, and its size if that is known.
    File(String, Option<u64>),
    /// More than is shown.
    TooLarge,
    /// It broke off, or can't be read.
    Broken,
}

/// The page.
pub fn console(console: &Console) -> Page {
    let locale = locale();
    let name = td_string!(locale, console.title);
    let title_text = match &console.outcome {
        Some(Ok(answer)) => title(&format!("{} {} · {name}", answer.status, answer.reason)),
        _ => title(name),
    };
    let view = view! {
        <h1 tabindex="-1">{td_string!(locale, console.heading)}</h1>
        <p class="summary">{td_string!(locale, console.lead)}</p>
        <div class="console">
            <div>
                {form(locale, console)}
                {outcome(locale, console)}
                {permission(locale, console)}
                {take_along(locale, console)}
            </div>
            <aside aria-label=td_string!(locale, console.aside)>
                {samples::samples(locale)}
                <section id="history" hidden>
                    <h2>{td_string!(locale, console.history)}</h2>
                    <ol></ol>
                    <button class="button" type="button">{td_string!(locale, console.forget)}</button>
                    <p class="note">{td_string!(locale, console.history_note)}</p>
                </section>
            </aside>
        </div>
        <p id="said" class="unseen" role="status" data-copied=td_string!(locale, console.copied)></p>
        <script type="module" src="/console.js"></script>
    };
    Page {
        title: title_text,
        view: view.into_any(),
    }
}

fn form(locale: Locale, console: &Console) -> AnyView {
    let Console {
        method,
        path,
        body,
        listed,
        outcome,
        ..
    } = console;
    let mut methods: Vec<_> = listed.iter().map(|(method, _)| method.clone()).collect();
    methods.sort();
    methods.dedup();
    let methods = methods
        .into_iter()
        .map(|name| {
            let selected = name == *method;
            view! { <option value=name.clone() selected=selected>{name.clone()}</option> }
        })
        .collect_view();
    let paths = listed
        .iter()
        .map(|(method, path)| view! { <option value=path.clone()>{method.clone()}</option> })
        .collect_view();
    // What the tab's history takes in: a call that Graph was asked.
    let asked = matches!(outcome, Some(Ok(_)));
    view! {
        <form class="card ask" method="post" action=links::CONSOLE data-asked=asked.then_some("")>
            <p>
                <label for="method">{td_string!(locale, console.method)}</label>
                <select id="method" name="method">{methods}</select>
            </p>
            <p>
                <label for="path">{td_string!(locale, console.path)}</label>
                <input
                    id="path"
                    name="path"
                    list="paths"
                    value=path.clone()
                    required
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="/me"
                    dir="ltr"
                />
            </p>
            <datalist id="paths">{paths}</datalist>
            <details class="body" open=method != "GET">
                <summary>{td_string!(locale, console.body)}</summary>
                <textarea
                    name="body"
                    rows="6"
                    aria-label=td_string!(locale, console.body)
                    autocomplete="off"
                    spellcheck="false"
                    dir="ltr"
                >
                    // A newline that follows the tag at once is the tag's.
                    {format!("\n{body}")}
                </textarea>
            </details>
            <div class="actions">
                <button class="button primary">{td_string!(locale, console.run)}</button>
                <span class="note" hidden><kbd>"Ctrl"</kbd>" + "<kbd>"Enter"</kbd></span>
            </div>
        </form>
    }
    .into_any()
}

/// Why the call is not made, or what came of it.
fn outcome(locale: Locale, console: &Console) -> Option<AnyView> {
    let here = links::console(&console.method, &console.path, console.method == "GET");
    match (&console.known, &console.outcome) {
        (Some(Err(denied)), outcome) => {
            let id = match outcome {
                Some(Err(error)) => error.correlation_id.clone(),
                _ => String::new(),
            };
            let problem = words::denied(locale, denied, id);
            Some(view! { <ProblemView problem/> }.into_any())
        }
        (_, Some(Err(error))) => {
            Some(view! { <Refusal error=error.clone() is_page=false here/> }.into_any())
        }
        (_, Some(Ok(answer))) => Some(answered(locale, answer)),
        _ => None,
    }
}

fn answered(locale: Locale, answer: &Answer) -> AnyView {
    let good = answer.status < 400;
    let ids = answer
        .ids
        .iter()
        .map(|(name, id)| view! { <div><dt>{*name}</dt><dd>{id.clone()}</dd></div> })
        .collect_view();
    view! {
        <section class="card answer" aria-labelledby="answer">
            <h2 id="answer">{td_string!(locale, console.answer)}</h2>
            <p class="status">
                <strong class=if good { "badge" } else { "badge bad" }>
                    {format!("{} {}", answer.status, answer.reason)}
                </strong>
                " "<span>{format!("{} ms", answer.milliseconds)}</span>
                " "<small>{td_string!(locale, console.measured)}</small>
            </p>
            {words::of_status(locale, answer)}
            {error(locale, answer)}
            {body(locale, &answer.body)}
            <dl class="quote">{ids}</dl>
        </section>
    }
    .into_any()
}

/// Graph's own words, whole.
fn error(locale: Locale, answer: &Answer) -> Option<AnyView> {
    let Body::Json(json) = &answer.body else {
        return None;
    };
    let error = json.field("error").filter(|_| answer.status >= 400)?;
    let mut rows = Vec::new();
    let mut row = |label: &str, json: &Json, field| {
        if let Some(text) = json.field(field).and_then(Json::text) {
            let (label, text) = (label.to_owned(), text.to_owned());
            rows.push(view! { <div><dt>{label}</dt><dd>{text}</dd></div> });
        }
    };
    row(td_string!(locale, console.error_code), error, "code");
    row(td_string!(locale, console.error_message), error, "message");
    let inner = ["innerError", "innererror"];
    let mut level = inner.iter().find_map(|name| error.field(name));
    // As deep as Graph's documented errors go, and then some.
    for _ in 0..8 {
        let Some(json) = level else { break };
        row(td_string!(locale, console.error_inner), json, "code");
        row(td_string!(locale, console.error_message), json, "message");
        row("request-id", json, "request-id");
        level = inner.iter().find_map(|name| json.field(name));
    }
    Some(view! { <dl class="said">{rows}</dl> }.into_any())
}

fn body(locale: Locale, body: &Body) -> AnyView {
    let say = |text: String| view! { <p>{text}</p> }.into_any();
    let cut = |cut: bool| {
        cut.then(|| view! { <p class="note cut">{td_string!(locale, console.cut)}</p> })
    };
    match body {
        Body::Empty => say(td_string!(locale, console.empty).to_owned()),
        Body::TooLarge => say(td_string!(locale, console.too_large).to_owned()),
        Body::Broken => say(td_string!(locale, console.broken).to_owned()),
        Body::File(kind, None) => say(td_string!(locale, console.file, kind = kind)),
        Body::File(kind, Some(bytes)) => say(td_string!(
            locale,
            console.file_sized,
            kind = kind,
            bytes = bytes
        )),
        Body::Text(text) => {
            let (text, over) = shown::plain(text);
            view! { <pre tabindex="0">{text}</pre>{cut(over)} }.into_any()
        }
        Body::Json(json) => {
            let (tree, tree_cut) = shown::tree(locale, json);
            let (text, text_cut) = shown::text(json);
            view! {
                <details name="view" open>
                    <summary>{td_string!(locale, console.tree)}</summary>
                    {cut(tree_cut)}
                    {tree}
                </details>
                <details name="view">
                    <summary>{td_string!(locale, console.text)}</summary>
                    {cut(text_cut)}
                    {copied(locale, "text", text)}
                </details>
            }
            .into_any()
        }
    }
}

/// What the call needs, and the way to it.
fn permission(locale: Locale, console: &Console) -> Option<AnyView> {
    let Some(Ok(known)) = &console.known else {
        return None;
    };
    let heading = td_string!(locale, console.permission);
    let Some((least, others)) = known.scopes.split_first() else {
        let text = td_string!(locale, console.permission_batch);
        return Some(
            view! { <section class="card"><h2>{heading}</h2><p>{text}</p></section> }.into_any(),
        );
    };
    let state = if known.missing {
        td_string!(locale, console.permission_missing)
    } else {
        td_string!(locale, console.permission_given)
    };
    // A refusal for want of it has the button already.
    let offered =
        matches!(&console.outcome, Some(Err(error)) if error.code == Code::ConsentRequired);
    let here = links::console(&console.method, &console.path, console.method == "GET");
    let button = (known.missing && !offered).then(|| {
        let href = links::login(&here, &[("scope", least)]);
        let label = td_string!(locale, console.allow, scope = least);
        view! { <p class="actions"><a class="button" href=href rel="external">{label}</a></p> }
    });
    let others = (!others.is_empty()).then(|| {
        let others = others
            .iter()
            .map(|scope| view! { <li><code>{scope.clone()}</code></li> })
            .collect_view();
        view! {
            <details>
                <summary>{td_string!(locale, console.permission_others)}</summary>
                <ul>{others}</ul>
            </details>
        }
    });
    Some(
        view! {
            <section class="card">
                <h2>{heading}</h2>
                <p><code class="badge">{least.clone()}</code>" "{state}</p>
                {button}
                {others}
            </section>
        }
        .into_any(),
    )
}

fn take_along(locale: Locale, console: &Console) -> Option<AnyView> {
    let Some(Ok(known)) = &console.known else {
        return None;
    };
    let Console { method, body, .. } = console;
    let body = if method == "GET" { "" } else { body };
    let curl = copies::curl(method, known, body);
    let rust = copies::rust(method, known, body);
    Some(
        view! {
            <section class="card">
                <h2>{td_string!(locale, console.take)}</h2>
                <p class="note">{td_string!(locale, console.take_note)}</p>
                <details>
                    <summary>"curl"</summary>
                    {copied(locale, "curl", curl)}
                </details>
                <details>
                    <summary>"Rust"</summary>
                    {copied(locale, "rust", rust)}
                </details>
            </section>
        }
        .into_any(),
    )
}

/// Text with a button that copies it, once there is a script to do so.
fn copied(locale: Locale, id: &'static str, text: String) -> AnyView {
    let label = match id {
        "curl" => td_string!(locale, console.copy_curl),
        "rust" => td_string!(locale, console.copy_rust),
        _ => td_string!(locale, console.copy_text),
    };
    view! {
        <pre id=id tabindex="0" dir="ltr">{text}</pre>
        <button class="button" type="button" data-copy=id hidden>{label}</button>
    }
    .into_any()
}
