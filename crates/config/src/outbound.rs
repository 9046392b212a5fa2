//! Whom the server may call.

use super::{Network, settings};

settings! {
    /// Calls of other servers: webhooks, SMS gateways, providers.
    pub struct Outbound {
        /// Networks that are not open to everybody and may be called all the same, like `10.1.2.0/24`: private ones, this machine (`127.0.0.1`, `::1`). Only what stands here is: else whoever names an address could have doorward look around behind your firewall. With --dev this machine may be called, too.
        allow: Vec<Network> = Vec::new(),
    }
}
