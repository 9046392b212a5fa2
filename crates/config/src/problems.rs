//! Checks the settings as a whole, before the server starts.

use doorward_core::domain;
use url::Url;

use super::{AccountDisclosure, Config, ConfigError, Confirmation, Layers, SignupDisclosure, Span, origin};

/// A problem with the settings.
#[derive(Debug)]
pub enum SettingProblem {
    /// The server does not start.
    Error(ConfigError),
    /// The server starts and logs this warning.
    Warning(String),
}

impl Config {
    /// Reads the layers, applies the defaults that follow from `--dev` and `public_url`, and checks the result. Returns
    /// the settings and the warnings about them.
    pub fn load(layers: &Layers, dev: bool) -> Result<(Config, Vec<String>), ConfigError> {
        let mut config: Config = layers.read()?;
        config.place_files(layers);
        config.write_domains_in_ascii();
        config.respell_extras();
        config.place_hooks(layers);
        if dev {
            config.check_email = config.check_email || layers.origin("check_email").is_none();
            config.loosen_sms(layers);
            config.loosen_limits(layers);
            config.develop_identifiers(layers);
            if config.public_url.is_empty() {
                config.public_url = format!("http://localhost:{}", config.listen.port());
            }
        }
        let mut warnings = Vec::new();
        for problem in config.problems(layers, dev) {
            match problem {
                SettingProblem::Error(error) => return Err(error),
                SettingProblem::Warning(warning) => warnings.push(warning),
            }
        }
        config.public_url.truncate(config.public_url.trim_end_matches('/').len());
        if config.token.audience.is_empty() {
            config.token.audience.clone_from(&config.public_url);
        }
        Ok((config, warnings))
    }

    /// Converts internationalised domains to ASCII, the form in which they are compared and sent.
    fn write_domains_in_ascii(&mut self) {
        let signup = &mut self.signup;
        for domain in signup.domains.iter_mut().chain(&mut signup.blocked_domains) {
            // `problems` reports the empty text that replaces an invalid domain.
            *domain = domain::canonical(domain).unwrap_or_default();
        }
        for url in self.cors.origins.iter_mut().chain([&mut self.public_url]) {
            if let Some(ascii) = domain::with_ascii_host(url) {
                *url = ascii;
            }
        }
        for host in self.captcha.hostnames.iter_mut().filter(|host| !host.is_ascii()) {
            // An invalid host stays as it is, and `captcha_errors` reports it.
            *host = domain::canonical(host).unwrap_or(std::mem::take(host));
        }
        if !self.smtp.host.is_ascii() {
            // An invalid host stays as it is, so that the connection error names it.
            self.smtp.host =
                domain::canonical(&self.smtp.host).unwrap_or(std::mem::take(&mut self.smtp.host));
        }
    }

