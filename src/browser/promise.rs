//! Waiting for some time.

use super::{
    Value,
    task::{promise, settled},
};

/// Resolves after some milliseconds.
pub(crate) async fn pause(milliseconds: f64) {
    let timer = promise(|resolve, _| {
        Value::global("setTimeout").apply(&Value::UNDEFINED, &[&resolve, &milliseconds.into()]);
    });
    let _ = settled(timer).await;
}
