//! Settings of requests to other servers.

use super::{Network, settings};

settings! {
    /// Requests to other servers: webhooks, SMS gateways, providers.
    pub struct Outbound {
        /// Allowlist of private networks that requests may go to, like `10.1.2.0/24`, or this machine (`127.0.0.1`, `::1`). All others are refused, so that an attacker who supplies an address cannot probe the network behind your firewall. With --dev this machine is allowed, too.
        allow: Vec<Network> = Vec::new(),
    }
}
