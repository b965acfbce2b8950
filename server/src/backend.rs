//! `app`'s [`Backend`], for the session of one request.

use std::sync::Arc;

use app::{
    api::Backend,
    error::{ApiError, Code},
    i18n::Locale,
    model::{Directory, Profile, Viewer},
};
use async_trait::async_trait;
use axum::http::{HeaderValue, StatusCode, header};
use leptos_axum::ResponseOptions;
use tracing::Instrument;

use crate::{
    Cloakroom,
    graph::{GraphError, directory, proxy::limits::Place},
    session::Session,
    tokens::Refusal,
};

/// One request's view of the server.
pub struct RequestBackend {
    /// The server.
    pub cloakroom: Arc<Cloakroom>,
    /// Who asks; `None` is signed out.
    pub session: Option<Arc<Session>>,
    /// The id to quote.
    pub correlation_id: String,
    /// The language of the visit.
    pub locale: Locale,
    /// The response being made.
    pub response: Option<ResponseOptions>,
    /// The request's span: a page's data is fetched in a task of its own, whose lines carry the id too.
    pub span: tracing::Span,
}

#[async_trait]
impl Backend for RequestBackend {
    fn set_status(&self, status: u16) {
        if let (Some(response), Ok(status)) = (&self.response, StatusCode::from_u16(status)) {
            response.set_status(status);
        }
    }

    fn correlation_id(&self) -> String {
        self.correlation_id.clone()
    }

    async fn profile(&self) -> Result<Profile, ApiError> {
        let session = self.session()?;
        let _place = self.place(session).await?;
        async {
            directory::profile(&self.cloakroom.graph, session)
                .await
                .map_err(|error| self.refuse(&error))
        }
        .instrument(self.span.clone())
        .await
    }

    async fn people(&self, search: &str, cursor: &str) -> Result<Directory, ApiError> {
        let session = self.session()?;
        let _place = self.place(session).await?;
        let Cloakroom { graph, sealer, .. } = &*self.cloakroom;
        async {
            directory::people(graph, sealer, session, search, cursor)
                .await
                .map_err(|error| self.refuse(&error))
        }
        .instrument(self.span.clone())
        .await
    }
}

impl RequestBackend {
    fn session(&self) -> Result<&Arc<Session>, ApiError> {
        let refusal =
            || ApiError::new(Code::SignedOut, "You are signed out.", &self.correlation_id);
        self.session.as_ref().ok_or_else(refusal)
    }

    /// R90: what a page asks counts, whichever way it asks.
    async fn place(&self, session: &Session) -> Result<Place, ApiError> {
        let limits = &self.cloakroom.proxy.limits;
        let place = limits.enter(&session.id, 1).await;
        place.map_err(|error| self.refuse(&error))
    }

    fn refuse(&self, error: &GraphError) -> ApiError {
        let refusal = refusal(error, &self.correlation_id);
        if let (Some(seconds), Some(response)) = (refusal.retry_after, &self.response) {
            response.insert_header(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        refusal
    }
}

/// How the pages show who is signed in.
pub fn viewer(session: &Session) -> Viewer {
    let user = &session.signed_in.user;
    Viewer {
        name: user.name.clone(),
        username: user.username.clone(),
        key: format!("{}.{}", user.tid, user.oid),
    }
}

/// What the browser is told of an error; the log gets the cause (R112).
pub fn refusal(error: &GraphError, correlation_id: &str) -> ApiError {
    let code = error.code();
    tracing::warn!(event = "call_refused", ?code, %error, "a data call was refused");
    let message = match code {
        Code::SignedOut => "You are signed out.",
        Code::Reauthenticate => "Your sign-in has ended. Sign in again.",
        Code::ConsentRequired => "This needs a permission that you have not given yet.",
        Code::ClaimsRequired => "Your organisation asks for another sign-in.",
        Code::Forbidden => "Your account may not do this.",
        Code::NotFound => "There is nothing at this address.",
        Code::TooLarge => "That is too large.",
        Code::Throttled => "Microsoft asks for a pause.",
        Code::Graph => "Microsoft Graph gave an answer that makes no sense.",
        Code::Unavailable => "Microsoft can't be reached just now.",
        Code::Timeout => "Microsoft did not answer in time.",
    };
    let message = match error {
        GraphError::Endless => "Microsoft Graph's pages go round in a circle.",
        GraphError::PersonalAccount => {
            "A personal account belongs to no organisation, so there is no directory."
        }
        GraphError::SendAgain => "Your sign-in was renewed meanwhile. Try again.",
        GraphError::TooMuch { .. } => {
            "This session asks for too much at once. Try again in a moment."
        }
        _ => message,
    };
    let mut refusal = ApiError::new(code, message, correlation_id);
    if let Some(minutes) = error.reaches_after().map(|seconds| seconds.div_ceil(60)) {
        refusal.message =
            format!("Microsoft asks for a long pause. It can be asked again in {minutes} minutes.");
    }
    refusal.status = error.status();
    refusal.retry_after = error.retry_after();
    match error {
        GraphError::Token(Refusal::Consent(scopes)) => refusal.scopes.clone_from(scopes),
        GraphError::Token(Refusal::Claims(challenge)) => {
            refusal.claims = challenge.as_ref().map(ToString::to_string);
        }
        _ => {}
    }
    refusal
}
