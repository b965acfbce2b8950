//! Read the settings, bind, serve.

mod explain;

use std::{io::IsTerminal, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use explain::Explain;
use server::{Cloakroom, clock::Clock, config::Settings, log, router, serve};
use tokio::signal::unix::{SignalKind, signal};

/// A call that is passed on to Graph makes some hundred small allocations, a tenth of its time with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sign in with Microsoft, for Rust web apps. Settings come from the environment or `.env`; with no
/// CLIENT_ID it runs a demonstration against an emulator of Microsoft's platform.
#[derive(Parser)]
#[command(name = "cloakroom", version)]
struct Arguments {
    /// Without one it serves.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Explain(Explain),
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(Command::Explain(explain)) = Arguments::parse().command {
        return explain.print();
    }
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line that names the setting and the mend.
            eprintln!("cloakroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    read_env_file()?;
    start_log()?;
    let settings = Settings(|name: &str| std::env::var(name).ok());
    let demo = settings.is_demo()?;
    // The emulator lives as long as this does.
    #[cfg(feature = "demo")]
    let emulator = if demo {
        Some(demo::start().await?)
    } else {
        None
    };
    #[cfg(feature = "demo")]
    let config = match &emulator {
        Some(emulator) => Settings(|name: &str| demo::setting(emulator, name)).read(true)?,
        None => settings.read(false)?,
    };
    #[cfg(not(feature = "demo"))]
    let config = settings.read(demo)?;

    let cloakroom = Cloakroom::open(config, Clock::system()).await?;
    serve(cloakroom).await
}

async fn serve(cloakroom: Arc<Cloakroom>) -> anyhow::Result<()> {
    let listen = cloakroom.config.listen;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| {
            format!("LEPTOS_SITE_ADDR: can't listen on {listen}; is another server running there?")
        })?;
    tracing::info!(event = "listening", %listen, demo = cloakroom.config.demo, "open {}", cloakroom.config.origin());
    let purging = tokio::spawn(purge(cloakroom.clone()));
    let stop = async {
        stop_signal().await;
        cloakroom.events.stop();
    };
    serve::serve(listener, router(cloakroom.clone()), stop).await?;
    purging.abort();
    cloakroom.sessions.store.close().await;
    Ok(())
}

/// Ended sessions go once a minute (R56).
async fn purge(cloakroom: Arc<Cloakroom>) {
    let mut minute = tokio::time::interval(Duration::from_mins(1));
    loop {
        minute.tick().await;
        if let Err(error) = cloakroom.sessions.store.purge().await {
            tracing::warn!(event = "purge_failed", %error, "ended sessions could not be deleted");
        }
    }
}

async fn stop_signal() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! { () = terminated => {}, _ = tokio::signal::ctrl_c() => {} }
}

fn read_env_file() -> anyhow::Result<()> {
    match dotenvy::dotenv() {
        Err(dotenvy::Error::LineParse(_, at)) => {
            // The line itself may hold a secret.
            bail!(
                ".env: can't be read near character {at} of a line; write NAME=value, in quotes if it has spaces"
            )
        }
        Err(dotenvy::Error::Io(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(".env: can't be read")
        }
        _ => Ok(()),
    }
}

fn start_log() -> anyhow::Result<()> {
    use tracing_subscriber::{EnvFilter, fmt, prelude::*};
    let text = std::env::var("LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&text)
        .context("LOG: not a filter; use info, debug or server=debug,info")?;
    let lines = tracing_subscriber::registry().with(filter);
    let format = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match std::env::var("LOG_FORMAT").as_deref() {
        Ok("json") => lines.with(format.json()).init(),
        Ok("text" | "") | Err(_) => lines.with(format.fmt_fields(log::Fields)).init(),
        Ok(_) => bail!("LOG_FORMAT: use text or json"),
    }
    Ok(())
}

/// Demonstration: Microsoft is played by the emulator, and the server is told so by settings alone.
#[cfg(feature = "demo")]
mod demo {
    use emulator::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator};

    pub async fn start() -> anyhow::Result<Emulator> {
        Ok(Emulator::start(emulator::Settings::default()).await?)
    }

    pub fn setting(emulator: &Emulator, name: &str) -> Option<String> {
        match name {
            "CLIENT_ID" => Some(DEMO_CLIENT_ID.to_owned()),
            "CLIENT_SECRET" => Some(DEMO_CLIENT_SECRET.to_owned()),
            "AUTHORITY" => Some(emulator.authority("common")),
            "GRAPH_ENDPOINT" => Some(emulator.origin()),
            _ => std::env::var(name).ok(),
        }
    }
}
