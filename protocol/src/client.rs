//! The browser that a back end of the operator calls for.

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// Options of a call that a back end of the operator makes for the browser of an end user. Pages do not need them.
    pub struct ClientOptions {
        /// The address of the browser. Honoured only with a service key of the scope `trusted`, refused otherwise.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}
