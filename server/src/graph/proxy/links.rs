//! Rewrites `@odata.nextLink` and `@odata.deltaLink` in JSON that passes by (R79): Graph's own link becomes a path of this
//! site, its query to the letter (R80); any other becomes null. The JSON is not held: only a link is, while it comes.
//!
//! A scanner, no parser: strings are the only tokens that matter, and of strings those before a colon. What is no valid
//! JSON passes as it came; no browser reads a link out of it.

use url::Url;

use super::path;

/// The longest link that is read; a longer one becomes null.
const LONGEST: usize = 64 * 1024;

/// What ends the name of a link. In OData 4.01 clients may leave out `odata.`.
const NAMES: [&[u8]; 4] = [
    b"odata.nextlink",
    b"odata.deltalink",
    b"@nextlink",
    b"@deltalink",
];

/// The end of a string, decoded as far as the names need it.
#[derive(Default)]
struct End {
    ring: [u8; 16],
    at: usize,
}

impl End {
    fn push(&mut self, byte: u8) {
        self.ring[self.at % 16] = byte.to_ascii_lowercase();
        self.at += 1;
    }

    fn is_name(&self) -> bool {
        NAMES.iter().any(|name| {
            self.at >= name.len()
                && name
                    .iter()
                    .rev()
                    .enumerate()
                    .all(|(back, byte)| self.ring[(self.at - 1 - back) % 16] == *byte)
        })
    }
}

/// What follows a backslash.
#[derive(Clone, Copy)]
enum Escape {
    No,
    /// After the backslash.
    Begun,
    /// So many digits of `\u` are still to come.
    Unicode(u8, u32),
}

#[derive(Clone, Copy)]
enum At {
    /// Between strings.
    Outside,
    /// In a string that passes.
    String(Escape),
    /// After a string: a colon makes it a name.
    After,
    /// After the colon of a link's name.
    Value,
    /// In a link; whether a backslash came.
    Link(bool),
}

/// The scanner of one body.
pub struct Links {
    /// The origin whose links count, such as `https://graph.microsoft.com`.
    origin: String,
    at: At,
    end: End,
    /// The link that is being read, with its first quote.
    held: Vec<u8>,
    dropped: usize,
}

impl Links {
    /// Of answers from this origin.
    pub fn of(origin: &Url) -> Self {
        Self {
            origin: origin.origin().ascii_serialization(),
            at: At::Outside,
            end: End::default(),
            held: Vec::new(),
            dropped: 0,
        }
    }

    /// The next piece of the body, rewritten. What is in the middle of a link comes with a later piece.
    pub fn piece(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len());
        for &byte in piece {
            self.byte(byte, &mut out);
        }
        out
    }

    /// How many links led elsewhere and became null.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let At::Link(escaped) = self.at {
            // One byte more than is read says that it is too long; the rest goes nowhere.
            if self.held.len() <= LONGEST {
                self.held.push(byte);
            }
            self.at = match byte {
                b'"' if !escaped => {
                    self.link(out);
                    At::Outside
                }
                _ => At::Link(byte == b'\\' && !escaped),
            };
            return;
        }
        if matches!(self.at, At::Value) && byte == b'"' {
            self.held.clear();
            self.held.push(byte);
            self.at = At::Link(false);
            return;
        }
        out.push(byte);
        let space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at = match (self.at, byte) {
            (At::String(escape), _) => self.in_string(escape, byte),
            (At::After, b':') if self.end.is_name() => At::Value,
            (at @ (At::After | At::Value), _) if space => at,
            (_, b'"') => {
                self.end = End::default();
                At::String(Escape::No)
            }
            _ => At::Outside,
        };
    }

    fn in_string(&mut self, escape: Escape, byte: u8) -> At {
        let next = match (escape, byte) {
            (Escape::No, b'"') => return At::After,
            (Escape::No, b'\\') => Escape::Begun,
            (Escape::Begun, b'u') => Escape::Unicode(4, 0),
            (Escape::No, _) => {
                self.end.push(byte);
                Escape::No
            }
            (Escape::Begun, _) => {
                // `\n` and its like are in no name; `\/` and `\"` are the character.
                self.end
                    .push(if b"bfnrt".contains(&byte) { 0 } else { byte });
                Escape::No
            }
            (Escape::Unicode(left, code), _) => match (char::from(byte).to_digit(16), left) {
                // Not JSON: out of the escape, so that the string's end is found.
                (None, _) if byte == b'"' => return At::After,
                (None, _) => Escape::No,
                (Some(digit), 1) => {
                    // Beyond ASCII there is no name; 0 stands for all of it.
                    self.end.push(u8::try_from(code << 4 | digit).unwrap_or(0));
                    Escape::No
                }
                (Some(digit), _) => Escape::Unicode(left - 1, code << 4 | digit),
            },
        };
        At::String(next)
    }

    fn link(&mut self, out: &mut Vec<u8>) {
        let path = (self.held.len() <= LONGEST)
            .then(|| serde_json::from_slice::<String>(&self.held).ok())
            .flatten()
            .and_then(|link| own_path(&link, &self.origin));
        if let Some(path) = path.and_then(|path| serde_json::to_vec(&path).ok()) {
            out.extend(path);
        } else {
            self.dropped += 1;
            out.extend(b"null");
        }
        self.held.clear();
    }
}

/// The path on this site of a link on `origin`: what is below its `/v1.0/`, as it stands. Nothing for a link that leads
/// elsewhere, or that a browser would read in another way than it is written.
pub fn own_path(link: &str, origin: &str) -> Option<String> {
    let (start, rest) = link.split_at_checked(origin.len())?;
    if !start.eq_ignore_ascii_case(origin) {
        return None;
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    path::segments(path.strip_prefix("/v1.0")?)?;
    let plain = |b: u8| b.is_ascii_graphic() && b != b'#' && b != b'\\';
    query.bytes().all(plain).then(|| format!("/graph{rest}"))
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
