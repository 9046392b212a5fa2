//! The workers that evaluate `hooks.star`: how calls end while workers are busy, have ended or cannot be
//! started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_core::operation::Operation;
use doorward_hooks::{Scripts, delivery};
use doorward_request::event::{About, HookAnswer, Model};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::hooks::Hooked;

const PASSWORD: &str = "correct horse";
const ENDLESS: &str = "    for a in range(1000000):\n        for b in range(1000000):\n            pass\n";

fn login() -> Value {
    json!({ "email": "ada@example.com", "password": PASSWORD })
}

/// Scripts without a server. The path of the worker program belongs to the test.
struct Alone {
    scripts: Scripts,
    folder: TempDir,
}

impl Alone {
    async fn new(script: &str) -> Alone {
        let folder = tempfile::tempdir().unwrap();
        let (file, program) = (folder.path().join("hooks.star"), folder.path().join("doorward"));
        std::fs::write(&file, script).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_doorward"), &program).unwrap();
        Alone { scripts: begun(file, &program).await, folder }
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("doorward")
    }

    async fn call(&self) -> Result<HookAnswer, String> {
        let model =
            Model { operation: Operation::EmailAuth, about: About::default(), fields: Default::default() };
        self.scripts.call("pre_email_auth", &model, None).await.map_err(|error| error.to_string())
    }
}

async fn begun(script: PathBuf, program: &Path) -> Scripts {
    let mut settings = doorward_config::Hooks { script, ..doorward_config::Hooks::default() };
    settings.time = doorward_config::ShortSpan::millis(5000);
    let scripts = Scripts::new(&settings, program);
    scripts.begin().await.unwrap();
    scripts
}

#[tokio::test]
async fn an_endless_hook_after_an_operation_delays_no_hook_before_one() {
    let t = Hooked::with(
        &format!("def pre_email_auth(model):\n    pass\n\ndef post_email_auth(model, successed):\n{ENDLESS}"),
        "",
        "time = \"2500ms\"\nsteps = 4000000000",
    )
    .await;
    for _ in 0..4 {
        t.post("/v1/login", login()).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
    let mut told = std::pin::pin!(delivery::deliver_due(&t.app.hooks));
    loop {
        tokio::select! {
            biased;
            worked = &mut told => return assert!(worked),
            answer = t.post("/v1/login", login()).into_future() => {
                answer.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
            }
        }
    }
}

#[tokio::test]
async fn a_call_without_a_free_worker_gets_retry_after_one_second() {
    let t = Hooked::with(
        &format!("def pre_email_auth(model):\n{ENDLESS}"),
        "",
        "time = \"2500ms\"\nsteps = 4000000000",
    )
    .await;
    let answers = join_all((0..10).map(|_| t.post("/v1/login", login()).into_future())).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty());
    for answer in busy {
        assert_eq!((&answer.json["code"], &answer.json["retry_after"]), (&json!("OVERLOADED"), &json!(1)));
    }
}

#[tokio::test]
async fn a_cancelled_call_does_not_cost_a_worker() {
    let t = Alone::new("def pre_email_auth(model):\n    [None for a in range(5000)]\n").await;
    // From now on no new worker can start.
    std::fs::remove_file(t.program()).unwrap();
    for _ in 0..40 {
        drop(tokio::time::timeout(Duration::from_millis(1), t.call()).await);
    }
    t.call().await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_killed_while_idle_fails_no_call() {
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
    let t = Alone::new("def pre_email_auth(model):\n    pass\n").await;
    t.call().await.unwrap();
    let program = t.program();
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let workers: Vec<_> = processes
        .filter(|process| read(process.join("cmdline")).starts_with(program.to_str().unwrap()))
        .collect();
    assert!(!workers.is_empty());
    for worker in workers {
        let id = worker.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let id = Pid::from_raw(id).unwrap();
        kill_process(id, Signal::KILL).unwrap();
        // The worker's allocator has a thread of its own, and the process has ended when both threads have.
        // The pool has not noticed it yet.
        waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }
    loop {
        match t.call().await {
            // On a slow machine it takes a while until new workers have started.
            Err(cause) if cause.contains("no worker was free") => {}
            said => break drop(said.unwrap()),
        }
    }
}

#[tokio::test]
async fn a_script_that_could_not_be_loaded_is_loaded_later() {
    let t = Alone::new("").await;
    std::fs::remove_file(t.program()).unwrap();
    std::fs::write(t.folder.path().join("hooks.star"), "def pre_email_auth(model):\n    reject('one')\n")
        .unwrap();
    for _ in 0..3 {
        t.scripts.look().await;
    }
    assert!(t.scripts.warning().is_some() && t.scripts.is_empty());
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_doorward"), t.program()).unwrap();
    t.scripts.look().await;
    assert!(t.scripts.warning().is_none());
    assert!(matches!(t.call().await.unwrap(), HookAnswer::Refuse(_)));
}

/// The environment and the descriptors of a worker, written by a shell script that then becomes the worker.
/// It reads `/proc`, which exists on Linux only.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_begins_with_no_environment_and_three_descriptors() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [script, program, given] = ["hooks.star", "program", "given"].map(|name| folder.path().join(name));
    std::fs::write(&script, "").unwrap();
    let (worker, to) = (env!("CARGO_BIN_EXE_doorward"), given.display());
    let shell = format!(
        "#!/bin/sh\n(/bin/ls -l /proc/$$/fd > {to}.fd) || exit 1\n(/bin/cat /proc/$$/environ > {to}.env) || exit 1\nexec {worker} \"$@\"\n"
    );
    std::fs::write(&program, shell).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    begun(script, &program).await;
    assert_eq!(std::fs::read_to_string(given.with_extension("env")).unwrap(), "");
    let listed = std::fs::read_to_string(given.with_extension("fd")).unwrap();
    let ours = PathBuf::from(format!("/proc/{}/fd", std::os::unix::process::parent_id()));
    let files: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split_once(" -> "))
        .map(|(number, file)| (number.rsplit(' ').next().unwrap(), file))
        // Leaves out the file of the shell script, and descriptors that this test inherited itself.
        .filter(|(_, file)| Path::new(file) != program)
        .filter(|(number, file)| {
            std::fs::read_link(ours.join(number)).ok().as_deref() != Some(Path::new(file))
        })
        .collect();
    let [("0", input), ("1", output), ("2", "/dev/null")] = files[..] else { panic!("{listed}") };
    assert!(input.starts_with("pipe:") && output.starts_with("pipe:"), "{listed}");
}
