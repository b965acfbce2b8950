//! `$expand=manager`, with `$select` and `$levels` inside.
//!
//! Graph docs, "List manager": `$expand=manager($levels=max;$select=id,displayName)`.

use serde_json::{Value, json};

use crate::directory::Person;

use super::call::Call;
use super::error::Refusal;
use super::fields::{self, View};
use super::scopes;

/// What of the manager comes along, and how far up.
pub struct Expansion {
    names: Vec<&'static str>,
    levels: usize,
}

impl Expansion {
    /// Reads `$expand`; none if the call has none.
    pub fn of(call: &Call<'_>) -> Result<Option<Self>, Refusal> {
        let Some(text) = &call.query.expand else {
            return Ok(None);
        };
        if call.eventual() && call.query.count && !text.contains("$levels") {
            // Graph docs, "Advanced query capabilities": $expand is not supported with them; but "List manager" asks for both
            // with $levels.
            return Err(Refusal::unsupported_query("Unsupported Query."));
        }
        scopes::require(call.access, scopes::PROFILES)?;
        let (relation, options) = match text.trim().split_once('(') {
            Some((relation, options)) => (relation, options.strip_suffix(')').ok_or_else(broken)?),
            None => (text.trim(), ""),
        };
        if !relation.eq_ignore_ascii_case("manager") {
            return Err(Refusal::bad_request(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{relation}' on type \
                 'microsoft.graph.user'."
            )));
        }
        let mut expansion = Self {
            names: fields::DEFAULT.to_vec(),
            levels: 1,
        };
        for option in options.split(';').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("$select", names)) => {
                    let known = names.split(',').map(|name| fields::canonical(name.trim()));
                    expansion.names = known.collect::<Option<_>>().ok_or_else(broken)?;
                }
                Some(("$levels", "max")) => expansion.levels = 1000,
                Some(("$levels", levels)) => {
                    expansion.levels = levels.parse().map_err(|_| broken())?;
                }
                _ => return Err(broken()),
            }
        }
        Ok(Some(expansion))
    }

    /// A person's manager, with theirs inside as far as asked.
    pub fn of_person(&self, call: &Call<'_>, person: &Person) -> Option<Value> {
        let people = call.tenant.people();
        let next = |person: &&Person| person.manager.and_then(|at| people.get(at));
        let chain: Vec<&Person> = std::iter::successors(next(&person), next)
            .take(self.levels)
            .collect();
        chain
            .into_iter()
            .rev()
            .fold(None, |above: Option<Value>, manager| {
                let mut value = fields::json(manager, &self.names, View::Full);
                value["@odata.type"] = json!("#microsoft.graph.user");
                if let Some(above) = above {
                    value["manager"] = above;
                }
                Some(value)
            })
    }
}

fn broken() -> Refusal {
    Refusal::bad_request("Parsing OData Select and Expand failed: Syntax error in '$expand'.")
}
