//! Microsoft's identity platform and Graph on loopback, for demonstrations and tests.
//!
//! The crate's root shows the whole: [`Emulator`] starts it in a task and stops it when dropped, [`Settings`] and
//! [`Client`] say what is registered, [`Control`] makes faults, tells what was called and moves the clock.
//! `platform` is the identity platform, `graph` is Microsoft Graph, `directory` is the data of both. Every request
//! passes `intercept`, which logs it and lets the faults strike.

mod client;
mod clouds;
mod control;
pub mod directory;
pub mod graph;
mod intercept;
mod memory;
mod platform;
mod random;
mod serve;
pub mod state;
mod tls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, middleware, response::Redirect, routing::get};
use tokio::{net::TcpListener, task::JoinHandle};

pub use client::{Audience, Client, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Federation};
pub use control::{
    Answer, Call, Callback, Control, Endpoint, Fault, Forgery, GraphChange, KeysChange,
    MetadataChange, Rule, TokenChange,
};

use directory::Directory;
use state::State;

/// How to start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one. Loopback only.
    pub addr: SocketAddr,
    /// Registrations besides the demo's.
    pub clients: Vec<Client>,
    /// A folder that keeps the certificate authority for https; none makes one for this run.
    pub authority: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            clients: Vec::new(),
            authority: None,
        }
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It signs anybody in as anybody: nobody else on the network may reach it.
    #[error("the emulator listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The address can't be had.
    #[error("the emulator can't listen on {0}: {1}")]
    Bind(SocketAddr, std::io::Error),
    /// The certificate authority can't be made, read or kept.
    #[error("the emulator's certificate authority: {0}")]
    Authority(std::io::Error),
}

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    addr: SocketAddr,
    control: Arc<Control>,
    authority: Arc<tls::Authority>,
    task: JoinHandle<()>,
}

impl Emulator {
    /// Listens and serves in a task of the current runtime.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        if !settings.addr.ip().is_loopback() {
            return Err(StartError::NotLoopback(settings.addr));
        }
        platform::keys::Keys::warm();
        let refused = |error| StartError::Bind(settings.addr, error);
        let listener = TcpListener::bind(settings.addr).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let clients = [vec![Client::demo()], settings.clients].concat();
        let control = Arc::new(Control::new(clients));
        let state = State {
            directory: Arc::clone(&DIRECTORY),
            control: Arc::clone(&control),
            origin: format!("http://{addr}"),
        };
        let authority =
            tls::Authority::open(settings.authority.as_deref()).map_err(StartError::Authority)?;
        let acceptor = authority.acceptor().map_err(StartError::Authority)?;
        let task = tokio::spawn(serve::serve(listener, router(Arc::new(state)), acceptor));
        Ok(Self {
            addr,
            control,
            authority,
            task,
        })
    }

    /// `http://127.0.0.1:PORT`: the platform's origin, and Graph's.
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// `https://localhost:PORT`: the same over TLS, under [`ca_pem`](Self::ca_pem). The port is a forward proxy too:
    /// `HTTPS_PROXY={origin}` has it answer for Microsoft's own host names.
    pub fn https_origin(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }

    /// The certificate that clients of https have to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// An authority, such as `http://127.0.0.1:PORT/common`.
    pub fn authority(&self, tenant: &str) -> String {
        format!("{}/{tenant}", self.origin())
    }

    /// Faults, calls, clock and keys.
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Waits until it ends, which it does not by itself.
    pub async fn wait(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The data never changes, so all emulators of a process share it.
static DIRECTORY: LazyLock<Arc<Directory>> = LazyLock::new(|| Arc::new(Directory::standard()));

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route(
            "/",
            get(|| async { Redirect::temporary("/_control/people") }),
        )
        .merge(platform::router())
        .merge(graph::router())
        .nest("/_control", control::routes::router())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            intercept::intercept,
        ))
        .with_state(state)
}

/// A lock whose holder panicked is as good as any other: what it guards is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
