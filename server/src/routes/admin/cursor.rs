//! Cursors of lists. Each is signed for its list, so that only returned cursors are accepted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base64url::decode;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};
use doorward_request::error::ApiError;
use uuid::Uuid;

const VERSION: u8 = 1;
/// The length of a cursor in bytes: version, key id, id of the last row, MAC.
const BYTES: usize = 1 + 4 + 16 + 32;

fn mac(keys: &SecretKeys, key: KeyId, row: &[u8; 16], list: &str) -> Option<[u8; 32]> {
    // All parts except the last have a fixed length, so that different inputs never produce the same bytes.
    keys.mac(key, Purpose::Cursor, &[&[VERSION], &key, row, list.as_bytes()])
}

/// The cursor of the rows after this row of the list.
pub(super) fn write(keys: &SecretKeys, list: &str, row: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(row) = row else { return Ok(None) };
    let key = keys.active_id();
    let written = || {
        let row = Uuid::try_parse(&row).ok()?;
        let mac = mac(keys, key, row.as_bytes(), list)?;
        Some(URL_SAFE_NO_PAD.encode([&[VERSION], &key[..], row.as_bytes(), &mac].concat()))
    };
    written().map(Some).ok_or_else(|| ApiError::internal("a cursor could not be written"))
}

/// The row before the cursor's first row. An error if the cursor was not written for this list.
pub(super) fn read(keys: &SecretKeys, list: &str, text: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let row = || {
        let bytes: [u8; BYTES] = decode(text)?;
        let (version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let (row, given) = rest.split_first_chunk::<16>()?;
        let mac = mac(keys, *key, row, list)?;
        (*version == VERSION && same(&mac, given)).then(|| Uuid::from_bytes(*row).to_string())
    };
    row().map(Some).ok_or_else(|| {
        ApiError::field("cursor", "This is not a cursor of this list. Start again without it.")
    })
}
