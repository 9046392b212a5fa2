//! Options for a back end that sends requests for the browser of an end user.

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// Options of a request that a back end of the operator sends for the browser of an end user. Pages do not need
    /// them.
    pub struct ClientOptions {
        /// The end user's IP address. Needs a service key of the scope `trusted`; without one the request is refused.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}
