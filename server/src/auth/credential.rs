//! How this app proves itself to the token endpoint: by a secret, by an assertion that its certificate
//! signs, or by the token of the workload that it runs as.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>,
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use x509_parser::{oid_registry::OID_PKCS1_RSAENCRYPTION, pem::Pem, public_key::PublicKey};

use crate::secret::Secret;

/// An assertion lives this long, in seconds; the platform advises five to ten minutes (R21).
const LIFETIME: i64 = 600;
/// One that ends sooner than this is not sent any more: the request takes time, and clocks differ.
const SPARE: i64 = 120;

/// What the app registration knows this app by.
#[derive(Clone)]
pub enum Credential {
    /// `CLIENT_SECRET`.
    Secret(Secret),
    /// `CLIENT_CERTIFICATE` and `CLIENT_CERTIFICATE_KEY`.
    Certificate(Arc<Certificate>),
    /// `AZURE_FEDERATED_TOKEN_FILE`: where the workload's token lies. It rotates, so it is never kept (R22).
    Federated(PathBuf),
}

/// What goes with one token call.
pub enum Proof {
    /// `client_secret`.
    Secret(Secret),
    /// `client_assertion`.
    Assertion(Secret),
}

/// Why there is nothing to prove ourselves with.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The workload's token can't be read.
    #[error("AZURE_FEDERATED_TOKEN_FILE can't be read: {0}")]
    Unreadable(std::io::Error),
    /// The workload's token is no text.
    #[error("AZURE_FEDERATED_TOKEN_FILE holds no token")]
    Empty,
    /// The key does not sign.
    #[error("CLIENT_CERTIFICATE_KEY does not sign")]
    Signing,
}

impl Credential {
    /// The variable to look at when the platform refuses it.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Secret(_) => "CLIENT_SECRET",
            Self::Certificate(_) => "CLIENT_CERTIFICATE",
            Self::Federated(_) => "AZURE_FEDERATED_TOKEN_FILE",
        }
    }

    /// The proof for a call to this token endpoint.
    pub async fn proof(
        &self,
        client_id: &str,
        token_endpoint: &str,
        now: OffsetDateTime,
    ) -> Result<Proof, CredentialError> {
        match self {
            Self::Secret(secret) => Ok(Proof::Secret(secret.clone())),
            Self::Certificate(certificate) => certificate
                .assertion(client_id, token_endpoint, now.unix_timestamp())
                .map(Proof::Assertion),
            Self::Federated(path) => workload_token(path).await.map(Proof::Assertion),
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.setting())
    }
}

async fn workload_token(path: &Path) -> Result<Secret, CredentialError> {
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(CredentialError::Unreadable)?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(CredentialError::Empty);
    }
    Ok(token.to_owned().into())
}

/// What is wrong with a certificate or its key; the text is the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate.
    #[error("not a certificate; give the path of one in PEM (-----BEGIN CERTIFICATE-----)")]
    NotACertificate,
    /// PS256 needs an RSA key.
    #[error("not for an RSA key; make one with an RSA key of at least 2048 bits")]
    NotRsa,
    /// The platform takes no shorter ones.
    #[error("for an RSA key of {0} bits; make one with an RSA key of at least 2048 bits")]
    ShortKey(usize),
    /// Its time has not come.
    #[error("valid only from {0}; check the clock, or use another certificate")]
    NotYetValid(String),
    /// Its time is over.
    #[error("expired on {0}; make a new certificate and upload it to the app registration")]
    Expired(String),
    /// Not a key.
    #[error("not an RSA private key; give the path of one in PEM (-----BEGIN PRIVATE KEY-----)")]
    NotAKey,
    /// Nobody is there to type a passphrase.
    #[error(
        "encrypted; decrypt it with: openssl pkey -in KEY -out PLAIN, readable by this server only"
    )]
    EncryptedKey,
    /// Not the one that the certificate vouches for.
    #[error(
        "does not belong to CLIENT_CERTIFICATE; give the private key that the certificate was made with"
    )]
    OtherKey,
}

impl CertificateError {
    /// The variable that has to change.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::NotACertificate
            | Self::NotRsa
            | Self::ShortKey(_)
            | Self::NotYetValid(_)
            | Self::Expired(_) => "CLIENT_CERTIFICATE",
            Self::NotAKey | Self::EncryptedKey | Self::OtherKey => "CLIENT_CERTIFICATE_KEY",
        }
    }
}

