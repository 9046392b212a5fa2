//! Load generator for an HTTP server on this machine, and the bare hash for comparison with logins. Prints
//! one JSON line: requests per second, and latencies in milliseconds.
//!
//! The load uses one thread, so that a server on two cores keeps most of them.

mod hash;
mod load;
mod proof;

use std::error::Error;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Argon2id alone, on every core: the upper limit of logins per second.
    Hash {
        /// Seconds to run.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Repeats the same request.
    Repeat {
        #[command(flatten)]
        load: Load,
        /// Path, with its query.
        #[arg(long)]
        path: String,
        /// Headers, `name: value`.
        #[arg(long)]
        header: Vec<String>,
        /// JSON body; makes it a POST. `{n}` becomes the number of the request.
        #[arg(long)]
        body: Option<String>,
    },
    /// Chains of refreshes, one session per connection.
    Refresh {
        #[command(flatten)]
        load: Load,
        /// Body of the login at the beginning of each session.
        #[arg(long)]
        login: String,
        /// Headers of the login, `name: value`.
        #[arg(long)]
        header: Vec<String>,
        /// Binds each session to a key, and sends a proof with every request.
        #[arg(long)]
        bound: bool,
    },
    /// Reads with a proof each, one session per connection.
    Read {
        #[command(flatten)]
        load: Load,
        /// Body of the login at the beginning of each session.
        #[arg(long)]
        login: String,
        /// Path to read.
        #[arg(long)]
        path: String,
    },
}

/// Amount and target of the load.
#[derive(Args, Clone)]
struct Load {
    /// `127.0.0.1:PORT`; loopback only.
    #[arg(long)]
    address: std::net::SocketAddr,
    /// Seconds to run, after two seconds of warming up.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Stops earlier, after this many requests.
    #[arg(long, default_value_t = u64::MAX)]
    requests: u64,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Total requests per second, evenly spaced; latencies then count from the scheduled time. Default: as
    /// fast as the server responds.
    #[arg(long)]
    rate: Option<f64>,
    /// Statuses outside 200 to 299 that are no failure, like `429,503`.
    #[arg(long, value_delimiter = ',')]
    accept: Vec<u16>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = match Command::parse().what {
        What::Hash { seconds } => hash::run(Duration::from_secs(seconds))?,
        What::Repeat { load, path, header, body } => {
            let request = load::Request::new(&path, &header, body)?;
            runtime.block_on(load::run(&load, load::Plan::Repeat(request)))?
        }
        What::Refresh { load, login, header, bound } => {
            let login = load::Request::new("/v1/login", &header, Some(login))?;
            runtime.block_on(load::run(&load, load::Plan::Refresh { login, bound }))?
        }
        What::Read { load, login, path } => {
            let login = load::Request::new("/v1/login", &[], Some(login))?;
            runtime.block_on(load::run(&load, load::Plan::Read { login, path }))?
        }
    };
    #[expect(clippy::print_stdout, reason = "the result is the program's output")]
    {
        println!("{result}");
    }
    Ok(())
}
