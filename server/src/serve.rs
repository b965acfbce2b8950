//! Accepting connections: bounded in number and in the patience with slow ones, and stopped without
//! losing a request in flight.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderValue, Response, header};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use crate::framing::Watched;

/// Marks a request whose length two servers in a row could read differently.
#[derive(Clone)]
pub struct AmbiguousLength;

/// The most connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 10_000;
/// The most that is read ahead of a connection; a request's head is smaller.
const READ_AHEAD: usize = 64 * 1024;
/// How long a client may take for a request's headers.
const HEADERS: Duration = Duration::from_secs(15);
/// How long requests in flight are waited for at the end (R117).
const FINISH: Duration = Duration::from_secs(30);

/// Serves until `stop` is done, then finishes what is in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut stop = pin!(stop);
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(READ_AHEAD);
    loop {
        let permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end make room.
                tracing::warn!(event = "accept_failed", %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Without it a page in several pieces waits for the other side's delayed ACK.
        _ = stream.set_nodelay(true);
        let (stream, seen) = Watched::new(stream);
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            // R113: who is at the other end, for what has to know.
            request.extensions_mut().insert(ConnectInfo(peer));
            let (seen, router) = (seen.clone(), router.clone());
            async move {
                // R89: refused where every refusal gets its headers and its line in the log.
                let ambiguous = seen.ambiguous.load(Ordering::SeqCst);
                if ambiguous {
                    request.extensions_mut().insert(AmbiguousLength);
                }
                let response = router.call(request).await?;
                let is_last = ambiguous || seen.chunked.load(Ordering::SeqCst);
                Ok::<_, Infallible>(if is_last { last(response) } else { response })
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    tracing::info!(event = "stopping", "finishing the requests in flight");
    if timeout(FINISH, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            event = "stopped_late",
            "requests in flight were cut off after 30 seconds"
        );
    }
    Ok(())
}

/// The last answer of its connection.
fn last(mut response: Response<Body>) -> Response<Body> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}
