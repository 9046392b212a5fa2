//! The session of this browser, in every tab.
//!
//! The stored text decides, and is read at each use. The copy in memory only saves the parsing. Before each
//! write the session that it was computed from must still be stored, so that a sign-out in the meantime wins.

pub(crate) mod events;
pub(crate) mod flows;
mod keeper;
mod keys;
pub(crate) mod machine;
pub(crate) mod refresh;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod simulation;
pub(crate) mod store;
mod tabs;
pub(crate) mod tokens;
mod unconfirmed;

pub(crate) use keeper::{Keeper, Parts, is_signed_out, lacks_key};
pub(crate) use tokens::is_profile;
pub(crate) use unconfirmed::Unconfirmed;
