//! The part of a request that hooks see: the model of an operation, and the events that wait for its outcome.

mod model;
mod pending;

pub use model::{About, Granted, HookAnswer, HookRefusal, Model, Principal};
pub use pending::{Pending, Report};
