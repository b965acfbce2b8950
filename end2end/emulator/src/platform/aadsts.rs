//! Refusals in the platform's shape: OAuth error, AADSTS number, text, ids to quote.
//!
//! Numbers and texts: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};

use crate::random::guid;

/// Why the platform refuses.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    /// OAuth's `error`.
    pub error: String,
    /// AADSTS number.
    pub number: u32,
    pub text: String,
    pub suberror: Option<String>,
    /// What a new interactive request has to carry.
    pub claims: Option<String>,
}

impl Refusal {
    pub(crate) fn new(error: &str, number: u32, text: impl Into<String>) -> Self {
        let status = if error == "invalid_client" {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        };
        Self {
            status,
            error: error.to_owned(),
            number,
            text: text.into(),
            suberror: None,
            claims: None,
        }
    }

    pub(crate) fn with_suberror(mut self, suberror: &str) -> Self {
        self.suberror = Some(suberror.to_owned());
        self
    }

    pub(crate) fn description(&self, trace: &Trace) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {} Correlation ID: {} Timestamp: {}",
            self.number, self.text, trace.id, trace.correlation_id, trace.timestamp
        )
    }

    /// As the token endpoint answers it.
    pub(crate) fn json(&self, trace: &Trace, origin: &str) -> Response {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(trace),
            "error_codes": [self.number],
            "timestamp": trace.timestamp,
            "trace_id": trace.id,
            "correlation_id": trace.correlation_id,
            "error_uri": format!("{origin}/error?code={}", self.number),
        });
        if let Some(suberror) = &self.suberror {
            body["suberror"] = json!(suberror);
        }
        if let Some(claims) = &self.claims {
            body["claims"] = json!(claims);
        }
        let headers = [
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::PRAGMA, "no-cache".to_owned()),
            (
                header::HeaderName::from_static("x-ms-request-id"),
                trace.id.clone(),
            ),
        ];
        (self.status, headers, Json(body)).into_response()
    }
}

/// The ids of one request, which support asks for.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub id: String,
    pub correlation_id: String,
    pub timestamp: String,
}

impl Trace {
    /// Takes the client's own `client-request-id` as the correlation id, as the real one does.
    pub(crate) fn new(headers: &HeaderMap, now: OffsetDateTime) -> Self {
        let given = headers
            .get("client-request-id")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| uuid::Uuid::parse_str(value).ok());
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
        Self {
            id: guid(),
            correlation_id: given.map_or_else(guid, |id| id.to_string()),
            timestamp: now.format(format).unwrap_or_default(),
        }
    }
}

pub(crate) fn tenant_not_found(tenant: &str) -> Refusal {
    let plausible = uuid::Uuid::parse_str(tenant).is_ok()
        || (tenant.contains('.')
            && tenant
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)));
    if plausible {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud. Check with your subscription administrator, this may happen if there are no active \
             subscriptions for the tenant."
        );
        Refusal::new("invalid_request", 90002, text)
    } else {
        let text = format!(
            "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
        );
        Refusal::new("invalid_request", 900_023, text)
    }
}

pub(crate) fn unknown_client(client_id: &str, tenant: &str) -> Refusal {
    let text = format!(
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the \
         application has not been installed by the administrator of the tenant or consented to by any user in the \
         tenant. You may have sent your authentication request to the wrong tenant."
    );
    Refusal::new("unauthorized_client", 700_016, text)
}

pub(crate) fn redirect_mismatch(uri: &str, client_id: &str) -> Refusal {
    let text = format!(
        "The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for the \
         application '{client_id}'. Make sure the redirect URI sent in the request matches one added to your \
         application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how \
         to troubleshoot this error."
    );
    Refusal::new("invalid_request", 50011, text)
}

pub(crate) fn missing_parameter(name: &str) -> Refusal {
    let text = format!("The request body must contain the following parameter: '{name}'.");
    Refusal::new("invalid_request", 900_144, text)
}

pub(crate) fn duplicate_parameter(name: &str) -> Refusal {
    let text =
        format!("The request is not properly formatted. The parameter '{name}' is duplicated.");
    Refusal::new("invalid_request", 9_000_411, text)
}

pub(crate) fn consent_required(client_id: &str, name: &str) -> Refusal {
    let text = format!(
        "The user or administrator has not consented to use the application with ID '{client_id}' named '{name}'. \
         Send an interactive authorization request for this user and resource."
    );
    Refusal::new("invalid_grant", 65001, text).with_suberror("consent_required")
}

pub(crate) fn blocked() -> Refusal {
    let text = "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.";
    Refusal::new("invalid_grant", 53003, text).with_suberror("message_only")
}

pub(crate) fn mfa_needed() -> Refusal {
    let text = "Due to a configuration change made by your administrator, or because you moved to a new location, you \
                must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'.";
    Refusal::new("invalid_grant", 50076, text).with_suberror("basic_action")
}

pub(crate) fn not_in_tenant(
    username: &str,
    provider: &str,
    tenant: &str,
    client_id: &str,
    name: &str,
) -> Refusal {
    let text = format!(
        "User account '{username}' from identity provider '{provider}' does not exist in tenant '{tenant}' and cannot \
         access the application '{client_id}'({name}) in that tenant. The account needs to be added as an external \
         user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account."
    );
    Refusal::new("invalid_request", 50020, text)
}
