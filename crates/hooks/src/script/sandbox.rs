//! The worker: a separate process that evaluates one script, one call at a time, without access to anything outside.
//!
//! The server starts it with an empty environment and three descriptors (`doorward hook-worker`), sends it tasks, and
//! kills it if one takes too long. A script that gets past the interpreter's limits, for example with one statement
//! that asks for gigabytes, ends only this process.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use zeroize::Zeroizing;

use super::interpret::Script;
use super::wire::{LINE, Load, Task, WorkerAnswer};

/// Bytes that the interpreter needs in addition to the script's own memory.
const SPARE: u64 = 32 * 1024 * 1024;
/// CPU seconds for one task, in case the server is no longer there to kill the worker.
const SECONDS: u64 = 10;

/// Runs tasks until the server closes the pipe.
pub fn run() -> io::Result<()> {
    let mut lines = Lines::default();
    let mut script = None;
    while let Some(line) = lines.next()? {
        spend_at_most(SECONDS);
        let answer = match (serde_json::from_slice(&line)?, &script) {
            (Task::Load(load), None) => {
                confine(&load)?;
                match Script::load(load) {
                    Ok((loaded, what)) => {
                        script = Some(loaded);
                        WorkerAnswer::Loaded(what)
                    }
                    Err(fault) => WorkerAnswer::Broken(fault),
                }
            }
            (Task::Call(call), Some(script)) => WorkerAnswer::Ran(script.run(call)),
            (Task::Load(_), Some(_)) | (Task::Call(_), None) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        };
        drop(line);
        let mut answer = Zeroizing::new(serde_json::to_vec(&answer)?);
        answer.push(b'\n');
        write(&answer)?;
    }
    Ok(())
}

/// Limits the process: no files, no more memory than this, no core dump.
fn confine(load: &Load<'_>) -> io::Result<()> {
    let memory = u64::from(load.limits.memory) * 1024 * 1024;
    if let Some(used) = address_space() {
        limit(Resource::As, used + memory + SPARE)?;
    }
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 3)?;
    // Other processes of the same user cannot inspect it.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// The kernel counts from the start of the process, so that each task moves the limit.
fn spend_at_most(seconds: u64) {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    // On a system without this limit, the server still stops waiting and kills the worker.
    let _ = setrlimit(Resource::Cpu, Rlimit { current: Some(used + seconds), maximum: None });
}

/// The size of the address space that is already mapped, mostly by the program itself.
fn address_space() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Lines from stdin, without a buffer that would keep a copy of them.
#[derive(Default)]
struct Lines {
    rest: Zeroizing<Vec<u8>>,
}

impl Lines {
    fn next(&mut self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(LINE / 64));
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(&self.rest[..end]);
                self.rest = Zeroizing::new(self.rest[end + 1..].to_vec());
                return Ok(Some(line));
            }
            line.extend_from_slice(&self.rest);
            let mut more = Zeroizing::new(vec![0; LINE / 64]);
            let count = loop {
                match rustix::io::read(rustix::stdio::stdin(), more.as_mut_slice()) {
                    Err(rustix::io::Errno::INTR) => {}
                    read => break read?,
                }
            };
            if count == 0 {
                return Ok(None);
            }
            more.truncate(count);
            self.rest = more;
        }
    }
}

fn write(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Err(rustix::io::Errno::INTR) => {}
            written => bytes = &bytes[written?..],
        }
    }
    Ok(())
}
