//! Folders that are served beside the API.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One `[[site]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Where it is mounted, like `/` or `/docs`.
    pub path: String,
    /// The folder, relative to the file with the settings.
    pub dir: PathBuf,
}
