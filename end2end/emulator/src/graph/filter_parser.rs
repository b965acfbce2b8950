//! Reads `$filter`: OData's expressions, as far as the directory takes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::Refusal;
use super::fields;
use super::filter::{Filter, Literal, Test};

/// Reads a whole `$filter`.
pub fn parse(text: &str) -> Result<Filter, Refusal> {
    let mut parser = Parser { text, at: 0 };
    let filter = parser.or(0)?;
    parser.end()?;
    Ok(filter)
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
        few(all.len())?;
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
                Ok(Filter::Test(property, fields::getter(property), test))
            }
            "contains" | "substringof" | "tolower" | "toupper" => {
                Err(Refusal::unsupported_query("Unsupported Query."))
            }
            _ => {
                let property = property(&word)?;
                if self.symbol('/') {
                    return self.any(property);
                }
                Ok(Filter::Test(
                    property,
                    fields::getter(property),
                    self.comparison()?,
                ))
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
                few(values.len())?;
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
        Ok(Filter::Test(property, fields::getter(property), test))
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

/// The directory's limit on alternatives.
fn few(alternatives: usize) -> Result<(), Refusal> {
    if alternatives > 15 {
        return Err(Refusal::unsupported_query(format!(
            "Too many child clauses specified in search filter expression containing 'OR' operators: {alternatives}. \
             Max allowed: 15."
        )));
    }
    Ok(())
}

fn property(name: &str) -> Result<&'static str, Refusal> {
    fields::canonical(name).ok_or_else(|| {
        Refusal::bad_request(format!(
            "Invalid filter clause: Could not find a property named '{name}' on type 'microsoft.graph.user'."
        ))
    })
}
