//! The token of a known device, read from a request.

use doorward_core::base64url::decode;
use doorward_core::secret_keys::KeyId;
use http::HeaderMap;

/// Bytes of the MAC: 128 bits cannot be guessed.
pub const MAC_BYTES: usize = 16;
/// Bytes of a token: key id, id of the device, MAC.
const BYTES: usize = 4 + 16 + MAC_BYTES;
/// Most devices that are read from one request: one for each account that is used in the browser.
const MOST: usize = 5;

/// A token from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Id of the key of the MAC.
    pub key: KeyId,
    /// The id of the device.
    pub id: [u8; 16],
    /// MAC over the id of the device, the account, and a counter that ends all devices of the account.
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

/// The tokens in the header `Known-Device`, separated by commas. Malformed tokens are ignored.
pub fn presented(headers: &HeaderMap) -> Vec<KnownDevice> {
    let texts = headers.get("known-device").and_then(|value| value.to_str().ok()).unwrap_or_default();
    texts.split(',').take(MOST).filter_map(|text| KnownDevice::read(text.trim())).collect()
}
