//! Files with secrets that other users of the machine can read.

use doorward_core::files::is_open_to_others;

use super::{Config, Explain, Layers};

impl Config {
    /// A warning for each file with secrets that other users of the machine can read or write.
    pub(super) fn exposures(&self, layers: &Layers) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(file) = layers.settings_file().filter(|file| is_open_to_others(file)) {
            let secrets = self.secrets_from(layers);
            if !secrets.is_empty() {
                let (shown, named) = (file.display(), secrets.join(", "));
                warnings.push(format!(
                    "{shown} contains secrets ({named}) and is open to other users of this machine: chmod 600 {shown}"
                ));
            }
        }
        let database = self.database.url.is_empty().then(|| self.data.join("doorward.db"));
        let client_key = self.database.client_key();
        for (what, file) in [
            ("the secret keys", crate::secret_keys_file(self)),
            ("the database", database),
            ("the key of database.url", client_key),
        ] {
            if let Some(file) = file.filter(|file| is_open_to_others(file)) {
                let shown = file.display();
                warnings.push(format!(
                    "{shown}, {what}, is open to other users of this machine: chmod 600 {shown}"
                ));
            }
        }
        warnings
    }

    /// The names of the settings with secrets in the settings file itself.
    fn secrets_from(&self, layers: &Layers) -> Vec<String> {
        let mut list = Vec::new();
        self.explain("", "", &mut list);
        let is_secret = |key: &str| match key {
            "secret_keys" => crate::secret_keys_file(self).is_none(),
            "database.url" => self.database.has_password(),
            _ => true,
        };
        let hidden = list.into_iter().filter(|setting| setting.value.contains("(hidden)"));
        let here = hidden.filter(|setting| layers.is_from_file(&setting.key) && is_secret(&setting.key));
        here.map(|setting| setting.key).collect()
    }
}
