//! A person's photo, in the sizes that Graph keeps.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Client, GraphError, permission};
use crate::{session::Session, upstream};

/// <https://learn.microsoft.com/graph/api/profilephoto-get>
const SIZES: [u16; 9] = [48, 64, 96, 120, 240, 360, 432, 504, 648];

/// A photo's type and bytes; `None` if there is none (R107).
pub async fn photo(
    graph: &Client,
    session: &Arc<Session>,
    id: &str,
    size: u16,
) -> Result<Option<(HeaderValue, Vec<u8>)>, GraphError> {
    let plain =
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain || !SIZES.contains(&size) {
        return Ok(None);
    }
    // A personal account has no photo in Graph's directory; asking would be refused.
    if session.signed_in.user.is_personal() {
        return Ok(None);
    }
    let url = graph.url(&format!("/v1.0/users/{id}/photos/{size}x{size}/$value"))?;
    let response = match graph
        .get(session, permission::PHOTO, url, HeaderMap::new())
        .await
    {
        Err(GraphError::Refused {
            status: StatusCode::NOT_FOUND,
            ..
        }) => return Ok(None),
        response => response?,
    };
    // R84: only pictures that can't act; never SVG, never HTML.
    let kind = match response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    {
        Some("image/jpeg" | "image/pjpeg") => "image/jpeg",
        Some("image/png") => "image/png",
        Some("image/gif") => "image/gif",
        Some("image/webp") => "image/webp",
        _ => return Ok(None),
    };
    let body = upstream::read(response).await?;
    Ok(Some((HeaderValue::from_static(kind), body)))
}
