//! Accepting connections: bounded in number and in the patience with slow ones, and stopped without
//! losing a request in flight.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

/// The most connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 10_000;
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
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
    loop {
        let permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end make room.
                tracing::warn!(event = "accept_failed", %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Without it a page in several pieces waits for the other side's delayed ACK.
        _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
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
