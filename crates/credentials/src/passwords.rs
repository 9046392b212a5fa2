//! Hashes passwords with Argon2id on threads of its own, with a bounded queue. If the queue is full, a request
//! gets `OVERLOADED` at once, and the rest of the server continues to work.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorward_config::Password;
use doorward_core::canonical;
use doorward_core::clock::World;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::{Secret, same};
use doorward_request::error::ApiError;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Length of a hash in bytes.
const LENGTH: usize = 32;
/// Memory that no hash has used for this long is freed.
const IDLE: Duration = Duration::from_secs(2);

/// The parts of a stored hash.
struct Parsed {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Parsed {
    /// `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`
    fn of(text: &str) -> Option<Parsed> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let mut costs = costs.split(',').zip(["m=", "t=", "p="]);
        let mut cost = || costs.next().and_then(|(cost, name)| cost.strip_prefix(name)?.parse().ok());
        let params = Params::new(cost()?, cost()?, cost()?, Some(LENGTH)).ok()?;
        let (salt, hash) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?);
        (parts.next().is_none() && hash.len() == LENGTH).then_some(Parsed { params, salt, hash })
    }
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The password is wrong, or there is no hash.
    No,
    /// The password is right.
    Yes,
    /// The password is right, but must be hashed again: the settings have changed, or the password was hashed
    /// as typed, before passwords were normalised.
    Outdated,
}

/// The queue that a job waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashPriority {
    /// The long queue.
    Last,
    /// A short queue, which takes turns with the long one and still has room if that is full.
    First,
}

/// Maximum number of jobs in the short queue.
const FIRST: usize = 16;

/// Hashes passwords.
pub struct Hasher {
    queue: Arc<Queue>,
    params: Params,
}

struct Queue {
    state: Mutex<State>,
    wake_up: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    first: VecDeque<Job>,
    last: VecDeque<Job>,
    is_firsts_turn: bool,
    /// Number of all jobs that were ever queued.
    taken: u64,
    closed: bool,
}

impl State {
    /// The queue for one more job. `None` if there is no room.
    fn room(&mut self, turn: HashPriority, limit: usize) -> Option<&mut VecDeque<Job>> {
        match turn {
            HashPriority::First if self.first.len() < FIRST => Some(&mut self.first),
            _ => Some(&mut self.last).filter(|jobs| jobs.len() < limit),
        }
    }

    /// Alternates between the queues, so that a flood in one queue does not block the other.
    fn next(&mut self) -> Option<Job> {
        self.is_firsts_turn = !self.is_firsts_turn;
        match self.is_firsts_turn {
            true => self.first.pop_front().or_else(|| self.last.pop_front()),
            false => self.last.pop_front().or_else(|| self.first.pop_front()),
        }
    }
}

struct Job {
    password: Secret,
    salt: Vec<u8>,
    params: Params,
    caller: oneshot::Sender<Option<Zeroizing<[u8; LENGTH]>>>,
}

