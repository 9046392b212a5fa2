//! Limits the number of long request bodies in memory, in total and for each client. A body counts from the head of its
//! request to the answer, so a client that sends half of many bodies and then waits uses up only its own share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_request::error::ApiError;

use super::source;
use crate::app::AppState;

/// Bodies of at most this many bytes are not counted; most requests are shorter.
const SHORT: u64 = 4 * 1024;
/// Maximum number of long bodies at the same time. With [`crate::extract::BODY_LIMIT`] for each, they use 64 MiB.
const MAX_BODIES: usize = 1024;
/// Maximum number of long bodies of one client at the same time.
const MAX_BODIES_PER_SOURCE: usize = 256;

/// The count of long bodies in memory. Clones share it.
#[derive(Clone)]
pub(super) struct Bodies {
    app: AppState,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    count: usize,
    sources: HashMap<Vec<u8>, usize>,
}

impl Bodies {
    pub(super) fn of(app: &AppState) -> Bodies {
        Bodies { app: app.clone(), held: Arc::default() }
    }
}

pub(super) async fn limit(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    if !is_long(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let source = doorward_limits::source(source::of(&parts, &bodies.app.platform.config));
    let Some(counted) = Counted::take(&bodies.held, source) else {
        let cause =
            Some("too many long request bodies at the same time, in total or from this client".into());
        return ApiError { cause, ..ApiError::overloaded(1) }.into_response();
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    drop(counted);
    response
}

/// True if the body is longer than [`SHORT`] or of unknown length.
fn is_long(headers: &HeaderMap) -> bool {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) => length > SHORT,
        None => headers.contains_key(header::TRANSFER_ENCODING),
    }
}

/// One counted body. It counts until it is dropped.
struct Counted {
    held: Arc<Mutex<Held>>,
    source: Vec<u8>,
}

impl Counted {
    fn take(held: &Arc<Mutex<Held>>, source: Vec<u8>) -> Option<Counted> {
        let mut state = lock(held);
        let of_source = state.sources.get(&source).copied().unwrap_or(0);
        if state.count >= MAX_BODIES || of_source >= MAX_BODIES_PER_SOURCE {
            return None;
        }
        state.count += 1;
        state.sources.insert(source.clone(), of_source + 1);
        drop(state);
        Some(Counted { held: held.clone(), source })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut state = lock(&self.held);
        state.count -= 1;
        if let Some(count) = state.sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                state.sources.remove(&self.source);
            }
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_at_most_256_long_bodies_and_all_clients_together_at_most_1024() {
        let held = Arc::default();
        let take = |source: u8| -> Vec<Counted> {
            (0..2 * MAX_BODIES_PER_SOURCE).map_while(|_| Counted::take(&held, vec![source])).collect()
        };
        let shares: Vec<Vec<Counted>> = (0..5).map(take).collect();
        let counts: Vec<usize> = shares.iter().map(Vec::len).collect();
        assert_eq!(counts, [256, 256, 256, 256, 0]);
        drop(shares);
        assert_eq!(take(9).len(), 256);
        assert!(lock(&held).sources.is_empty());
    }

    #[test]
    fn a_body_is_long_above_4_kib_or_if_its_length_is_unknown() {
        let with = |name, value: &'static str| {
            is_long(&HeaderMap::from_iter([(name, header::HeaderValue::from_static(value))]))
        };
        assert!(!with(header::CONTENT_LENGTH, "4096") && with(header::CONTENT_LENGTH, "4097"));
        assert!(with(header::TRANSFER_ENCODING, "chunked") && !is_long(&HeaderMap::new()));
    }
}
