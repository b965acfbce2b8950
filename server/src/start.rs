//! From the settings to a server that is ready to route.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use leptos::config::LeptosOptions;

use crate::{
    Cloakroom,
    auth::{metadata::Platform, token_endpoint::TokenEndpoint},
    clock::Clock,
    config::{Config, StoreLocation},
    graph::{
        self,
        proxy::{
            Proxy,
            body::Patience,
            limits::{Limits, Pace},
        },
    },
    session::{
        Sessions,
        events::Events,
        seal::{Key, Sealer},
        store::{Store, Timeouts},
    },
    tokens::Tokens,
    upstream,
};

/// How long a call to Microsoft may take.
const DEADLINE: Duration = Duration::from_secs(20);

impl Cloakroom {
    /// Opens the store and puts the parts together. Nothing is asked of Microsoft yet.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Arc<Self>> {
        Self::open_with_deadline(config, clock, DEADLINE).await
    }

    /// The same, with another deadline for calls to Microsoft.
    pub async fn open_with_deadline(
        config: Config,
        clock: Clock,
        deadline: Duration,
    ) -> anyhow::Result<Arc<Self>> {
        let config = Arc::new(config);
        let sealer = sealer(&config)?;
        let timeouts = Timeouts {
            idle: config.session_idle,
            max: config.session_max,
        };
        if let StoreLocation::File(path) = &config.session_store {
            make_folder_of(path)?;
        }
        let store = Store::open(
            &config.session_store,
            sealer.clone(),
            clock.clone(),
            timeouts,
        )
        .await
        .context("SESSION_STORE: can't be opened; check its path and rights, or its address and password")?;
        let sessions = Sessions { store };
        let unusable = "SSL_CERT_FILE or HTTPS_PROXY: can't be used";
        let http = upstream::client(deadline).context(unusable)?;
        let graph_http = upstream::streaming_client(deadline).context(unusable)?;
        let platform = Arc::new(Platform::new(config.clone(), http.clone(), clock.clone()));
        let token_endpoint = Arc::new(TokenEndpoint::new(
            config.clone(),
            http.clone(),
            clock.clone(),
            platform.clone(),
        ));
        let tokens = Tokens::new(
            config.clone(),
            clock.clone(),
            platform.clone(),
            token_endpoint.clone(),
            sessions.clone(),
        );
        let graph = graph::Client::new(
            graph_http,
            deadline,
            config.graph.clone(),
            Arc::new(tokens),
            clock.clone(),
        );
        let proxy = Proxy {
            limits: Limits::new(Pace::USUAL, clock.clone()),
            patience: Patience::new(deadline),
        };
        let leptos = leptos_options(&config);
        let watched = std::env::var_os("LEPTOS_WATCH").is_some();
        Ok(Arc::new(Self {
            config,
            clock,
            http,
            sealer,
            sessions,
            events: Events::default(),
            platform,
            token_endpoint,
            graph,
            photos: graph::photo::Photos::new(),
            proxy,
            leptos,
            watched,
        }))
    }
}

fn make_folder_of(database: &Path) -> anyhow::Result<()> {
    let folder = database.parent().unwrap_or(database);
    fs::create_dir_all(folder)
        .with_context(|| format!("SESSION_STORE: can't make the folder {}", folder.display()))
}

/// `SESSION_KEY`, or the key that is kept beside the SQLite file, or one for this process.
fn sealer(config: &Config) -> anyhow::Result<Sealer> {
    let mut keys = config.session_keys.clone().into_iter();
    let first = match (keys.next(), &config.session_store) {
        (Some(key), _) => key,
        (None, StoreLocation::Memory) => Key::random()?,
        // The settings ask for one.
        (None, StoreLocation::Redis(_)) => bail!("SESSION_KEY: missing"),
        (None, StoreLocation::File(database)) => kept_key(&database.with_file_name("session.key"))?,
    };
    Ok(Sealer::new(first, keys.collect()))
}

/// Reads the key's file, or makes one that only this user can read.
fn kept_key(path: &PathBuf) -> anyhow::Result<Key> {
    let broken = || {
        format!(
            "SESSION_KEY: {} is not a key; restore it, or delete it to sign everybody out",
            path.display()
        )
    };
    match fs::read_to_string(path) {
        Ok(text) => {
            let bytes = BASE64_STANDARD.decode(text.trim()).with_context(broken)?;
            Key::from_bytes(&bytes).with_context(broken)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
            {
                fs::create_dir_all(parent)
                    .with_context(|| format!("SESSION_KEY: can't make {}", parent.display()))?;
            }
            let key = Key::random()?;
            write_private(path, &BASE64_STANDARD.encode(key.as_bytes()))
                .with_context(|| format!("SESSION_KEY: can't write {}", path.display()))?;
            Ok(key)
        }
        Err(error) => {
            Err(error).with_context(|| format!("SESSION_KEY: can't read {}", path.display()))
        }
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// cargo-leptos tells these in the environment; the bare binary knows them by itself.
fn leptos_options(config: &Config) -> LeptosOptions {
    let set =
        |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let hashes = std::env::current_exe()
        .unwrap_or_default()
        .with_file_name("hash.txt");
    let hash_files = std::env::var("LEPTOS_HASH_FILES")
        .map_or_else(|_| hashes.exists(), |value| value == "true");
    LeptosOptions::builder()
        .output_name(set("LEPTOS_OUTPUT_NAME", "cloakroom"))
        .site_root(set("LEPTOS_SITE_ROOT", "target/site"))
        .site_pkg_dir(set("LEPTOS_SITE_PKG_DIR", "pkg"))
        .site_addr(config.listen)
        .hash_files(hash_files)
        .build()
}