impl Hasher {
    /// Starts the threads.
    pub fn start(settings: &Password) -> std::io::Result<Hasher> {
        let params =
            Params::new(settings.hash_memory, settings.hash_passes, settings.hash_lanes, Some(LENGTH))
                .map_err(|error| std::io::Error::other(error.to_string()))?;
        let threads = match settings.hash_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads as usize,
        };
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            wake_up: Condvar::new(),
            limit: settings.hash_queue as usize,
        });
        for _ in 0..threads {
            let queue = queue.clone();
            std::thread::Builder::new()
                .name("hasher".into())
                .stack_size(256 * 1024)
                // A panic costs only the hash that it happens in, because the thread continues.
                .spawn(move || while catch_unwind(AssertUnwindSafe(|| work(&queue))).is_err() {})?;
        }
        Ok(Hasher { queue, params })
    }

    /// Hashes a new password in its canonical form.
    pub async fn hash(
        &self,
        world: &World,
        password: &Secret,
        turn: HashPriority,
    ) -> Result<PasswordHash, ApiError> {
        let password = &canonical(password);
        let salt = world.bytes::<16>();
        let hash = self.derive(password, salt.to_vec(), self.params.clone(), turn).await?;
        let (memory, passes, lanes) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash.as_slice()));
        Ok(PasswordHash::from(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")))
    }

    /// Compares a password with a hash. Without a hash the work is the same, so the time does not reveal
    /// whether the account exists or has a password.
    ///
    /// A password that is not in canonical form is also compared as typed, for hashes of earlier versions.
    /// Whether this second hash is computed depends on the password, not on the account's existence.
    pub async fn verify(
        &self,
        password: &Secret,
        stored: Option<&PasswordHash>,
        turn: HashPriority,
    ) -> Result<Match, ApiError> {
        let parsed = stored.and_then(|stored| Parsed::of(stored.as_str()));
        if stored.is_some() && parsed.is_none() {
            tracing::error!("a stored password hash cannot be read");
        }
        let real = parsed.is_some();
        let decoy = || Parsed { params: self.params.clone(), salt: vec![0; 16], hash: vec![0; LENGTH] };
        let parsed = parsed.unwrap_or_else(decoy);
        let current = same_costs(&parsed.params, &self.params);
        let canonical = canonical(password);
        if self.fits(&canonical, &parsed, turn).await? && real {
            return Ok(if current { Match::Yes } else { Match::Outdated });
        }
        if !same(canonical.expose().as_bytes(), password.expose().as_bytes())
            && self.fits(password, &parsed, turn).await?
            && real
        {
            return Ok(Match::Outdated);
        }
        Ok(Match::No)
    }

    async fn fits(&self, password: &Secret, parsed: &Parsed, turn: HashPriority) -> Result<bool, ApiError> {
        let hash = self.derive(password, parsed.salt.clone(), parsed.params.clone(), turn).await?;
        Ok(same(hash.as_slice(), &parsed.hash))
    }

    /// Returns `OVERLOADED` if there is no room for one more job. Call this before other work for the request.
    pub fn room(&self, turn: HashPriority) -> Result<(), ApiError> {
        match self.queue.lock().room(turn, self.queue.limit) {
            Some(_) => Ok(()),
            None => Err(ApiError::overloaded(2)),
        }
    }

    /// Number of jobs that were ever queued.
    pub fn asked(&self) -> u64 {
        self.queue.lock().taken
    }

    async fn derive(
        &self,
        password: &Secret,
        salt: Vec<u8>,
        params: Params,
        turn: HashPriority,
    ) -> Result<Zeroizing<[u8; LENGTH]>, ApiError> {
        let (caller, answer) = oneshot::channel();
        let job = Job { password: password.clone(), salt, params, caller };
        if !self.queue.push(job, turn) {
            return Err(ApiError::overloaded(2));
        }
        answer.await.ok().flatten().ok_or_else(|| ApiError::internal("a password could not be hashed"))
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.wake_up.notify_all();
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// The password in its canonical form.
fn canonical(password: &Secret) -> Secret {
    Secret::from(canonical::password(password.expose()).into_owned())
}

fn same_costs(one: &Params, other: &Params) -> bool {
    (one.m_cost(), one.t_cost(), one.p_cost()) == (other.m_cost(), other.t_cost(), other.p_cost())
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent even if a thread panicked while it held the lock.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, job: Job, turn: HashPriority) -> bool {
        let mut state = self.lock();
        let Some(jobs) = state.room(turn, self.limit) else { return false };
        jobs.push_back(job);
        state.taken += 1;
        drop(state);
        self.wake_up.notify_one();
        true
    }

    /// Waits for the next job. Returns `None` when the hasher is dropped. Calls `idle` once if there was no job
    /// for [`IDLE`].
    fn next(&self, mut idle: impl FnMut()) -> Option<Job> {
        let mut state = self.lock();
        let mut rested = false;
        loop {
            if let Some(job) = state.next() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = if rested {
                self.wake_up.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner)
            } else {
                let (state, waited) =
                    self.wake_up.wait_timeout(state, IDLE).unwrap_or_else(std::sync::PoisonError::into_inner);
                if waited.timed_out() {
                    rested = true;
                    idle();
                }
                state
            };
        }
    }
}

