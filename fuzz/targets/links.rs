//! R79, R80: the scanner rewrites what a JSON parser would have rewritten, wherever the pieces of a body end.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use serde_json::{Map, Value};
use server::graph::proxy::links::{Links, own_path};
use url::Url;

const ORIGIN: &str = "https://graph.microsoft.com";

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    tree: Node<'a>,
    pretty: bool,
    raw: &'a [u8],
    size: u8,
}

#[derive(Arbitrary, Debug)]
enum Node<'a> {
    Null,
    Number(i32),
    Text(&'a str),
    /// A link on Graph's origin.
    Link(&'a str),
    List(Vec<Node<'a>>),
    Map(Vec<(Name<'a>, Node<'a>)>),
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Next(&'a str),
    Delta(&'a str),
    Short,
    Other(&'a str),
}

impl Node<'_> {
    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Number(number) => (*number).into(),
            Self::Text(text) => (*text).into(),
            Self::Link(rest) => format!("{ORIGIN}/v1.0/{rest}").into(),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(items) => items
                .iter()
                .map(|(name, node)| (name.text(), node.json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

impl Name<'_> {
    fn text(&self) -> String {
        match self {
            Self::Next(prefix) => format!("{prefix}@odata.nextLink"),
            Self::Delta(prefix) => format!("{prefix}@odata.deltaLink"),
            Self::Short => "@nextLink".into(),
            Self::Other(text) => (*text).into(),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let tree = input.tree.json();
    let text = if input.pretty {
        serde_json::to_vec_pretty(&tree)
    } else {
        serde_json::to_vec(&tree)
    };
    for text in [&text.expect("JSON"), input.raw] {
        check(text, usize::from(input.size) + 1);
    }
});

fn check(text: &[u8], size: usize) {
    let origin = Url::parse(ORIGIN).expect("a URL");
    let out = Links::of(&origin).piece(text);
    let mut links = Links::of(&origin);
    let pieces: Vec<u8> = text
        .chunks(size)
        .flat_map(|piece| links.piece(piece))
        .collect();
    assert_eq!(pieces, out, "in pieces of {size}");
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else {
        return;
    };
    rewrite(&mut value);
    let out: Value = serde_json::from_slice(&out).expect("still JSON");
    assert_eq!(out, value);
}

fn rewrite(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.to_ascii_lowercase();
                let ends = [
                    "odata.nextlink",
                    "odata.deltalink",
                    "@nextlink",
                    "@deltalink",
                ];
                match member {
                    Value::String(link) if ends.iter().any(|end| name.ends_with(end)) => {
                        *member = own_path(link, ORIGIN).map_or(Value::Null, |path| {
                            // No browser makes another site of it, and its query is the link's.
                            let site = Url::parse("https://app.example").expect("a URL");
                            let url = site.join(&path).expect("a path");
                            assert!(
                                url.origin() == site.origin()
                                    && url.path().starts_with("/graph/v1.0/"),
                                "{path}"
                            );
                            assert_eq!(path.strip_prefix("/graph"), link.get(ORIGIN.len()..));
                            path.into()
                        });
                    }
                    other => rewrite(other),
                }
            }
        }
        _ => {}
    }
}