    fn problems(&self, layers: &Layers, dev: bool) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        let mut error = |key: &str, message: &str| {
            problems.push(SettingProblem::Error(ConfigError::about(key, layers.origin(key), message)));
        };
        match Url::parse(&self.public_url) {
            Err(_) if self.public_url.is_empty() => error(
                "public_url",
                "is required: the https address at which users reach this server. Use --config to name the file that sets it. \
                 A server that runs with --dev does not need it: pass --dev to each command for that server",
            ),
            Err(_) => error("public_url", "is not a valid address"),
            Ok(url) if !dev && url.scheme() != "https" => {
                error("public_url", "must be https without --dev: tokens and passwords are sent to it");
            }
            Ok(url)
                if url.query().is_some()
                    || url.fragment().is_some()
                    || !matches!(url.scheme(), "https" | "http") =>
            {
                error("public_url", "must be an https address without query and fragment");
            }
            Ok(url)
                if !url
                    .path()
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)) =>
            {
                error("public_url", "may have only letters, digits, - . _ ~ and / in its path");
            }
            Ok(_) => {}
        }
        if dev && !self.listen.ip().is_loopback() {
            error(
                "listen",
                "must be a loopback address like 127.0.0.1:8787 with --dev: the development mailbox shows every code",
            );
        }
        if let Some(admin) = self.admin.listen {
            if admin == self.listen && admin.port() != 0 {
                error("admin.listen", "must differ from listen; to serve /v1/admin there, set admin.public");
            }
            if dev && !admin.ip().is_loopback() {
                error("admin.listen", "must be a loopback address like 127.0.0.1:8091 with --dev");
            }
        }
        if self.http.max_connections == 0 || self.http.max_connections_per_source == 0 {
            error("http.max_connections", "and http.max_connections_per_source must be at least 1");
        }
        if self.http.write_timeout < Span::seconds(1) {
            error("http.write_timeout", "must be at least 1s");
        }
        for origin in &self.cors.origins {
            if let Some(fault) = origin::fault(origin, dev) {
                error("cors.origins", &fault);
            }
        }
        for (key, list) in [
            ("signup.domains", &self.signup.domains),
            ("signup.blocked_domains", &self.signup.blocked_domains),
        ] {
            if list.iter().any(String::is_empty) {
                error(key, "each must be a bare domain like example.com");
            }
        }
        for redirect in &self.links.redirects {
            if !Url::parse(redirect).is_ok_and(|url| origin::is_target(&url)) {
                error(
                    "links.redirects",
                    "each must be a full address like https://www.example.com/welcome or com.example.app://welcome",
                );
            }
        }
        for (key, template) in [("links.verify", &self.links.verify), ("links.reset", &self.links.reset)] {
            if !template.contains("{token}") {
                error(key, "must contain {token}");
            }
        }
        for (key, template) in [
            ("links.verify", &self.links.verify),
            ("links.reset", &self.links.reset),
            ("links.forgot", &self.links.forgot),
        ] {
            let filled = template.replace("{public_url}", "https://a.example").replace("{token}", "t");
            let address = Url::parse(&filled).is_ok_and(|url| origin::is_target(&url));
            if !address || filled.contains(['{', '}']) {
                error(key, "must be a full address with no other placeholders than {public_url} and {token}");
            }
        }
        for client in &self.introspection.clients {
            let parts = client.expose().split_once(':');
            if parts.is_none_or(|(id, secret)| id.is_empty() || secret.len() < 32) {
                error(
                    "introspection.clients",
                    "each must be id:secret, the secret at least 32 characters long",
                );
            }
        }
        let disclosure = &self.disclosure;
        if (disclosure.signup, disclosure.account) == (SignupDisclosure::Quiet, AccountDisclosure::Compatible)
        {
            error(
                "disclosure.account",
                "must be strict when disclosure.signup is quiet: compatible answers reveal which addresses have \
                 accounts",
            );
        }
        let token = &self.token;
        if !dev && token.publish_keys < Span::minutes(10) {
            error("token.publish_keys", "must be at least 10m: clients cache the JWKS document for 5m");
        }
        if token.publish_keys >= token.rotate_keys {
            error("token.rotate_keys", "must be longer than token.publish_keys");
        }
        let password = &self.password;
        if password.min_length == 0 || password.min_length > password.max_length || password.max_length > 1024
        {
            error(
                "password.min_length",
                "must be at least 1 and at most password.max_length, which must be at most 1024",
            );
        }
        if argon2::Params::new(password.hash_memory, password.hash_passes, password.hash_lanes, None).is_err()
            || password.hash_memory > 4_194_304
        {
            error("password.hash_memory", "Argon2id cannot run with this memory, passes and lanes");
        } else if !dev && u64::from(password.hash_memory) * u64::from(password.hash_passes) < 19_456 * 2 {
            error(
                "password.hash_memory",
                "must be at least 19456 with 2 passes: weaker hashes of a stolen database can be cracked",
            );
        }
        for (key, message) in self.mail_errors() {
            error(key, message);
        }
        for (key, message) in self.hooks_errors(layers) {
            error(key, &message);
        }
        for (key, message) in self.sms_errors() {
            error(key, message);
        }
        for (key, message) in self.captcha_errors() {
            error(key, message);
        }
        for (key, message) in self.limits_errors() {
            error(key, message);
        }
        for (key, message) in self.identifier_errors() {
            error(&key, message);
        }
        for (key, message) in self.provider_errors() {
            error(&key, &message);
        }
        for (key, message) in self.webhook_errors() {
            error(&key, &message);
        }
        for (key, message) in self.compat_errors() {
            error(key, message);
        }
        for (key, message) in self.database_errors(dev) {
            error(key, &message);
        }
        let session = &self.session;
        if token.lifetime.as_seconds() == 0 {
            error("token.lifetime", "must be at least 1s");
        }
        if session.absolute < session.idle {
            error("session.absolute", "must be at least session.idle");
        }
        // Only a refresh counts as use of a session. Clients refresh once per access token, and a refresh within
        // `session.repeat` of the last one replaces no token.
        if session.idle <= token.lifetime || session.idle <= session.repeat || session.idle <= session.grace {
            error("session.idle", "must be longer than token.lifetime, session.repeat and session.grace");
        }
        if session.grace.as_seconds() == 0 {
            error("session.grace", "must be at least 1s: two tabs may refresh with the same token at once");
        }
        if !self.signup.domains.is_empty() && self.signup.confirmation == Confirmation::Optional {
            problems.push(SettingProblem::Warning(
                "signup.domains restricts nothing while signup.confirmation is optional: users can enter addresses that they \
                 do not own"
                    .into(),
            ));
        }
        problems.extend(self.database_warning().map(SettingProblem::Warning));
        problems.extend(self.smtp.contradiction().map(SettingProblem::Warning));
        problems.extend(layers.service_links_warning().map(SettingProblem::Warning));
        problems.extend(self.exposures(layers).into_iter().map(SettingProblem::Warning));
        if !dev && self.admin.listen.is_some_and(|admin| !admin.ip().is_loopback()) {
            problems.push(SettingProblem::Warning(
                "admin.listen is reachable from other machines: put a TLS proxy in front of it, because requests carry \
                 service keys"
                    .into(),
            ));
        }
        if !dev && self.smtp.host.is_empty() {
            problems.push(SettingProblem::Warning(
                "smtp.host is not set: no mail is sent, and each mail is given up after mail.attempts attempts".into(),
            ));
        }
        if !dev && password.min_length < 8 {
            problems.push(SettingProblem::Warning(format!(
                "password.min_length is {}: passwords of fewer than 8 characters are easy to guess; 15 is recommended \
                 today",
                password.min_length
            )));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, dev: bool) -> Result<(Config, Vec<String>), String> {
        let mut layers = Layers::default();
        layers.toml(text, "doorward.toml").unwrap();
        Config::load(&layers, dev).map_err(|error| error.to_string())
    }

    #[test]
    fn development_needs_no_settings_at_all() {
        let (config, warnings) = load("", true).unwrap();
        assert_eq!(config.public_url, "http://localhost:8787");
        assert_eq!(config.token.audience, "http://localhost:8787");
        assert!(config.check_email && warnings.is_empty());
    }

    #[test]
    fn sec_l01_production_needs_an_https_address_of_its_own() {
        assert!(load("", false).unwrap_err().starts_with("public_url: is required"));
        let message = load("public_url = \"http://auth.example.com\"", false).unwrap_err();
        assert!(
            message.starts_with("public_url: must be https") && message.ends_with("(from doorward.toml)"),
            "{message}"
        );
        let (config, warnings) = load("public_url = \"https://auth.example.com/\"", false).unwrap();
        assert_eq!(config.public_url, "https://auth.example.com");
        assert!(!config.check_email);
        assert!(warnings.iter().any(|warning| warning.contains("password.min_length")), "sec_P01");
    }

    #[test]
    fn an_unverified_connection_to_the_database_causes_a_warning() {
        for (at, warned) in [
            ("localhost/auth", false),
            ("db.example/auth?sslmode=verify-full", false),
            ("db.example/auth?sslmode=disable", true),
        ] {
            let text = format!(
                "public_url = \"https://auth.example.com\"\n[database]\nurl = \"postgres://app:hunter2@{at}\""
            );
            let (_, warnings) = load(&text, false).unwrap();
            assert_eq!(warnings.iter().any(|warning| warning.starts_with("database.url")), warned, "{at}");
            assert!(!warnings.concat().contains("hunter2"));
        }
    }

    #[test]
    fn an_origin_that_no_browser_sends_is_refused_and_the_error_names_the_right_one() {
        for (origin, message) in [
            ("https://a.example/", "write https://a.example"),
            ("https://a.example/app?x#y", "write https://a.example"),
            ("https://a.example:443", "write https://a.example"),
            ("HTTPS://A.example", "write https://a.example"),
            ("http://user@a.example", "write http://a.example"),
            ("capacitor://localhost/", "write capacitor://localhost"),
            ("Tauri://localhost", "write tauri://localhost"),
            ("chrome-extension://*", "no *"),
            ("*", "no *"),
            ("https://*.example.com", "no *"),
            ("a.example", "an exact origin"),
            ("localhost:3000", "an exact origin"),
            ("app://", "an exact origin"),
            ("file://", "null"),
            ("file:///index.html", "null"),
            ("data:text/html,x", "an exact origin"),
            ("javascript://localhost", "an exact origin"),
            ("null", "with --dev alone"),
            ("", "an exact origin"),
        ] {
            let text = format!("public_url = \"https://auth.example.com\"\ncors.origins = [{origin:?}]");
            let fault = load(&text, false).unwrap_err();
            assert!(fault.starts_with("cors.origins: ") && fault.contains(message), "{origin}: {fault}");
        }
        assert!(load("cors.origins = [\"null\"]", true).is_ok());
    }

    #[test]
    fn a_path_of_public_url_that_no_route_can_have_is_refused() {
        let with = |path: &str| load(&format!("public_url = \"https://www.example.com/{path}\""), false);
        assert!(with("auth").is_ok() && with("my-app/v1.0/auth_~/").is_ok());
        for path in [":8443", "*", "a/:b", "{id}", "a%20b"] {
            assert!(with(path).unwrap_err().starts_with("public_url: "), "{path}");
        }
    }

    #[test]
    fn an_invalid_setting_is_refused_at_start_with_its_name() {
        let https = "public_url = \"https://auth.example.com\"\n";
        for (text, key) in [
            ("[cors]\norigins = [\"https://a.example/\"]", "cors.origins"),
            ("[cors]\norigins = [\"*\"]", "cors.origins"),
            ("[http]\nmax_connections = 0", "http.max_connections"),
            ("[http]\nmax_connections_per_source = 0", "http.max_connections"),
            ("[http]\nwrite_timeout = \"0s\"", "http.write_timeout"),
            ("[links]\nredirects = [\"/welcome\"]", "links.redirects"),
            ("[links]\nverify = \"https://a.example/\"", "links.verify"),
            ("[links]\nreset = \"{publicurl}/reset#{token}\"", "links.reset"),
            ("[links]\nreset = \"javascript:{token}\"", "links.reset"),
            ("[links]\nforgot = \"/forgot\"", "links.forgot"),
            ("[links]\nredirects = [\"javascript://a.example/%0aalert(1)\"]", "links.redirects"),
            ("[links]\nredirects = [\"mailto:ada@example.com\"]", "links.redirects"),
            ("[links]\nredirects = [\"data:text/html,x\"]", "links.redirects"),
            ("[captcha]\nhostnames = [\"https://www.example.com\"]", "captcha.hostnames"),
            ("[captcha]\nhostnames = [\"www.example.com:443\"]", "captcha.hostnames"),
            ("[compat]\nauth_v1 = true\n[session]\nrequire_proof = true", "compat.auth_v1"),
            ("[compat]\nauth_v1 = true\ntoken_lifetime = \"30d\"", "compat.token_lifetime"),
            ("[signup]\ndomains = [\"*.example.com\"]", "signup.domains"),
            ("[signup]\nblocked_domains = [\"@example.com\"]", "signup.blocked_domains"),
            ("[disclosure]\nsignup = \"quiet\"\naccount = \"compatible\"", "disclosure.account"),
            ("[password]\nmin_length = 70", "password.min_length"),
            ("[password]\nhash_memory = 1024", "password.hash_memory"),
            ("[session]\nidle = \"100d\"", "session.absolute"),
            ("[database]\nurl = \"mysql://db.example/auth\"", "database.url"),
            ("[database]\nurl = \"postgres://localhost\"", "database.url"),
            ("[database]\nurl = \"postgres://localhost/auth?ssl=1\"", "database.url"),
            ("[database]\nurl = \"postgres://db.example/auth\"", "database.url"),
            ("[database]\nurl = \"postgres://db.example/auth?sslmode=prefer\"", "database.url"),
            ("[database]\nconnections = 1", "database.connections"),
            ("[admin]\nlisten = \"127.0.0.1:8787\"", "admin.listen"),
            ("[codes]\nlifetime = \"1h\"", "codes.lifetime"),
            ("[phone]\nregion = \"China\"", "phone.region"),
            ("[profile.extras.Coin]\ntype = \"number\"", "profile.extras.Coin"),
            ("[profile.extras.nickname]\ntype = \"string\"", "profile.extras.nickname"),
            ("[profile.extras.roles]\ntype = \"strings\"", "profile.extras.roles"),
            ("[profile.extras.country]\ntype = \"string\"", "profile.extras.country"),
            ("[profile.extras.createdAt]\ntype = \"string\"", "profile.extras.createdAt"),
            (
                "[profile.extras.playerName]\ntype = \"string\"\n[profile.extras.player_name]\ntype = \"string\"",
                "profile.extras.player_name",
            ),
            ("[profile.extras.coin]\ntype = \"money\"", "profile.extras.coin"),
            ("[user_data.\"a/b\"]\ntype = \"number\"", "user_data.a/b"),
            ("[smtp]\nhost = \"mail.example.com\"", "mail.from"),
            ("[codes]\nsms_life = \"30s\"", "codes.sms_life"),
            ("[sms]\nfrom = \"Example\"", "sms.preset"),
            ("[sms]\npreset = \"nexmo\"", "sms.preset"),
            ("[sms]\npreset = \"twilio\"\nfrom = \"+15557122661\"", "sms.secret"),
            ("[sms]\npreset = \"twilio\"\nfrom = \"+15557122661\"\nsecret = \"x\"", "sms.account"),
            ("[sms]\npreset = \"messagebird\"\nfrom = \"x\"\nsecret = \"x\"\nbody = \"{text}\"", "sms.body"),
            ("[sms]\nsuccess_at = \"messages\"", "sms.success_at"),
            ("[sms]\nbudget_total = 0", "sms.budget_total"),
            ("[limits]\nsign_in = \"often\"", "limits.sign_in"),
            ("[limits]\nfailures = 0", "limits.failures"),
            ("[limits]\npause = \"1h\"", "limits.longest_pause"),
            ("[hooks]\nscript = \"/no/such/hooks.star\"", "hooks.script"),
            ("[hooks]\ntime = \"6s\"", "hooks.time"),
            ("[hooks]\nmemory = 1", "hooks.memory"),
            ("[hooks]\nsteps = 1", "hooks.steps"),
            (
                "[smtp]\nhost = \"mail.example.com\"\nsecurity = \"none\"\nusername = \"x\"\n[mail]\nfrom = \"a@b.example\"",
                "smtp.security",
            ),
        ] {
            let message = load(&format!("{https}{text}"), false).unwrap_err();
            assert!(message.starts_with(key), "{message}");
        }
        assert!(load("listen = \"0.0.0.0:8787\"", true).unwrap_err().starts_with("listen: "), "D-36");
    }
}
