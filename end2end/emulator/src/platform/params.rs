//! The parameters of a request, from a query or a form.

use super::aadsts::{Refusal, duplicate_parameter, missing_parameter};

/// Decoded names and values in their order. An empty value counts as none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(encoded: &str) -> Self {
        Self(
            url::form_urlencoded::parse(encoded.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| missing_parameter(name))
    }

    /// RFC 6749 §3.1: no parameter more than once.
    pub(crate) fn refuse_duplicates(&self) -> Result<(), Refusal> {
        let mut seen = std::collections::HashSet::new();
        match self.0.iter().find(|(name, _)| !seen.insert(name)) {
            Some((name, _)) => Err(duplicate_parameter(name)),
            None => Ok(()),
        }
    }
}
