//! Settings of the database: nothing for the file in `data`, an address for PostgreSQL.

use std::path::PathBuf;

use doorward_core::secret::Secret;
use url::Url;

use super::{Config, settings};

settings! {
    /// Where accounts and sessions are kept.
    pub struct Database {
        /// Empty: SQLite, a file in `data`, for one server. `postgres://user:password@host/name?sslmode=verify-full`: PostgreSQL, for any number of them; `sslrootcert` names a certificate (PEM) of your own.
        url: Secret = Secret::default(),
        /// Connections to PostgreSQL that this server opens at most.
        connections: u32 = 16,
    }
}

/// What an address may say behind its `?`.
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

/// How the way to the database is secured.
enum ConnectionSecurity {
    /// It does not leave this machine.
    Local,
    /// Encrypted, and the other end is known.
    Verified,
    /// As the operator wrote it, without both.
    Open,
    /// Nobody said.
    Unsaid,
}

impl Database {
    /// Which database it is, without what is secret.
    pub fn place(&self) -> String {
        let Ok(url) = Url::parse(self.url.expose()) else { return "SQLite".to_owned() };
        let said = |name| value(&url, name);
        let host = said("host").or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
        let port = said("port").or_else(|| url.port().map(|port| port.to_string()));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let name = said("dbname").unwrap_or_else(|| url.path().trim_start_matches('/').to_owned());
        format!("PostgreSQL at {host}{port}/{name}")
    }

    /// Does the address hold a password?
    pub(super) fn has_password(&self) -> bool {
        let url = Url::parse(self.url.expose());
        url.is_ok_and(|url| url.password().is_some() || value(&url, "password").is_some())
    }

    /// The file with the key of our certificate.
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
            // Whom the whole world trusts signs for everybody: without the name that says nothing.
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
    /// Settings of the database that could not work, by their names.
    pub(super) fn database_errors(&self, dev: bool) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        let Database { url, connections } = &self.database;
        if !(2..=1000).contains(connections) {
            errors.push(("database.connections", "must be at least 2 and at most 1000".to_owned()));
        }
        if url.is_empty() {
            return errors;
        }
        // What is wrong is said without the address: it may hold a password.
        let mut wrong = |message: String| errors.push(("database.url", message));
        match Url::parse(url.expose()) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => {
                let unknown = |name: &str| !PARAMETERS.contains(&name) && !name.starts_with("options[");
                if let Some((name, _)) = url.query_pairs().find(|(name, _)| unknown(name)) {
                    wrong(format!("has no parameter {name}; there are: {}", PARAMETERS.join(", ")));
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
                        "must say sslmode=verify-full, so that nobody between here and there reads or changes what \
                         is sent; sslmode=disable if that way is your own"
                            .to_owned(),
                    );
                }
            }
            _ => wrong("must be an address like postgres://user:password@host/name, or empty".to_owned()),
        }
        errors
    }

    /// What about the database should be known.
    pub(super) fn database_warning(&self) -> Option<String> {
        let url = Url::parse(self.database.url.expose()).ok()?;
        matches!(Database::way(&url), ConnectionSecurity::Open).then(|| {
            "database.url: without sslmode=verify-full whoever is on the way to the database can pass for it".into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Database;

    #[test]
    fn a_database_is_named_without_its_password() {
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
