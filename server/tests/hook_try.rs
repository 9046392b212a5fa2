//! `doorward hooks check` and `doorward hooks try` test a script before a server uses it.

use std::path::Path;

use crate::support::binary::{self, Said};

const SCRIPT: &str = r#"
def pre_email_auth(model):
    print("from", model.get_ip())
    if model.get_email().endswith("@trash.example"):
        reject("Not from there.", field = "email")
    model.set_email(model.get_email().lower())

def post_email_auth(model, successed):
    print(successed)
"#;

fn run(folder: &Path, script: &str, args: &[&str]) -> Said {
    std::fs::write(folder.join("hooks.star"), script).unwrap();
    std::fs::write(folder.join("doorward.toml"), "[hooks]\ntime = \"5s\"\n").unwrap();
    binary::run(folder, &[&["hooks"], args].concat(), "")
}

#[test]
fn check_lists_the_hooks_and_shows_each_error_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), SCRIPT, &["check"]);
    assert!(said.ok, "{}", said.stderr);
    assert_eq!(said.stdout, "post_email_auth  (line 8)\npre_email_auth  (line 2)\nhooks.star is good.\n");
    for (script, mistake) in [
        ("def pre_logout(model)\n    pass\n", "hooks.star:1:22: Parse error"),
        ("def pre_logout(model):\n    modle.get_ip()\n", "hooks.star:2:5: Variable `modle` not found"),
        ("\ndef pre_logout():\n    pass\n", "hooks.star:2:1: pre_logout must be written pre_logout(model)"),
        (
            "def post_logout(model):\n    pass\n",
            "hooks.star:1:1: post_logout must be written post_logout(model, successed)",
        ),
        ("load('x.star', 'x')\n", "hooks.star:1:1: `load` is not allowed"),
        ("X = {}['a']\n", "hooks.star:1:5: Key `\"a\"`"),
    ] {
        let said = run(folder.path(), script, &["check"]);
        assert!(said.refused().contains(mistake), "{}", said.stderr);
    }
    let said = run(folder.path(), "def pre_emial_auth(model):\n    pass\n", &["check"]);
    assert!(
        !said.ok && said.stderr.contains("hooks.star:1:1: pre_emial_auth is never called"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("Did you mean pre_email_auth?"), "{}", said.stderr);
}

#[test]
fn try_runs_a_hook_on_a_sample_and_prints_its_effects() {
    let folder = tempfile::tempdir().unwrap();
    let attempt = |args: &[&str]| run(folder.path(), SCRIPT, &[&["try"], args].concat());
    let said = attempt(&["pre_email_auth", "--set", "email=Ada@Example.com", "--set", "ip=203.0.113.7"]);
    assert!(
        said.stdout.starts_with("printed: from 203.0.113.7\nset: email = \"ada@example.com\"\nIt took "),
        "{}",
        said.stdout
    );
    assert!(said.stdout.ends_with(" steps.\n"), "{}", said.stdout);
    let said = attempt(&["pre_email_auth", "--json", r#"{"email":"eve@trash.example"}"#]);
    assert!(
        said.stdout.contains("refused: HOOK_REJECTED (403, field email) Not from there.\n"),
        "{}",
        said.stdout
    );
    assert!(
        attempt(&["post_email_auth"])
            .stdout
            .starts_with("printed: True\nThe hook allowed the operation and set nothing.\n")
    );
    assert!(attempt(&["post_email_auth", "--failed"]).stdout.starts_with("printed: False\n"));
    assert!(attempt(&["pre_emial_auth"]).refused().contains("Did you mean pre_email_auth?"));
    assert!(attempt(&["pre_logout"]).refused().contains("has no pre_logout"));
    assert!(
        attempt(&["pre_email_auth", "--set", "emial=x"])
            .refused()
            .contains("email_auth has no emial; it has: email, ")
    );
}

#[test]
fn seed_h32_h38_check_and_try_accept_set_token_without_an_argument() {
    let folder = tempfile::tempdir().unwrap();
    let script = "def pre_refresh_token(model):\n    model.set_token()\n\ndef pre_email_auth(model):\n    model.set_email()\n";
    let said = run(folder.path(), script, &["check"]);
    assert!(said.ok && said.stdout.ends_with("hooks.star is good.\n"), "{} {}", said.stdout, said.stderr);
    let said = run(folder.path(), script, &["try", "pre_refresh_token"]);
    assert!(
        said.stdout.starts_with("The hook allowed the operation and set nothing.\n"),
        "{} {}",
        said.stdout,
        said.stderr
    );
    let said = run(folder.path(), script, &["try", "pre_email_auth"]);
    let mistake = "hooks.star:5:5: set_email takes one value, a string; here it has none";
    assert!(said.refused().contains(mistake), "{}", said.stderr);
}
