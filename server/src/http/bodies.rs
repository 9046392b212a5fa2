//! The memory for long request bodies: limited in total and for each client, from the head of a request to its answer.
//! Clients that send half a body and wait can take only their share.

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
/// Most long bodies at the same time. Each has at most [`crate::extract::BODY_LIMIT`]: 64 MiB in total.
const MOST: usize = 1024;
/// Most long bodies of one client at the same time.
const MOST_PER_SOURCE: usize = 256;

/// The long bodies in memory; clones share one count.
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
    let Some(share) = Share::take(&bodies.held, source) else {
        let cause = Some("the memory for bodies is used up".into());
        return ApiError { cause, ..ApiError::overloaded(1) }.into_response();
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    drop(share);
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

/// The share of one body. Dropping it returns the share.
struct Share {
    held: Arc<Mutex<Held>>,
    source: Vec<u8>,
}

impl Share {
    fn take(held: &Arc<Mutex<Held>>, source: Vec<u8>) -> Option<Share> {
        let mut state = lock(held);
        let of_source = state.sources.get(&source).copied().unwrap_or(0);
        if state.count >= MOST || of_source >= MOST_PER_SOURCE {
            return None;
        }
        state.count += 1;
        state.sources.insert(source.clone(), of_source + 1);
        drop(state);
        Some(Share { held: held.clone(), source })
    }
}

impl Drop for Share {
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
    fn a_client_takes_at_most_a_quarter_of_the_memory_and_all_clients_at_most_all() {
        let held = Arc::default();
        let take = |source: u8| -> Vec<Share> {
            (0..2 * MOST_PER_SOURCE).map_while(|_| Share::take(&held, vec![source])).collect()
        };
        let shares: Vec<Vec<Share>> = (0..5).map(take).collect();
        let counts: Vec<usize> = shares.iter().map(Vec::len).collect();
        assert_eq!(counts, [256, 256, 256, 256, 0]);
        drop(shares);
        assert_eq!(take(9).len(), 256);
        assert!(lock(&held).sources.is_empty());
    }

    #[test]
    fn a_body_is_long_by_its_length_or_when_that_is_unknown() {
        let of = |name, value: &'static str| {
            is_long(&HeaderMap::from_iter([(name, header::HeaderValue::from_static(value))]))
        };
        assert!(!of(header::CONTENT_LENGTH, "4096") && of(header::CONTENT_LENGTH, "4097"));
        assert!(of(header::TRANSFER_ENCODING, "chunked") && !is_long(&HeaderMap::new()));
    }
}
