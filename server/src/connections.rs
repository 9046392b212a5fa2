//! The open connections: limited in total and for each source, so that no client can take all of them. If there is no
//! room for another one, the connection with the oldest last request is closed: a client that has sent half a request,
//! or does not read its answer, loses its connection before an active one does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use doorward_config::Network;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::AbortHandle;

/// Files other than connections of clients: the database, mail, calls of providers and hooks, `admin.listen`.
const OTHER_FILES: u64 = 512;
/// A limit of open files for systems that have no hard limit and do not accept an unlimited soft limit.
const MANY_FILES: u64 = 10_240;

/// A source, as in the limits.
type Source = Vec<u8>;

/// The open connections of a listener; clones are the same list.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    begun: Instant,
    most: usize,
    most_per_source: usize,
    exempt: Vec<Network>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    sources: HashMap<Source, HashMap<u64, Entry>>,
    count: usize,
}

struct Entry {
    /// Time of the last request, or of the connection's start if there was none, in milliseconds since `begun`.
    used: Arc<AtomicU64>,
    task: Option<AbortHandle>,
}

impl Connections {
    /// For the listener of clients. `trusted_proxies` are exempt from the limit for a source: all clients connect
    /// through them.
    pub(crate) fn new(most: usize, most_per_source: usize, trusted_proxies: &[Network]) -> Connections {
        let most = most.min(room_for_files()).max(1);
        // One source leaves room for others, even if the total is small.
        let most_per_source = most_per_source.min(most / 2).max(1);
        let exempt = trusted_proxies.to_vec();
        Connections(Arc::new(Shared {
            begun: Instant::now(),
            most,
            most_per_source,
            exempt,
            open: Mutex::default(),
        }))
    }

    /// Makes room for a connection from this address, if necessary by closing another one.
    pub(crate) fn admit(&self, peer: IpAddr) -> Slot {
        let shared = &self.0;
        let source = doorward_limits::source(Some(peer));
        let is_exempt = shared.exempt.iter().any(|network| network.contains(peer.to_canonical()));
        let used = Arc::new(AtomicU64::new(shared.now()));
        let mut open = shared.lock();
        let of_source = open.sources.get(&source).map_or(0, HashMap::len);
        if !is_exempt && of_source >= shared.most_per_source {
            tracing::warn!(%peer, "a source has reached http.max_connections_per_source: its longest idle connection is closed");
            open.close_idlest(&source);
        } else if open.count >= shared.most {
            tracing::warn!(
                "all connections that http.max_connections and the limit of open files allow are in use: the longest idle one is closed"
            );
            if let Some(largest) = open.largest() {
                open.close_idlest(&largest);
            }
        }
        let id = open.next;
        open.next += 1;
        open.count += 1;
        let entry = Entry { used: used.clone(), task: None };
        open.sources.entry(source.clone()).or_default().insert(id, entry);
        drop(open);
        Slot { connections: self.clone(), source, id, used }
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the connection of a source that has the oldest last request.
    fn close_idlest(&mut self, source: &Source) {
        let entries = self.sources.get(source).into_iter().flatten();
        let idlest = entries.min_by_key(|(id, entry)| (entry.used.load(Ordering::Relaxed), **id));
        let Some(id) = idlest.map(|(id, _)| *id) else { return };
        if let Some(Entry { task: Some(task), .. }) = self.remove(source, id) {
            task.abort();
        }
    }

    /// The source with the most connections, so that other sources do not lose one.
    fn largest(&self) -> Option<Source> {
        self.sources.iter().max_by_key(|(_, of)| of.len()).map(|(source, _)| source.clone())
    }

    fn remove(&mut self, source: &Source, id: u64) -> Option<Entry> {
        let of = self.sources.get_mut(source)?;
        let entry = of.remove(&id)?;
        if of.is_empty() {
            self.sources.remove(source);
        }
        self.count -= 1;
        Some(entry)
    }
}

/// An open connection in the list. Dropping it removes the connection from the list.
pub(crate) struct Slot {
    connections: Connections,
    source: Source,
    id: u64,
    used: Arc<AtomicU64>,
}

impl Slot {
    /// Sets the task that serves the connection. Closing the connection ends the task.
    pub(crate) fn served_by(&self, task: AbortHandle) {
        let mut open = self.connections.0.lock();
        let entry = open.sources.get_mut(&self.source).and_then(|of| of.get_mut(&self.id));
        match entry {
            Some(entry) => entry.task = Some(task),
            // It was closed before it began.
            None => task.abort(),
        }
    }

