//! The methods of `AuthClient`, one file for each subject.
//!
//! Most methods are data: their fields, endpoint and credentials, and the use of the answer. `call` runs
//! them. A new sign-in method is a file here, a line in the list of modules, and one in `LOGINS`.

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

/// The sign-in methods. The given fields select one; the last one is the default.
const LOGINS: &[Endpoint] = &[code::LOGIN, device::LOGIN, custom::LOGIN, password::LOGIN];

/// The sign-up methods, selected in the same way.
const SIGNUPS: &[Endpoint] = &[code::SIGNUP, password::SIGNUP];
