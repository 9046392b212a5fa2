//! Takes connections and ends gracefully: on SIGTERM or SIGINT it lets running requests finish.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::config::Config;
use crate::hooks::delivery;
use crate::outbox;
use crate::prune;
use crate::rotation;
use crate::routes;
use crate::state::AppState;

/// Time for a client to send its headers.
const HEADERS: Duration = Duration::from_secs(15);
/// Time for running requests when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Where connections come in.
#[derive(Debug)]
pub struct Listeners {
    public: TcpListener,
    admin: Option<TcpListener>,
}

impl Listeners {
    /// Listens where the settings say. Port 0 is a free port that the system chooses.
    pub async fn bind(config: &Config) -> Result<Listeners, String> {
        let admin = match config.admin.listen {
            Some(at) => Some(listen(at).await?),
            None => None,
        };
        Ok(Listeners { public: listen(config.listen).await?, admin })
    }

    /// The address of the public listener, with the port that the system chose.
    pub fn public(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// The address of the listener that serves `/v1/admin` and nothing else.
    pub fn admin(&self) -> Option<io::Result<SocketAddr>> {
        self.admin.as_ref().map(TcpListener::local_addr)
    }
}

async fn listen(at: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(at).await.map_err(|error| format!("cannot listen on {at}: {error}"))
}

/// Resolves when the process is told to stop. From this call on, not from the first poll.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Serves until `stop` resolves, then finishes what runs and closes the database.
pub async fn run(app: AppState, listeners: Listeners, stop: impl Future<Output = ()>) {
    let (public, admin) = (routes::router(&app), routes::admin_router(&app));
    let (end_outbox, outbox_ends) = oneshot::channel::<()>();
    let outbox = tokio::spawn(outbox::run(app.clone(), async { drop(outbox_ends.await) }));
    let (end_delivery, delivery_ends) = oneshot::channel::<()>();
    let delivery = tokio::spawn(delivery::run(app.clone(), async { drop(delivery_ends.await) }));
    let prune = tokio::spawn(prune::run(app.clone()));
    let rotation = tokio::spawn(rotation::run(app.clone()));
    let scripts = tokio::spawn({
        let app = app.clone();
        async move { app.hooks.scripts.watch().await }
    });
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_headers(64).max_buf_size(32 * 1024);
    let http = Arc::new(http);
    let mut stop = std::pin::pin!(stop);
    loop {
        let (accepted, router) = tokio::select! {
            accepted = listeners.public.accept() => (accepted, &public),
            accepted = accept(listeners.admin.as_ref()) => (accepted, &admin),
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Mostly: too many open files. Others must end first.
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = http.serve_connection(prepare(stream), service(router.clone(), peer));
        let connection = graceful.watch(connection);
        // How a connection ends is the client's affair: requests have their own line in the log.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listeners);
    tracing::info!("stopping");
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    // What they have begun is a transaction: it is carried out or not.
    prune.abort();
    rotation.abort();
    scripts.abort();
    drop(end_outbox);
    drop(end_delivery);
    // What is cut off here is sent again after its lease.
    let (outbox, delivery) =
        (tokio::time::timeout(FAREWELL, outbox), tokio::time::timeout(FAREWELL, delivery));
    let (outbox, delivery) = tokio::join!(outbox, delivery);
    if outbox.is_err() {
        tracing::warn!("a mail is still on its way");
    }
    if delivery.is_err() {
        tracing::warn!("a hook is still being told something");
    }
    app.store.close().await;
}

/// A listener that is not there takes nothing, for ever.
async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

fn prepare(stream: TcpStream) -> TokioIo<TcpStream> {
    let _ = stream.set_nodelay(true);
    TokioIo::new(stream)
}

fn service(
    router: axum::Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone {
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    })
}
