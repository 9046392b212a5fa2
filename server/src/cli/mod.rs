//! The command line: one file per verb.

mod audit;
mod config_check;
mod deliveries;
mod export;
mod hooks;
mod init;
mod key;
mod keys;
mod operator;
mod passwords;
mod serve;
mod subscribers;
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use doorward_config::{ConfigError, Layers};
use doorward_core::service_key::Scope;
use operator::{Ask, Verdict};
use user::UserVerb;

/// Sign-up and sign-in for web front ends: the server.
#[derive(Debug, Parser)]
#[command(name = "doorward", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server.
    Serve(Settings),
    /// Write the first settings and keys of a server in production: doorward.toml and keys.
    Init {
        /// The URL of the server in browsers, like https://auth.example.com.
        public_url: String,
        /// A page that may call the server, like https://www.example.com. Can be repeated.
        #[arg(long = "page", value_name = "ORIGIN")]
        pages: Vec<String>,
        /// The folder of the files. It is created, readable only by you, if it does not exist.
        #[arg(long, value_name = "DIR", default_value = ".")]
        folder: std::path::PathBuf,
    },
    /// Check the settings.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Create, show and rotate keys.
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Create lists of refused passwords.
    #[command(subcommand)]
    Passwords(PasswordsVerb),
    /// Manage service keys. With them your own programs administer accounts or sign users in.
    #[command(subcommand)]
    Key(KeyVerb),
    /// Show and change accounts. USER is an id, an e-mail address, a phone number with +, or a username.
    #[command(subcommand)]
    User(UserVerb),
    /// Print all stored data of a user, as one JSON document without secrets.
    Export {
        user: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Print the proven addresses of users that want the newsletter; with --json one per line.
    Subscribers(Ask),
    /// Print the audit log, newest entries first; with --json one per line.
    Audit(audit::Which),
    /// Check the hooks and try them.
    #[command(subcommand)]
    Hooks(hooks::HooksVerb),
    /// The process in which the server evaluates hooks.
    #[command(hide = true)]
    HookWorker,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Print every setting with its value, origin and meaning; fail if one is wrong.
    Check(Settings),
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Print a new line for the file of secret keys.
    Generate,
    /// Show the ids of the secret keys and of the keys that sign tokens, and the state of each.
    List(Settings),
    /// Put a new secret key in front of the file. The others stay behind it, so that all sessions continue.
    Rotate(Settings),
}

#[derive(Debug, Subcommand)]
enum PasswordsVerb {
    /// Create the file for password.breach_filter from a list of stolen passwords or of their SHA-1 hashes, one per
    /// line, with or without `:count` at the end.
    Filter {
        /// The list; - for stdin.
        input: std::path::PathBuf,
        /// The file to create.
        output: std::path::PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// Create a service key and print it once.
    Create {
        /// Your name for the key.
        #[arg(long, default_value = "")]
        name: String,
        /// Permission: `admin` for everything below /v1/admin, `trusted` to sign users in by custom_id. Can be
        /// repeated.
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show all service keys; with --json one per line.
    List(Ask),
    /// Revoke a service key.
    Revoke {
        /// Its id.
        id: String,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        ask: Ask,
    },
}

fn scope(text: &str) -> Result<Scope, &'static str> {
    let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
    known.ok_or("the scopes are admin and trusted")
}

/// The sources of the settings.
#[derive(Debug, Args)]
struct Settings {
    /// For trials and development: creates its own keys, shows mails at /dev/mailbox, allows any localhost origin.
    #[arg(long)]
    dev: bool,
    /// Address and port to listen on [default: 127.0.0.1:8787].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Folder of the database [default: data].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// File with settings [default: doorward.toml, if there is one].
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
}

impl Settings {
    fn layers(&self) -> Result<Layers, ConfigError> {
        let mut layers = Layers::default();
        let default = std::path::PathBuf::from("doorward.toml");
        let file = self.config.as_ref().unwrap_or(&default);
        match std::fs::read_to_string(file) {
            Ok(text) => layers.file(file, &text)?,
            Err(error) if self.config.is_some() || error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ConfigError::about(
                    "--config",
                    None,
                    format_args!("{}: {error}", file.display()),
                ));
            }
            Err(_) => {}
        }
        let variables = std::env::vars_os();
        layers.environment(
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        for (key, value) in [("listen", &self.listen), ("data", &self.data)] {
            if let Some(value) = value {
                layers.text(key, value, &format!("the flag --{key}"));
            }
        }
        Ok(layers)
    }
}

/// Reads the command line and runs the command.
pub fn run() -> ExitCode {
    let verdict = carry_out(Cli::parse().verb);
    match verdict {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of standard output has closed it.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Runs a command.
fn carry_out(verb: Verb) -> Verdict {
    // Entered before anything else: some libraries look for a runtime when they are set up, and abort the process
    // without one. A hook worker limits its own resources and needs no threads.
    let runtime = match verb {
        Verb::HookWorker => None,
        _ => Some(tokio::runtime::Builder::new_multi_thread().enable_all().build()?),
    };
    let _entered = runtime.as_ref().map(tokio::runtime::Runtime::enter);
    match verb {
        Verb::Serve(settings) => serve::run(&settings),
        Verb::Init { public_url, pages, folder } => init::run(&public_url, &pages, &folder),
        Verb::Config(ConfigVerb::Check(settings)) => config_check::run(&settings),
        Verb::Keys(KeysVerb::Generate) => keys::generate(),
        Verb::Keys(KeysVerb::List(settings)) => keys::list(&settings),
        Verb::Keys(KeysVerb::Rotate(settings)) => keys::rotate(&settings),
        Verb::Passwords(PasswordsVerb::Filter { input, output }) => passwords::filter(&input, &output),
        Verb::Key(KeyVerb::Create { name, scopes, ask }) => key::create(&ask, &name, &scopes),
        Verb::Key(KeyVerb::List(ask)) => key::list(&ask),
        Verb::Key(KeyVerb::Revoke { id, yes, ask }) => key::revoke(&ask, &id, yes),
        Verb::User(verb) => user::run(verb),
        Verb::Export { user, ask } => export::run(&ask, &user),
        Verb::Subscribers(ask) => subscribers::run(&ask),
        Verb::Audit(which) => audit::run(which),
        Verb::Hooks(verb) => hooks::run(verb),
        Verb::HookWorker => Ok(doorward_hooks::script::sandbox::run()?),
    }
}

/// Waits for an answer on the runtime of the command.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(future)
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints why a command failed. If standard error cannot be written, only the exit code shows the failure.
fn complain(error: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "doorward: {error}");
}
