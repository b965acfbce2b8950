//! From an HTTP request to a [`Call`] and from a [`Reply`] to an HTTP response, with the headers of the real one.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use crate::control::Asker;
use crate::state::{Access, Origins, State};

use super::batch;
use super::call::{Body, Call, Reply, segments};
use super::error::Refusal;
use super::query::Query;

// Graph docs, "Known issues": a request may have up to 4 MB.
const LARGEST: usize = 4 << 20;

/// Serves everything under `/v1.0`.
pub async fn serve(
    Shared(state): Shared<Arc<State>>,
    Extension(origins): Extension<Origins>,
    Extension(asker): Extension<Asker>,
    request: Request,
) -> Response {
    let ids = Ids::of(request.headers());
    let (parts, body) = request.into_parts();
    let access = match state.access(&parts.headers) {
        Ok(access) => access,
        Err(response) => return ids.stamp(*response, state.now()),
    };
    let path = parts.uri.path().strip_prefix("/v1.0").unwrap_or_default();
    let reply = if matches!(path, "/$batch" | "/%24batch") {
        batched(&state, &origins, &access, &asker, &ids, &parts.method, body).await
    } else {
        let asked = Asked {
            method: parts.method,
            path,
            query: parts.uri.query().unwrap_or_default(),
            headers: parts.headers,
        };
        run(&state, &origins.graph, &access, asked)
    };
    ids.response(reply, state.now())
}

async fn batched(
    state: &State,
    origins: &Origins,
    access: &Access,
    asker: &Asker,
    ids: &Ids,
    method: &Method,
    body: HttpBody,
) -> Result<Reply, Refusal> {
    if method != Method::POST {
        return Err(Refusal::method());
    }
    let body = to_bytes(body, LARGEST).await.map_err(|_| {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "The request is too large.",
        )
    })?;
    batch::answer(state, &origins.graph, access, asker, ids, &body)
}

/// What is asked of Graph, as it came.
pub struct Asked<'a> {
    /// Method.
    pub method: Method,
    /// Path after the version.
    pub path: &'a str,
    /// Query without `?`.
    pub query: &'a str,
    /// Headers.
    pub headers: HeaderMap,
}

/// Answers one call.
pub fn run(
    state: &State,
    origin: &str,
    access: &Access,
    asked: Asked<'_>,
) -> Result<Reply, Refusal> {
    let tenant = state.directory.tenant(&access.tid).ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "OrganizationFromTenantGuidNotFound",
            format!(
                "The tenant for tenant guid '{}' does not exist.",
                access.tid
            ),
        )
    })?;
    let call = Call {
        state,
        origin: origin.to_owned(),
        access,
        tenant,
        method: asked.method,
        path: segments(asked.path)?,
        raw_path: asked.path.to_owned(),
        query: Query::parse(asked.query)?,
        headers: asked.headers,
    };
    super::answer(&call)
}

/// What names a request in logs and tickets.
pub struct Ids {
    /// Graph's own.
    pub request: String,
    /// The caller's, or Graph's own again.
    pub client: String,
}

impl Ids {
    fn of(headers: &HeaderMap) -> Self {
        let request = Uuid::new_v4().to_string();
        let client = headers
            .get("client-request-id")
            .and_then(|id| id.to_str().ok());
        let client = client
            .filter(|id| Uuid::try_parse(id).is_ok())
            .unwrap_or(&request)
            .to_owned();
        Self { request, client }
    }

    fn response(&self, reply: Result<Reply, Refusal>, now: OffsetDateTime) -> Response {
        let reply = reply.unwrap_or_else(|refusal| self.refusal(&refusal, now));
        let body = match reply.body {
            Body::Empty => HttpBody::empty(),
            Body::Json(json) => HttpBody::from(json.to_string()),
            Body::Written(bytes) | Body::Bytes(bytes) => HttpBody::from(bytes),
        };
        let mut response = Response::new(body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        self.stamp(response, now)
    }

    /// A refusal as an answer.
    pub fn refusal(&self, refusal: &Refusal, now: OffsetDateTime) -> Reply {
        let date = now
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second]"
            ))
            .unwrap_or_default();
        let mut reply = Reply::json(refusal.body(&date, &self.request, &self.client));
        reply.status = refusal.status;
        reply
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply.headers.remove("odata-version");
        reply
    }

    /// Adds the headers that every answer of Graph has.
    fn stamp(&self, mut response: Response, now: OffsetDateTime) -> Response {
        let date = now
            .format(format_description!(
                "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
            ))
            .unwrap_or_default();
        let diagnostic = r#"{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"002","RoleInstance":"AM4PEPF00000001"}}"#;
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &str| {
            if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        };
        put(HeaderName::from_static("request-id"), &self.request);
        put(HeaderName::from_static("client-request-id"), &self.client);
        put(HeaderName::from_static("x-ms-ags-diagnostic"), diagnostic);
        put(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        put(CACHE_CONTROL, "no-cache");
        put(DATE, &date);
        response
    }
}
