//! Runs every command with every section of the settings filled in.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::binary::doorward;

/// Settings of a production server, with a value in every section.
const SETTINGS: &str = r##"
public_url = "https://auth.example.com"
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
proxy_header = "forwarded"
http.write_timeout = "20s"
data = "data"
secret_keys = "{folder}/keys"
check_email = true
cors.origins = ["https://www.example.com"]
signup.domains = ["example.com"]
signup.confirmation = "required"
auto_register.password = true
captcha = { kind = "turnstile", site_key = "0x4A", secret = "0x4B", hostnames = ["www.example.com"] }
defaults.google.roles = ["customer"]
email.codes = true
phone.region = "DE"
device_id.enabled = true
custom_id.enabled = true
profile.genders = ["female", "male"]
profile.extras.coin.type = "number"
user_data.score.type = "number"
disclosure.account = "compatible"
token.lifetime = "5m"
session.idle = "20d"
flows.lifetime = "5m"
introspection.clients = ["back:0123456789abcdef0123456789abcdef"]
hooks.script = "{folder}/hooks.star"
hooks.time = "2s"
admin.listen = "127.0.0.1:0"
roles.default = ["user"]
links.redirects = ["https://www.example.com/welcome"]
codes.lifetime = "5m"
outbound.allow = ["127.0.0.1"]
limits.sign_in = "10/1m"
compat.auth_v1 = true
log.level = "warn"
prune.every = "5m"
site = [{ path = "/", dir = "www" }]
database.connections = 4

[password]
min_length = 15
blocked = "common"
breach_filter = "{folder}/filter"
breach_service = "https://pwned.example.com/range/"

[smtp]
host = "127.0.0.1"
port = 2525
security = "starttls"
username = "doorward"
password = "hunter2"

[mail]
from = "Example <hello@example.com>"
reply_to = "help@example.com"
product = "Example"

[sms]
preset = "twilio"
account = "AC0123"
secret = "hunter2"
from = "+15005550006"

[webhooks.crm]
url = "https://127.0.0.1:1/hooks"
secrets = ["{secret}"]
events = ["post_signup"]

[providers.google]
client_id = "1234"
client_secret = "hunter2"
callbacks = ["https://www.example.com/google"]

[providers.microsoft]
client_id = "1234"
client_secret = "hunter2"
callbacks = ["https://www.example.com/microsoft"]

[providers.apple]
client_id = "com.example.web"
team_id = "TEAM"
key_id = "KEY"
private_key = """
{apple}"""
callbacks = ["https://www.example.com/apple"]

[providers.facebook]
client_id = "1234"
client_secret = "hunter2"
callbacks = ["https://www.example.com/facebook"]

[providers.twitter]
client_id = "1234"
callbacks = ["https://www.example.com/twitter"]

[providers.twitter_oauth1]
client_id = "1234"
client_secret = "hunter2"
callbacks = ["https://www.example.com/twitter_oauth1"]

[providers.acme]
kind = "oidc"
issuer = "https://id.example.com"
client_id = "1234"
client_secret = "hunter2"
callbacks = ["https://www.example.com/acme"]
"##;

/// Every command and its standard input. `serve`, `help` and `init` have tests of their own.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["config", "check"], ""),
    (&["keys", "generate"], ""),
    (&["keys", "list"], ""),
    (&["keys", "rotate"], ""),
    (&["passwords", "filter", "-", "filter"], "password\n"),
    (&["key", "create", "--scope", "admin"], ""),
    (&["key", "list"], ""),
    (&["key", "revoke", "0199a000-0000-7000-8000-000000000000", "--yes"], ""),
    (&["user", "create", "--email", "ada@example.com", "--password"], "correct horse battery\n"),
    (&["user", "list"], ""),
    (&["user", "show", "ada@example.com"], ""),
    (&["user", "disable", "ada@example.com", "--yes"], ""),
    (&["user", "enable", "ada@example.com"], ""),
    (&["user", "set-password", "ada@example.com"], "battery horse correct\n"),
    (&["user", "roles", "ada@example.com", "--set", "editor"], ""),
    (&["user", "sessions", "ada@example.com"], ""),
    (&["export", "ada@example.com"], ""),
    (&["subscribers"], ""),
    (&["audit"], ""),
    (&["hooks", "check"], ""),
    (&["hooks", "try", "pre_signup"], ""),
    (&["hooks", "deliveries"], ""),
    (&["hooks", "secret"], ""),
    (&["user", "delete", "ada@example.com", "--yes"], ""),
];

/// Fails as expected, because there is no such key.
const FAILS: &[&str] = &["key revoke"];

