//! The opaque `login_hint` claim, which comes back as `login_hint` or `logout_hint`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{directory::Persona, random::base64url, state::State};

/// The claim's value. It looks like the real one and means nothing to a client.
pub(crate) fn encode(person: &Persona) -> String {
    format!(
        "O.{}",
        base64url(format!("{}\n{}", person.tid, person.oid).as_bytes())
    )
}

/// Whom a hint names: the claim's value, a user name or an object id.
pub(crate) fn find(state: &State, hint: &str) -> Option<Persona> {
    let oid = hint.strip_prefix("O.").and_then(|opaque| {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(opaque).ok()?).ok()?;
        text.split_once('\n').map(|(_, oid)| oid.to_owned())
    });
    state.directory.account(oid.as_deref().unwrap_or(hint))
}
