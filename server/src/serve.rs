//! Accepts connections and stops gracefully: on SIGTERM, SIGINT or SIGQUIT it lets running requests finish.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use doorward_accounts::pruning;
use doorward_config::{Config, Http};
use doorward_credentials::rotation;
use doorward_hooks::delivery;
use doorward_messages::outbox;
use futures_util::future;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::app::AppState;
use crate::connections::{Connections, Slot};
use crate::{log, routes};

/// Time limit for a client to send its headers, including those of the next request on a kept connection.
const HEADERS: Duration = Duration::from_secs(15);
/// Time limit for running requests when the server stops.
const FAREWELL: Duration = Duration::from_secs(10);
/// Pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);
/// Most connections to `admin.listen`, which is for a few programs of the operator.
const ADMIN: usize = 256;

/// The listening sockets.
#[derive(Debug)]
pub struct Listeners {
    public: TcpListener,
    admin: Option<TcpListener>,
}

impl Listeners {
    /// Listens on the addresses in the settings. Port 0 is a free port that the system chooses.
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

/// Resolves when the process receives SIGTERM, SIGINT or SIGQUIT. Signals count from this call on, not from the first
/// poll.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let [mut terminate, mut interrupt, mut quit] =
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?];
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
        }
    })
}

/// Ignores the signals that service managers and log rotation send, from this call on: otherwise they would end the
/// process. The future never ends.
pub fn ignored_signals() -> io::Result<impl Future<Output = ()>> {
    let [mut hangup, mut user1, mut user2] = [
        signal(SignalKind::hangup())?,
        signal(SignalKind::user_defined1())?,
        signal(SignalKind::user_defined2())?,
    ];
    Ok(async move {
        loop {
            let name = tokio::select! {
                _ = hangup.recv() => "SIGHUP",
                _ = user1.recv() => "SIGUSR1",
                _ = user2.recv() => "SIGUSR2",
            };
            tracing::info!(
                "ignored {name}: hooks and keys are updated without a signal, settings only when the server starts"
            );
        }
    })
}

/// Serves until `stop` resolves, then finishes the running requests and closes the database.
pub async fn run(app: AppState, listeners: Listeners, stop: impl Future<Output = ()>) {
    let acceptor = Acceptor::open(&app, listeners);
    let (end, ended) = watch::channel(());
    let queues =
        future::join(outbox::run(app.outbox.clone(), ended.clone()), delivery::run(app.hooks.clone(), ended));
    let queues = tokio::spawn(queues);
    let mut housekeeping = JoinSet::new();
    housekeeping
        .spawn(keep(app.clone(), "prune", async |app: AppState| pruning::run(app.platform.clone()).await));
    housekeeping
        .spawn(keep(app.clone(), "rotation", async |app: AppState| rotation::run(app.issuer.clone()).await));
    housekeeping.spawn(keep(app.clone(), "scripts", async |app: AppState| app.hooks.scripts.watch().await));
    housekeeping.spawn(keep(app.clone(), "log", async |_| log::report().await));
    tokio::select! {
        () = app.tasks.keep("connections", || acceptor.accept()) => {}
        () = stop => {}
    }
    let graceful = acceptor.close();
    tracing::info!("stopping");
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    // Their work is in transactions: each is carried out or not.
    housekeeping.shutdown().await;
    drop(end);
    // A delivery that is interrupted here is sent again after its lease.
    if tokio::time::timeout(FAREWELL, queues).await.is_err() {
        tracing::warn!("a mail, an SMS or a call of a hook did not finish in time");
    }
    app.platform.store.close().await;
    log::report_now();
}

/// Runs a background task until the server ends.
async fn keep<F: Future<Output = ()>>(app: AppState, name: &'static str, run: impl Fn(AppState) -> F) {
    app.tasks.keep(name, || run(app.clone())).await;
}

/// The listeners, and the routers of their connections.
struct Acceptor {
    listeners: Listeners,
    public: (Router, Connections),
    admin: (Router, Connections),
    write_timeout: Duration,
    http: http1::Builder,
    graceful: GracefulShutdown,
}

impl Acceptor {
    fn open(app: &AppState, listeners: Listeners) -> Acceptor {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_headers(64).max_buf_size(32 * 1024);
        let Http { max_connections, max_connections_per_source, write_timeout } = app.platform.config.http;
        let (most, per_source) = (max_connections as usize, max_connections_per_source as usize);
        let connections = Connections::new(most, per_source, &app.platform.config.trusted_proxies);
        Acceptor {
            listeners,
            public: (routes::router(app), connections),
            admin: (routes::admin_router(app), Connections::new(ADMIN, ADMIN, &[])),
            write_timeout: write_timeout.into(),
            http,
            graceful: GracefulShutdown::new(),
        }
    }

    /// Accepts connections, for ever.
    async fn accept(&self) {
        loop {
            let (accepted, (router, connections)) = tokio::select! {
                accepted = self.listeners.public.accept() => (accepted, &self.public),
                accepted = accept(self.listeners.admin.as_ref()) => (accepted, &self.admin),
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer, router.clone(), connections.admit(peer.ip())),
                Err(error) => {
                    // Usually there are too many open files, and other connections must end first.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, router: Router, slot: Slot) {
        let slot = Arc::new(slot);
        let stream = prepare(stream, self.write_timeout);
        let connection = self.http.serve_connection(stream, service(router, peer, slot.clone()));
        let connection = self.graceful.watch(connection);
        // The end of a connection is not logged: its requests have their own lines.
        let task = tokio::spawn(async move { drop(connection.await) });
        slot.served_by(task.abort_handle());
    }

    /// Accepts no more connections.
    fn close(self) -> GracefulShutdown {
        self.graceful
    }
}

/// Waits for ever if there is no admin listener.
async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => future::pending().await,
    }
}

fn prepare(
    stream: TcpStream,
    write_timeout: Duration,
) -> TokioIo<std::pin::Pin<Box<TimeoutStream<TcpStream>>>> {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_timeout));
    TokioIo::new(Box::pin(stream))
}

fn service(
    router: Router,
    peer: SocketAddr,
    slot: Arc<Slot>,
) -> impl hyper::service::Service<hyper::Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
+ Clone {
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        slot.used();
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    })
}