/// A folder with these settings and the files that they name.
fn furnished() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("www")).unwrap();
    std::fs::write(path("www/index.html"), "<!doctype html>").unwrap();
    std::fs::write(path("hooks.star"), "def pre_signup(model):\n    pass\n").unwrap();
    std::fs::write(path("list"), "password\n").unwrap();
    let run = |args: &[&str]| {
        let output = doorward(folder.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["passwords", "filter", "list", "filter"]);
    std::fs::write(path("keys"), run(&["keys", "generate"])).unwrap();
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let random = aws_lc_rs::rand::SystemRandom::new();
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let (mark, base64) = (["PRIVATE", "KEY"].join(" "), STANDARD.encode(key.as_ref()));
    let apple = format!("-----BEGIN {mark}-----\n{base64}\n-----END {mark}-----\n");
    let settings = SETTINGS
        .replace("{folder}", folder.path().to_str().unwrap())
        .replace("{secret}", run(&["hooks", "secret"]).trim())
        .replace("{apple}", &apple);
    std::fs::write(path("doorward.toml"), settings).unwrap();
    folder
}

/// Runs the server until it is ready, then stops it.
fn serve(folder: &Path) {
    use std::io::{BufRead, BufReader, Read};
    let mut child = doorward(folder).arg("serve").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ended = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert!(line.starts_with("doorward is ready") && ended.success(), "{line}{said}");
    assert!(status.success(), "{status}: {said}");
}

/// The commands that `--help` lists, with their subcommands, as they are typed.
fn listed(folder: &Path, before: &[&str]) -> BTreeSet<String> {
    let output = doorward(folder).args(before).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return [before.join(" ")].into() };
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.flat_map(|name| listed(folder, &[before, &[name]].concat())).collect()
}

#[test]
fn every_command_works_with_every_section_of_the_settings() {
    let folder = furnished();
    serve(folder.path());
    for (args, stdin) in COMMANDS {
        let mut command = doorward(folder.path());
        let mut child = command.args(*args).stdin(Stdio::piped()).spawn().unwrap();
        // A command that does not read its input may have ended already.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let name = args.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(i32::from(FAILS.contains(&&*name))), "{name}: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
}

#[test]
fn every_command_and_every_section_of_the_settings_is_tested() {
    let folder = furnished();
    let tried = |name: &str| {
        let words: Vec<_> = name.split(' ').collect();
        matches!(name, "serve" | "init") || COMMANDS.iter().any(|(args, _)| args.starts_with(&words))
    };
    let missing: Vec<_> = listed(folder.path(), &[]).into_iter().filter(|name| !tried(name)).collect();
    assert!(missing.is_empty(), "COMMANDS lacks {missing:?}");
    let output = doorward(folder.path()).args(["config", "check"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let settings = shown.lines().filter(|line| !line.starts_with(' ') && line.ends_with(']'));
    let (mut all, mut set) = (BTreeSet::new(), BTreeSet::new());
    for line in settings {
        let section = line.split(['.', ' ']).next().unwrap();
        all.insert(section);
        if !line.ends_with("[default]") {
            set.insert(section);
        }
    }
    let missing: Vec<_> = all.difference(&set).collect();
    assert!(all.len() > 30 && missing.is_empty(), "SETTINGS lacks {missing:?} of {all:?}");
}

#[test]
fn an_smtp_port_that_contradicts_smtp_security_causes_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let variables = |port: &str, security: &str| {
        let mut command = doorward(folder.path());
        command
            .env("DOORWARD_SMTP__HOST", "mail.example.com")
            .env("DOORWARD_MAIL__FROM", "hello@example.com");
        command.env("DOORWARD_SMTP__PORT", port);
        if !security.is_empty() {
            command.env("DOORWARD_SMTP__SECURITY", security);
        }
        command
    };
    for (port, security, warned) in [
        ("0", "", false),
        ("465", "", false),
        ("587", "", false),
        ("25", "", false),
        ("465", "tls", false),
        ("587", "starttls", false),
        ("25", "starttls", false),
        ("25", "none", false),
        ("2525", "tls", false),
        ("0", "tls", false),
        ("465", "starttls", true),
        ("465", "none", true),
        ("587", "tls", true),
        ("25", "tls", true),
    ] {
        let output = variables(port, security).args(["config", "check", "--dev"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let shown = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = shown.lines().filter(|line| line.starts_with("warning: smtp.security")).collect();
        assert_eq!(lines.len(), usize::from(warned), "{port} {security}: {lines:?}");
        assert!(lines.iter().all(|line| line.contains(port) && line.contains(security)), "{lines:?}");
    }
    // The server also logs the warning at its start, before it finds that it cannot listen on this address.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let output = variables("465", "starttls").args(["serve", "--dev", "--listen", &at]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("smtp.security is starttls"));
}
