//! The ID token: the only proof of who signed in. Every check is here, in one sequence; OpenID Connect
//! Core §3.1.3.7 and <https://learn.microsoft.com/entra/identity-platform/id-tokens#validate-tokens>.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use super::metadata::{Jwk, MetadataError, Platform, tenant_of};
use crate::{
    config::{
        Config,
        cloud::{Audience, PERSONAL_TENANT},
    },
    session::User,
};

/// How far the platform's clock and ours may differ, in seconds.
const SKEW: i64 = 120;

/// Why a token is refused. The text names the rule, never the token.
#[derive(Debug, thiserror::Error)]
pub enum IdTokenError {
    /// A rule is broken; the text says which.
    #[error("the ID token is refused: {0}")]
    Invalid(&'static str),
    /// R38: valid, but of a tenant that may not sign in here.
    #[error("accounts of tenant {0} may not sign in here")]
    Stranger(Uuid),
    /// The signing keys can't be had.
    #[error(transparent)]
    Platform(#[from] MetadataError),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audiences,
    exp: i64,
    nbf: Option<i64>,
    iat: i64,
    nonce: Option<String>,
    tid: String,
    oid: String,
    ver: Option<String>,
    azp: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    sid: Option<String>,
    login_hint: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    xms_pl: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Audiences {
    /// Exactly this client and nobody else; Microsoft's tokens never have more.
    fn is_only(&self, client: &str) -> bool {
        match self {
            Self::One(audience) => audience == client,
            Self::Many(audiences) => {
                matches!(audiences.as_slice(), [audience] if audience == client)
            }
        }
    }
}

/// What a token is held against beside the rules that hold for all.
#[derive(Clone, Copy)]
pub enum Expected<'a> {
    /// The code exchange: this attempt's nonce.
    Nonce(&'a str),
    /// R33: a refresh, which may say nothing new about who it is; a nonce it need not repeat (OpenID Connect
    /// Core §12.2).
    SamePerson(&'a User),
}

/// Checks an ID token and says who signed in.
pub async fn validate(
    token: &str,
    expected: Expected<'_>,
    config: &Config,
    platform: &Platform,
    now: OffsetDateTime,
) -> Result<User, IdTokenError> {
    use IdTokenError::Invalid;

    // R34: the header decides nothing but which of the published keys is tried.
    let header = decode_header(token).map_err(|_| Invalid("not a signed JWT"))?;
    if header.alg != Algorithm::RS256 {
        return Err(Invalid("its algorithm is not RS256"));
    }
    if header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.crit.is_some()
    {
        return Err(Invalid(
            "its header brings a key or an extension of its own",
        ));
    }
    let kid = header.kid.ok_or(Invalid("it names no key"))?;
    let metadata = platform.metadata().await?;
    let key = platform
        .key(&kid)
        .await?
        .ok_or(Invalid("its key is not among the published ones"))?;
    let decoding = DecodingKey::from_rsa_components(&key.n, &key.e)
        .map_err(|_| Invalid("its published key is no RSA key"))?;

    // The times are checked below, against our clock; the audience exactly, not by membership.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims: Claims = decode(token, &decoding, &validation)
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => {
                Invalid("its signature does not verify")
            }
            _ => Invalid("its claims are incomplete or malformed"),
        })?
        .claims;

    let tenant = check_issuer(&claims, &metadata.issuer, &key)?;
    check_times(&claims, now)?;
    if !claims.aud.is_only(&config.client_id) {
        return Err(Invalid("it is for another audience"));
    }
    if claims
        .azp
        .as_ref()
        .is_some_and(|party| *party != config.client_id)
    {
        return Err(Invalid("it was issued to another client (azp)"));
    }
    if claims.ver.as_deref() != Some("2.0") {
        return Err(Invalid("it is not a v2.0 token"));
    }
    if let Expected::Nonce(nonce) = expected
        && claims.nonce.as_deref() != Some(nonce)
    {
        return Err(Invalid("its nonce is not this attempt's"));
    }
    if claims.oid.trim().is_empty() || claims.sub.is_empty() {
        return Err(Invalid("it names no user (oid, sub)"));
    }
    check_tenant(tenant, config)?;
    if let Expected::SamePerson(user) = expected {
        let same = claims.iss == user.iss
            && claims.sub == user.sub
            && tenant == user.tid
            && claims.oid.eq_ignore_ascii_case(&user.oid);
        if !same {
            return Err(Invalid("it is about somebody else than the session"));
        }
    }

    let username = claims.preferred_username.unwrap_or_default();
    Ok(User {
        tid: tenant,
        oid: claims.oid.to_ascii_lowercase(),
        sub: claims.sub,
        iss: claims.iss,
        name: claims
            .name
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| username.clone()),
        username,
        sid: claims.sid,
        login_hint: claims.login_hint,
        roles: claims.roles,
        language: claims.xms_pl,
        issued: claims.iat,
        expires: claims.exp,
    })
}

/// R36: the metadata's issuer, filled with `tid`, is `iss` to the letter. R37: so is the key's own.
fn check_issuer(claims: &Claims, template: &str, key: &Jwk) -> Result<Uuid, IdTokenError> {
    use IdTokenError::Invalid;
    let tenant = Uuid::try_parse(&claims.tid)
        .ok()
        .filter(|tenant| tenant.to_string() == claims.tid)
        .ok_or(Invalid("its tid is no tenant id"))?;
    if template.replace("{tenantid}", &claims.tid) != claims.iss {
        return Err(Invalid("its issuer is not the authority's"));
    }
    if Url::parse(&claims.iss).ok().as_ref().and_then(tenant_of) != Some(tenant) {
        return Err(Invalid("its issuer and its tid differ"));
    }
    if key
        .issuer
        .as_ref()
        .is_some_and(|issuer| issuer.replace("{tenantid}", &claims.tid) != claims.iss)
    {
        return Err(Invalid("its key signs for another issuer"));
    }
    Ok(tenant)
}

/// R35.
fn check_times(claims: &Claims, now: OffsetDateTime) -> Result<(), IdTokenError> {
    let now = now.unix_timestamp();
    if claims.exp <= now.saturating_sub(SKEW) {
        return Err(IdTokenError::Invalid("it has expired"));
    }
    let latest = now.saturating_add(SKEW);
    if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(IdTokenError::Invalid("it is from the future"));
    }
    Ok(())
}

