//! One call to Graph, whether it came by itself or in a batch, and its answer.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::directory::{Person, Tenant};
use crate::state::{Access, State};

use super::error::Refusal;
use super::fields::{View, personal_id};
use super::query::{Query, decode_path};
use super::scopes;

/// Graph's content type for JSON.
pub const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// A call, understood as far as every handler needs it.
pub struct Call<'a> {
    /// What the emulator knows.
    pub state: &'a State,
    /// Origin of Graph as the caller reached it.
    pub origin: String,
    /// Who calls.
    pub access: &'a Access,
    /// The caller's tenant.
    pub tenant: &'a Tenant,
    /// Method.
    pub method: Method,
    /// Segments of the path after the version, decoded.
    pub path: Vec<String>,
    /// The same path as it came, such as `/me/memberOf`.
    pub raw_path: String,
    /// Query options.
    pub query: Query,
    /// Request headers.
    pub headers: HeaderMap,
}

/// Somebody whom a call is about.
pub struct Subject<'a> {
    /// The person.
    pub person: &'a Person,
    /// How much the caller may see of them.
    pub view: View,
    /// Whether it is the caller.
    pub me: bool,
}

/// Path segments of `/me/photo/$value` and the like.
pub fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(decode_path).collect()
}

impl<'a> Call<'a> {
    /// Whether the caller accepts an index that lags behind: `ConsistencyLevel: eventual`.
    pub fn eventual(&self) -> bool {
        let level = self
            .headers
            .get("consistencylevel")
            .and_then(|level| level.to_str().ok());
        level.is_some_and(|level| level.trim().eq_ignore_ascii_case("eventual"))
    }

    /// The caller.
    pub fn me(&self) -> Result<&'a Person, Refusal> {
        let people = self.tenant.people();
        people
            .find(&self.access.oid)
            .ok_or_else(|| Refusal::not_found(&self.access.oid))
    }

    /// The person whom `me`, an id or a user principal name names, if the caller may see them. `own` is what is needed
    /// to see oneself.
    pub fn subject(&self, user: &str, own: &[&str]) -> Result<Subject<'a>, Refusal> {
        let me = self.me()?;
        let is_me = user == "me"
            || user.eq_ignore_ascii_case(&me.oid.to_string())
            || user.eq_ignore_ascii_case(&me.username)
            || (self.tenant.personal && user.eq_ignore_ascii_case(&personal_id(me)));
        if is_me {
            scopes::require(self.access, own)?;
            let view = if self.tenant.personal {
                View::Personal
            } else {
                View::Full
            };
            return Ok(Subject {
                person: me,
                view,
                me: true,
            });
        }
        if self.tenant.personal {
            return Err(Refusal::personal());
        }
        scopes::require(self.access, scopes::BASIC_PROFILES)?;
        let person = self
            .tenant
            .people()
            .find(user)
            .ok_or_else(|| Refusal::not_found(user))?;
        let full = scopes::has(self.access, scopes::PROFILES) && !me.guest;
        let view = if full { View::Full } else { View::Basic };
        Ok(Subject {
            person,
            view,
            me: false,
        })
    }

    /// Whether the caller may list the directory, and how much of it.
    pub fn may_list(&self) -> Result<View, Refusal> {
        if self.tenant.personal {
            return Err(Refusal::personal());
        }
        scopes::require(self.access, scopes::BASIC_PROFILES)?;
        // Graph docs, "List users": guest users cannot call this API.
        if self.me()?.guest {
            return Err(Refusal::denied());
        }
        Ok(if scopes::has(self.access, scopes::PROFILES) {
            View::Full
        } else {
            View::Basic
        })
    }

    /// `@odata.context` of users.
    pub fn context(&self, set: &str, names: &[&str], selected: bool, entity: bool) -> String {
        let names = if selected {
            format!("({})", names.join(","))
        } else {
            String::new()
        };
        let entity = if entity { "/$entity" } else { "" };
        format!("{}/v1.0/$metadata#{set}{names}{entity}", self.origin)
    }
}

/// The answer to a call.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers beyond those that every answer has.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
}

/// What an answer carries.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// JSON that is written already, because it is much.
    Written(axum::body::Bytes),
    /// Anything else.
    Bytes(axum::body::Bytes),
}

impl Reply {
    /// 200 with JSON.
    pub fn json(body: Value) -> Self {
        let odata = (
            HeaderName::from_static("odata-version"),
            HeaderValue::from_static("4.0"),
        );
        let kind = (CONTENT_TYPE, HeaderValue::from_static(JSON));
        let cache = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([kind, cache, odata]),
            body: Body::Json(body),
        }
    }

    /// 200 with JSON, written at once.
    pub fn written(body: &impl serde::Serialize) -> Result<Self, Refusal> {
        let text = serde_json::to_vec(body).map_err(|error| {
            let internal = StatusCode::INTERNAL_SERVER_ERROR;
            Refusal::new(internal, "InternalServerError", error.to_string())
        })?;
        let mut reply = Self::json(Value::Null);
        reply.body = Body::Written(text.into());
        Ok(reply)
    }

    /// 200 with plain text.
    pub fn text(body: String) -> Self {
        let kind = (CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([kind]),
            body: Body::Bytes(body.into()),
        }
    }

    /// A status without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Empty,
        }
    }

    /// 200 with a picture.
    pub fn picture(bytes: axum::body::Bytes, etag: HeaderValue) -> Self {
        let kind = (CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
        let cache = (CACHE_CONTROL, HeaderValue::from_static("private"));
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([kind, cache, (ETAG, etag)]),
            body: Body::Bytes(bytes),
        }
    }
}
