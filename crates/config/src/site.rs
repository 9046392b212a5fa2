//! Folders that the server serves in addition to the API.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One `[[site]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The path at which it is served, like `/` or `/docs`.
    pub path: String,
    /// The folder, relative to the settings file.
    pub dir: PathBuf,
}
