//! Sealing: authenticated encryption of what leaves the process, the record at rest, the cookie of a
//! sign-in attempt, a paging cursor. Each has a key of its own, derived from `SESSION_KEY`, the purpose
//! and an id, so that nothing sealed for one opens as another.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac, rand,
};
use zeroize::Zeroizing;

/// Format of what is sealed: this byte, the nonce, the ciphertext with its tag.
const VERSION: u8 = 1;

/// One 32-byte master key.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A key from exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// A fresh random key.
    pub fn random() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut()).map_err(|_| SealError)?;
        Ok(Self(bytes))
    }

    /// The bytes, to keep in a file.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// The system's random source or the cipher failed.
#[derive(Debug, thiserror::Error)]
#[error("the cipher or the system's random source failed")]
pub struct SealError;

/// What a sealed text is for; part of its key.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// A session's record in the store; the id is the session's.
    Session,
    /// What a list of a person's sessions shows of one; the id is the person's and the session's.
    Listing,
    /// The cookie of a sign-in attempt; the id is the cookie's name.
    Attempt,
    /// A paging cursor; the id is the user's key.
    Cursor,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"cloakroom session v1",
            Self::Listing => b"cloakroom listing v1",
            Self::Attempt => b"cloakroom attempt v1",
            Self::Cursor => b"cloakroom cursor v1",
        }
    }
}

/// Seals with the first key, opens with any: that is how `SESSION_KEY` rotates.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<Key>,
}

impl Sealer {
    /// A sealer over at least one key.
    pub fn new(first: Key, older: Vec<Key>) -> Self {
        let mut keys = vec![first];
        keys.extend(older);
        Self { keys }
    }

    /// Seals `plain` for one purpose and id.
    pub fn seal(&self, purpose: Purpose, id: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError)?;
        let mut body = plain.to_vec();
        derive(&self.keys[0], purpose, id)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from([VERSION]),
                &mut body,
            )
            .map_err(|_| SealError)?;
        Ok([&[VERSION], nonce.as_slice(), &body].concat())
    }

    /// Opens what was sealed for the same purpose and id; `None` for anything else.
    pub fn open(&self, purpose: Purpose, id: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&version, rest) = sealed.split_first()?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        if version != VERSION {
            return None;
        }
        self.keys.iter().find_map(|key| {
            let mut body = Zeroizing::new(body.to_vec());
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let length = derive(key, purpose, id)
                .ok()?
                .open_in_place(nonce, Aad::from([VERSION]), &mut body)
                .ok()?
                .len();
            body.truncate(length);
            Some(body)
        })
    }
}

impl Sealer {
    /// What the store finds a thing by without being told it: a keyed hash of the parts, one for each key. The
    /// first is written, any is looked for.
    pub fn index(&self, parts: &[&str]) -> Result<Vec<Vec<u8>>, SealError> {
        let of = |key: &Key| {
            let key: hmac::Key = Salt::new(HKDF_SHA256, b"cloakroom index")
                .extract(key.as_bytes())
                .expand(&[b"cloakroom index v1"], hmac::HMAC_SHA256)
                .map_err(|_| SealError)?
                .into();
            let mut context = hmac::Context::with_key(&key);
            for part in parts {
                context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
                context.update(part.as_bytes());
            }
            Ok(context.sign().as_ref().to_vec())
        };
        self.keys.iter().map(of).collect()
    }
}

/// RFC 5869: the id salts, the purpose is the info. A key per id also keeps random nonces far from
/// their limit, however many records there are.
fn derive(key: &Key, purpose: Purpose, id: &[u8]) -> Result<LessSafeKey, SealError> {
    let unbound = Salt::new(HKDF_SHA256, id)
        .extract(key.as_bytes())
        .expand(&[purpose.label()], &AES_256_GCM)
        .map(UnboundKey::from)
        .map_err(|_| SealError)?;
    Ok(LessSafeKey::new(unbound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(Key::from_bytes(&[1; 32]).unwrap(), vec![])
    }

    #[test] // R55
    fn what_is_sealed_opens_again_for_its_purpose_and_id_only() {
        let sealed = sealer().seal(Purpose::Session, b"id", b"text").unwrap();
        let open = |purpose, id: &[u8]| sealer().open(purpose, id, &sealed);
        assert_eq!(open(Purpose::Session, b"id").unwrap().as_slice(), b"text");
        assert!(open(Purpose::Session, b"other").is_none());
        assert!(open(Purpose::Cursor, b"id").is_none());
    }

    #[test] // R55
    fn a_bit_flipped_anywhere_opens_nothing() {
        let sealed = sealer().seal(Purpose::Session, b"id", b"text").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut copy = sealed.clone();
            copy[bit / 8] ^= 1 << (bit % 8);
            assert!(
                sealer().open(Purpose::Session, b"id", &copy).is_none(),
                "bit {bit}"
            );
        }
        for length in 0..sealed.len() {
            assert!(
                sealer()
                    .open(Purpose::Session, b"id", &sealed[..length])
                    .is_none()
            );
        }
    }

    #[test] // R55
    fn an_older_key_still_opens_and_the_first_one_seals() {
        let old = Key::from_bytes(&[1; 32]).unwrap();
        let new = Key::from_bytes(&[2; 32]).unwrap();
        let rotated = Sealer::new(new.clone(), vec![old]);
        let before = sealer().seal(Purpose::Session, b"id", b"text").unwrap();
        assert!(rotated.open(Purpose::Session, b"id", &before).is_some());
        let after = rotated.seal(Purpose::Session, b"id", b"text").unwrap();
        assert!(
            Sealer::new(new, vec![])
                .open(Purpose::Session, b"id", &after)
                .is_some()
        );
        assert!(sealer().open(Purpose::Session, b"id", &after).is_none());
    }
}
