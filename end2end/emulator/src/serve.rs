//! Connections: http, https and `CONNECT` on one port. A loop of its own instead of axum's, because faults need to
//! drop connections and the forward proxy needs to see what is no request for a path.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{Method, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::{clouds, lock};

/// In a request's extensions: it came over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secure;

/// In a request's extensions: it came through the forward proxy, for this host.
#[derive(Clone, Debug)]
pub(crate) struct Proxied(pub Arc<str>);

/// In a response's extensions: close the connection instead of answering.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped;

/// The first byte of a TLS handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

type Tunnel = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone)]
struct Door {
    router: Router,
    tls: TlsAcceptor,
}

/// Serves until the task is dropped, and its connections with it.
pub(crate) async fn serve(listener: TcpListener, router: Router, tls: TlsAcceptor) {
    let door = Door { router, tls };
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files: others will close.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        connections.spawn(door.clone().connection(stream));
        while connections.try_join_next().is_some() {}
    }
}

impl Door {
    async fn connection(self, stream: TcpStream) {
        let mut first = [0];
        if !matches!(stream.peek(&mut first).await, Ok(1)) {
            return;
        }
        if first[0] != HANDSHAKE {
            self.plain(stream).await;
        } else if let Ok(stream) = self.tls.accept(stream).await {
            requests(self.router, stream, |request| {
                request.extensions_mut().insert(Secure);
            })
            .await;
        }
    }

    /// Plain http, where a client may also ask for a tunnel.
    async fn plain(self, stream: TcpStream) {
        // At most one: after `CONNECT` the connection is a tunnel. It is awaited here so that it ends with us.
        let tunnel: Arc<Mutex<Option<Tunnel>>> = Arc::default();
        let service = service_fn({
            let tunnel = Arc::clone(&tunnel);
            move |request: hyper::Request<Incoming>| {
                let (door, tunnel) = (self.clone(), Arc::clone(&tunnel));
                async move {
                    if request.method() != Method::CONNECT {
                        return answer(door.router, request.map(Body::new)).await;
                    }
                    let host = request
                        .uri()
                        .host()
                        .unwrap_or_default()
                        .to_ascii_lowercase();
                    if !clouds::is_known(&host) || request.uri().port_u16() != Some(443) {
                        return Ok(refused(&host));
                    }
                    *lock(&tunnel) = Some(Box::pin(door.tunnel(request, host.into())));
                    Ok(Response::new(Body::empty()))
                }
            }
        });
        // An error here is a client that went away or a connection that a fault dropped.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
        let opened = lock(&tunnel).take();
        if let Some(opened) = opened {
            opened.await;
        }
    }

    /// The forward proxy: it opens tunnels to Microsoft's hosts only, and is itself what answers at their end.
    async fn tunnel(self, request: hyper::Request<Incoming>, host: Arc<str>) {
        let Ok(upgraded) = hyper::upgrade::on(request).await else {
            return;
        };
        if let Ok(stream) = self.tls.accept(TokioIo::new(upgraded)).await {
            requests(self.router, stream, move |request| {
                request.extensions_mut().insert(Secure);
                request.extensions_mut().insert(Proxied(Arc::clone(&host)));
            })
            .await;
        }
    }
}

fn refused(host: &str) -> Response {
    let text = format!("{host} is not a host that this emulator answers for\n");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

async fn requests(
    router: Router,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    mark: impl Fn(&mut Request) + Clone + Send + 'static,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        mark(&mut request);
        answer(router.clone(), request)
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(router: Router, request: Request) -> io::Result<Response> {
    let Ok(response) = router.oneshot(request).await;
    if response.extensions().get::<Dropped>().is_some() {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    Ok(response)
}
