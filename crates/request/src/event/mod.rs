//! What hooks are asked and told about a request: the model of an operation, and the events that wait for its outcome.

mod model;
mod pending;

pub use model::{About, Granted, HookAnswer, HookRefusal, Model, Principal};
pub use pending::{Pending, Report};
