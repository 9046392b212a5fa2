//! What a page can call, in the order in which a person meets it.

mod email;
mod password;
mod profile;
mod session;
mod settings;
