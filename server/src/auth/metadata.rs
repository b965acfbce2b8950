//! The platform's metadata and signing keys: fetched when first needed, kept a day, fetched again for an
//! unknown key, and kept over an outage.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::{Mutex, MutexGuard};
use url::Url;
use uuid::Uuid;

use crate::{
    clock::Clock,
    config::{
        Config,
        cloud::{Audience, PERSONAL_TENANT, is_loopback},
    },
    upstream::{self, UpstreamError},
};

/// What the discovery document says, as far as it is used; OpenID Connect Discovery 1.0 §3.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// The issuer, with `{tenantid}` where the authority is for many tenants.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: Url,
    /// Where the signing keys are.
    pub jwks_uri: Url,
    /// Where people sign out.
    pub end_session_endpoint: Option<Url>,
}

/// A signing key as published. Microsoft's keys carry no `alg` but an `issuer`.
#[derive(Clone, Debug, Deserialize)]
pub struct Jwk {
    /// Key type; only `RSA` is used.
    pub kty: String,
    /// Key id.
    #[serde(default)]
    pub kid: String,
    /// What the key is for; absent or `sig`.
    #[serde(rename = "use")]
    pub usage: Option<String>,
    /// The only algorithm it is for, if it says so.
    pub alg: Option<String>,
    /// Modulus, base64url.
    #[serde(default)]
    pub n: String,
    /// Exponent, base64url.
    #[serde(default)]
    pub e: String,
    /// Whose tokens this key signs, with `{tenantid}` for any work or school tenant.
    pub issuer: Option<String>,
}

#[derive(Deserialize)]
struct JwkSet {
    // A key of a shape that we don't know must not cost us the others.
    keys: Vec<serde_json::Value>,
}

/// Why the platform can't be used just now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MetadataError {
    /// It did not answer, or nonsense.
    #[error("{what}: {source}")]
    Upstream {
        /// Which document.
        what: &'static str,
        /// What went wrong.
        source: UpstreamError,
    },
    /// R40: the document names an issuer or a host that doesn't belong to the authority.
    #[error("the discovery document's {0} does not belong to the authority")]
    Foreign(&'static str),
}

/// How long metadata and keys are good, and how soon an unknown key may ask again (R39).
const FRESH: Duration = Duration::from_hours(24);
const ASK_AGAIN: Duration = Duration::from_mins(5);
/// After a failure, the last good documents serve this long before the next try.
const RETRY: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Cached {
    metadata: Option<(Arc<Metadata>, OffsetDateTime)>,
    keys: Option<(Arc<Vec<Jwk>>, OffsetDateTime)>,
    /// When an unknown key last made us ask.
    asked: Option<OffsetDateTime>,
    /// How the platform failed us last.
    failure: Option<MetadataError>,
}

/// The authority's documents.
pub struct Platform {
    config: Arc<Config>,
    http: reqwest::Client,
    clock: Clock,
    cached: Mutex<Cached>,
    /// How often it did. Who waited for the lock while it failed gets the same answer instead of waiting as
    /// long again.
    failures: AtomicU64,
}

impl Platform {
    /// Nothing is fetched yet.
    pub fn new(config: Arc<Config>, http: reqwest::Client, clock: Clock) -> Self {
        Self {
            config,
            http,
            clock,
            cached: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// The metadata, at most a day old; the last good one during an outage.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, MetadataError> {
        let mut cached = self.enter().await?;
        self.metadata_locked(&mut cached).await
    }

    async fn enter(&self) -> Result<MutexGuard<'_, Cached>, MetadataError> {
        let before = self.failures.load(Ordering::SeqCst);
        let cached = self.cached.lock().await;
        match &cached.failure {
            Some(error) if self.failures.load(Ordering::SeqCst) != before => Err(error.clone()),
            _ => Ok(cached),
        }
    }

    fn failed(&self, cached: &mut Cached, error: MetadataError) -> MetadataError {
        cached.failure = Some(error.clone());
        self.failures.fetch_add(1, Ordering::SeqCst);
        error
    }

    async fn metadata_locked(&self, cached: &mut Cached) -> Result<Arc<Metadata>, MetadataError> {
        let now = self.clock.now();
        if let Some((metadata, at)) = &cached.metadata
            && now - *at < FRESH
        {
            return Ok(metadata.clone());
        }
        match (self.fetch_metadata().await, &mut cached.metadata) {
            (Ok(metadata), slot) => Ok(slot.insert((Arc::new(metadata), now)).0.clone()),
            (Err(error), Some((metadata, at))) => {
                tracing::warn!(event = "metadata_stale", %error, "the last good discovery document is used");
                *at = now - FRESH + RETRY;
                Ok(metadata.clone())
            }
            (Err(error), None) => Err(self.failed(cached, error)),
        }
    }

    /// Whether metadata and keys are at hand, fetching what is missing.
    pub async fn check(&self) -> Result<(), MetadataError> {
        let mut cached = self.enter().await?;
        let jwks_uri = self.metadata_locked(&mut cached).await?.jwks_uri.clone();
        if cached.keys.is_none() {
            let keys = self.fetch_keys(jwks_uri).await;
            let keys = keys.map_err(|error| self.failed(&mut cached, error))?;
            cached.keys = Some((Arc::new(keys), self.clock.now()));
        }
        Ok(())
    }

