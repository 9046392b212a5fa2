//! Connections of clients.

use super::{Span, settings};

settings! {
    /// Connections of clients.
    pub struct Http {
        /// Connections that may be open at a time, as far as the limit of open files allows it. One more closes the connection with the oldest last request, of the client that has the most.
        max_connections: u32 = 4096,
        /// Connections of one client: an IPv4 address or a /64 network of IPv6. `trusted_proxies` are exempt, since all clients come through them.
        max_connections_per_source: u32 = 512,
        /// A client that takes nothing of an answer for this long is cut off.
        write_timeout: Span = Span::seconds(15),
    }
}
