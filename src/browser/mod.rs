//! Small Rust types for the interfaces of the browser. Only this folder names those interfaces.
//!
//! A page may deny its storage, replace its `fetch`, or name a control of a form `elements`: no function here
//! throws.

pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod location;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod page;
pub(crate) mod random;
pub(crate) mod storage;
pub(crate) mod wait;
