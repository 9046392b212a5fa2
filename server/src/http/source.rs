//! The client's address (SECURITY R03): the other end of the connection, unless that is a trusted proxy of the
//! operator. A proxy adds the address of its client to the end of a header. Only entries of trusted proxies are used.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use doorward_config::{Config, Network, ProxyHeader};

/// The client's address. `None` without a network.
pub fn of(parts: &Parts, config: &Config) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    if config.trusted_proxies.is_empty() {
        warn_once(&parts.headers, peer);
        return Some(peer);
    }
    Some(behind(peer, &config.trusted_proxies, &said(&parts.headers, config.proxy_header)))
}

/// Walks outwards from the connection: as long as the address is a trusted proxy, the next one is the entry that the
/// proxy added. An entry that is not an address ends the walk.
fn behind(peer: IpAddr, trusted: &[Network], said: &[String]) -> IpAddr {
    let mut at = peer;
    for entry in said.iter().rev() {
        let is_trusted = trusted.iter().any(|network| network.contains(at));
        let Some(next) = address(entry).filter(|_| is_trusted) else { break };
        at = next;
    }
    at
}

/// The entries of all lines of the header; that of the nearest proxy is last.
fn said(headers: &HeaderMap, header: ProxyHeader) -> Vec<String> {
    let name = header.name();
    // A line that is not text is an entry that is not an address.
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    let entries = lines.flat_map(|line| line.split(','));
    match header {
        ProxyHeader::XForwardedFor => entries.map(|entry| entry.trim().to_owned()).collect(),
        ProxyHeader::Forwarded => entries.map(forwarded_for).collect(),
    }
}

/// The `for` of an element of `Forwarded` (RFC 7239 §4). Addresses contain neither commas nor semicolons. A quoted one
/// splits an element, and the parts are not addresses.
fn forwarded_for(element: &str) -> String {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let value =
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map(|(_, value)| value.trim());
    value.unwrap_or_default().trim_matches('"').to_owned()
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|with: SocketAddr| with.ip()));
    address.or_else(bare).map(|address: IpAddr| address.to_canonical())
}

/// Without the setting, all clients behind a proxy are one source: the proxy's address.
fn warn_once(headers: &HeaderMap, peer: IpAddr) {
    static WARNED: Once = Once::new();
    let is_near = match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    };
    if is_near
        && [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded]
            .iter()
            .any(|by| headers.contains_key(by.name()))
    {
        WARNED.call_once(|| {
            tracing::warn!(
                %peer,
                "the forwarding header of a proxy is ignored: limits treat all clients behind it as one; add it to trusted_proxies"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(peer: &str, said: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| Network::parse(text).unwrap());
        let said: Vec<String> = said.iter().map(|entry| (*entry).to_owned()).collect();
        behind(peer.parse().unwrap(), &trusted, &said).to_string()
    }

    #[test]
    fn sec_r03_only_entries_of_trusted_proxies_are_used() {
        for (peer, said, client) in [
            ("192.0.2.1", &["198.51.100.9"][..], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["203.0.113.5", "198.51.100.9", "10.2.2.2"], "198.51.100.9"),
            ("10.0.0.1", &["10.3.3.3", "10.2.2.2"], "10.3.3.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.9", "unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.9", "", "10.2.2.2"], "10.2.2.2"),
            ("2001:db8::1", &["[2001:db9::7]:443"], "2001:db9::7"),
            ("10.0.0.1", &["198.51.100.9:5123"], "198.51.100.9"),
            ("10.0.0.1", &["::ffff:198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["198.51.100.9 , 1"], "10.0.0.1"),
        ] {
            assert_eq!(walk(peer, said), client, "{peer} {said:?}");
        }
    }

    #[test]
    fn all_lines_of_a_header_are_one_list() {
        let mut headers = HeaderMap::new();
        for line in ["203.0.113.5, 198.51.100.9", "10.2.2.2"] {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        assert_eq!(said(&headers, ProxyHeader::XForwardedFor), ["203.0.113.5", "198.51.100.9", "10.2.2.2"]);
        let line =
            "for=203.0.113.5;proto=https, By=10.1.1.1; For=\"[2001:db9::7]:47\", for=_hidden, proto=http";
        headers.append("forwarded", line.parse().unwrap());
        assert_eq!(
            said(&headers, ProxyHeader::Forwarded),
            ["203.0.113.5", "[2001:db9::7]:47", "_hidden", ""]
        );
    }
}
