//! Lists that are made on the spot: `$select`, `$top` and paging for anything that is not `/users`.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::error::Refusal;
use super::page;

/// How a list is paged.
#[derive(Clone, Copy)]
pub enum Paging {
    /// By an opaque token, as the directory does.
    Token,
    /// By `$skip`, as Exchange and OneDrive do.
    Skip,
}

/// One page of `values`. `size` is the page size without `$top`, `largest` the most that `$top` may ask.
pub fn page(
    call: &Call<'_>,
    set: &str,
    values: Vec<Value>,
    size: usize,
    largest: usize,
    paging: Paging,
) -> Result<Reply, Refusal> {
    let query = &call.query;
    let top = query.top.unwrap_or(size);
    if !(1..=largest).contains(&top) {
        return Err(Refusal::unsupported_query(format!(
            "Invalid page size specified: '{top}'. Must be between 1 and {largest} inclusive."
        )));
    }
    let start = match (paging, &query.skiptoken, query.skip) {
        (Paging::Token, _, Some(_)) => {
            return Err(Refusal::directory_bad_request(
                "'$skip' is not supported by the service.",
            ));
        }
        (Paging::Token, Some(token), _) => {
            let rank = page::rank(token, &call.raw_path, &query.raw, &call.access.oid)?;
            usize::try_from(rank).unwrap_or(usize::MAX)
        }
        (Paging::Skip, _, Some(skip)) => skip,
        _ => 0,
    };
    let total = values.len();
    let end = start.saturating_add(top);
    let shown: Vec<Value> = values
        .into_iter()
        .skip(start)
        .take(top)
        .map(|value| select(call, value))
        .collect();
    let names: Vec<&str> = query.select.iter().flatten().map(String::as_str).collect();
    let mut body = json!({
        "@odata.context": call.context(set, &names, !names.is_empty(), false),
        "value": shown,
    });
    let counts = matches!(paging, Paging::Skip) || (call.eventual() && query.skiptoken.is_none());
    if query.count && counts {
        body["@odata.count"] = json!(total);
    }
    if end < total {
        let rank = u32::try_from(end).unwrap_or(u32::MAX);
        body["@odata.nextLink"] = json!(match paging {
            Paging::Token => page::link(
                &call.origin,
                &call.raw_path,
                &query.raw,
                &call.access.oid,
                rank
            ),
            Paging::Skip => skip_link(call, end),
        });
    }
    Ok(Reply::json(body))
}

/// One entity, with `$select` applied.
pub fn entity(call: &Call<'_>, set: &str, value: Value) -> Reply {
    let names: Vec<&str> = call
        .query
        .select
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let context = call.context(set, &names, !names.is_empty(), true);
    let mut body = select(call, value);
    body["@odata.context"] = json!(context);
    Reply::json(body)
}

/// The asked properties; annotations and the id always stay.
fn select(call: &Call<'_>, mut value: Value) -> Value {
    if let (Some(names), Some(object)) = (&call.query.select, value.as_object_mut()) {
        object.retain(|key, _| {
            key.starts_with('@')
                || key == "id"
                || names.iter().any(|name| name.eq_ignore_ascii_case(key))
        });
    }
    value
}

fn skip_link(call: &Call<'_>, next: usize) -> String {
    let kept = call.query.raw.split('&').filter(|pair| {
        let name = pair
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        !pair.is_empty() && name != "$skip" && name != "%24skip"
    });
    let mut pairs: Vec<String> = kept.map(str::to_owned).collect();
    pairs.push(format!("$skip={next}"));
    format!("{}/v1.0{}?{}", call.origin, call.raw_path, pairs.join("&"))
}
