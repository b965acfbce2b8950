//! The list of the calls that are passed on, and the one way to a [`GraphPath`]: to be on it (R77).

use std::{collections::BTreeMap, fs, path::Path};

use http::Method;
use serde::Deserialize;
use url::Url;

use super::path;
use crate::config::is_scope;

/// The path and query of a call on the list, as they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphPath {
    path: String,
    query: Option<String>,
}

impl GraphPath {
    /// The path, from `/v1.0/` on.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, as it came.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The address on this origin. Nothing if a URL would be written in another way: what was checked is what is sent.
    pub fn on(&self, origin: &Url) -> Option<Url> {
        let mut url = origin.clone();
        url.set_path(&self.path);
        url.set_query(self.query());
        (url.path() == self.path && url.query() == self.query()).then_some(url)
    }
}

impl std::fmt::Display for GraphPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// Why a call is not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Its address is not one that every reader reads alike.
    Malformed,
    /// It is not on the list.
    Unlisted,
    /// It has a query parameter that this call may not have.
    Parameter(String),
}

/// A call that is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Method.
    pub method: Method,
    /// As it stands in the file, such as `/users/{id}`: for the log, which is to hold no ids.
    pub pattern: String,
    pieces: Vec<Piece>,
    /// The permissions of which one is enough, the least first.
    pub scopes: Vec<String>,
    expand: Vec<String>,
    parameters: Vec<String>,
}

/// Words come before ids, so that the more particular pattern is found first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Word(String),
    Id,
}

/// One entry of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    scopes: Vec<String>,
    #[serde(default)]
    expand: Vec<String>,
    #[serde(default)]
    parameters: Vec<String>,
}

/// `POST /$batch` is on the list by itself: its requests are held to the list one by one (R81).
pub const BATCH: &str = "/$batch";

/// The calls that are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

impl AllowList {
    /// The list that comes with the server.
    pub fn built_in() -> Self {
        // A mistake in the file costs the proxy, not the server; a test holds that there is none.
        parse(include_str!("../allowed.toml"))
            .map(Self)
            .unwrap_or_default()
    }

    /// The built-in list and an operator's file. Where both name a call, the operator's word counts.
    pub fn with_file(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| {
            format!(
                "the file {} can't be read ({}); check the path and its rights",
                file.display(),
                error.kind()
            )
        })?;
        let own = parse(&text).map_err(|Mistake { line, mend }| {
            format!("line {line} of {}: {mend}", file.display())
        })?;
        let mut all = own;
        for entry in Self::built_in().0 {
            let same = |e: &Entry| e.method == entry.method && e.pieces == entry.pieces;
            if !all.iter().any(same) {
                all.push(entry);
            }
        }
        all.sort_by(|a, b| a.pieces.cmp(&b.pieces));
        Ok(Self(all))
    }

    /// The entry for a call, and its address. `target` is what follows the version, raw: `/me?$select=id`.
    pub fn admit(&self, method: &Method, target: &str) -> Result<(&Entry, GraphPath), Denied> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let segments = path::segments(path).ok_or(Denied::Malformed)?;
        let entry = self.0.iter().find(|e| e.takes(method, &segments));
        let entry = entry.ok_or(Denied::Unlisted)?;
        let query = match query.filter(|query| !query.is_empty()) {
            Some(query) => Some(entry.check_query(query)?),
            None => None,
        };
        let path = path::written(&segments);
        Ok((entry, GraphPath { path, query }))
    }

    /// The calls, in the order of their paths.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Whether a page may ask a person for this permission: it is the least that a call on the list needs.
    pub fn knows_scope(&self, scope: &str) -> bool {
        let mut least = self.0.iter().filter_map(|entry| entry.scopes.first());
        least.any(|known| known.eq_ignore_ascii_case(scope))
    }
}

/// OData's options that narrow, order or page what a call may read anyway.
const OPTIONS: [&str; 9] = [
    "select",
    "filter",
    "search",
    "top",
    "skip",
    "orderby",
    "count",
    "skiptoken",
    "deltatoken",
];

impl Entry {
    /// Words are compared as they are, in their case. Graph takes them in any case, so `/ME` would work there; here it is
    /// not on the list.
    fn takes(&self, method: &Method, segments: &[String]) -> bool {
        self.method == method
            && self.pieces.len() == segments.len()
            && self
                .pieces
                .iter()
                .zip(segments)
                .all(|(piece, segment)| match piece {
                    Piece::Word(word) => word == segment,
                    Piece::Id => path::is_id(segment),
                })
    }

