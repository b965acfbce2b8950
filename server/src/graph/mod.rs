//! Microsoft Graph: everything that reaches it goes through [`Client::send`], with the session's own token.

pub mod challenge;
pub mod cursor;
pub mod directory;
pub mod download;
pub mod error;
pub mod export;
pub mod home;
pub mod paging;
pub mod permission;
pub mod photo;
pub mod portrait;
pub mod proxy;
pub mod retry;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::{Request, Response};
use tokio::time::timeout;
use url::Url;
use uuid::Uuid;

use crate::{
    clock::Clock,
    secret::Secret,
    session::Session,
    tokens::{AnyOf, Refusal, Tokens, Want},
    upstream::{self, UpstreamError, whole_seconds},
};
pub use error::{GraphError, Refused};
use retry::{Pauses, Progress};

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const RETRY_ATTEMPT: HeaderName = HeaderName::from_static("retry-attempt");

/// One call to Graph. The client adds the token and the ids.
pub struct Call {
    /// Method.
    pub method: Method,
    /// A Graph address, of [`Client::url`] or [`Client::link`].
    pub url: Url,
    /// What the caller wants to say; `Authorization` and `client-request-id` are replaced.
    pub headers: HeaderMap,
    /// A body that is streamed can't be sent twice: the call is not retried (R96), and a 401 to it is
    /// [`GraphError::SendAgain`] once the token is renewed.
    pub body: Option<reqwest::Body>,
}

impl Call {
    /// A call without a body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }
}

/// Graph, for any session.
pub struct Client {
    http: reqwest::Client,
    /// How long the head of an answer may take, and the whole of one that is read into memory (R88).
    deadline: Duration,
    endpoint: Url,
    tokens: Arc<Tokens>,
    clock: Clock,
    pauses: Pauses,
}

impl Client {
    /// Over one HTTP client: one pool of connections.
    pub fn new(
        http: reqwest::Client,
        deadline: Duration,
        endpoint: Url,
        tokens: Arc<Tokens>,
        clock: Clock,
    ) -> Self {
        Self {
            http,
            deadline,
            endpoint,
            tokens,
            clock,
            pauses: Pauses::new(),
        }
    }

    /// The address of a Graph path, which begins with `/v1.0/`.
    pub fn url(&self, path: &str) -> Result<Url, GraphError> {
        self.own(self.endpoint.join(path).map_err(|_| GraphError::Foreign)?)
    }

    /// R79, R80: the address of a nextLink or deltaLink, if it is Graph's own. Its query goes out as it came in:
    /// reading it as a URL changes no percent-encoding, and encodes only what no browser's fetch would send
    /// plainly either (quotes, angle brackets, blanks, what is not ASCII).
    pub fn link(&self, link: &str) -> Result<Url, GraphError> {
        self.own(Url::parse(link).map_err(|_| GraphError::Foreign)?)
    }

    /// R98: an address is Graph's own, or nobody's.
    pub fn own(&self, url: Url) -> Result<Url, GraphError> {
        let ours = url.origin() == self.endpoint.origin()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path().starts_with("/v1.0/");
        if ours {
            Ok(url)
        } else {
            Err(GraphError::Foreign)
        }
    }

    /// Sends a call with the session's token. The answer is Graph's, whatever its status; its body is still to be
    /// read, and dropping it, or this future, ends the call (R88).
    ///
    /// A plain 401 is worth one refresh and one more try (R100); one with a claims challenge, a refresh that
    /// meets it (R99). Never more than one: what is refused twice, the person has to settle.
    pub async fn send(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        call: Call,
    ) -> Result<Response, GraphError> {
        let mut request = Request::new(call.method, self.own(call.url)?);
        *request.headers_mut() = call.headers;
        *request.body_mut() = call.body;
        // R102: one GUID for the call, the same each time that it is sent (R95).
        let id = HeaderValue::try_from(Uuid::new_v4().to_string())
            .map_err(|_| UpstreamError::Nonsense)?;
        request.headers_mut().insert(CLIENT_REQUEST_ID, id);

        let token = self.tokens.access(session, need, Want::Current).await?;
        let mut progress = Progress::new(self.clock.now());
        let again = request.try_clone();
        let first = self
            .with_retries(session, request, &token, &mut progress)
            .await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let challenge = challenge::claims(first.headers());
        let want = challenge.clone().map_or(Want::Other(token), Want::Meeting);
        let token = self.tokens.access(session, need, want).await?;
        let again = again.ok_or(GraphError::SendAgain)?;
        let second = self
            .with_retries(session, again, &token, &mut progress)
            .await?;
        if second.status() == StatusCode::UNAUTHORIZED
            && let Some(challenge) = challenge::claims(second.headers()).or(challenge)
        {
            return Err(Refusal::Claims(Some(challenge)).into());
        }
        Ok(second)
    }

