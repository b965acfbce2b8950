//! The OData query options of a request, as they came and taken apart.

use super::error::Refusal;

/// Query options. `raw` is what a page token is bound to.
#[derive(Debug, Default)]
pub struct Query {
    /// The query as it came, without `?`.
    pub raw: String,
    /// `$select`, split.
    pub select: Option<Vec<String>>,
    /// `$top`.
    pub top: Option<usize>,
    /// `$skip`.
    pub skip: Option<usize>,
    /// `$search`.
    pub search: Option<String>,
    /// `$filter`.
    pub filter: Option<String>,
    /// `$orderby`.
    pub orderby: Option<String>,
    /// `$expand`.
    pub expand: Option<String>,
    /// `$count=true`.
    pub count: bool,
    /// `$skiptoken`, as it came.
    pub skiptoken: Option<String>,
    /// Options without `$`, such as `startDateTime`.
    pub others: Vec<(String, String)>,
}

impl Query {
    /// Takes a raw query apart. Options may be percent-encoded; each may come once.
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        let mut query = Self {
            raw: raw.to_owned(),
            ..Self::default()
        };
        let mut seen: Vec<String> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if name.starts_with('$') {
                let name = name.to_ascii_lowercase();
                if seen.contains(&name) {
                    return Err(Refusal::bad_request(format!(
                        "Query option '{name}' was specified more than once, but it must be specified at most once."
                    )));
                }
                query.option(&name, value)?;
                seen.push(name);
            } else {
                query.others.push((name, value));
            }
        }
        Ok(query)
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), Refusal> {
        match name {
            "$select" => {
                let names = value.split(',').map(|name| name.trim().to_owned());
                self.select = Some(names.filter(|name| !name.is_empty()).collect());
            }
            "$top" => self.top = Some(number(name, &value)?),
            "$skip" => self.skip = Some(number(name, &value)?),
            "$search" => self.search = Some(value),
            "$filter" => self.filter = Some(value),
            "$orderby" => self.orderby = Some(value),
            "$expand" => self.expand = Some(value),
            "$count" => {
                self.count = match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(Refusal::bad_request(format!(
                            "Invalid value '{value}' for $count query option found. Valid values are 'true', 'false'."
                        )));
                    }
                }
            }
            "$skiptoken" => self.skiptoken = Some(value),
            "$format" => {}
            _ => {
                return Err(Refusal::bad_request(format!(
                    "The query parameter '{name}' is not supported."
                )));
            }
        }
        Ok(())
    }

    /// An option without `$`.
    pub fn other(&self, name: &str) -> Option<&str> {
        let found = self
            .others
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    value.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "Invalid value '{value}' for {name} query option found. The {name} query option requires a non-negative integer value."
        ))
    })
}

/// Percent-decoding of one part of a URL; `+` is a space, as Graph reads it in queries.
pub fn decode(text: &str) -> Result<String, Refusal> {
    let text = text.replace('+', " ");
    decode_path(&text)
}

/// Percent-decoding of one segment of a path.
pub fn decode_path(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
            let (Some(high), Some(low)) = (hex(rest.next()), hex(rest.next())) else {
                return Err(Refusal::bad_request("Bad Request - Invalid URL"));
            };
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| Refusal::bad_request("Bad Request - Invalid URL"))
}
