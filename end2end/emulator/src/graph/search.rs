//! `$search` on directory objects: clauses in double quotes, AND, OR and parentheses.
//!
//! Graph docs, "Use the $search query parameter": `displayName` is cut into words and each word asked for must begin
//! one of them, in any order; every other property must begin with the text.

use crate::directory::{People, tokens};

use super::error::Refusal;
use super::fields;

/// A parsed `$search`.
#[derive(Debug)]
pub enum Search {
    /// `"property:text"`.
    Clause {
        /// Name of the property as the metadata spells it.
        property: &'static str,
        /// What is asked for.
        text: String,
    },
    /// Both.
    And(Box<Search>, Box<Search>),
    /// Either.
    Or(Box<Search>, Box<Search>),
}

impl Search {
    /// Reads `"displayName:foo" OR "mail:foo"`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser {
            text,
            at: 0,
            nodes: 0,
        };
        let search = parser.or()?;
        match parser.peek() {
            None => Ok(search),
            Some(c) => Err(parser.unexpected(c)),
        }
    }

    /// Names of the properties that it looks at.
    pub fn properties(&self) -> Vec<&'static str> {
        match self {
            Self::Clause { property, .. } => vec![property],
            Self::And(a, b) | Self::Or(a, b) => [a.properties(), b.properties()].concat(),
        }
    }

    /// Whom it finds.
    pub fn run(&self, people: &People) -> Found {
        match self {
            Self::And(a, b) => a.run(people).and(&b.run(people)),
            Self::Or(a, b) => a.run(people).or(&b.run(people)),
            Self::Clause {
                property: "displayName",
                text,
            } => {
                let words = tokens(text);
                let mut found = words
                    .iter()
                    .map(|word| Found::of(people, people.with_word_prefix(word)));
                let first = found.next().unwrap_or_else(|| Found::of(people, []));
                found.fold(first, |all, word| all.and(&word))
            }
            Self::Clause {
                property: "userPrincipalName",
                text,
            } => Found::of(people, people.with_username_prefix(text).iter().copied()),
            Self::Clause {
                property: "mail",
                text,
            } => {
                // Only guests have a mail address that is not their user principal name.
                let guests = people.guests().iter().copied();
                let wrong = guests.clone();
                let right = guests.filter(|&at| begins(people, at, "mail", text));
                let members = people.with_username_prefix(text).iter().copied();
                Found::of(people, members)
                    .without(wrong)
                    .or(&Found::of(people, right))
            }
            Self::Clause { property, text } => {
                let all = people.iter().map(|(at, _)| at);
                Found::of(people, all.filter(|&at| begins(people, at, property, text)))
            }
        }
    }
}

fn begins(people: &People, at: u32, property: &str, text: &str) -> bool {
    people
        .get(at)
        .is_some_and(|person| fields::getter(property)(person).starts_with(text))
}

/// Positions of people, as a set.
#[derive(Clone, Debug)]
pub struct Found {
    bits: Vec<u64>,
}

impl Found {
    /// The set of these positions.
    pub fn of(people: &People, positions: impl IntoIterator<Item = u32>) -> Self {
        let mut bits = vec![0; people.len().div_ceil(64)];
        for at in positions {
            if let Some(word) = bits.get_mut(at as usize / 64) {
                *word |= 1_u64 << (at % 64);
            }
        }
        Self { bits }
    }

    /// Whether a position is in the set.
    pub fn has(&self, at: u32) -> bool {
        (self.bits.get(at as usize / 64)).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.bits
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    fn without(mut self, positions: impl Iterator<Item = u32>) -> Self {
        for at in positions {
            if let Some(word) = self.bits.get_mut(at as usize / 64) {
                *word &= !(1_u64 << (at % 64));
            }
        }
        self
    }

    fn and(mut self, other: &Self) -> Self {
        self.bits
            .iter_mut()
            .zip(&other.bits)
            .for_each(|(a, b)| *a &= b);
        self
    }

    fn or(mut self, other: &Self) -> Self {
        self.bits
            .iter_mut()
            .zip(&other.bits)
            .for_each(|(a, b)| *a |= b);
        self
    }
}

// More than anybody writes, and no danger to the stack.
const MOST: usize = 100;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Clauses and parentheses so far.
    nodes: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Search, Refusal> {
        let mut left = self.and()?;
        while self.word("OR") {
            left = Search::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Search, Refusal> {
        let mut left = self.term()?;
        // OData joins neighbours without an operator by AND.
        while self.word("AND") || matches!(self.peek(), Some('"' | '(')) {
            left = Search::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Search, Refusal> {
        self.nodes += 1;
        if self.nodes > MOST {
            return Err(Refusal::bad_request(format!(
                "The node count limit of '{MOST}' has been exceeded."
            )));
        }
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let inner = self.or()?;
                if self.peek() != Some(')') {
                    return Err(self.ended());
                }
                self.at += 1;
                Ok(inner)
            }
            Some('"') => self.clause(),
            Some(_) => {
                // An unquoted word is allowed to OData, the colon after it is not: that is where Graph points.
                let word = self.text[self.at..]
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(0);
                let at = self.at + word;
                match self.text[at..].chars().next() {
                    Some(c) => {
                        self.at = at;
                        Err(self.unexpected(c))
                    }
                    None => Err(no_property(self.text)),
                }
            }
            None => Err(self.ended()),
        }
    }

    fn clause(&mut self) -> Result<Search, Refusal> {
        let mut text = String::new();
        let mut chars = self.text[self.at + 1..].char_indices();
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                '"' => {
                    end = Some(at);
                    break;
                }
                c => text.push(c),
            }
        }
        let Some(end) = end else {
            return Err(self.ended());
        };
        self.at += end + 2;
        let Some((name, wanted)) = text.split_once(':') else {
            return Err(no_property(&text));
        };
        let property = fields::searchable(name.trim()).ok_or_else(|| {
            Refusal::directory_bad_request(format!(
                "Unrecognized property '{}' in $search clause.",
                name.trim()
            ))
        })?;
        Ok(Search::Clause {
            property,
            text: wanted.trim().to_owned(),
        })
    }

    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let rest = &self.text[self.at..];
        let after = rest.strip_prefix(word);
        let is = after.is_some_and(|after| after.starts_with([' ', '(', '"']));
        if is {
            self.at += word.len();
        }
        is
    }

    fn unexpected(&self, c: char) -> Refusal {
        let (at, text) = (self.at, self.text);
        Refusal::bad_request(format!(
            "Syntax error: character '{c}' is not valid at position {at} in '{text}'."
        ))
    }

    fn ended(&self) -> Refusal {
        let (at, text) = (self.text.len(), self.text);
        Refusal::bad_request(format!(
            "Syntax error: unexpected end of expression at position {at} in '{text}'."
        ))
    }
}

fn no_property(clause: &str) -> Refusal {
    Refusal::directory_bad_request(format!(
        "Unrecognized $search clause '{clause}'. A clause has the form \"property:text\"."
    ))
}
