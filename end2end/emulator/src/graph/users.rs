//! `/me`, `/users`, `/users/{id | userPrincipalName}` and `/users/$count`.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::directory::{People, Person};

use super::call::{Call, Reply};
use super::error::Refusal;
use super::expand::Expansion;
use super::fields::{self, Columns, Row, View};
use super::filter::Filter;
use super::page;
use super::scopes;
use super::search::{Found, Search};

/// Graph docs, "List users": 100 unless asked, never more than 999.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

/// `GET /me` and `GET /users/{id}`.
pub fn get(call: &Call<'_>, user: &str) -> Result<Reply, Refusal> {
    let subject = call.subject(user, scopes::PROFILE)?;
    let names = selected(call, true)?;
    let mut body = fields::json(subject.person, &names, subject.view);
    let expansion = Expansion::of(call)?;
    if let Some(manager) = expansion.and_then(|it| it.of_person(call, subject.person)) {
        body["manager"] = manager;
    }
    body["@odata.context"] =
        json!(call.context("users", &names, call.query.select.is_some(), true));
    Ok(Reply::json(body))
}

/// `GET /users`.
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let view = call.may_list()?;
    let names = selected(call, false)?;
    let mut plan = Plan::new(call, view)?;
    let people = call.tenant.people();
    let counts = call.query.count && call.eventual() && call.query.skiptoken.is_none();
    let count = counts.then(|| plan.count(people));
    let start = match &call.query.skiptoken {
        Some(token) => page::rank(token, &call.raw_path, &call.query.raw, &call.access.oid)?,
        None => 0,
    };
    let (page, next) = plan.page(people, start, plan.top);
    let expansion = Expansion::of(call)?;
    let columns = Columns::new(&names, view);
    let users = page.into_iter().map(|person| {
        let mut user = columns.of(person);
        user.manager = (expansion.as_ref()).and_then(|expansion| expansion.of_person(call, person));
        user
    });
    let owner = &call.access.oid;
    let link = |next| page::link(&call.origin, &call.raw_path, &call.query.raw, owner, next);
    Reply::written(&Page {
        context: call.context("users", &names, call.query.select.is_some(), false),
        count,
        next: next.map(link),
        value: users.collect(),
    })
}

#[derive(Serialize)]
struct Page<'a> {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(rename = "@odata.count", skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    value: Vec<Row<'a>>,
}

/// `GET /users/$count`.
pub fn count(call: &Call<'_>) -> Result<Reply, Refusal> {
    let view = call.may_list()?;
    if !call.eventual() {
        // Graph docs, "Error handling for advanced queries on directory objects".
        return Err(Refusal::directory_bad_request(
            "$count is not currently supported.",
        ));
    }
    let mut plan = Plan::new(call, view)?;
    Ok(Reply::text(plan.count(call.tenant.people()).to_string()))
}

