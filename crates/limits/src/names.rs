//! The names of budgets. A reader of the database learns no address from them: they contain MACs, and the key is not in
//! the database (D-4).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::secret_keys::Purpose;
use doorward_request::platform::Platform;
use doorward_store::StoreError;

/// Bytes of a MAC in a name.
const MAC: usize = 16;

/// The name of a budget: `what` is counted, and for `whose` address, account or source.
pub(super) fn keyed(platform: &Platform, what: &str, whose: &[&[u8]]) -> Result<String, StoreError> {
    let keys = &platform.secret_keys;
    let mut parts = vec![what.as_bytes()];
    for part in whose {
        parts.extend([b"\n".as_slice(), part]);
    }
    let mac = keys.mac(keys.active_id(), Purpose::Limit, &parts);
    let short = mac.as_ref().and_then(|mac| mac.get(..MAC));
    let short = short.ok_or_else(|| StoreError::Internal("no active secret key".into()))?;
    Ok(format!("{what} {}", URL_SAFE_NO_PAD.encode(short)))
}

/// A source: an IPv4 address, or the /64 network of an IPv6 address, which one customer has (RFC 6177), as bytes.
pub fn source(address: Option<IpAddr>) -> Vec<u8> {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets().into_iter().take(8).collect(),
        // All calls without a network address are one source.
        None => vec![0],
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn sec_r03_a_source_is_an_ipv4_address_or_64_bits_of_ipv6() {
        let of = |text: &str| source(Some(text.parse().unwrap()));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
