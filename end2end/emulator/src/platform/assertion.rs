//! Client assertions: a JWT signed with the client's certificate, or a workload's token in its place.
//!
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>,
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>.

use aws_lc_rs::{
    digest, rsa,
    signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_rustls::rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, pem::PemObject};

use super::aadsts::{Refusal, missing_parameter};
use crate::{
    client::{Client, Federation},
    random::base64url,
};

/// RFC 7523 §2.2.
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The real platform lets clocks differ by five minutes.
const SKEW: i64 = 300;

/// What the client presented, and what it is held against.
pub(super) struct Presented<'a> {
    pub assertion: &'a str,
    pub kind: Option<&'a str>,
    pub audiences: Vec<String>,
    pub now: OffsetDateTime,
}

struct Jwt<'a> {
    header: Value,
    claims: Value,
    message: &'a str,
    signature: Vec<u8>,
}

pub(super) fn check(client: &Client, presented: &Presented<'_>) -> Result<(), Refusal> {
    if presented
        .kind
        .ok_or_else(|| missing_parameter("client_assertion_type"))?
        != KIND
    {
        let text = format!("The value of 'client_assertion_type' must be '{KIND}'.");
        return Err(Refusal::new("invalid_request", 50_027, text));
    }
    let jwt = Jwt::parse(presented.assertion).ok_or_else(|| {
        Refusal::new(
            "invalid_client",
            50_027,
            "JWT token is invalid or malformed.",
        )
    })?;
    if jwt.claims["iss"] == client.client_id.as_str() {
        by_certificate(client, &jwt, presented)?;
    } else {
        by_federation(client, &jwt)?;
    }
    in_time(&jwt.claims, presented.now.unix_timestamp())
}

fn refuse(number: u32, text: impl Into<String>) -> Refusal {
    Refusal::new("invalid_client", number, text)
}

fn by_certificate(
    client: &Client,
    jwt: &Jwt<'_>,
    presented: &Presented<'_>,
) -> Result<(), Refusal> {
    // PS256 goes with the SHA-256 thumbprint, RS256 with the SHA-1 one.
    let (thumbprint, hash, algorithm) = match (
        jwt.header["alg"].as_str(),
        &jwt.header["x5t#S256"],
        &jwt.header["x5t"],
    ) {
        (Some("PS256"), Value::String(thumbprint), _) => {
            (thumbprint, &digest::SHA256, &RSA_PSS_2048_8192_SHA256)
        }
        (Some("RS256"), _, Value::String(thumbprint)) => (
            thumbprint,
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            &RSA_PKCS1_2048_8192_SHA256,
        ),
        _ => {
            let text = "The client assertion must be signed with PS256 and carry 'x5t#S256', or with RS256 and carry 'x5t'.";
            return Err(refuse(50_027, text));
        }
    };
    // MSAL for Python pads it.
    let thumbprint = thumbprint.trim_end_matches('=');
    let key = client
        .certificates
        .iter()
        .filter_map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).ok())
        .find(|certificate| base64url(digest::digest(hash, certificate).as_ref()) == thumbprint)
        .and_then(|certificate| public_key(&certificate))
        .ok_or_else(|| {
            let text = format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. \
                 [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}', Please visit the \
                 Azure Portal to configure the app's certificate.]"
            );
            refuse(700_027, text)
        })?;
    if !jwt.verify(&key, algorithm) {
        let text = "Client assertion contains an invalid signature. [Reason - The key was found, but use of the key to \
                    verify the signature failed.]";
        return Err(refuse(700_027, text));
    }
    if jwt.claims["sub"] != client.client_id.as_str() {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(refuse(700_021, text));
    }
    if !jwt.claims["aud"]
        .as_str()
        .is_some_and(|aud| presented.audiences.iter().any(|known| known == aud))
    {
        let text = "Client assertion audience claim does not match Realm issuer.";
        return Err(refuse(700_023, text));
    }
    Ok(())
}

fn by_federation(client: &Client, jwt: &Jwt<'_>) -> Result<(), Refusal> {
    let claim = |name: &str| jwt.claims[name].as_str().unwrap_or_default();
    // `aud` may be a list with one member.
    let audience = jwt.claims["aud"]
        .as_str()
        .or(jwt.claims["aud"][0].as_str())
        .unwrap_or_default();
    let narrowed = |number,
                    what: &str,
                    value: &str,
                    fits: &dyn Fn(&Federation) -> bool,
                    among: Vec<Federation>| {
        let left: Vec<_> = among
            .into_iter()
            .filter(|federation| fits(federation))
            .collect();
        if left.is_empty() {
            let text = format!(
                "No matching federated identity record found for presented assertion {what} '{value}'."
            );
            return Err(refuse(number, text));
        }
        Ok(left)
    };
    let issuer = claim("iss");
    let subject = claim("sub");
    let all = client.federations.clone();
    let all = narrowed(
        700_211,
        "issuer",
        issuer,
        &|known| known.issuer == issuer,
        all,
    )?;
    let all = narrowed(
        700_213,
        "subject",
        subject,
        &|known| known.subject == subject,
        all,
    )?;
    let all = narrowed(
        700_212,
        "audience",
        audience,
        &|known| known.audience == audience,
        all,
    )?;
    let signed = all.iter().any(|federation| {
        SubjectPublicKeyInfoDer::from_pem_slice(federation.public_key.as_bytes())
            .ok()
            .and_then(|key| rsa::PublicKey::from_der(&key).ok())
            .is_some_and(|key| {
                jwt.header["alg"] == "RS256"
                    && jwt.verify(key.as_ref(), &RSA_PKCS1_2048_8192_SHA256)
            })
    });
    if signed {
        Ok(())
    } else {
        Err(refuse(50_013, "Assertion failed signature validation."))
    }
}

fn in_time(claims: &Value, now: i64) -> Result<(), Refusal> {
    // A NumericDate may have a fraction (RFC 7519 §2); MSAL for Python sends one.
    let seconds = |name: &str| claims[name].as_f64();
    #[allow(clippy::cast_precision_loss)] // Seconds since 1970 fit.
    let (now, skew) = (now as f64, SKEW as f64);
    let early = seconds("nbf").is_some_and(|nbf| nbf > now + skew);
    let late = seconds("exp").is_none_or(|exp| exp < now - skew);
    if early || late {
        return Err(refuse(
            700_024,
            "Client assertion is not within its valid time range.",
        ));
    }
    Ok(())
}

/// The RSA key in a certificate, as PKCS #1.
fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let key = rsa::PublicKey::from_der(&certificate.subject_public_key_info()).ok()?;
    Some(key.as_ref().to_vec())
}

impl<'a> Jwt<'a> {
    fn parse(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let json =
            |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            message,
            signature,
        })
    }

    fn verify(&self, key: &[u8], algorithm: &'static RsaParameters) -> bool {
        UnparsedPublicKey::new(algorithm, key)
            .verify(self.message.as_bytes(), &self.signature)
            .is_ok()
    }
}
