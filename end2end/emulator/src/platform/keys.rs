//! The signing keys: for each kind of issuer one that signs and the one before it, both published.

use std::{
    error::Error,
    sync::{Arc, LazyLock, Mutex, OnceLock},
};

use aws_lc_rs::{
    digest,
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{self, KeyPair, KeySize},
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{lock, random::base64url};

/// A published key: what the key set says of it comes from its certificate.
pub(crate) struct Published {
    der: Vec<u8>,
    /// Key id: the certificate's thumbprint, as the real keys have it.
    kid: String,
    modulus: String,
    exponent: String,
    public_key: Vec<u8>,
}

impl Published {
    fn new(der: Vec<u8>) -> Result<Self, Box<dyn Error>> {
        let certificate = CertificateDer::from(der.as_slice());
        let certificate = webpki::EndEntityCert::try_from(&certificate)?;
        let public_key = certificate.subject_public_key_info().to_vec();
        let numbers = rsa::PublicKey::from_der(&public_key)?;
        let kid = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
        Ok(Self {
            kid: base64url(kid.as_ref()),
            modulus: base64url(numbers.modulus().big_endian_without_leading_zero()),
            exponent: base64url(numbers.exponent().big_endian_without_leading_zero()),
            der,
            public_key,
        })
    }

    #[allow(clippy::expect_used)] // The files are part of the crate.
    fn from_pem(pem: &str) -> Arc<Self> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        Arc::new(Self::new(der.to_vec()).expect("an RSA certificate"))
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "RSA", "n": self.modulus, "e": self.exponent })
    }

    /// As published: no `alg`, but the issuer that the key may sign for.
    /// <https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer>
    fn json(&self, issuer: &str) -> Value {
        let mut key = self.jwk();
        key["use"] = json!("sig");
        key["kid"] = json!(self.kid);
        key["x5t"] = json!(self.kid);
        key["x5c"] = json!([BASE64_STANDARD.encode(&self.der)]);
        key["cloud_instance_name"] = json!("microsoftonline.com");
        key["issuer"] = json!(issuer);
        key
    }
}

/// An RSA key that signs.
pub(crate) struct SigningKey {
    pair: KeyPair,
    published: Arc<Published>,
}

impl SigningKey {
    #[allow(clippy::expect_used)] // Without randomness or memory for a key nothing here could go on.
    fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
        let published = certificate(&pair)
            .and_then(Published::new)
            .expect("it can sign its certificate");
        Self {
            pair,
            published: Arc::new(published),
        }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.published.kid
    }

    pub(crate) fn rs256(&self, message: &str) -> String {
        self.sign(&RSA_PKCS1_SHA256, message)
    }

    pub(crate) fn rs512(&self, message: &str) -> String {
        self.sign(&RSA_PKCS1_SHA512, message)
    }

    fn sign(&self, algorithm: &'static dyn RsaEncoding, message: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .pair
            .sign(algorithm, &random, message.as_bytes(), &mut signature);
        debug_assert!(signed.is_ok(), "the buffer has the modulus' length");
        base64url(&signature)
    }

    /// The public key in PEM, which careless verifiers take as an HMAC secret.
    pub(crate) fn public_pem(&self) -> String {
        let body = BASE64_STANDARD.encode(&self.published.public_key);
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
        self.published.jwk()
    }
}

fn certificate(pair: &KeyPair) -> Result<Vec<u8>, Box<dyn Error>> {
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
    previous: Arc<Published>,
}

/// Keys that every emulator of this process starts with, for organisations, for personal accounts and for nobody:
/// making one takes long, and a test run makes many emulators.
static FIRST: [LazyLock<Arc<SigningKey>>; 3] =
    [const { LazyLock::new(|| Arc::new(SigningKey::generate())) }; 3];

/// The keys before the first ones. They never sign again, so nobody has kept their private halves.
const BEFORE: [&str; 2] = [
    include_str!("previous-work.pem"),
    include_str!("previous-personal.pem"),
];

/// The keys of one emulator.
#[derive(Default)]
pub(crate) struct Keys {
    work: OnceLock<Mutex<Ring>>,
    personal: OnceLock<Mutex<Ring>>,
}

impl Keys {
    /// Makes the first keys on threads of their own, so that nobody waits for them in turn.
    pub(crate) fn warm() {
        for key in &FIRST[..2] {
            std::thread::spawn(|| LazyLock::force(key));
        }
    }

    fn ring(&self, kind: Kind) -> &Mutex<Ring> {
        let (ring, number) = match kind {
            Kind::Work => (&self.work, 0),
            Kind::Personal => (&self.personal, 1),
        };
        ring.get_or_init(|| {
            Mutex::new(Ring {
                active: Arc::clone(&FIRST[number]),
                previous: Published::from_pem(BEFORE[number]),
            })
        })
    }

    pub(crate) fn active(&self, kind: Kind) -> Arc<SigningKey> {
        Arc::clone(&lock(self.ring(kind)).active)
    }

    /// A key that is never published.
    pub(crate) fn foreign() -> Arc<SigningKey> {
        Arc::clone(&FIRST[2])
    }

    pub(crate) fn rotate(&self) {
        for kind in [Kind::Work, Kind::Personal] {
            let fresh = Arc::new(SigningKey::generate());
            let mut ring = lock(self.ring(kind));
            let old = std::mem::replace(&mut ring.active, fresh);
            ring.previous = Arc::clone(&old.published);
        }
    }

    /// The published keys of one kind.
    pub(crate) fn published(&self, kind: Kind, issuer: &str) -> Vec<Value> {
        let ring = lock(self.ring(kind));
        [&ring.active.published, &ring.previous]
            .map(|key| key.json(issuer))
            .to_vec()
    }
}
