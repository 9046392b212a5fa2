//! `doorward init`: what it writes is what a server begins with.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use crate::support::TestApp;
use crate::support::binary::doorward;

/// Did it go well, and what did it print?
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_settings_that_init_writes_are_good_and_only_the_owner_reads_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let init = ["init", "https://auth.example.com", "--page", "https://www.example.com"];
    assert!(run(doorward(folder.path()).args(init)).0);
    let keys = std::fs::metadata(folder.path().join("keys")).unwrap();
    assert_eq!(keys.permissions().mode() & 0o777, 0o600);
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

#[test]
fn init_writes_over_nothing_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let init = |url: &str| run(doorward(folder.path()).args(["init", url])).0;
    assert!(!init("http://auth.example.com"), "no https");
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
