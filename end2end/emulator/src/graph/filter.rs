//! `$filter` on users: comparisons, `startswith`, `endswith`, `in`, `any`, and, or, not.
//!
//! Graph docs, "Use the $filter query parameter" and "Advanced query capabilities on directory objects".

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::directory::{People, Person};

use super::error::Refusal;
use super::fields::{self, Field};

/// A parsed `$filter`.
#[derive(Debug)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A property and what must hold of it, for one of its values if it has several.
    Test(&'static str, Test),
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
        let mut parser = Parser { text, at: 0 };
        let filter = parser.or(0)?;
        parser.end()?;
        Ok(filter)
    }

    /// Names of the properties that it looks at.
    pub fn properties(&self) -> Vec<&'static str> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::properties).collect(),
            Self::Not(inner) => inner.properties(),
            Self::Test(property, _) => vec![property],
        }
    }

    /// Whether it needs `ConsistencyLevel: eventual` and `$count=true`.
    pub fn is_advanced(&self) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(Self::is_advanced),
            Self::Not(_) | Self::Test(_, Test::Differs(_) | Test::Ends(_)) => true,
            Self::Test(property, Test::Starts(_)) => matches!(
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
            Self::Test(property, test) => test.passes(&fields::of(person, property)),
        }
    }

    /// The few people among whom everybody who passes must be, where an index knows them.
    pub fn candidates(&self, people: &People) -> Option<Vec<u32>> {
        match self {
            Self::And(all) => all.iter().find_map(|filter| filter.candidates(people)),
            Self::Test("id" | "userPrincipalName" | "mail", Test::In(values)) => {
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
            Self::Test("userPrincipalName", Test::Starts(start)) => {
                Some(people.with_username_prefix(start).to_vec())
            }
            Self::Test("displayName", Test::Starts(start)) => {
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

// Deeper than anybody writes, and no danger to the stack.
const DEEPEST: usize = 32;

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Filter, Refusal> {
        let mut all = vec![self.and(depth)?];
        while self.keyword("or") {
            all.push(self.and(depth)?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Filter::Or(all)
        })
    }

    fn and(&mut self, depth: usize) -> Result<Filter, Refusal> {
        let mut all = vec![self.term(depth)?];
        while self.keyword("and") {
            all.push(self.term(depth)?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Filter::And(all)
        })
    }

    fn term(&mut self, depth: usize) -> Result<Filter, Refusal> {
        if depth > DEEPEST {
            return Err(Refusal::bad_request(
                "The node count limit of '100' has been exceeded.",
            ));
        }
        if self.keyword("not") {
            return Ok(Filter::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.symbol('(') {
            let inner = self.or(depth + 1)?;
            self.expect(')')?;
            return Ok(inner);
        }
        let word = self.word();
        match word.to_ascii_lowercase().as_str() {
            "" => Err(self.syntax()),
            "startswith" | "endswith" => {
                self.expect('(')?;
                let name = self.word();
                let property = property(&name)?;
                let test = self.text_test(&word)?;
                Ok(Filter::Test(property, test))
            }
            "contains" | "substringof" | "tolower" | "toupper" => {
                Err(Refusal::unsupported_query("Unsupported Query."))
            }
            _ => {
                let property = property(&word)?;
                if self.symbol('/') {
                    return self.any(property);
                }
                Ok(Filter::Test(property, self.comparison()?))
            }
        }
    }

    /// What follows `startswith(property`.
    fn text_test(&mut self, function: &str) -> Result<Test, Refusal> {
        self.expect(',')?;
        let Literal::Text(text) = self.literal()? else {
            return Err(self.syntax());
        };
        self.expect(')')?;
        Ok(if function.eq_ignore_ascii_case("startswith") {
            Test::Starts(text)
        } else {
            Test::Ends(text)
        })
    }

    fn comparison(&mut self) -> Result<Test, Refusal> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let operator = self.word();
        Ok(match operator.to_ascii_lowercase().as_str() {
            "eq" => Test::In(vec![self.literal()?]),
            "ne" => Test::Differs(self.literal()?),
            "gt" => Test::Compares(self.literal()?, &[Greater]),
            "ge" => Test::Compares(self.literal()?, &[Greater, Equal]),
            "lt" => Test::Compares(self.literal()?, &[Less]),
            "le" => Test::Compares(self.literal()?, &[Less, Equal]),
            "in" => {
                self.expect('(')?;
                let mut values = vec![self.literal()?];
                while self.symbol(',') {
                    values.push(self.literal()?);
                }
                self.expect(')')?;
                Test::In(values)
            }
            _ => return Err(self.syntax()),
        })
    }

    /// What follows `property/`: `any(x:x eq 'text')` or `any(x:startswith(x,'text'))`.
    fn any(&mut self, property: &'static str) -> Result<Filter, Refusal> {
        if !self.keyword_before("any", '(') {
            return Err(Refusal::unsupported_query("Unsupported Query."));
        }
        self.expect('(')?;
        let variable = self.word();
        self.expect(':')?;
        let word = self.word();
        let test = if word == variable {
            self.comparison()?
        } else {
            self.expect('(')?;
            if self.word() != variable {
                return Err(self.syntax());
            }
            self.text_test(&word)?
        };
        self.expect(')')?;
        Ok(Filter::Test(property, test))
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        self.space();
        if let Some(rest) = self.text[self.at..].strip_prefix('\'') {
            let mut text = String::new();
            let mut chars = rest.char_indices().peekable();
            while let Some((at, c)) = chars.next() {
                if c != '\'' {
                    text.extend(c.to_lowercase());
                } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
                    text.push('\'');
                } else {
                    self.at += at + 2;
                    return Ok(Literal::Text(text));
                }
            }
            return Err(Refusal::bad_request(format!(
                "There is an unterminated string literal at position {} in '{}'.",
                self.text.len(),
                self.text
            )));
        }
        let rest = &self.text[self.at..];
        let end = rest.find([' ', ')', ',']).unwrap_or(rest.len());
        let word = rest[..end].to_ascii_lowercase();
        let literal = match word.as_str() {
            "null" => Literal::Null,
            "true" => Literal::Flag(true),
            "false" => Literal::Flag(false),
            _ => match OffsetDateTime::parse(&word.to_ascii_uppercase(), &Rfc3339) {
                Ok(time) => Literal::Time(time),
                Err(_) if uuid::Uuid::try_parse(&word).is_ok() => Literal::Text(word),
                Err(_) => return Err(self.syntax()),
            },
        };
        self.at += end;
        Ok(literal)
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn word(&mut self) -> String {
        self.space();
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.keyword_before(keyword, ' ') || self.keyword_before(keyword, '(')
    }

    fn keyword_before(&mut self, keyword: &str, next: char) -> bool {
        self.space();
        let rest = &self.text[self.at..];
        let is = rest
            .get(..keyword.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(keyword))
            && rest[keyword.len()..].starts_with(next);
        if is {
            self.at += keyword.len();
        }
        is
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.space();
        let is = self.text[self.at..].starts_with(symbol);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, symbol: char) -> Result<(), Refusal> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn end(&mut self) -> Result<(), Refusal> {
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn syntax(&self) -> Refusal {
        Refusal::bad_request(format!(
            "Invalid filter clause: Syntax error at position {} in '{}'.",
            self.at, self.text
        ))
    }
}

fn property(name: &str) -> Result<&'static str, Refusal> {
    fields::canonical(name).ok_or_else(|| {
        Refusal::bad_request(format!(
            "Invalid filter clause: Could not find a property named '{name}' on type 'microsoft.graph.user'."
        ))
    })
}
