//! A cached document of a provider: fetched on demand, by one request at a time, and not too often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_core::clock::Millis;
use tokio::sync::Mutex;

use crate::outcome::Refusal;

/// Time in milliseconds for which a copy is used without a new fetch.
const YOUNG: Millis = 60 * 60 * 1000;
/// Time in milliseconds after which a copy is not used any more, even if a fetch fails.
const OLD: Millis = 24 * 60 * 60 * 1000;
/// Time in milliseconds until the next fetch after a failure, if there is an old copy.
const PAUSE: Millis = 30 * 1000;
/// A client can cause a fetch with an unknown key, but at most two fetches begin in this time (SECURITY O10).
const MINUTE: Millis = 60 * 1000;

pub(super) struct Cached<T> {
    state: Mutex<State<T>>,
    /// Number of fetches that have ended.
    ended: AtomicU64,
}

struct State<T> {
    copy: Option<Copy<T>>,
    /// The times at which the last two fetches began.
    last: [Option<Millis>; 2],
    failure: Option<Refusal>,
}

struct Copy<T> {
    value: Arc<T>,
    fetched_at: Millis,
    look_at: Millis,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        let state = State { copy: None, last: [None; 2], failure: None };
        Cached { state: Mutex::new(state), ended: AtomicU64::new(0) }
    }
}

impl<T> Cached<T> {
    /// The copy. Fetches the document if there is no copy, or if it is an hour old.
    pub(super) async fn get(
        &self,
        now: Millis,
        fetch: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Arc<T>, Refusal> {
        let before = self.ended.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(copy) = state.copy.as_ref().filter(|copy| now < copy.look_at) {
            return Ok(copy.value.clone());
        }
        // A request that waited for a failed fetch does not start another one.
        if let Some(failure) = state.failure.clone().filter(|_| self.ended.load(Ordering::Acquire) != before)
        {
            return Err(failure);
        }
        match self.fetch(&mut state, now, fetch).await {
            Ok(value) => Ok(value),
            Err(refusal) => match &mut state.copy {
                Some(copy) if now - copy.fetched_at < OLD => {
                    copy.look_at = now + PAUSE;
                    Ok(copy.value.clone())
                }
                _ => Err(refusal),
            },
        }
    }

    /// A newer copy than `seen`, if there is one or one may be fetched now.
    pub(super) async fn newer(
        &self,
        seen: &Arc<T>,
        now: Millis,
        fetch: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Option<Arc<T>>, Refusal> {
        let mut state = self.state.lock().await;
        if let Some(copy) = state.copy.as_ref().filter(|copy| !Arc::ptr_eq(&copy.value, seen)) {
            return Ok(Some(copy.value.clone()));
        }
        if state.last.iter().all(|last| last.is_some_and(|last| (now - last).abs() < MINUTE)) {
            return Ok(None);
        }
        self.fetch(&mut state, now, fetch).await.map(Some)
    }

    async fn fetch(
        &self,
        state: &mut State<T>,
        now: Millis,
        fetch: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Arc<T>, Refusal> {
        state.last = [state.last[1], Some(now)];
        let fetched = fetch.await;
        self.ended.fetch_add(1, Ordering::Release);
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                state.copy = Some(Copy { value: value.clone(), fetched_at: now, look_at: now + YOUNG });
                state.failure = None;
                Ok(value)
            }
            Err(refusal) => {
                state.failure = Some(refusal.clone());
                Err(refusal)
            }
        }
    }
}