/// A certificate whose key signs assertions.
pub struct Certificate {
    key: EncodingKey,
    /// `x5t#S256`: SHA-256 of the DER certificate, base64url.
    thumbprint: String,
    /// The current assertion.
    signed: Mutex<Option<Signed>>,
}

struct Signed {
    audience: String,
    assertion: Secret,
    ends: i64,
}

/// RFC 7523 §3.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    nbf: i64,
    iat: i64,
    exp: i64,
}

impl Certificate {
    /// Reads certificate and key, both PEM, and sees that they are valid now and belong together.
    pub fn read(
        certificate: &[u8],
        key: &[u8],
        now: OffsetDateTime,
    ) -> Result<Self, CertificateError> {
        // Some keep both in one file, in either order.
        let pem = Pem::iter_from_buffer(certificate)
            .filter_map(Result::ok)
            .find(|pem| pem.label == "CERTIFICATE")
            .ok_or(CertificateError::NotACertificate)?;
        let parsed = pem
            .parse_x509()
            .map_err(|_| CertificateError::NotACertificate)?;
        let public = parsed.public_key();
        if public.algorithm.algorithm != OID_PKCS1_RSAENCRYPTION {
            return Err(CertificateError::NotRsa);
        }
        if let Ok(PublicKey::RSA(rsa)) = public.parsed()
            && rsa.key_size() < 2048
        {
            return Err(CertificateError::ShortKey(rsa.key_size()));
        }
        let validity = parsed.validity();
        let now = now.unix_timestamp();
        if now < validity.not_before.timestamp() {
            return Err(CertificateError::NotYetValid(day(&validity.not_before)));
        }
        if now >= validity.not_after.timestamp() {
            return Err(CertificateError::Expired(day(&validity.not_after)));
        }
        let text = std::str::from_utf8(key).map_err(|_| CertificateError::NotAKey)?;
        if text.contains("ENCRYPTED") {
            return Err(CertificateError::EncryptedKey);
        }
        let start = ["-----BEGIN PRIVATE KEY", "-----BEGIN RSA PRIVATE KEY"]
            .into_iter()
            .find_map(|begin| text.find(begin))
            .ok_or(CertificateError::NotAKey)?;
        let key =
            EncodingKey::from_rsa_pem(&key[start..]).map_err(|_| CertificateError::NotAKey)?;
        let public = DecodingKey::from_rsa_der(&public.subject_public_key.data);
        belong_together(&key, &public)?;
        Ok(Self {
            key,
            thumbprint: BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &pem.contents)),
            signed: Mutex::default(),
        })
    }

    /// The current assertion for this audience, or a new one when it is about to end.
    fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        now: i64,
    ) -> Result<Secret, CredentialError> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*signed
            && known.audience == audience
            && known.ends.saturating_sub(now) > SPARE
            && known.ends.saturating_sub(now) <= LIFETIME
        {
            return Ok(known.assertion.clone());
        }
        let ends = now.saturating_add(LIFETIME);
        let claims = Claims {
            aud: audience,
            iss: client_id,
            sub: client_id,
            jti: Uuid::new_v4().to_string(),
            nbf: now,
            iat: now,
            exp: ends,
        };
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(self.thumbprint.clone());
        let assertion: Secret = jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| CredentialError::Signing)?
            .into();
        *signed = Some(Signed {
            audience: audience.to_owned(),
            assertion: assertion.clone(),
            ends,
        });
        Ok(assertion)
    }
}

/// What the private key signs, the certificate's public key verifies.
fn belong_together(key: &EncodingKey, public: &DecodingKey) -> Result<(), CertificateError> {
    #[derive(Serialize, Deserialize)]
    struct Probe {}
    let signed = jsonwebtoken::encode(&Header::new(Algorithm::PS256), &Probe {}, key)
        .map_err(|_| CertificateError::NotAKey)?;
    let mut validation = Validation::new(Algorithm::PS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Probe>(&signed, public, &validation)
        .map(|_| ())
        .map_err(|_| CertificateError::OtherKey)
}

fn day(time: &x509_parser::time::ASN1Time) -> String {
    time.to_datetime().date().to_string()
}
