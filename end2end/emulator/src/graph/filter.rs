//! `$filter` on users: comparisons, `startswith`, `endswith`, `in`, `any`, and, or, not.
//!
//! Graph docs, "Use the $filter query parameter" and "Advanced query capabilities on directory objects".

use time::OffsetDateTime;

use crate::directory::{People, Person};

use super::error::Refusal;
use super::fields::{Field, Getter};
use super::filter_parser as parser;

/// A parsed `$filter`.
#[derive(Debug)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A property, how to read it, and what must hold of it, for one of its values if it has several.
    Test(&'static str, Getter, Test),
}

/// What must hold of a value.
#[derive(Debug)]
pub enum Test {
    /// `eq` to one of these.
    In(Vec<Literal>),
    /// `ne`.
    Differs(Literal),
    /// `gt`, `ge`, `lt`, `le`: the orderings that pass.
    Compares(Literal, &'static [std::cmp::Ordering]),
    /// `startswith`.
    Starts(String),
    /// `endswith`.
    Ends(String),
}

/// A value in the query.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true`, `false`.
    Flag(bool),
    /// `'text'`, lower case; GUIDs too.
    Text(String),
    /// A time.
    Time(OffsetDateTime),
}

impl Filter {
    /// Reads a `$filter`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        parser::parse(text)
    }

    /// Names of the properties that it looks at.
    pub fn properties(&self) -> Vec<&'static str> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::properties).collect(),
            Self::Not(inner) => inner.properties(),
            Self::Test(property, ..) => vec![property],
        }
    }

    /// Whether it needs `ConsistencyLevel: eventual` and `$count=true`.
    pub fn is_advanced(&self) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(Self::is_advanced),
            Self::Not(_) | Self::Test(_, _, Test::Differs(_) | Test::Ends(_)) => true,
            Self::Test(property, _, Test::Starts(_)) => matches!(
                *property,
                "mobilePhone" | "businessPhones" | "officeLocation"
            ),
            Self::Test(..) => false,
        }
    }

    /// Whether a person passes.
    pub fn takes(&self, person: &Person) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.takes(person)),
            Self::Or(all) => all.iter().any(|filter| filter.takes(person)),
            Self::Not(inner) => !inner.takes(person),
            Self::Test(_, get, test) => test.passes(&get(person)),
        }
    }

    /// The few people among whom everybody who passes must be, where an index knows them.
    pub fn candidates(&self, people: &People) -> Option<Vec<u32>> {
        match self {
            Self::And(all) => all.iter().find_map(|filter| filter.candidates(people)),
            Self::Test("id" | "userPrincipalName" | "mail", _, Test::In(values)) => {
                let text = |value: &Literal| match value {
                    Literal::Text(text) => Some(text.clone()),
                    _ => None,
                };
                let texts: Option<Vec<String>> = values.iter().map(text).collect();
                Some(
                    texts?
                        .iter()
                        .filter_map(|text| people.position(text))
                        .collect(),
                )
            }
            Self::Test("userPrincipalName", _, Test::Starts(start)) => {
                Some(people.with_username_prefix(start).to_vec())
            }
            Self::Test("displayName", _, Test::Starts(start)) => {
                Some(people.with_name_prefix(start)?.collect())
            }
            _ => None,
        }
    }
}

impl Test {
    fn passes(&self, field: &Field<'_>) -> bool {
        if let Field::Texts(texts) = field {
            return texts
                .iter()
                .any(|text| self.passes(&Field::Text(text.as_str().into())));
        }
        match self {
            Self::In(values) => values.iter().any(|value| equal(field, value)),
            Self::Differs(value) => !equal(field, value),
            Self::Compares(value, passing) => {
                compare(field, value).is_some_and(|ordering| passing.contains(&ordering))
            }
            Self::Starts(start) => field.starts_with(start),
            Self::Ends(end) => {
                matches!(field, Field::Text(text) if text.to_lowercase().ends_with(end))
            }
        }
    }
}

fn equal(field: &Field<'_>, value: &Literal) -> bool {
    match (field, value) {
        (Field::Null, Literal::Null) => true,
        (Field::Flag(a), Literal::Flag(b)) => a == b,
        (Field::Text(a), Literal::Text(b)) if a.is_ascii() => a.eq_ignore_ascii_case(b),
        (Field::Text(a), Literal::Text(b)) => a.chars().flat_map(char::to_lowercase).eq(b.chars()),
        (Field::Time(a), Literal::Time(b)) => a == b,
        _ => false,
    }
}

fn compare(field: &Field<'_>, value: &Literal) -> Option<std::cmp::Ordering> {
    match (field, value) {
        (Field::Text(a), Literal::Text(b)) => {
            Some(a.chars().flat_map(char::to_lowercase).cmp(b.chars()))
        }
        (Field::Time(a), Literal::Time(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
