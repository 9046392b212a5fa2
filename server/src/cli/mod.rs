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
    /// Write settings and keys that a server in production begins with: doorward.toml and keys.
    Init {
        /// The address of the server as browsers know it, like https://auth.example.com.
        public_url: String,
        /// A page that may call the server, like https://www.example.com. Can be repeated.
        #[arg(long = "page", value_name = "ORIGIN")]
        pages: Vec<String>,
        /// Where the files go. It is made, for you alone, if it is not there.
        #[arg(long, value_name = "DIR", default_value = ".")]
        folder: std::path::PathBuf,
    },
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Make, show and change keys.
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Make lists that passwords are held against.
    #[command(subcommand)]
    Passwords(PasswordsVerb),
    /// Service keys, for programs of yours that administer accounts or say who somebody is.
    #[command(subcommand)]
    Key(KeyVerb),
    /// Look at accounts and change them. USER is an id, an e-mail address, a phone number with +, or a username.
    #[command(subcommand)]
    User(UserVerb),
    /// Print all that is stored of a person, as one JSON document without secrets.
    Export {
        user: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Print who wants the newsletter at an address that was proven; with --json one a line.
    Subscribers(Ask),
    /// Print what happened, the newest first; with --json one a line.
    Audit(audit::Which),
    /// Look at the hooks and try them.
    #[command(subcommand)]
    Hooks(hooks::HooksVerb),
    /// What the server starts to evaluate hooks in.
    #[command(hide = true)]
    HookWorker,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Print every setting, its value, where it came from and what it does; fail if one is wrong.
    Check(Settings),
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Print a new line for the file of secret keys.
    Generate,
    /// Show the ids of the secret keys and of the keys that sign tokens, and what each does now.
    List(Settings),
    /// Put a new secret key in front of the file; the others stay behind it, so that nobody is signed out.
    Rotate(Settings),
}

#[derive(Debug, Subcommand)]
enum PasswordsVerb {
    /// Make the file of password.breach_filter from a list of stolen passwords or of their SHA-1 hashes, one a line, with or
    /// without `:count` behind.
    Filter {
        /// The list; - for stdin.
        input: std::path::PathBuf,
        /// The file that is made.
        output: std::path::PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// Make a service key and print it, once.
    Create {
        /// What you call it.
        #[arg(long, default_value = "")]
        name: String,
        /// What it may do: `admin` everything below /v1/admin, `trusted` sign people in by custom_id. Can be repeated.
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show all service keys; with --json one a line.
    List(Ask),
    /// End a service key.
    Revoke {
        /// Its id.
        id: String,
        /// Do it without asking.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        ask: Ask,
    },
}

fn scope(text: &str) -> Result<Scope, &'static str> {
    let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
    known.ok_or("there are the scopes admin and trusted")
}

/// Where settings come from.
#[derive(Debug, Args)]
struct Settings {
    /// For trying and developing: makes its own keys, shows mails at /dev/mailbox, allows any localhost origin.
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

/// Reads the command line and does what it asks for.
pub fn run() -> ExitCode {
    let verdict = carry_out(Cli::parse().verb);
    match verdict {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of standard output has seen enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Does what a verb asks for.
fn carry_out(verb: Verb) -> Verdict {
    // Entered before anything else: libraries look for a runtime when they are set up, and abort the process without one. A
    // worker for hooks confines itself, and has no use for threads.
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

/// Tells a person why a command failed; where standard error cannot be written, the exit code has to do.
fn complain(error: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "doorward: {error}");
}
