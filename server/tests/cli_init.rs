//! `doorward init` writes files that a server can start with.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::TestApp;
use crate::support::binary::{Server, doorward};

/// Success and standard output of a command.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn init_writes_valid_settings_and_only_the_owner_can_read_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let init = ["init", "https://auth.example.com", "--page", "https://www.example.com"];
    assert!(run(doorward(folder.path()).args(init)).0);
    for file in ["keys", "doorward.toml"] {
        assert_eq!(mode(&folder.path().join(file)), 0o600, "{file}");
    }
    let (good, shown) = run(doorward(folder.path()).args(["config", "check"]));
    assert!(good, "{shown}");
    for setting in [
        "public_url = \"https://auth.example.com\"",
        "password.blocked = \"common\"",
        "codes.default_scene = \"strict\"",
        "https://www.example.com",
    ] {
        assert!(shown.contains(setting), "{setting} in {shown}");
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_creates_a_missing_folder_with_access_for_the_owner_only() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("etc/doorward");
    let init = |url: &str| {
        let output =
            doorward(outside.path()).args(["init", url, "--folder", "etc/doorward"]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(!init("http://auth.example.com").0 && !folder.exists(), "a URL without https creates no folder");
    let (ok, said) = init("https://auth.example.com");
    assert!(ok, "{said}");
    assert_eq!(mode(&folder), 0o700);
    let check = ["config", "check", "--config", "etc/doorward/doorward.toml"];
    let (good, shown) = run(doorward(outside.path()).args(check));
    assert!(good, "{shown}");
}

/// Runs the program with a file size limit of 0: the kernel kills it at its first write to a file.
fn killed_at_its_first_write(folder: &Path, args: &[&str]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c 0; ulimit -S -f 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_doorward")]);
    let output = shell.args(args).current_dir(folder).env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.signal().is_some(), "{args:?} was not killed: {} {said}", output.status);
}

#[test]
fn a_kill_while_a_file_is_written_does_not_stop_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    killed_at_its_first_write(folder.path(), &["serve", "--dev", "--listen", "127.0.0.1:0"]);
    assert!(!folder.path().join("data/secret_keys").exists());
    drop(Server::start(folder.path()));

    let init = ["init", "https://auth.example.com"];
    killed_at_its_first_write(folder.path(), &init);
    assert!(run(doorward(folder.path()).args(init)).0);

    let rotate = ["keys", "rotate", "--config", "doorward.toml"];
    let before = std::fs::read(folder.path().join("keys")).unwrap();
    killed_at_its_first_write(folder.path(), &rotate);
    assert_eq!(std::fs::read(folder.path().join("keys")).unwrap(), before);
    assert!(run(doorward(folder.path()).args(rotate)).0);
    assert_eq!(mode(&folder.path().join("keys")), 0o600);

    std::fs::write(folder.path().join("list"), "battery\npassword\n").unwrap();
    let filter = ["passwords", "filter", "list", "filter"];
    killed_at_its_first_write(folder.path(), &filter);
    assert!(!folder.path().join("filter").exists());
    assert!(run(doorward(folder.path()).args(filter)).0);
}

#[test]
fn a_file_with_secrets_that_other_users_can_read_causes_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(doorward(folder.path()).args(["init", "https://auth.example.com"])).0);
    let path = |name: &str| folder.path().join(name);
    let warned = || {
        let (good, shown) = run(doorward(folder.path()).args(["config", "check"]));
        assert!(good, "{shown}");
        let lines: Vec<_> = shown.lines().filter(|line| line.starts_with("warning: ")).collect();
        lines.into_iter().filter(|line| line.contains("chmod 600")).map(str::to_owned).collect::<Vec<_>>()
    };
    let open = |name: &str, mode: u32| {
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    assert_eq!(warned(), Vec::<String>::new());
    open("doorward.toml", 0o644);
    assert_eq!(warned(), Vec::<String>::new(), "the file contains no secret");
    let settings = std::fs::read_to_string(path("doorward.toml")).unwrap();
    let settings = settings.replace("# host =", "password = \"hunter2\"\n# host =");
    std::fs::write(path("doorward.toml"), settings).unwrap();
    let said = warned();
    assert!(
        said.len() == 1 && said[0].contains("doorward.toml") && said[0].contains("smtp.password"),
        "{said:?}"
    );
    // The key of a client certificate is a file of its own.
    std::fs::write(path("client.key"), "").unwrap();
    open("client.key", 0o604);
    let url = format!("postgres://app@localhost/auth?sslkey={}", path("client.key").display());
    let output =
        doorward(folder.path()).args(["config", "check"]).env("DOORWARD_DATABASE__URL", url).output();
    let shown = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(shown.contains("client.key, the key of database.url"), "{shown}");
    open("doorward.toml", 0o640);
    open("keys", 0o644);
    let said = warned();
    assert!(said.len() == 1 && said[0].contains("/keys, the secret keys"), "{said:?}");

    // The server logs the warning at its start, before it finds that it cannot listen on this address.
    let serve = ["serve", "--listen", "192.0.2.1:1"];
    let output = doorward(folder.path()).args(serve).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("/keys, the secret keys"), "{said}");
}

#[test]
fn a_command_without_settings_explains_how_to_name_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hooks.star"), "def pre_signup(model):\n    pass\n").unwrap();
    for args in [&["hooks", "check"][..], &["hooks", "try", "pre_signup"]] {
        let (good, shown) = run(doorward(folder.path()).args(args));
        assert!(good, "a folder for --dev has scripts but no settings: {shown}");
    }
    for args in [&["user", "list"][..], &["keys", "list"], &["hooks", "deliveries"], &["serve"]] {
        let output = doorward(folder.path()).args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("--config") && said.contains("--dev"), "{args:?}: {said}");
    }
}

#[test]
fn init_overwrites_no_file_and_leaves_no_partial_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let init = |url: &str| run(doorward(folder.path()).args(["init", url])).0;
    assert!(!init("http://auth.example.com"), "the URL is not https");
    assert!(!path("keys").exists() && !path("doorward.toml").exists());
    std::fs::write(path("keys"), "mine").unwrap();
    assert!(!init("https://auth.example.com"));
    assert_eq!(std::fs::read_to_string(path("keys")).unwrap(), "mine");
    assert!(!path("doorward.toml").exists());
}

#[tokio::test]
async fn sec_p02_a_server_that_init_has_set_up_refuses_frequent_passwords() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(doorward(folder.path()).args(["init", "https://auth.example.com"])).0);
    let settings = std::fs::read_to_string(folder.path().join("doorward.toml")).unwrap();
    let from = settings.find("[password]").unwrap();
    let t = TestApp::with(&settings[from..settings.find("[smtp]").unwrap()]).await;
    let signup = |password| t.post("/v1/signup", json!({ "email": "ada@example.com", "password": password }));
    signup("123456789987654321").await.refused(400, "PASSWORD_REJECTED");
    signup("correct horse battery").await.ok();
}
