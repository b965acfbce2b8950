//! The emulator alone: `cargo run -p emulator`.

use std::{error::Error, net::SocketAddr};

use emulator::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Emulator, Settings};

const USAGE: &str = "usage: emulator [--addr 127.0.0.1:8400] [--clients FILE.json] [--authority FOLDER]
  EMULATOR_ADDR, EMULATOR_CLIENTS and EMULATOR_AUTHORITY do the same. The file is a JSON list of registrations, the
  folder keeps the certificate authority for https (data/emulator), see README.md.";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(settings) = settings()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let folder = settings.authority.clone().unwrap_or_default();
    let emulator = Emulator::start(settings).await?;
    println!("Identity platform and Graph emulator, signing anybody in on this machine only.\n");
    println!("  AUTHORITY={}", emulator.authority("common"));
    println!("  GRAPH_ENDPOINT={}", emulator.origin());
    println!("  CLIENT_ID={DEMO_CLIENT_ID}");
    println!("  CLIENT_SECRET='{DEMO_CLIENT_SECRET}'\n");
    println!(
        "Over TLS: {}, for who trusts ca.pem in {}",
        emulator.https_origin(),
        folder.display()
    );
    println!(
        "As a forward proxy: HTTPS_PROXY={} for Microsoft's own host names",
        emulator.origin()
    );
    println!(
        "Redirect URIs: any http one on localhost. Who can sign in: {}/_control/people",
        emulator.origin()
    );
    tokio::select! {
        () = emulator.wait() => Ok(()),
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}

/// From the arguments, else from the environment; none if help is wanted.
fn settings() -> Result<Option<Settings>, Box<dyn Error>> {
    let mut addr = std::env::var("EMULATOR_ADDR").ok();
    let mut clients = std::env::var("EMULATOR_CLIENTS").ok();
    let mut authority = std::env::var("EMULATOR_AUTHORITY").ok();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = match argument.as_str() {
            "--addr" => &mut addr,
            "--clients" => &mut clients,
            "--authority" => &mut authority,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument {other}\n{USAGE}").into()),
        };
        *value = Some(
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))?,
        );
    }
    let addr: SocketAddr = addr.as_deref().unwrap_or("127.0.0.1:8400").parse()?;
    let clients = match clients {
        Some(file) => serde_json::from_str(
            &std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?,
        )
        .map_err(|e| format!("{file}: {e}"))?,
        None => Vec::new(),
    };
    let authority = Some(
        authority
            .unwrap_or_else(|| "data/emulator".to_owned())
            .into(),
    );
    Ok(Some(Settings {
        addr,
        clients,
        authority,
    }))
}