/// The loop of one thread. It keeps its memory from hash to hash, because fresh pages cost a tenth of the hash.
fn work(queue: &Queue) {
    let mut memory = std::cell::RefCell::new(Vec::<Block>::new());
    while let Some(job) = queue.next(|| drop(memory.take())) {
        // Skips the job if its request has ended meanwhile.
        if job.caller.is_closed() {
            continue;
        }
        let memory = memory.get_mut();
        let needed = job.params.block_count();
        if memory.len() < needed {
            memory.reserve_exact(needed - memory.len());
            memory.resize(needed, Block::default());
        }
        let mut hash = Zeroizing::new([0; LENGTH]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, job.params.clone());
        let blocks = memory.get_mut(..needed).unwrap_or_default();
        let done = argon2.hash_password_into_with_memory(
            job.password.expose().as_bytes(),
            &job.salt,
            hash.as_mut_slice(),
            blocks,
        );
        let _ = job.caller.send(done.is_ok().then_some(hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Password {
        Password { hash_memory: 64, hash_passes: 1, hash_threads: 2, hash_queue: 4, ..Password::default() }
    }

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let (hasher, world) = (Hasher::start(&settings()).unwrap(), World::default());
        let hash = hasher.hash(&world, &secret("correct horse"), HashPriority::Last).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(
            hasher.verify(&secret("correct horse"), Some(&hash), HashPriority::Last).await.unwrap(),
            Match::Yes
        );
        assert_eq!(
            hasher.verify(&secret("correct hors"), Some(&hash), HashPriority::Last).await.unwrap(),
            Match::No
        );
        assert_eq!(
            hasher.verify(&secret("correct horse"), None, HashPriority::Last).await.unwrap(),
            Match::No
        );
        let broken = PasswordHash::from("$argon2id$v=19$m=64$x$y".to_owned());
        assert_eq!(
            hasher.verify(&secret("correct horse"), Some(&broken), HashPriority::Last).await.unwrap(),
            Match::No
        );
    }

    #[tokio::test]
    async fn a_hash_in_reused_memory_equals_the_plain_argon2_hash() {
        let (hasher, world) = (Hasher::start(&settings()).unwrap(), World::default());
        for text in ["first one", "second one", "third one"] {
            let hash = hasher.hash(&world, &secret(text), HashPriority::Last).await.unwrap();
            let parsed = Parsed::of(hash.as_str()).unwrap();
            let mut plain = [0; LENGTH];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, parsed.params)
                .hash_password_into(text.as_bytes(), &parsed.salt, &mut plain)
                .unwrap();
            assert_eq!(plain.as_slice(), parsed.hash);
        }
    }

    #[tokio::test]
    async fn sec_p03_a_hash_made_with_other_settings_is_outdated() {
        let world = World::default();
        let old = Hasher::start(&settings()).unwrap();
        let hash = old.hash(&world, &secret("correct horse"), HashPriority::Last).await.unwrap();
        let new = Hasher::start(&Password { hash_memory: 128, ..settings() }).unwrap();
        assert_eq!(
            new.verify(&secret("correct horse"), Some(&hash), HashPriority::Last).await.unwrap(),
            Match::Outdated
        );
        assert_eq!(
            new.verify(&secret("wrong horse"), Some(&hash), HashPriority::Last).await.unwrap(),
            Match::No
        );
    }

    #[tokio::test]
    async fn sec_p04_with_a_full_queue_the_answer_is_overloaded_at_once() {
        let slow =
            Password { hash_memory: 8192, hash_passes: 20, hash_threads: 1, hash_queue: 2, ..settings() };
        let hasher = Arc::new(Hasher::start(&slow).unwrap());
        let mut waiting = Vec::new();
        for _ in 0..12 {
            let hasher = hasher.clone();
            waiting.push(tokio::spawn(
                async move { hasher.verify(&secret("x"), None, HashPriority::Last).await },
            ));
        }
        let (mut done, mut refused) = (0, 0);
        for waiting in waiting {
            match waiting.await.unwrap() {
                Ok(_) => done += 1,
                Err(error) => {
                    assert_eq!((error.status(), error.retry_after), (503, Some(2)));
                    refused += 1;
                }
            }
        }
        assert!(done >= 2 && refused >= 8, "{done} done, {refused} refused");
    }
}