    /// R92 to R96: what passes by itself is waited for and asked again, in bounds. Beyond them its answer is the
    /// answer, and says when to come back.
    async fn with_retries(
        &self,
        session: &Session,
        mut request: Request,
        token: &Secret,
        progress: &mut Progress,
    ) -> Result<Response, GraphError> {
        let user = &session.signed_in.user;
        let path = request.url().path().to_owned();
        authorize(&mut request, token)?;
        loop {
            self.wait_out_pause(session, &path, progress).await?;
            let again = Some(&request)
                .filter(|request| request.method() != Method::POST)
                .and_then(Request::try_clone);
            progress.sent();
            let response = self.execute(request).await?;
            if !retry::is_passing(response.status()) {
                return Ok(response);
            }
            let now = self.clock.now();
            let told = upstream::retry_after(response.headers(), now);
            if let Some(told) = told
                && response.status() == StatusCode::TOO_MANY_REQUESTS
            {
                self.pauses.tell(user, &path, told, now).await;
            }
            let Some(wait) = progress.wait(told, now, fastrand::f64()) else {
                return Ok(response);
            };
            let Some(next) = again else {
                return Ok(response);
            };
            // No path: it has people's ids in it. The request's span says whose call it was.
            tracing::info!(event = "graph_retry", status = response.status().as_u16(), wait = ?wait, "Graph is asked again");
            drop(response);
            self.clock.sleep(wait).await;
            progress.retrying();
            request = next;
            request
                .headers_mut()
                .insert(RETRY_ATTEMPT, HeaderValue::from(progress.retries()));
        }
    }

    /// R94: who was told to wait does not ask earlier by another call either. A wait that fits is waited out.
    async fn wait_out_pause(
        &self,
        session: &Session,
        path: &str,
        progress: &Progress,
    ) -> Result<(), GraphError> {
        let user = &session.signed_in.user;
        while let Some(left) = self.pauses.left(user, path, self.clock.now()).await {
            if !progress.affords(left.told, self.clock.now()) {
                return Err(GraphError::Paused {
                    retry_after: whole_seconds(left.told),
                    refused: whole_seconds(left.refused),
                });
            }
            self.clock.sleep(left.told).await;
        }
        Ok(())
    }

    /// Sends a request as it stands.
    async fn execute(&self, request: Request) -> Result<Response, GraphError> {
        let path = request.url().path().to_owned();
        let id = request.headers().get(CLIENT_REQUEST_ID).cloned();
        let streams = request.body().is_some_and(|body| body.as_bytes().is_none());
        let sending = self.http.execute(request);
        // A body that the browser still sends has no deadline but its own and the client's.
        let response = if streams {
            sending.await
        } else {
            let answer = timeout(self.deadline, sending).await;
            answer.map_err(|_| UpstreamError::Timeout)?
        };
        let response = response.map_err(UpstreamError::from)?;
        // R102: with these two ids Microsoft's support finds the call.
        let request_id = response.headers().get("request-id");
        tracing::debug!(event = "graph", path, status = response.status().as_u16(), client_request_id = ?id, ?request_id, "asked Graph");
        Ok(response)
    }

    /// A success, or Graph's refusal in its own words (R101).
    pub async fn accept(&self, response: Response) -> Result<Response, GraphError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let retry_after = upstream::retry_after(&headers, self.clock.now());
        let body = self.read(response).await.unwrap_or_default();
        let refused = Refused::read(status, &headers, retry_after, &body);
        Err(GraphError::Refused(Box::new(refused)))
    }

    /// The whole body, in time (R88).
    pub async fn read(&self, response: Response) -> Result<Vec<u8>, GraphError> {
        let body = timeout(self.deadline, upstream::read(response)).await;
        Ok(body.map_err(|_| UpstreamError::Timeout)??)
    }

    /// GETs; what is no success is an error.
    pub async fn get(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
        headers: HeaderMap,
    ) -> Result<Response, GraphError> {
        let mut call = Call::new(Method::GET, url);
        call.headers = headers;
        self.accept(self.send(session, need, call).await?).await
    }

    /// GETs JSON.
    pub async fn json<T: serde::de::DeserializeOwned>(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
        headers: HeaderMap,
    ) -> Result<T, GraphError> {
        let body = self
            .read(self.get(session, need, url, headers).await?)
            .await?;
        serde_json::from_slice(&body).map_err(|_| UpstreamError::Nonsense.into())
    }

    /// POSTs nothing: for actions.
    pub async fn act(
        &self,
        session: &Arc<Session>,
        need: AnyOf<'_>,
        url: Url,
    ) -> Result<(), GraphError> {
        let call = Call::new(Method::POST, url);
        self.accept(self.send(session, need, call).await?).await?;
        Ok(())
    }
}

/// R98: the bearer goes into the header, and nowhere else.
fn authorize(request: &mut Request, token: &Secret) -> Result<(), GraphError> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| UpstreamError::Nonsense)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    Ok(())
}
