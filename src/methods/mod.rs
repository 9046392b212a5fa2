//! The methods of `AuthClient`, one file for each subject, in the order in which a person meets them.
//!
//! Most methods are data: the fields that they take, the endpoint that gets them, the credentials, and the use of the answer. `call`
//! carries them out. A new way to sign in is a file here, a line in the list of files, and one in `LOGINS`.

mod account;
mod addresses;
mod call;
mod code;
mod custom;
mod data;
mod device;
mod email;
mod fetch;
mod flow;
mod flow_step;
mod identities;
mod input;
mod method;
mod password;
mod profile;
mod provider;
mod session;
mod settings;
mod signin;
mod task;

use method::Endpoint;

/// The ways to sign in. The given fields decide; the last one is for fields that do not.
const LOGINS: &[Endpoint] = &[code::LOGIN, device::LOGIN, custom::LOGIN, password::LOGIN];

/// The ways to sign up, likewise.
const SIGNUPS: &[Endpoint] = &[code::SIGNUP, password::SIGNUP];
