//! A person's photo, in the sizes that Graph keeps.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header};
use moka::future::Cache;

use super::{Client, GraphError, permission};
use crate::session::Session;

/// <https://learn.microsoft.com/graph/api/profilephoto-get>
const SIZES: [u16; 9] = [48, 64, 96, 120, 240, 360, 432, 504, 648];
/// A new photo is seen after this long, and a removed one is gone.
pub const FRESH: Duration = Duration::from_mins(10);
/// What all photos together may take of the server's memory.
const MOST_BYTES: u64 = 32 << 20;

/// A picture.
#[derive(Clone)]
pub struct Photo {
    /// Its content type.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// Its entity tag, quotes included: Graph promises none, so it is made of the bytes.
    pub etag: String,
}

/// Who looks, at whom, in which size: what one person may see, another may not.
type Key = (Vec<u8>, String, u16);

/// The photos that were looked at lately, and who has none.
pub struct Photos(Cache<Key, Option<Photo>>);

impl Photos {
    /// None yet.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(MOST_BYTES)
                .weigher(|(viewer, id, _): &Key, photo: &Option<Photo>| {
                    let bytes = photo.as_ref().map_or(0, |photo| photo.bytes.len());
                    // What an entry takes beside the picture.
                    u32::try_from(bytes + viewer.len() + id.len() + 200).unwrap_or(u32::MAX)
                })
                .time_to_live(FRESH)
                .build(),
        )
    }

    /// This person's photo, asked for once however many look; `None` if there is none (R107).
    pub async fn get(
        &self,
        graph: &Client,
        session: &Arc<Session>,
        id: &str,
        size: u16,
    ) -> Result<Option<Photo>, Arc<GraphError>> {
        let plain = (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let user = &session.signed_in.user;
        // A personal account has no photo in Graph's directory; asking would be refused.
        if !plain || !SIZES.contains(&size) || user.is_personal() {
            return Ok(None);
        }
        let key = (user.key(), id.to_owned(), size);
        let fetching = fetch(graph, session, id, size);
        self.0.try_get_with(key, fetching).await
    }
}

impl Default for Photos {
    fn default() -> Self {
        Self::new()
    }
}

async fn fetch(
    graph: &Client,
    session: &Arc<Session>,
    id: &str,
    size: u16,
) -> Result<Option<Photo>, GraphError> {
    let url = graph.url(&format!("/v1.0/users/{id}/photos/{size}x{size}/$value"))?;
    let response = match graph
        .get(session, permission::PHOTO, url, HeaderMap::new())
        .await
    {
        Err(error) if is_missing(&error) => return Ok(None),
        response => response?,
    };
    // R84: only pictures that can't act; never SVG, never HTML.
    let kind = match response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    {
        // `image/jpg` is Graph's documentation's word for it.
        Some("image/jpeg" | "image/jpg" | "image/pjpeg") => "image/jpeg",
        Some("image/png") => "image/png",
        Some("image/gif") => "image/gif",
        Some("image/webp") => "image/webp",
        _ => return Ok(None),
    };
    let bytes = graph.read(response).await?;
    let tag = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, &bytes).as_ref()[..16]);
    Ok(Some(Photo {
        kind,
        bytes: bytes.into(),
        etag: format!("\"{tag}\""),
    }))
}

/// R107: it depends on where Graph looked last which code says that there is no photo.
fn is_missing(error: &GraphError) -> bool {
    let GraphError::Refused(refused) = error else {
        return false;
    };
    refused.status == StatusCode::NOT_FOUND
        || [
            "ImageNotFound",
            "ErrorEntityNotFound",
            "ConsumerPhotoIsNotSupported",
        ]
        .iter()
        .any(|code| refused.has(code))
}
