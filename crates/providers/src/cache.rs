//! A copy of a document of the provider's: fetched when it is needed, by one call at a time, and not too often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_core::clock::Millis;
use tokio::sync::Mutex;

use crate::outcome::Refusal;

/// A copy this young is not looked after.
const YOUNG: Millis = 60 * 60 * 1000;
/// A copy this old is not used any more, though there is no newer one.
const OLD: Millis = 24 * 60 * 60 * 1000;
/// How long to wait after a failure, where there is an old copy.
const PAUSE: Millis = 30 * 1000;
/// Strangers can make us look for something new (an unknown key): twice in this time (SECURITY O10).
const MINUTE: Millis = 60 * 1000;

pub(super) struct Cached<T> {
    state: Mutex<State<T>>,
    /// How many fetches have come to an end.
    ended: AtomicU64,
}

struct State<T> {
    copy: Option<Copy<T>>,
    /// When the last two fetches began.
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
    /// The copy; fetched if there is none, or no young one.
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
        // Whoever waited for a fetch that failed does not wait for another.
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

    /// A newer copy than this one, if there is one or one may be fetched now.
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
