//! The destinations that outbound calls may reach (SECURITY H01): https (http only to this machine), at an address of
//! the public internet or of a network that the operator listed. The guard checks the very address that is then
//! connected to, so that a name that changes its address after the check (DNS rebinding) gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::{fmt, io};

use doorward_config::Network;
use doorward_core::local_address::is_local;
use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Resolves host names. Tests use their own.
pub trait Names: Send + Sync {
    /// Those of one name, in the order in which they are to be tried.
    fn find(&self, name: &str) -> Finding;
}

/// The result of [`Names::find`].
pub type Finding = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The resolver of the system.
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn find(&self, name: &str) -> Finding {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Decides which destinations calls may reach.
pub(super) struct Guard {
    pub(super) allow: Vec<Network>,
    pub(super) names: Arc<dyn Names>,
}

impl Guard {
    /// Checks the scheme and a literal address. A host name is checked when it is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        // Only this machine can read traffic on loopback.
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local(url)) {
            return Err("is not https".into());
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.admit(address.into()),
            Some(Host::Ipv6(address)) => self.admit(address.into()),
            Some(Host::Domain(_)) if is_local(url) => self.admit(Ipv4Addr::LOCALHOST.into()),
            Some(Host::Domain(_)) => Ok(()),
            None => Err("has no host".into()),
        }
    }

    fn admit(&self, address: IpAddr) -> Result<(), String> {
        let Some(what) = closed(address) else { return Ok(()) };
        let inner = embedded(address).map_or(address, IpAddr::V4);
        match self.allow.iter().any(|network| network.contains(address) || network.contains(inner)) {
            true => Ok(()),
            false => Err(format!("leads to {what}, which is called only if outbound.allow lists it")),
        }
    }

    fn admitted(&self, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, String> {
        let (mut admitted, mut refused) = (Vec::new(), None);
        for address in addresses {
            match self.admit(address) {
                Ok(()) => admitted.push(address),
                Err(cause) => refused = Some(cause),
            }
        }
        match refused {
            Some(cause) if admitted.is_empty() => Err(cause),
            _ => Ok(admitted),
        }
    }
}

/// All connections to host names use these addresses. Literal addresses are never resolved; [`Guard::check`] checks
/// them.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        // RFC 6761 §6.3: never sent to a name server, so that no name server can claim that this machine is elsewhere.
        let local = Url::parse(&format!("http://{}/", name.as_str())).is_ok_and(|url| is_local(&url));
        let found: Finding = match local {
            true => {
                Box::pin(std::future::ready(Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])))
            }
            false => self.names.find(name.as_str()),
        };
        let guard = Guard { allow: self.allow.clone(), names: self.names.clone() };
        Box::pin(async move {
            let admitted = guard.admitted(found.await?)?;
            let addresses: Addrs = Box::new(admitted.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

/// The kind of an address that is not public. `None` for a public one.
fn closed(address: IpAddr) -> Option<&'static str> {
    let among = |table: &[(Ipv4Net, &'static str)], address: Ipv4Addr| {
        table.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what)
    };
    match address {
        IpAddr::V4(address) => among(&CLOSED, address),
        IpAddr::V6(v6) => match embedded(address) {
            Some(inner) => among(&CLOSED, inner),
            None => CLOSED_V6
                .iter()
                .find(|(network, _)| network.contains(&v6))
                .map(|(_, what)| *what)
                // Addresses that are unassigned today may become anything.
                .or_else(|| (!OPEN_V6.contains(&v6)).then_some("a reserved address")),
        },
    }
}

/// The IPv4 address that a packet to an IPv6 address ends up at: mapped (RFC 4291), translated (NAT64, RFC 6052), or
/// 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let [.., a, b, c, d] = v6.octets();
    let last = Ipv4Addr::new(a, b, c, d);
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(last),
        // The deprecated IPv4-compatible form. `::1` and `::` are not IPv4 addresses.
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => Some(last),
        [0x2002, high, low, ..] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, third: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

/// From IANA's registry of special-purpose addresses, plus the metadata addresses of clouds.
const CLOSED: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "an unspecified address"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "an address shared behind a carrier's NAT"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(168, 63, 129, 16, 32), "a cloud's metadata"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a reserved address"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "a reserved address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "a broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

const CLOSED_V6: [(Ipv6Net, &str); 8] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "an unspecified address"),
    (v6(0xfc00, 0, 0, 7), "a private address"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
    // Teredo and other protocol assignments.
    (v6(0x2001, 0, 0, 23), "a reserved address"),
    (v6(0x2001, 0xdb8, 0, 32), "an address for documentation"),
    (v6(0x3fff, 0, 0, 20), "an address for documentation"),
];

/// The range from which all public addresses are assigned today.
const OPEN_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[&str]) -> Guard {
        let allow = allow.iter().map(|text| Network::parse(text).unwrap()).collect();
        Guard { allow, names: Arc::new(SystemNames) }
    }

    fn said(guard: &Guard, text: &str) -> Result<(), String> {
        guard.check(&Url::parse(text).unwrap())
    }

    #[test]
    fn sec_h01_no_way_of_writing_an_address_leads_inside() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "①②⑦.⓪.⓪.①",
            "0",
            "0.0.0.0",
            "localhost",
            "LOCALHOST",
            "app.localhost",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:c0a8:101::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[4000::1]",
        ] {
            let cause = said(&guard(&[]), &format!("https://{host}/")).expect_err(host);
            assert!(cause.contains("outbound.allow"), "{host}: {cause}");
        }
        for host in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "[2606:4700::1111]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::8.8.8.8]",
            "auth.example.com",
            "127.0.0.1.example.com",
        ] {
            said(&guard(&[]), &format!("https://{host}/")).unwrap();
        }
    }

    #[test]
    fn only_listed_private_addresses_may_be_called() {
        let listed = guard(&["10.1.2.0/24", "fd12::/16"]);
        for (host, called) in [
            ("10.1.2.3", true),
            ("[::ffff:10.1.2.3]", true),
            ("[fd12::1]", true),
            ("10.1.3.3", false),
            ("[fd13::1]", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(said(&listed, &format!("https://{host}/")).is_ok(), called, "{host}");
        }
    }

    #[test]
    fn sec_h01_only_this_machine_is_called_without_tls() {
        let here = guard(&["127.0.0.0/8", "::1", "10.0.0.0/8"]);
        for (url, called) in [
            ("http://127.0.0.1:9000/", true),
            ("http://[::1]:9000/", true),
            ("http://localhost/", true),
            ("http://10.0.0.1/", false),
            ("http://auth.example.com/", false),
            ("http://[::ffff:127.0.0.1]/", false),
            ("ftp://127.0.0.1/", false),
            ("https://10.0.0.1/", true),
        ] {
            assert_eq!(said(&here, url).is_ok(), called, "{url}");
        }
        assert!(said(&guard(&[]), "http://127.0.0.1/").is_err());
    }

    #[tokio::test]
    async fn only_the_allowed_addresses_of_a_name_are_used() {
        let mixed = vec!["10.0.0.1".parse().unwrap(), "8.8.8.8".parse().unwrap()];
        assert_eq!(guard(&[]).admitted(mixed).unwrap(), ["8.8.8.8".parse::<IpAddr>().unwrap()]);
        assert!(guard(&[]).admitted(vec!["10.0.0.1".parse().unwrap()]).unwrap_err().contains("private"));
        assert_eq!(guard(&[]).admitted(vec![]).unwrap(), Vec::<IpAddr>::new());
    }
}
