//! Microsoft Graph.

use std::sync::Arc;

use axum::Router;

use crate::state::State;

/// Routes under `/v1.0`.
pub fn router() -> Router<Arc<State>> {
    Router::new()
}
