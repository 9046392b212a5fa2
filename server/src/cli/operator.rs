//! Shared by the operator's commands: access to the database, on which a server may run at the same time, and output.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use doorward_accounts::admin::{By, Operator};
use doorward_accounts::screening::Screening;
use doorward_config::Config;
use doorward_core::canonical;
use doorward_core::clock::World;
use doorward_core::escape::harms;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::{Secret, same};
use doorward_credentials::passwords::{HashPriority, Hasher};
use doorward_outbound::HttpClient;
use doorward_protocol::{Policy, Rule};
use doorward_request::caller::Caller;
use doorward_store::Store;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Settings, wait};

pub(super) use doorward_core::escape::plain;

/// Rows per read.
pub(super) const PAGE: u32 = 500;

/// The result of a command.
pub(super) type Verdict = Result<(), Box<dyn Error>>;

/// The database to use and the format of the output.
#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    pub(super) settings: Settings,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Opens the database, runs the job as operator, and closes the database. A server may run on it, but need not.
pub(super) fn work<T>(
    settings: &Settings,
    job: impl AsyncFnOnce(&Operator, &Config) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let (config, _) = Config::load(&settings.layers()?, settings.dev)?;
    wait(async move {
        let store = Store::attach(&config.data, &config.database).await?;
        let world = World::default();
        let operator = Operator::new(&store, &world, &config, By::CommandLine, Caller::default());
        let done = job(&operator, &config).await;
        drop(operator);
        store.close().await;
        done
    })
}

/// Writes a line to stdout. Unlike `println!` it does not panic if the reader has closed the pipe (`| head`).
pub(super) fn tell(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Writes one JSON document.
pub(super) fn tell_document(answer: &impl Serialize) -> Verdict {
    Ok(tell(quiet(&serde_json::to_string_pretty(answer)?))?)
}

/// Writes one of several lines of JSON.
pub(super) fn tell_line(answer: &impl Serialize) -> Verdict {
    Ok(tell(quiet(&serde_json::to_string(answer)?))?)
}

/// Asks before an action that cannot be undone. Without a terminal it requires `--yes`.
pub(super) fn confirm(question: &str, yes: bool) -> Verdict {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(format!("{question} Confirm with --yes.").into());
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err("nothing was done".into()),
    }
}

/// Reads and hashes a new password: the first line of stdin, or two prompts on a terminal. It is never an argument,
/// because other users of the machine can see arguments.
pub(super) async fn hash(config: &Config, dev: bool) -> Result<PasswordHash, Box<dyn Error>> {
    let password = if io::stdin().is_terminal() {
        let password = ask_unseen("New password: ")?;
        if !same(password.expose().as_bytes(), ask_unseen("Once more: ")?.expose().as_bytes()) {
            return Err("the two passwords are different".into());
        }
        password
    } else {
        line()?
    };
    let rule = &config.password;
    let policy = Policy { password_min: rule.min_length, password_max: rule.max_length };
    canonical::check(Rule::NewPassword, password.expose(), policy)?;
    let http = HttpClient::new(&config.outbound, dev)?;
    Screening::open(config, &http, dev)?.admit(&password, &[], "password").await?;
    Ok(Hasher::start(rule)?.hash(&World::default(), &password, HashPriority::Last).await?)
}

fn line() -> io::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut text)?;
    Ok(Secret::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads a line without showing it.
fn ask_unseen(question: &str) -> io::Result<Secret> {
    write!(io::stderr(), "{question}")?;
    let before = tcgetattr(io::stdin())?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
    let answer = line();
    tcsetattr(io::stdin(), OptionalActions::Flush, &before)?;
    writeln!(io::stderr())?;
    answer
}

/// Like [`plain`], for JSON, where such characters occur only inside strings.
fn quiet(json: &str) -> String {
    json.chars()
        .map(|c| if c != '\n' && harms(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{plain, quiet};

    #[test]
    fn sec_l02_control_characters_are_escaped() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\nc\u{9b}d\u{202e}e é 漢"),
            "a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{9b}d\\u{202e}e é 漢"
        );
        let json = serde_json::to_string_pretty(&["a\u{1b}\u{9b}\u{202e}\n"]).unwrap();
        let shown = quiet(&json);
        assert!(shown.is_ascii() && !shown.contains('\u{1b}'), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), ["a\u{1b}\u{9b}\u{202e}\n"]);
    }
}
