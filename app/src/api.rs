//! The seam. `app` knows nothing of the server: pages call the server functions here, these call the
//! [`Backend`] that the server provides for the session of the request at hand.

use std::sync::Arc;

use async_trait::async_trait;
use leptos::prelude::*;
use leptos::server_fn::{
    Bytes,
    client::{Client, browser::BrowserClient},
    request::browser::BrowserRequest,
    response::browser::BrowserResponse,
};

use crate::error::{ApiError, Code};
use crate::model::Directory;
use crate::wire::Answer;

/// What the pages need of the server, for one request's session.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Sets the HTTP status of the page or answer being made.
    fn set_status(&self, status: u16);

    /// The id of the request, to quote.
    fn correlation_id(&self) -> String;

    /// The signed-in person's home, as HTML that [`pages::welcome`](crate::pages::welcome) makes.
    async fn home(&self) -> Result<String, ApiError>;

    /// A page of the directory: the first for an empty cursor, all people for an empty search.
    async fn people(&self, search: &str, cursor: &str) -> Result<Directory, ApiError>;
}

/// The signed-in person's home, as HTML.
#[server(name = GetHome, prefix = "/api", endpoint = "home", output = Answer, client = SameOrigin)]
pub async fn home() -> Result<String, ApiError> {
    answer(&backend()?, backend()?.home().await)
}

/// A page of the directory. An empty search finds everyone, an empty cursor is the first page.
#[server(name = ListPeople, prefix = "/api", endpoint = "people", output = Answer, client = SameOrigin)]
pub async fn people(
    #[server(default)]
    #[doc = "What a name or an address starts with."]
    search: String,
    #[server(default)]
    #[doc = "A page's cursor."]
    cursor: String,
) -> Result<Directory, ApiError> {
    answer(&backend()?, backend()?.people(&search, &cursor).await)
}

/// The server's half. Absent while the router lists its routes, when there is no request.
pub fn backend() -> Result<Arc<dyn Backend>, ApiError> {
    use_context().ok_or_else(|| ApiError::new(Code::Unavailable, "No request is at hand.", ""))
}

/// A refusal decides the status of the page or answer that shows it.
pub fn answer<T>(backend: &Arc<dyn Backend>, result: Result<T, ApiError>) -> Result<T, ApiError> {
    if let Err(refusal) = &result {
        backend.set_status(refusal.status);
    }
    result
}

/// The browser's fetch with the header that every data call needs (R59). A page of another origin cannot
/// send it without a preflight, and there is no CORS grant to answer one.
pub struct SameOrigin;

impl Client<ApiError> for SameOrigin {
    type Request = BrowserRequest;
    type Response = BrowserResponse;

    fn send(
        request: BrowserRequest,
    ) -> impl Future<Output = Result<BrowserResponse, ApiError>> + Send {
        request.headers().set("X-CSRF", "1");
        <BrowserClient as Client<ApiError>>::send(request)
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (
                impl futures::Stream<Item = Result<Bytes, Bytes>> + Send + 'static,
                impl futures::Sink<Bytes> + Send + 'static,
            ),
            ApiError,
        >,
    > + Send {
        <BrowserClient as Client<ApiError>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<ApiError>>::spawn(future);
    }
}
