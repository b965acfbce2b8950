//! The query of a request to a sign-in route.

use std::collections::HashMap;

use super::problem::SignInError;

/// A query in which a parameter stands once or not at all.
pub(super) struct Query<'a>(HashMap<std::borrow::Cow<'a, str>, Vec<std::borrow::Cow<'a, str>>>);

impl<'a> Query<'a> {
    pub(super) fn parse(query: Option<&'a str>) -> Self {
        let mut map: HashMap<_, Vec<_>> = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            map.entry(name).or_default().push(value);
        }
        Self(map)
    }

    /// RFC 6749 §3.1: parameters must not be included more than once.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, SignInError> {
        match self.0.get(name).map(Vec::as_slice) {
            None => Ok(None),
            Some([value]) => Ok(Some(value)),
            Some(_) => Err(SignInError::BadAnswer("a repeated parameter")),
        }
    }
}