    /// The key with this id. An unknown one makes us fetch the set again, at most every five minutes.
    pub async fn key(&self, kid: &str) -> Result<Option<Jwk>, MetadataError> {
        let mut cached = self.enter().await?;
        let now = self.clock.now();
        let find = |keys: &[Jwk]| keys.iter().find(|key| key.kid == kid).cloned();
        let (known, fresh) = match &cached.keys {
            Some((keys, at)) => (find(keys), now - *at < FRESH),
            None => (None, false),
        };
        if known.is_some() && fresh {
            return Ok(known);
        }
        if fresh && cached.asked.is_some_and(|asked| now - asked < ASK_AGAIN) {
            return Ok(None);
        }
        let jwks_uri = self.metadata_locked(&mut cached).await?.jwks_uri.clone();
        match (self.fetch_keys(jwks_uri).await, &mut cached.keys) {
            (Ok(keys), slot) => {
                let found = find(&slot.insert((Arc::new(keys), now)).0);
                if fresh {
                    cached.asked = Some(now);
                }
                Ok(found)
            }
            (Err(error), Some((keys, at))) => {
                tracing::warn!(event = "keys_stale", %error, "the last good signing keys are used");
                if !fresh {
                    *at = now - FRESH + RETRY;
                }
                // A key that is not among them may well be good: that is an outage, not a forgery.
                find(keys).map(Some).ok_or(error)
            }
            (Err(error), None) => Err(self.failed(&mut cached, error)),
        }
    }

    async fn fetch_metadata(&self) -> Result<Metadata, MetadataError> {
        let discovery = self.config.authority.discovery();
        let metadata: Metadata = upstream::get_json(&self.http, &discovery, self.clock.now())
            .await
            .map_err(|source| MetadataError::Upstream {
                what: "the discovery document",
                source,
            })?;
        self.check_metadata(&metadata)?;
        Ok(metadata)
    }

    async fn fetch_keys(&self, uri: Url) -> Result<Vec<Jwk>, MetadataError> {
        let set: JwkSet = upstream::get_json(&self.http, uri.as_str(), self.clock.now())
            .await
            .map_err(|source| MetadataError::Upstream {
                what: "the signing keys",
                source,
            })?;
        let keys: Vec<_> = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
            .filter(|key| key.kty == "RSA" && !key.kid.is_empty())
            .filter(|key| key.usage.as_deref().is_none_or(|usage| usage == "sig"))
            .filter(|key| key.alg.as_deref().is_none_or(|alg| alg == "RS256"))
            .collect();
        // A set without a usable key must not replace a good one (R39).
        if keys.is_empty() {
            return Err(MetadataError::Upstream {
                what: "the signing keys",
                source: UpstreamError::Nonsense,
            });
        }
        Ok(keys)
    }

    /// R40: hostile or mistaken metadata is refused before anything is sent to where it points.
    fn check_metadata(&self, metadata: &Metadata) -> Result<(), MetadataError> {
        let known = |url: &Url| self.config.is_known_login_url(url);
        let endpoints = [
            (
                "authorization_endpoint",
                Some(&metadata.authorization_endpoint),
            ),
            ("token_endpoint", Some(&metadata.token_endpoint)),
            ("jwks_uri", Some(&metadata.jwks_uri)),
            (
                "end_session_endpoint",
                metadata.end_session_endpoint.as_ref(),
            ),
        ];
        for (name, url) in endpoints {
            if url.is_some_and(|url| !known(url)) {
                return Err(MetadataError::Foreign(name));
            }
        }
        if issuer_fits(&self.config, &metadata.issuer) {
            Ok(())
        } else {
            Err(MetadataError::Foreign("issuer"))
        }
    }
}

/// The issuer is `https://{host}/{tenant}/v2.0` on a host of the authority, its tenant the one that the
/// authority names.
fn issuer_fits(config: &Config, issuer: &str) -> bool {
    let authority = &config.authority;
    let many = issuer.contains("/{tenantid}/");
    let Ok(url) = Url::parse(&issuer.replace("{tenantid}", &Uuid::nil().to_string())) else {
        return false;
    };
    let Some(tenant) = tenant_of(&url) else {
        return false;
    };
    let host_fits = if is_loopback(&authority.url) {
        url.port_or_known_default() == authority.url.port_or_known_default() && is_loopback(&url)
    } else {
        config.is_known_login_url(&url)
    };
    host_fits
        && match &authority.audience {
            Audience::Common | Audience::Organizations => many,
            Audience::Consumers => !many && tenant == PERSONAL_TENANT,
            Audience::Tenant(id) => !many && tenant == *id,
            Audience::Domain(_) => !many,
        }
}

/// The tenant in `https://{host}/{tenant}/v2.0`.
pub fn tenant_of(issuer: &Url) -> Option<Uuid> {
    let tenant = issuer.path().strip_prefix('/')?.strip_suffix("/v2.0")?;
    Uuid::try_parse(tenant).ok()
}
