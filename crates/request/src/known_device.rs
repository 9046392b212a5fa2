//! The token of a known device, as a request brings it.

use doorward_core::base64url::decode;
use doorward_core::secret_keys::KeyId;
use http::HeaderMap;

/// Bytes of a MAC_BYTES: nobody tries 128 bits through.
pub const MAC_BYTES: usize = 16;
/// Bytes of a token: key id, id of the device, MAC_BYTES.
const BYTES: usize = 4 + 16 + MAC_BYTES;
/// Devices of one request that are looked at: the accounts of one browser.
const MOST: usize = 5;

/// A token as a request brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// The key of its MAC_BYTES.
    pub key: KeyId,
    /// The id of the device.
    pub id: [u8; 16],
    /// The MAC_BYTES over the id, the account and its password.
    pub mac: [u8; MAC_BYTES],
}

impl KnownDevice {
    fn read(text: &str) -> Option<KnownDevice> {
        let bytes: [u8; BYTES] = decode(text)?;
        let (key, rest) = bytes.split_first_chunk::<4>()?;
        let (id, mac) = rest.split_first_chunk::<16>()?;
        Some(KnownDevice { key: *key, id: *id, mac: mac.try_into().ok()? })
    }
}

/// The tokens of the header `Known-Device`, separated by commas; what is none counts as none.
pub fn presented(headers: &HeaderMap) -> Vec<KnownDevice> {
    let texts = headers.get("known-device").and_then(|value| value.to_str().ok()).unwrap_or_default();
    texts.split(',').take(MOST).filter_map(|text| KnownDevice::read(text.trim())).collect()
}
