//! `SESSION_STORE`, `SESSION_KEY`, `SESSION_IDLE` and `SESSION_MAX`.

use std::{path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use url::Url;

use super::{Result, Settings, wrong};
use crate::{secret::Secret, session::seal::Key};

/// Where sessions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreLocation {
    /// `sqlite::memory:`: gone with the process.
    Memory,
    /// `sqlite:PATH`.
    File(PathBuf),
    /// `redis://…`, `rediss://…`: for several servers. The address may hold a password.
    Redis(Secret),
}

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    pub(super) fn session_store(&self, demo: bool) -> Result<StoreLocation> {
        const NAME: &str = "SESSION_STORE";
        let default = if demo {
            "sqlite::memory:"
        } else {
            "sqlite:data/sessions.db"
        };
        let text = self.get(NAME).unwrap_or_else(|| default.into());
        let (scheme, path) = text.split_once(':').unwrap_or_default();
        match (scheme, path.strip_prefix("//").unwrap_or(path)) {
            ("sqlite", ":memory:") => Ok(StoreLocation::Memory),
            ("sqlite", path) if !path.is_empty() => Ok(StoreLocation::File(PathBuf::from(path))),
            // The text may hold a password and is not shown.
            ("redis" | "rediss", _) if is_redis_address(&text) => {
                Ok(StoreLocation::Redis(text.into()))
            }
            ("redis" | "rediss", _) => wrong(
                NAME,
                "not an address of Redis; use one like rediss://user:password@host:6379/0",
            ),
            _ => wrong(
                NAME,
                "not a store; use sqlite:PATH, sqlite::memory:, redis://HOST or rediss://HOST",
            ),
        }
    }

    pub(super) fn session_keys(&self, store: &StoreLocation) -> Result<Vec<Key>> {
        const NAME: &str = "SESSION_KEY";
        let keys: Vec<_> = self
            .list(NAME)
            .map(|item| {
                let bytes = BASE64_STANDARD.decode(item).ok();
                // R115: zeros and the like are a placeholder, not a key.
                let is_placeholder = |bytes: &[u8]| bytes.windows(2).all(|two| two[0] == two[1]);
                if bytes.as_deref().is_some_and(is_placeholder) {
                    return wrong(
                        NAME,
                        "the same byte over and over; make a random one with: openssl rand -base64 32",
                    );
                }
                bytes.and_then(|bytes| Key::from_bytes(&bytes)).map_or_else(
                    || {
                        wrong(
                            NAME,
                            "not 32 bytes in base64; make one with: openssl rand -base64 32",
                        )
                    },
                    Ok,
                )
            })
            .collect::<Result<_>>()?;
        if keys.is_empty() && matches!(store, StoreLocation::Redis(_)) {
            return wrong(
                NAME,
                "missing, and servers that share a Redis need the same one; make it with: openssl rand -base64 32",
            );
        }
        Ok(keys)
    }

    pub(super) fn timeouts(&self) -> Result<(Duration, Duration)> {
        let idle = self.duration("SESSION_IDLE", "30m")?;
        let max = self.duration("SESSION_MAX", "12h")?;
        if idle > max {
            return wrong("SESSION_IDLE", "longer than SESSION_MAX; make it shorter");
        }
        Ok((idle, max))
    }

    fn duration(&self, name: &'static str, default: &str) -> Result<Duration> {
        let text = self.get(name).unwrap_or_else(|| default.into());
        let year = Duration::from_hours(366 * 24);
        match humantime::parse_duration(&text) {
            Ok(value) if value >= Duration::from_secs(1) && value <= year => Ok(value),
            _ => wrong(
                name,
                "not a time-out between a second and a year; use one like 30m or 12h",
            ),
        }
    }
}

/// A host, perhaps a port, a user, a password and the number of a database; nothing that changes how it is spoken to.
fn is_redis_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let database = url.path().trim_start_matches('/');
        url.host_str().is_some_and(|host| !host.is_empty())
            && (database.is_empty() || database.parse::<u16>().is_ok())
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
