//! Profile photos: pictures by size with an ETag, and what is known of them.
//!
//! Graph docs, "Get profilePhoto".

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use http::header::IF_NONE_MATCH;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::directory::Person;

use super::call::{Call, Reply};
use super::error::Refusal;
use super::portrait;
use super::scopes;

/// The sizes of Microsoft 365, the largest first.
const SIZES: &[u16] = &[648, 504, 432, 360, 240, 120, 96, 64, 48];

// Drawing one takes longer than sending it. About 10 MB when full of small ones.
const CACHED: usize = 4000;
static DRAWN: LazyLock<Mutex<HashMap<(u64, u16), Bytes>>> = LazyLock::new(Mutex::default);

/// `GET …/photo/$value` and `GET …/photos/{size}/$value`.
pub fn picture(call: &Call<'_>, user: &str, size: Option<&str>) -> Result<Reply, Refusal> {
    let person = photographed(call, user)?;
    let size = wanted(size)?;
    let etag = HeaderValue::try_from(etag(person, size)).map_err(|_| missing())?;
    let known = call.headers.get(IF_NONE_MATCH);
    if known.is_some_and(|known| *known == etag || *known == "*") {
        let mut reply = Reply::empty(StatusCode::NOT_MODIFIED);
        reply.headers.insert(http::header::ETAG, etag);
        return Ok(reply);
    }
    Ok(Reply::picture(drawn(person, size), etag))
}

/// `GET …/photo` and `GET …/photos/{size}`.
pub fn about(call: &Call<'_>, user: &str, size: Option<&str>) -> Result<Reply, Refusal> {
    let person = photographed(call, user)?;
    let mut body = description(person, wanted(size)?);
    body["@odata.context"] =
        json!(call.context(&format!("users('{}')/photo", person.oid), &[], false, true));
    Ok(Reply::json(body))
}

/// `GET …/photos`.
pub fn all(call: &Call<'_>, user: &str) -> Result<Reply, Refusal> {
    let person = photographed(call, user)?;
    let photos: Vec<Value> = SIZES
        .iter()
        .rev()
        .map(|&size| description(person, size))
        .collect();
    Ok(Reply::json(json!({
        "@odata.context": call.context(&format!("users('{}')/photos", person.oid), &[], false, false),
        "value": photos,
    })))
}

fn photographed<'a>(call: &Call<'a>, user: &str) -> Result<&'a Person, Refusal> {
    let subject = call.subject(user, scopes::PROFILE)?;
    if call.tenant.personal {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "ConsumerPhotoIsNotSupported",
            "The photo wasn't found.",
        ));
    }
    if subject.person.photo {
        Ok(subject.person)
    } else {
        Err(missing())
    }
}

/// Which of the two codes the real one gives depends on where it looked last; clients must know both.
fn missing() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "ImageNotFound",
        "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.",
    )
}

fn wanted(size: Option<&str>) -> Result<u16, Refusal> {
    let Some(size) = size else {
        return Ok(SIZES[0]);
    };
    let known = SIZES
        .iter()
        .find(|known| size.eq_ignore_ascii_case(&format!("{known}x{known}")));
    known.copied().ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "ErrorEntityNotFound",
            format!("The photo size '{size}' was not found."),
        )
    })
}

fn description(person: &Person, size: u16) -> Value {
    json!({
        "@odata.mediaContentType": "image/jpeg",
        "@odata.mediaEtag": etag(person, size),
        "id": format!("{size}x{size}"),
        "width": size,
        "height": size,
    })
}

fn etag(person: &Person, size: u16) -> String {
    format!("\"{:08X}{size:03X}\"", person.random("photo") & 0xffff_ffff)
}

fn drawn(person: &Person, size: u16) -> Bytes {
    let key = (person.random("photo"), size);
    if let Some(drawn) = DRAWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
    {
        return drawn.clone();
    }
    let picture = Bytes::from(portrait::jpeg(person, size));
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    if drawn.len() >= CACHED {
        drawn.clear();
    }
    drawn.insert(key, picture.clone());
    picture
}