    /// Records the time of a request.
    pub(crate) fn used(&self) {
        self.used.store(self.connections.0.now(), Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.0.lock().remove(&self.source, self.id);
    }
}

/// Raises the soft limit of open files to the hard one: the usual soft limit of 1,024 is for programs that use `select`.
pub(crate) fn raise_limit_of_files() {
    let limit = getrlimit(Resource::Nofile);
    let raise = |current| setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    // macOS does not accept an unlimited soft limit.
    if let Err(error) = raise(limit.maximum).or_else(|_| raise(Some(MANY_FILES))) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// The number of connections for which the limit of open files leaves room.
fn room_for_files() -> usize {
    let Some(files) = getrlimit(Resource::Nofile).current else { return usize::MAX };
    usize::try_from(files.saturating_sub(OTHER_FILES).max(files / 2)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(most: usize, per_source: usize) -> Connections {
        Connections::new(most, per_source, &[Network::parse("10.0.0.0/8").unwrap()])
    }

    fn counts(connections: &Connections) -> (usize, usize) {
        let open = connections.0.lock();
        (open.count, open.sources.len())
    }

    /// A connection with a task that never ends by itself.
    fn serve(connections: &Connections, peer: [u8; 4]) -> (Arc<Slot>, tokio::task::JoinHandle<()>) {
        let place = Arc::new(connections.admit(IpAddr::from(peer)));
        let task = tokio::spawn(std::future::pending());
        place.served_by(task.abort_handle());
        (place, task)
    }

    #[tokio::test]
    async fn a_source_with_too_many_connections_loses_the_longest_idle_one() {
        let connections = of(10, 2);
        let (first, first_task) = serve(&connections, [192, 0, 2, 1]);
        let (_second, second_task) = serve(&connections, [192, 0, 2, 1]);
        let (_other, other_task) = serve(&connections, [192, 0, 2, 2]);
        first.used.store(1_000, Ordering::Relaxed);
        let (_third, third_task) = serve(&connections, [192, 0, 2, 1]);
        assert!(second_task.await.unwrap_err().is_cancelled());
        assert_eq!(counts(&connections), (3, 2));
        assert!([first_task, third_task, other_task].iter().all(|task| !task.is_finished()));
    }

    #[tokio::test]
    async fn beyond_the_total_limit_the_source_with_the_most_connections_loses_one() {
        let connections = of(4, 2);
        let (_one, one_task) = serve(&connections, [192, 0, 2, 1]);
        let (_two, two_task) = serve(&connections, [192, 0, 2, 2]);
        let (_three, three_task) = serve(&connections, [192, 0, 2, 2]);
        let (_four, four_task) = serve(&connections, [192, 0, 2, 3]);
        let fifth = serve(&connections, [192, 0, 2, 4]);
        assert!(two_task.await.unwrap_err().is_cancelled());
        assert!([one_task, three_task, four_task].iter().all(|task| !task.is_finished()));
        assert_eq!(counts(&connections).0, 4);
        drop(fifth);
        assert_eq!(counts(&connections).0, 3);
    }

    #[tokio::test]
    async fn a_trusted_proxy_may_use_all_connections() {
        let connections = of(8, 2);
        let held: Vec<_> = (0..8).map(|_| serve(&connections, [10, 1, 1, 1])).collect();
        assert!(held.iter().all(|(_, task)| !task.is_finished()));
    }
}
