//! Microsoft Graph, as far as a signed-in app's pages need it, at `/v1.0`.
//!
//! [`answer`] is the whole surface on one screen. A call comes by itself or in a batch, and goes the same way: who
//! calls, what is asked, which scope it needs, the answer or a [`Refusal`](error::Refusal).

mod batch;
mod call;
mod collection;
mod error;
mod expand;
mod fields;
mod filter;
mod filter_parser;
mod mailbox;
mod organization;
mod page;
mod photo;
mod portrait;
mod query;
mod relations;
mod scopes;
mod search;
mod serve;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use http::Method;

use crate::state::State;

use call::{Call, Reply};
use error::Refusal;

/// Routes under `/v1.0`.
pub fn router() -> Router<Arc<State>> {
    Router::new().route("/v1.0/{*path}", any(serve::serve))
}

/// Everything that Graph can do here.
fn answer(call: &Call<'_>) -> Result<Reply, Refusal> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let (user, rest) = match path.as_slice() {
        ["me", rest @ ..] => ("me", rest),
        ["users", user, rest @ ..] if *user != "$count" => (*user, rest),
        other => ("", other),
    };
    match (&call.method, user, rest) {
        (&Method::GET, "", ["users"]) => users::list(call),
        (&Method::GET, "", ["users", "$count"]) => users::count(call),
        (&Method::GET, "", ["organization"]) => organization::get(call),
        (_, "", [unknown, ..]) if !matches!(*unknown, "users" | "organization") => {
            Err(Refusal::no_segment(unknown))
        }

        (&Method::GET, user, []) if !user.is_empty() => users::get(call, user),
        (&Method::GET, user, ["photo"]) => photo::about(call, user, None),
        (&Method::GET, user, ["photo", "$value"]) => photo::picture(call, user, None),
        (&Method::GET, user, ["photos"]) => photo::all(call, user),
        (&Method::GET, user, ["photos", size]) => photo::about(call, user, Some(size)),
        (&Method::GET, user, ["photos", size, "$value"]) => photo::picture(call, user, Some(size)),

        (&Method::GET, user, ["manager"]) => relations::manager(call, user),
        (&Method::GET, user, ["directReports"]) => relations::direct_reports(call, user),
        (&Method::GET, user, ["memberOf" | "transitiveMemberOf"]) => {
            relations::member_of(call, user)
        }

        (&Method::GET, "me", ["people"]) => relations::people(call),
        (&Method::GET, "me", ["calendarView"]) => mailbox::calendar_view(call),
        (&Method::GET, "me", ["messages"]) => mailbox::messages(call),
        (&Method::GET, "me", ["messages", id]) => mailbox::get_message(call, id),
        (&Method::GET, "me", ["drive", "recent"]) => mailbox::recent_files(call),
        (&Method::POST, "me", ["revokeSignInSessions"]) => relations::revoke_sessions(call),

        (&Method::GET, _, [.., unknown]) => Err(Refusal::no_segment(unknown)),
        _ => Err(Refusal::method()),
    }
}