/// R38: who the authority admits, and `ALLOWED_TENANTS`.
fn check_tenant(tenant: Uuid, config: &Config) -> Result<(), IdTokenError> {
    let admitted = match &config.authority.audience {
        // The issuer has been compared with the authority's own.
        Audience::Common | Audience::Domain(_) => true,
        Audience::Organizations => tenant != PERSONAL_TENANT,
        Audience::Consumers => tenant == PERSONAL_TENANT,
        Audience::Tenant(id) => tenant == *id,
    };
    let allowed = config.allowed_tenants.is_empty() || config.allowed_tenants.contains(&tenant);
    if admitted && allowed {
        Ok(())
    } else {
        Err(IdTokenError::Stranger(tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test] // R38
    fn the_authority_says_whose_accounts_are_admitted() {
        let tenant = Uuid::from_u128(7);
        let own = tenant.to_string();
        for (audience, personal, work, other) in [
            ("common", true, true, true),
            ("organizations", false, true, true),
            ("consumers", true, false, false),
            (own.as_str(), false, true, false),
        ] {
            let authority = format!("https://login.microsoftonline.com/{audience}");
            let config = Settings(|name: &str| match name {
                "CLIENT_ID" | "CLIENT_SECRET" => Some("a-value".to_owned()),
                "AUTHORITY" => Some(authority.clone()),
                _ => None,
            })
            .read(false)
            .unwrap();
            for (account, admitted) in [
                (PERSONAL_TENANT, personal),
                (tenant, work),
                (Uuid::from_u128(8), other),
            ] {
                let answer = check_tenant(account, &config);
                assert_eq!(answer.is_ok(), admitted, "{audience} {account}");
            }
        }
    }
}
