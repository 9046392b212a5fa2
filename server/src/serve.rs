//! Takes connections and ends gracefully: on SIGTERM, SIGINT or SIGQUIT it lets running requests finish.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures_util::future;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::config::{Config, Http};
use crate::connections::{Connections, Place};
use crate::hooks::delivery;
use crate::state::AppState;
use crate::{log, outbox, prune, rotation, routes};

/// Time for a client to send its headers, also those of the next request on a connection that it keeps.
const HEADERS: Duration = Duration::from_secs(15);
/// Time for running requests when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);
/// The pause after a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);
/// The listener of `admin.listen` is for a few programs of the operator.
const ADMIN: usize = 256;

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

/// Resolves when the process is told to stop: SIGTERM, SIGINT or SIGQUIT. From this call on, not from the first poll.
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

/// Signals that would end the process if it did not take them: service managers and tools that rotate logs send them.
pub struct Notices {
    hangup: Signal,
    user: [Signal; 2],
}

impl Notices {
    /// Takes the signals from this call on.
    pub fn listen() -> io::Result<Notices> {
        let user = [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?];
        Ok(Notices { hangup: signal(SignalKind::hangup())?, user })
    }

    /// Resolves when SIGHUP comes; SIGUSR1 and SIGUSR2 do nothing.
    async fn hangup(&mut self) {
        let [one, two] = &mut self.user;
        loop {
            tokio::select! {
                _ = self.hangup.recv() => return,
                _ = one.recv() => tracing::info!("ignored SIGUSR1"),
                _ = two.recv() => tracing::info!("ignored SIGUSR2"),
            }
        }
    }
}

/// Serves until `stop` resolves, then finishes what runs and closes the database.
pub async fn run(
    app: AppState,
    listeners: Listeners,
    notices: Option<Notices>,
    stop: impl Future<Output = ()>,
) {
    let doors = Doors::open(&app, listeners);
    let (end, ended) = watch::channel(());
    let queues = future::join(outbox::run(app.clone(), ended.clone()), delivery::run(app.clone(), ended));
    let queues = tokio::spawn(queues);
    let mut housekeeping = JoinSet::new();
    housekeeping.spawn(keep(app.clone(), "prune", prune::run));
    housekeeping.spawn(keep(app.clone(), "rotation", rotation::run));
    housekeeping.spawn(keep(app.clone(), "scripts", async |app: AppState| app.hooks.scripts.watch().await));
    housekeeping.spawn(keep(app.clone(), "log", async |_| log::report().await));
    if let Some(notices) = notices {
        housekeeping.spawn(reload(app.clone(), notices));
    }
    tokio::select! {
        () = app.tasks.keep("connections", || doors.accept()) => {}
        () = stop => {}
    }
    let graceful = doors.close();
    tracing::info!("stopping");
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    // What they have begun is a transaction: it is carried out or not.
    housekeeping.shutdown().await;
    drop(end);
    // What is cut off here is sent again after its lease.
    if tokio::time::timeout(FAREWELL, queues).await.is_err() {
        tracing::warn!("a mail, an SMS or a call of a hook is still on its way");
    }
    app.store.close().await;
    log::report_now();
}

/// Runs a task of the server until the server ends.
async fn keep<F: Future<Output = ()>>(app: AppState, name: &'static str, run: impl Fn(AppState) -> F) {
    app.tasks.keep(name, || run(app.clone())).await;
}

/// On SIGHUP: takes up hooks and signing keys. Settings, secret keys and certificates are read at a start.
async fn reload(app: AppState, mut notices: Notices) {
    loop {
        notices.hangup().await;
        tracing::info!(
            "SIGHUP: looks for changed hooks and signing keys; everything else is read when the server starts"
        );
        // The first look waits for a file that is still being written, the second takes it.
        app.hooks.scripts.look().await;
        app.hooks.scripts.look().await;
        if let Err(error) = rotation::turn(&app).await {
            tracing::warn!(cause = %error, "the signing keys could not be looked at");
        }
    }
}

/// The listeners, and what serves their connections.
struct Doors {
    listeners: Listeners,
    public: (Router, Connections),
    admin: (Router, Connections),
    write_timeout: Duration,
    http: http1::Builder,
    graceful: GracefulShutdown,
}

impl Doors {
    fn open(app: &AppState, listeners: Listeners) -> Doors {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_headers(64).max_buf_size(32 * 1024);
        let Http { max_connections, max_connections_per_source, write_timeout } = app.config.http;
        let (most, per_source) = (max_connections as usize, max_connections_per_source as usize);
        let connections = Connections::new(most, per_source, &app.config.trusted_proxies);
        Doors {
            listeners,
            public: (routes::router(app), connections),
            admin: (routes::admin_router(app), Connections::new(ADMIN, ADMIN, &[])),
            write_timeout: write_timeout.into(),
            http,
            graceful: GracefulShutdown::new(),
        }
    }

    /// Takes connections, for ever.
    async fn accept(&self) {
        loop {
            let (accepted, (router, connections)) = tokio::select! {
                accepted = self.listeners.public.accept() => (accepted, &self.public),
                accepted = accept(self.listeners.admin.as_ref()) => (accepted, &self.admin),
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer, router.clone(), connections.admit(peer.ip())),
                Err(error) => {
                    // Mostly: too many open files. Others must end first.
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, router: Router, place: Place) {
        let place = Arc::new(place);
        let stream = prepare(stream, self.write_timeout);
        let connection = self.http.serve_connection(stream, service(router, peer, place.clone()));
        let connection = self.graceful.watch(connection);
        // How a connection ends is the client's affair: requests have their own line in the log.
        let task = tokio::spawn(async move { drop(connection.await) });
        place.served_by(task.abort_handle());
    }

    /// Takes no more connections.
    fn close(self) -> GracefulShutdown {
        self.graceful
    }
}

/// Where there is no listener, no connection comes.
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
    place: Arc<Place>,
) -> impl hyper::service::Service<hyper::Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
+ Clone {
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let under_way = place.request();
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await;
            drop(under_way);
            answer
        }
    })
}
