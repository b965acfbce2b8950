//! The signing keys: for each kind of issuer one that signs and the one before it, both published.

use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use aws_lc_rs::{
    digest,
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{lock, random::base64url};

/// An RSA key with its self-signed certificate.
pub(crate) struct SigningKey {
    pair: KeyPair,
    certificate: Vec<u8>,
    /// Key id: the certificate's thumbprint, as the real keys have it.
    pub kid: String,
}

impl SigningKey {
    #[allow(clippy::expect_used)] // Without randomness or memory for a key nothing here could go on.
    fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
        let certificate = certificate(&pair).expect("an RSA key can sign its certificate");
        let kid =
            base64url(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate).as_ref());
        Self {
            pair,
            certificate,
            kid,
        }
    }

    pub(crate) fn rs256(&self, message: &str) -> String {
        self.sign(&RSA_PKCS1_SHA256, message)
    }

    pub(crate) fn rs512(&self, message: &str) -> String {
        self.sign(&RSA_PKCS1_SHA512, message)
    }

    fn sign(&self, algorithm: &'static dyn RsaEncoding, message: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(
            algorithm,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        );
        debug_assert!(signed.is_ok(), "the buffer has the modulus' length");
        base64url(&signature)
    }

    /// The public key in PEM, which careless verifiers take as an HMAC secret.
    pub(crate) fn public_pem(&self) -> String {
        let der = self.pair.public_key().as_der();
        let body = BASE64_STANDARD.encode(der.as_ref().map_or(&[][..], |der| der.as_ref()));
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    /// Modulus and exponent as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA",
            "n": base64url(public.modulus().big_endian_without_leading_zero()),
            "e": base64url(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// As published: no `alg`, but the issuer that the key may sign for.
    /// <https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer>
    fn published(&self, issuer: &str) -> Value {
        let mut key = self.jwk();
        key["use"] = json!("sig");
        key["kid"] = json!(self.kid);
        key["x5t"] = json!(self.kid);
        key["x5c"] = json!([BASE64_STANDARD.encode(&self.certificate)]);
        key["cloud_instance_name"] = json!("microsoftonline.com");
        key["issuer"] = json!(issuer);
        key
    }
}

fn certificate(pair: &KeyPair) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    use rcgen::{CertificateParams, DnType, PKCS_RSA_SHA256};
    let pkcs8 = pair.as_der()?;
    let key =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.as_ref().into(), &PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "accounts.accesscontrol.windows.net");
    Ok(params.self_signed(&key)?.der().to_vec())
}

/// Whose tokens a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Organisations.
    Work,
    /// Personal accounts.
    Personal,
}

impl Kind {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Work => Self::Personal,
            Self::Personal => Self::Work,
        }
    }
}

struct Ring {
    active: Arc<SigningKey>,
    previous: Arc<SigningKey>,
}

/// Keys that every emulator of this process starts with: making one takes long, and a test run makes many emulators.
static FIRST: [LazyLock<Arc<SigningKey>>; 5] =
    [const { LazyLock::new(|| Arc::new(SigningKey::generate())) }; 5];

/// The keys of one emulator.
#[derive(Default)]
pub(crate) struct Keys {
    work: OnceLock<Mutex<Ring>>,
    personal: OnceLock<Mutex<Ring>>,
}

impl Keys {
    /// Makes the first keys on threads of their own, so that nobody waits for them in turn.
    pub(crate) fn warm() {
        for key in &FIRST {
            std::thread::spawn(|| LazyLock::force(key));
        }
    }

    fn ring(&self, kind: Kind) -> &Mutex<Ring> {
        let (ring, first) = match kind {
            Kind::Work => (&self.work, 0),
            Kind::Personal => (&self.personal, 2),
        };
        ring.get_or_init(|| {
            Mutex::new(Ring {
                active: Arc::clone(&FIRST[first]),
                previous: Arc::clone(&FIRST[first + 1]),
            })
        })
    }

    pub(crate) fn active(&self, kind: Kind) -> Arc<SigningKey> {
        Arc::clone(&lock(self.ring(kind)).active)
    }

    /// A key that is never published.
    pub(crate) fn foreign() -> Arc<SigningKey> {
        Arc::clone(&FIRST[4])
    }

    pub(crate) fn rotate(&self) {
        for kind in [Kind::Work, Kind::Personal] {
            let fresh = Arc::new(SigningKey::generate());
            let mut ring = lock(self.ring(kind));
            ring.previous = std::mem::replace(&mut ring.active, fresh);
        }
    }

    /// The published keys of one kind.
    pub(crate) fn published(&self, kind: Kind, issuer: &str) -> Vec<Value> {
        let ring = lock(self.ring(kind));
        [&ring.active, &ring.previous]
            .map(|key| key.published(issuer))
            .to_vec()
    }
}