/// The properties to return, spelt as the metadata spells them.
pub fn selected(call: &Call<'_>, single: bool) -> Result<Vec<&'static str>, Refusal> {
    let Some(wanted) = &call.query.select else {
        return Ok(fields::DEFAULT.to_vec());
    };
    let mut names = Vec::new();
    for name in wanted {
        if name == "*" {
            names.extend(fields::DEFAULT);
            continue;
        }
        if name.eq_ignore_ascii_case("photo") || name.eq_ignore_ascii_case("manager") {
            continue; // relations: known, and never in the answer
        }
        let name = fields::canonical(name).ok_or_else(|| {
            Refusal::bad_request(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.user'."
            ))
        })?;
        if !single && fields::SINGLE_ONLY.contains(&name) {
            return Err(Refusal::new(
                StatusCode::NOT_IMPLEMENTED,
                "NotImplemented",
                format!("The property '{name}' cannot be retrieved in a collection of users."),
            ));
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// In which order people come, and who of them.
struct Plan {
    search: Option<Found>,
    filter: Option<Filter>,
    order: Order,
    descending: bool,
    top: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Name,
    Username,
    Creation,
}

impl Plan {
    fn new(call: &Call<'_>, view: View) -> Result<Self, Refusal> {
        let query = &call.query;
        if query.skip.is_some() {
            return Err(Refusal::directory_bad_request(
                "'$skip' is not supported by the service.",
            ));
        }
        let top = query.top.unwrap_or(PAGE);
        if !(1..=LARGEST_PAGE).contains(&top) {
            return Err(Refusal::unsupported_query(format!(
                "Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive."
            )));
        }
        let search = query.search.as_deref().map(Search::parse).transpose()?;
        if search.is_some() && !call.eventual() {
            return Err(Refusal::unsupported_query(
                "Request with $search query parameter only works through MSGraph with a special request header: \
                 'ConsistencyLevel: eventual'",
            ));
        }
        let filter = query.filter.as_deref().map(Filter::parse).transpose()?;
        let advanced = call.eventual() && query.count;
        if filter.as_ref().is_some_and(Filter::is_advanced) && !advanced {
            return Err(Refusal::unsupported_query("Unsupported Query."));
        }
        let (order, descending) = order(query.orderby.as_deref())?;
        let sorts = query.orderby.is_some();
        if !advanced && sorts && (order == Order::Creation || filter.is_some() || search.is_some())
        {
            return Err(Refusal::unsupported_query(
                "Sorting not supported for current query.",
            ));
        }
        let looked_at = [
            search.as_ref().map(Search::properties).unwrap_or_default(),
            filter.as_ref().map(Filter::properties).unwrap_or_default(),
            if order == Order::Creation {
                vec!["createdDateTime"]
            } else {
                Vec::new()
            },
        ];
        // What may not be read may not be asked about either.
        if view == View::Basic
            && looked_at
                .concat()
                .iter()
                .any(|name| !fields::BASIC.contains(name))
        {
            return Err(Refusal::denied());
        }
        let people = call.tenant.people();
        let search = search.map(|search| search.run(people));
        let search = match filter.as_ref().and_then(|filter| filter.candidates(people)) {
            Some(few) if search.is_none() => Some(Found::of(people, few)),
            _ => search,
        };
        Ok(Self {
            search,
            filter,
            order,
            descending,
            top,
        })
    }

    /// People from a rank on, and the rank of the next page if there is one.
    fn page<'p>(
        &self,
        people: &'p People,
        start: u32,
        top: usize,
    ) -> (Vec<&'p Person>, Option<u32>) {
        let mut page = Vec::with_capacity(top.min(people.len()));
        let end = u32::try_from(people.len()).unwrap_or(u32::MAX);
        for rank in start..end {
            let Some(person) = self.at(people, rank, end) else {
                continue;
            };
            if page.len() == top {
                return (page, Some(rank));
            }
            page.push(person);
        }
        (page, None)
    }

    /// How many there are. Looks at everybody once at the most: pages after that only look at who passed.
    fn count(&mut self, people: &People) -> usize {
        if self.filter.is_some() {
            let passing = people.iter().filter(|(at, person)| self.takes(*at, person));
            self.search = Some(Found::of(people, passing.map(|(at, _)| at)));
            self.filter = None;
        }
        self.search.as_ref().map_or(people.len(), Found::count)
    }

    /// The person of a rank, if they are asked for.
    fn at<'p>(&self, people: &'p People, rank: u32, end: u32) -> Option<&'p Person> {
        let rank = if self.descending {
            end - 1 - rank
        } else {
            rank
        };
        let at = match self.order {
            Order::Name => rank,
            Order::Username => *people.by_username().get(rank as usize)?,
            Order::Creation => *people.by_creation().get(rank as usize)?,
        };
        if self.search.as_ref().is_some_and(|found| !found.has(at)) {
            return None;
        }
        people.get(at).filter(|person| self.takes(at, person))
    }

    fn takes(&self, at: u32, person: &Person) -> bool {
        self.search.as_ref().is_none_or(|found| found.has(at))
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.takes(person))
    }
}

/// Graph docs, "Support for sorting by properties of directory objects".
fn order(orderby: Option<&str>) -> Result<(Order, bool), Refusal> {
    let Some(orderby) = orderby else {
        return Ok((Order::Name, false));
    };
    let mut words = orderby.split_whitespace();
    let property = words.next().unwrap_or_default();
    let descending = match words.next() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(word) => {
            return Err(Refusal::bad_request(format!(
                "Syntax error at position {} in '{orderby}'.",
                orderby.len() - word.len()
            )));
        }
    };
    let order = match fields::canonical(property) {
        Some("displayName") => Order::Name,
        Some("userPrincipalName") => Order::Username,
        Some("createdDateTime") => Order::Creation,
        Some(_) => {
            return Err(Refusal::unsupported_query(
                "Sorting not supported for current query.",
            ));
        }
        None => {
            return Err(Refusal::bad_request(format!(
                "Could not find a property named '{property}' on type 'microsoft.graph.user'."
            )));
        }
    };
    Ok((order, descending))
}
