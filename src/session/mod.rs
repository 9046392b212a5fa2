//! The session of this browser: taking it up, keeping it, ending it, in every tab.
//!
//! What is stored is the truth and is read at each use; the copy in memory only saves the parsing. Each write
//! first looks whether the session it was computed from is still there: a sign-out in the meantime wins.

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
