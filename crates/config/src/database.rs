//! Settings of the database: without an address a SQLite file in `data`, with one PostgreSQL.

use std::path::PathBuf;

use doorward_core::secret::Secret;
use url::Url;

use super::{Config, settings};

settings! {
    /// The database of accounts and sessions.
    pub struct Database {
        /// Empty: SQLite, a file in `data`, for one server. `postgres://user:password@host/name?sslmode=verify-full`: PostgreSQL, for any number of servers; the parameter `sslrootcert` names the file with your own root certificate (PEM).
        url: Secret = Secret::default(),
        /// Maximum number of connections that this server opens to PostgreSQL.
        connections: u32 = 16,
    }
}

/// The allowed query parameters of an address.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// How the connection to the database is secured.
enum ConnectionSecurity {
    /// The database is on this machine.
    Local,
    /// Encrypted, and the server's certificate is verified.
    Verified,
    /// The operator chose an `sslmode` without encryption or without verification.
    Open,
    /// Undecided: without `sslmode`, or with `allow` or `prefer`, which can fall back to plain text.
    Unsaid,
}

impl Database {
    /// Describes the database without user and password.
    pub fn place(&self) -> String {
        let Ok(url) = Url::parse(self.url.expose()) else { return "SQLite".to_owned() };
        let said = |name| value(&url, name);
        let host = said("host").or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
        let port = said("port").or_else(|| url.port().map(|port| port.to_string()));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let name = said("dbname").unwrap_or_else(|| url.path().trim_start_matches('/').to_owned());
        format!("PostgreSQL at {host}{port}/{name}")
    }

    /// True if the address contains a password.
    pub(super) fn has_password(&self) -> bool {
        let url = Url::parse(self.url.expose());
        url.is_ok_and(|url| url.password().is_some() || value(&url, "password").is_some())
    }

    /// The file with the key of the client certificate.
    pub(super) fn client_key(&self) -> Option<PathBuf> {
        value(&Url::parse(self.url.expose()).ok()?, "sslkey").map(PathBuf::from)
    }

    fn way(url: &Url) -> ConnectionSecurity {
        let host = value(url, "host").or_else(|| url.host_str().map(str::to_owned));
        let host = host.filter(|host| !host.is_empty()).or_else(|| std::env::var("PGHOST").ok());
        let address = value(url, "hostaddr").or_else(|| std::env::var("PGHOSTADDR").ok());
        if [host, address].iter().flatten().all(|host| is_local(host)) {
            return ConnectionSecurity::Local;
        }
        match value(url, "sslmode").as_deref() {
            Some("verify-full") => ConnectionSecurity::Verified,
            // Public authorities issue certificates to everyone, so `verify-ca` needs a private root certificate.
            Some("verify-ca") if value(url, "sslrootcert").is_some() => ConnectionSecurity::Verified,
            Some("verify-ca" | "require" | "disable") => ConnectionSecurity::Open,
            _ => ConnectionSecurity::Unsaid,
        }
    }
}

fn is_local(host: &str) -> bool {
    matches!(host, "" | "localhost" | "127.0.0.1" | "[::1]" | "::1")
        || host.starts_with('/')
        || host.starts_with("%2F")
}

fn value(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Config {
    /// The invalid settings of the database, by name.
    pub(super) fn database_errors(&self, dev: bool) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        let Database { url, connections } = &self.database;
        if !(2..=1000).contains(connections) {
            errors.push(("database.connections", "must be at least 2 and at most 1000".to_owned()));
        }
        if url.is_empty() {
            return errors;
        }
        // The messages do not contain the address: it may hold a password.
        let mut wrong = |message: String| errors.push(("database.url", message));
        match Url::parse(url.expose()) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => {
                let unknown = |name: &str| !PARAMETERS.contains(&name) && !name.starts_with("options[");
                if let Some((name, _)) = url.query_pairs().find(|(name, _)| unknown(name)) {
                    wrong(format!(
                        "cannot have the parameter {name}; valid parameters are: {}",
                        PARAMETERS.join(", ")
                    ));
                }
                let mut names: Vec<_> = url.query_pairs().map(|(name, _)| name).collect();
                names.sort_unstable();
                if names.windows(2).any(|two| two.first() == two.last()) {
                    wrong("has a parameter twice".to_owned());
                }
                if url.path().trim_start_matches('/').is_empty() && value(&url, "dbname").is_none() {
                    wrong("must name a database, like postgres://user:password@host/name".to_owned());
                }
                if !dev && matches!(Database::way(&url), ConnectionSecurity::Unsaid) {
                    wrong(
                        "must have sslmode=verify-full, so that no third party can read or change the traffic; or \
                         sslmode=disable, if you control the network to the database"
                            .to_owned(),
                    );
                }
            }
            _ => wrong("must be an address like postgres://user:password@host/name, or empty".to_owned()),
        }
        errors
    }

    /// A warning about the connection to the database.
    pub(super) fn database_warning(&self) -> Option<String> {
        let url = Url::parse(self.database.url.expose()).ok()?;
        matches!(Database::way(&url), ConnectionSecurity::Open).then(|| {
            "database.url: without sslmode=verify-full an attacker in the network can impersonate the database".into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Database;

    #[test]
    fn a_database_is_described_without_its_password() {
        let place = |url: &str| Database { url: url.to_owned().into(), ..Database::default() }.place();
        assert_eq!(
            place("postgres://app:hunter2@db.example:6432/auth"),
            "PostgreSQL at db.example:6432/auth"
        );
        assert_eq!(
            place("postgres:///auth?host=/run/postgresql&user=app&password=hunter2"),
            "PostgreSQL at /run/postgresql/auth"
        );
        assert_eq!(place(""), "SQLite");
    }
}
