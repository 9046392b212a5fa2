//! Settings of client connections.

use super::{Span, settings};

settings! {
    /// Connections of clients.
    pub struct Http {
        /// Maximum number of open connections; fewer if the limit of open files is lower. A further connection closes another one: among the connections of the client with the most, the one that has been idle longest.
        max_connections: u32 = 4096,
        /// Maximum number of open connections of one client, which is an IPv4 address or a /64 network of IPv6. `trusted_proxies` are exempt, because all clients connect through them.
        max_connections_per_source: u32 = 512,
        /// A connection is closed if its client reads nothing of an answer for this long.
        write_timeout: Span = Span::seconds(15),
    }
}
