//! The browser, as small Rust types: the only folder that names js_sys or binds a JavaScript function.
//!
//! Everything is reached by name at run time and every access may fail without harm: a storage that is denied,
//! a form whose control is called `elements`, a `fetch` that rejects with a string. Absent is `undefined`.

mod value;

pub(crate) mod clock;
pub(crate) mod crypto;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod location;
pub(crate) mod page;
pub(crate) mod random;
pub(crate) mod storage;
pub(crate) mod wait;

pub(crate) use value::{Promise, Value, json_parse, json_text};