    /// R91: every parameter is on a list and comes once, however it is written.
    fn check_query(&self, raw: &str) -> Result<String, Denied> {
        let (sent, parameters) = path::query(raw).ok_or(Denied::Malformed)?;
        let mut seen: Vec<&str> = Vec::new();
        for parameter in &parameters {
            let name = parameter.name.as_str();
            let denied = || Denied::Parameter(name.chars().take(40).collect());
            let option =
                OPTIONS.contains(&name) || (name == "expand" && self.may_expand(&parameter.text));
            let own = || !parameter.dollar && self.parameters.iter().any(|p| p == name);
            if !(option || own()) || seen.contains(&name) {
                return Err(denied());
            }
            // `;` separates the options of an `$expand`, and parameters for old servers.
            if name != "expand" && parameter.raw.contains(';') {
                return Err(denied());
            }
            seen.push(name);
        }
        Ok(sent)
    }

    /// `$expand` reaches other data than the call's own, so an entry names what: `manager($levels=max;$select=id)` is the
    /// manager. Nothing within it is expanded in turn; and no quotes, within which a parenthesis is none.
    fn may_expand(&self, text: &str) -> bool {
        let mut depth = 0_usize;
        let mut closed = false;
        let mut outer = String::new();
        for c in text.chars() {
            match c {
                '(' if depth == 0 && (closed || outer.is_empty() || outer.ends_with(',')) => {
                    return false;
                }
                '(' => depth += 1,
                ')' if depth == 0 => return false,
                ')' => {
                    depth -= 1;
                    closed = depth == 0;
                }
                '\'' | '"' => return false,
                _ if depth > 0 => {}
                ',' => {
                    closed = false;
                    outer.push(c);
                }
                // After what is in parentheses a name has ended.
                _ if closed => return false,
                _ => outer.push(c),
            }
        }
        let nested = text.to_ascii_lowercase().contains("expand");
        depth == 0
            && !nested
            && outer
                .split(',')
                .all(|name| self.expand.iter().any(|known| known == name))
    }
}

/// A mistake in a file: its line, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    line: usize,
    mend: String,
}

fn parse(text: &str) -> Result<Vec<Entry>, Mistake> {
    let rows: BTreeMap<String, Row> = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        Mistake {
            line: before.unwrap_or_default().matches('\n').count() + 1,
            mend: format!(
                "{}; write it as in server/src/graph/allowed.toml",
                error.message().trim().replace('\n', " ")
            ),
        }
    })?;
    let mut entries = Vec::new();
    for (call, row) in rows {
        entries.push(entry(&call, row).map_err(|mend| {
            Mistake {
                line: text
                    .lines()
                    .position(|line| line.contains(&call))
                    .map_or(1, |at| at + 1),
                mend,
            }
        })?);
    }
    entries.sort_by(|a, b| a.pieces.cmp(&b.pieces));
    Ok(entries)
}

fn entry(call: &str, row: Row) -> Result<Entry, String> {
    let (method, pattern) = call
        .split_once(' ')
        .ok_or_else(|| format!("{call:?} is no call; write one like \"GET /me\""))?;
    let method = match method {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => {
            return Err(format!(
                "{method:?} is no method; use GET, POST, PUT, PATCH or DELETE"
            ));
        }
    };
    if let Some(version) = ["/v1.0", "/beta"]
        .into_iter()
        .find(|v| pattern.starts_with(v))
    {
        return Err(format!("leave out {version}: only v1.0 is passed on"));
    }
    let pieces = pieces(pattern).ok_or_else(|| {
        format!("{pattern:?} is no path; write one like /users/{{id}}, without a slash at its end")
    })?;
    if pattern == BATCH {
        return Err(format!(
            "{BATCH} is passed on already, its requests as they are listed; leave it out"
        ));
    }
    if row.scopes.is_empty() {
        return Err(
            "scopes is empty; name the permissions of which one is enough, the least first"
                .to_owned(),
        );
    }
    if let Some(scope) = row.scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(format!(
            "{scope:?} is no permission; write one like User.Read"
        ));
    }
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if let Some(name) = row
        .parameters
        .iter()
        .chain(&row.expand)
        .find(|name| !is_name(name))
    {
        return Err(format!(
            "{name:?} is no plain name; options with $ are known by themselves"
        ));
    }
    Ok(Entry {
        method,
        pattern: pattern.to_owned(),
        pieces,
        scopes: row.scopes,
        expand: row.expand,
        parameters: row
            .parameters
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
    })
}

fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let segments = pattern.strip_prefix('/')?.split('/');
    segments
        .map(|segment| {
            if let Some(name) = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
                return plain.then_some(Piece::Id);
            }
            // As it is compared: decoded, and nothing that a request's path could not have.
            let read = path::segments(&format!("/{segment}"))?;
            (read == [segment]).then(|| Piece::Word(segment.to_owned()))
        })
        .collect()
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
