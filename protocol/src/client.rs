//! For whom a program of the operator's calls.

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// Options of a call that a program of the operator's makes for the browser of an end user. Pages have no use for them.
    pub struct ClientOptions {
        /// The address of the browser. Honoured only with a service key of the scope `trusted`, refused otherwise.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}
