//! `app`'s [`Backend`], for the session of one request.

use std::sync::Arc;

use app::{
    api::Backend,
    error::{ApiError, Code},
    i18n::Locale,
    model::{Directory, Viewer},
    pages,
};
use async_trait::async_trait;
use axum::http::{HeaderValue, StatusCode, header};
use leptos::prelude::{Owner, RenderHtml};
use leptos_axum::ResponseOptions;
use leptos_i18n::td_string;
use tracing::Instrument;

use crate::{
    Cloakroom,
    graph::{GraphError, directory, home, proxy::limits::Place},
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

    async fn home(&self) -> Result<String, ApiError> {
        let session = self.session()?;
        let _place = self.place(session).await?;
        async {
            let refuse = |error: &GraphError| refusal(error, self.locale, &self.correlation_id);
            let home = home::home(&self.cloakroom.graph, session, refuse)
                .await
                .map_err(|error| self.refuse(&error))?;
            let owner = Owner::new();
            Ok(owner.with(|| pages::welcome(self.locale, home).to_html()))
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
        let error = GraphError::Token(Refusal::SignedOut);
        let refusal = || refusal(&error, self.locale, &self.correlation_id);
        self.session.as_ref().ok_or_else(refusal)
    }

    /// R90: what a page asks counts, whichever way it asks.
    async fn place(&self, session: &Session) -> Result<Place, ApiError> {
        let limits = &self.cloakroom.proxy.limits;
        let place = limits.enter(&session.id, 1).await;
        place.map_err(|error| self.refuse(&error))
    }

    fn refuse(&self, error: &GraphError) -> ApiError {
        let refusal = refusal(error, self.locale, &self.correlation_id);
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

/// What the browser is told of an error, in the language of the visit; the log gets the cause (R112).
pub fn refusal(error: &GraphError, locale: Locale, correlation_id: &str) -> ApiError {
    let code = error.code();
    tracing::warn!(event = "call_refused", ?code, %error, "a data call was refused");
    let message = match (error, code) {
        (GraphError::Endless, _) => td_string!(locale, calls.endless),
        (GraphError::PersonalAccount, _) => td_string!(locale, calls.personal),
        (GraphError::SendAgain, _) => td_string!(locale, calls.send_again),
        (GraphError::TooMuch { .. }, _) => td_string!(locale, calls.too_much),
        (_, Code::SignedOut) => td_string!(locale, calls.signed_out),
        (_, Code::Reauthenticate) => td_string!(locale, calls.reauthenticate),
        (_, Code::ConsentRequired) => td_string!(locale, calls.consent_required),
        (_, Code::ClaimsRequired) => td_string!(locale, calls.claims_required),
        (_, Code::Forbidden) => td_string!(locale, calls.forbidden),
        (_, Code::NotFound) => td_string!(locale, calls.not_found),
        (_, Code::TooLarge) => td_string!(locale, calls.too_large),
        (_, Code::Throttled) => td_string!(locale, calls.throttled),
        (_, Code::Graph) => td_string!(locale, calls.graph),
        (_, Code::Unavailable) => td_string!(locale, calls.unavailable),
        (_, Code::Timeout) => td_string!(locale, calls.timeout),
    };
    let mut refusal = ApiError::new(code, message, correlation_id);
    if let Some(minutes) = error.reaches_after().map(|seconds| seconds.div_ceil(60)) {
        refusal.message = td_string!(locale, calls.long_pause, minutes = minutes);
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
