//! `doorward user`, `export`, `subscribers` and `audit`: the program itself, while a server runs.

use std::path::Path;
use std::process::Stdio;

use doorward_store::{Store, transaction};
use serde_json::{Value, json};

use crate::support::binary::{Server, doorward, post, request, run};
use crate::support::database;

const PASSWORD: &str = "correct horse";

/// Returns the first column of the first row.
fn sql(folder: &Path, sql: &'static str) -> String {
    use sqlx::Row;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::attach(&folder.join("data"), &database::of(folder)).await.unwrap();
        let mut db = store.read().await.unwrap();
        let row = sqlx::query(sql).fetch_one(&mut *db).await.unwrap();
        let first = row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()));
        drop(db);
        store.close().await;
        first.unwrap()
    })
}

fn change(folder: &Path, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::attach(&folder.join("data"), &database::of(folder)).await.unwrap();
        let done = store.write(transaction!(|tx| {
            Ok::<_, doorward_store::StoreError>(sqlx::raw_sql(sql).execute(tx).await.map(drop)?)
        }));
        done.await.unwrap();
        store.close().await;
    });
}

fn signup(server: &Server, email: &str) {
    let account = json!({ "email": email, "password": PASSWORD, "name": "Somebody" });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
}

fn login(server: &Server, email: &str, password: &str) -> (u16, Value) {
    post(server.at, "/v1/login", &json!({ "email": email, "password": password })).unwrap()
}

fn is_signed_in(server: &Server, tokens: &Value) -> bool {
    let bearer = format!("authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap());
    request(server.at, "GET", "/v1/profile", &bearer, "").unwrap().0 == 200
}

#[test]
fn an_account_created_by_the_operator_can_sign_in_and_is_found_by_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let doorward = |args: &[&str], stdin: &str| run(folder.path(), args, stdin);
    let create =
        ["user", "create", "--email", "Ada@Example.com", "--verified", "--password", "--role", "editor"];
    let said = doorward(&create, "correct horse\n");
    let id = said.stdout.trim_end().to_owned();
    assert!(said.ok && id.len() == 36, "{} {}", said.stdout, said.stderr);
    let (status, tokens) = login(&server, "ada@example.com", PASSWORD);
    assert_eq!((status, &tokens["user"]["user_id"]), (200, &json!(id)));
    assert_eq!(
        (&tokens["user"]["email_verified"], &tokens["user"]["roles"]),
        (&json!(true), &json!(["editor"]))
    );
    for name in [id.as_str(), "ada@example.com", " ADA@example.com"] {
        let shown = doorward(&["user", "show", name, "--json"], "").document();
        assert_eq!(shown["user_id"], id);
        assert_eq!(
            (&shown["has_password"], &shown["identities"][0]["kind"]),
            (&json!(true), &json!("email"))
        );
    }
    let shown = doorward(&["user", "show", "ada@example.com"], "").stdout;
    assert!(shown.contains("ada@example.com  (verified ") && shown.contains("editor"), "{shown}");
    let said = doorward(&create, "correct horse\n");
    assert!(said.refused().contains("already exists"), "{}", said.stderr);
    let said = doorward(&["user", "create"], "");
    assert!(said.refused().contains("--email"), "{}", said.stderr);
    let said = doorward(&["user", "create", "--username", "Cleo", "--phone", "+49 30 901820"], "");
    for name in ["CLEO", "+4930901820", "+49 (30) 901820"] {
        let shown = doorward(&["user", "show", name, "--json"], "").document();
        assert_eq!(shown["user_id"], said.stdout.trim_end(), "{name}");
    }
    let said = doorward(&["user", "create", "--email", "nobody"], "");
    assert!(said.refused().contains("email: "), "{}", said.stderr);
    let said = doorward(&["user", "create", "--email", "bob@example.com", "--json"], "").document();
    assert_eq!((&said["has_password"], &said["email_verified"]), (&json!(false), &json!(false)));
    assert_eq!(said["roles"], json!(["user"]), "the roles of roles.default");
    for name in ["nobody", "nobody@example.com", "+12025550123", "00000000-0000-0000-0000-000000000000"] {
        assert!(doorward(&["user", "show", name], "").refused().contains("no such account"));
    }
    assert_eq!(
        sql(folder.path(), "select count(*) from audit where event = 'user_created' and detail = 'cli'"),
        "3"
    );
}

#[test]
fn a_list_shows_the_newest_first_and_finds_parts_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for email in ["ada@example.com", "bob_x@example.com", "bobby@example.com"] {
        signup(&server, email);
    }
    let list = |args: &[&str]| run(folder.path(), &[&["user", "list", "--json"], args].concat(), "").lines();
    let emails =
        |args: &[&str]| list(args).iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect();
    let all: Vec<String> = emails(&[]);
    assert_eq!(all, ["bobby@example.com", "bob_x@example.com", "ada@example.com"]);
    let some: Vec<String> = emails(&["--limit", "2"]);
    assert_eq!(some, all[..2]);
    let found: Vec<String> = emails(&["--query", "BOB"]);
    assert_eq!(found, all[..2]);
    let found: Vec<String> = emails(&["--query", "bob_"]);
    assert_eq!(found, ["bob_x@example.com"], "an underscore is not a wildcard");
    let shown = run(folder.path(), &["user", "list"], "").stdout;
    assert_eq!(shown.lines().count(), 3);
    assert!(shown.lines().next().unwrap().contains("bobby@example.com  Somebody"), "{shown}");
}

#[test]
fn a_closed_output_pipe_is_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    let mut command = doorward(folder.path());
    command.args(["user", "list", "--dev", "--data", "data"]);
    command.env("DOORWARD_DATABASE__URL", database::of(folder.path()).url.expose());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn sec_t13_a_disabled_account_is_signed_out_at_once_until_it_is_enabled() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    let tokens =
        [login(&server, "ada@example.com", PASSWORD).1, login(&server, "ada@example.com", PASSWORD).1];
    assert!(is_signed_in(&server, &tokens[0]));
    let said = run(folder.path(), &["user", "disable", "ada@example.com", "--yes", "--json"], "").document();
    assert_eq!(said, json!({ "ended": 2 }));
    assert!(!is_signed_in(&server, &tokens[0]) && !is_signed_in(&server, &tokens[1]));
    let (status, problem) = login(&server, "ada@example.com", PASSWORD);
    assert_eq!((status, &problem["code"]), (403, &json!("USER_IS_DISABLED")));
    let shown = run(folder.path(), &["user", "show", "ada@example.com", "--json"], "").document();
    assert_eq!(shown["disabled"], true);
    assert!(run(folder.path(), &["user", "enable", "ada@example.com"], "").ok);
    assert_eq!(login(&server, "ada@example.com", PASSWORD).0, 200);
    assert!(!is_signed_in(&server, &tokens[0]), "ended sessions stay ended");
    for event in ["user_disabled", "user_enabled"] {
        let lines = run(folder.path(), &["audit", "--event", event, "--json"], "").lines();
        assert!(lines.len() == 1 && lines[0]["detail"].as_str().unwrap().starts_with("cli"), "{lines:?}");
    }
}

#[test]
fn irreversible_commands_need_the_option_yes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    let tokens = login(&server, "ada@example.com", PASSWORD).1;
    for args in [
        &["user", "delete", "ada@example.com"][..],
        &["user", "disable", "ada@example.com"],
        &["user", "sessions", "ada@example.com", "--end-all"],
    ] {
        let said = run(folder.path(), args, "y\nyes\n");
        assert!(said.refused().contains("--yes"), "{}", said.stderr);
    }
    assert!(is_signed_in(&server, &tokens));
}

#[test]
fn a_deleted_account_leaves_only_audit_records() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    signup(&server, "bob@example.com");
    let tokens = login(&server, "ada@example.com", PASSWORD).1;
    let id = tokens["user"]["user_id"].as_str().unwrap();
    // A mail that is not sent yet, and its challenge, which has no account until then.
    drop(server);
    change(
        folder.path(),
        "insert into outbox (id, message, address, request, attempts, due_at, created_at)
            values ('1', 'reset_password', 'ada@example.com', '', 0, 9000000000000, 0),
                ('2', 'reset_password', 'bob@example.com', '', 0, 9000000000000, 0)",
    );
    change(
        folder.path(),
        "insert into challenges (scene, address, id, tries, created_at)
            values ('reset_password', 'ada@example.com', '1', 0, 0), ('reset_password', 'bob@example.com', '2', 0, 0)",
    );
    let server = Server::start(folder.path());
    assert!(run(folder.path(), &["user", "delete", id, "--yes"], "").ok);
    assert!(!is_signed_in(&server, &tokens));
    assert_eq!(login(&server, "ada@example.com", PASSWORD).0, 401);
    for (rows, left) in [
        ("select count(*) from accounts", "1"),
        ("select count(*) from identities where value <> 'bob@example.com'", "0"),
        ("select count(*) from passwords", "1"),
        ("select count(*) from sessions", "0"),
        ("select count(*) from challenges where address = 'ada@example.com'", "0"),
        ("select count(*) from challenges where id = '2'", "1"),
        ("select count(*) from outbox where address = 'ada@example.com'", "0"),
        ("select count(*) from outbox where id = '2'", "1"),
    ] {
        assert_eq!(sql(folder.path(), rows), left, "{rows}");
    }
    let lines = run(folder.path(), &["audit", "--user", id, "--json"], "").lines();
    assert_eq!(lines[0]["event"], "user_deleted");
    assert!(lines.iter().any(|line| line["event"] == "signed_up"));
    assert!(run(folder.path(), &["user", "delete", id, "--yes"], "").refused().contains("no such account"));
    signup(&server, "ada@example.com");
}

#[test]
fn a_password_set_by_the_operator_ends_all_sessions_and_the_owner_gets_a_mail() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    let tokens = login(&server, "ada@example.com", PASSWORD).1;
    let set = |stdin: &str| run(folder.path(), &["user", "set-password", "ada@example.com"], stdin);
    for (bad, why) in [("", "at least 6"), ("12345\n", "at least 6"), ("two\u{0}words\n", "cannot be")] {
        let said = set(bad);
        assert!(said.refused().contains(why), "{}", said.stderr);
    }
    assert!(is_signed_in(&server, &tokens));
    let said = set(" battery staple \r\nrest\n");
    assert!(said.ok && said.stdout.contains("1 session ended"), "{}{}", said.stdout, said.stderr);
    assert!(!is_signed_in(&server, &tokens));
    assert_eq!(login(&server, "ada@example.com", PASSWORD).0, 401);
    assert_eq!(
        login(&server, "ada@example.com", " battery staple ").0,
        200,
        "only the line ending is removed"
    );
    let mut mails = Value::Null;
    for _ in 0..100 {
        mails = request(server.at, "GET", "/dev/mailbox.json", "", "").unwrap().1;
        if mails.to_string().contains("password") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(mails.to_string().to_lowercase().contains("password was changed"), "{mails}");
}

#[test]
fn roles_are_shown_and_set_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    let roles =
        |args: &[&str]| run(folder.path(), &[&["user", "roles", "ada@example.com"], args].concat(), "");
    assert_eq!(roles(&[]).stdout, "user\n");
    let set = roles(&["--set", "editor", "--set", "admin", "--set", "editor", "--json"]).document();
    assert_eq!(set, json!({ "roles": ["editor", "admin"] }));
    assert_eq!(login(&server, "ada@example.com", PASSWORD).1["user"]["roles"], set["roles"]);
    let audit = run(folder.path(), &["audit", "--event", "roles_set", "--json"], "").lines();
    assert_eq!(audit[0]["detail"], "cli: [editor, admin] instead of [user]");
    for bad in ["", "two words", "nul\u{1b}", &"x".repeat(65)] {
        assert!(roles(&["--set", bad]).refused().contains("roles: "));
    }
    assert_eq!(roles(&["--none", "--json"]).document(), json!({ "roles": [] }));
}

#[test]
fn sec_t13_an_operator_sees_and_ends_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    let tokens: Vec<Value> = (0..3).map(|_| login(&server, "ada@example.com", PASSWORD).1).collect();
    let sessions =
        |args: &[&str]| run(folder.path(), &[&["user", "sessions", "ada@example.com"], args].concat(), "");
    let list = sessions(&["--json"]).lines();
    assert_eq!((list.len(), &list[0]["method"], &list[0]["bound"]), (3, &json!("password"), &json!(false)));
    let id = list[1]["id"].as_str().unwrap();
    assert!(sessions(&["--end", id, "--yes"]).ok);
    assert_eq!(sessions(&["--end", id, "--yes"]).refused(), "doorward: The account has no such session.\n");
    let alive = || tokens.iter().filter(|tokens| is_signed_in(&server, tokens)).count();
    assert_eq!((alive(), sessions(&[]).stdout.lines().count()), (2, 2));
    assert_eq!(sessions(&["--end-all", "--yes", "--json"]).document(), json!({ "ended": 2 }));
    assert_eq!((alive(), sessions(&[]).stdout.as_str()), (0, ""));
}

#[test]
fn an_export_contains_all_data_of_an_account_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    signup(&server, "bob@example.com");
    login(&server, "ada@example.com", PASSWORD);
    login(&server, "ada@example.com", "wrong password");
    assert_eq!(
        post(server.at, "/v1/password/forgot", &json!({ "email": "ada@example.com" })).unwrap().0,
        200
    );
    let said = run(folder.path(), &["export", "ada@example.com"], "");
    let export = said.document();
    assert_eq!(
        (&export["account"]["email"], &export["account"]["name"]),
        (&json!("ada@example.com"), &json!("Somebody"))
    );
    assert_eq!(export["account"]["identities"][0]["value"], "ada@example.com");
    assert!(export["password_set_at"].is_string());
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(export["challenges"].as_array().unwrap().len(), 2);
    let events: Vec<&str> =
        export["audit"].as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"signed_up") && events.contains(&"sign_in_failed"), "{events:?}");
    assert!(!said.stdout.contains("bob@"));
    for secret in [
        sql(folder.path(), "select hash from passwords order by account limit 1"),
        "salt".into(),
        "hash\"".into(),
        "argon2".into(),
        "sealed".into(),
    ] {
        assert!(!said.stdout.contains(&secret), "{secret}");
    }
    assert_eq!(sql(folder.path(), "select count(*) from audit where event = 'user_exported'"), "1");
}

#[test]
fn seed_k23_subscribers_are_enabled_accounts_with_consent_and_a_proven_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for name in ["ada", "bob", "cleo", "dan"] {
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "name": name,
            "options": { "email_subscription": name != "bob" } });
        assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
    }
    change(folder.path(), "update identities set verified_at = 1 where value not like 'cleo%'");
    change(
        folder.path(),
        "update accounts set disabled = 1 where id in (select account from identities where value like 'dan%')",
    );
    let lines = run(folder.path(), &["subscribers", "--json"], "").lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["email"], &lines[0]["name"]), (&json!("ada@example.com"), &json!("ada")));
    assert_eq!(run(folder.path(), &["subscribers"], "").stdout, "ada@example.com\n");
}

#[test]
fn the_audit_log_is_read_by_account_event_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    signup(&server, "ada@example.com");
    signup(&server, "bob@example.com");
    login(&server, "ada@example.com", PASSWORD);
    change(folder.path(), "insert into audit (id, at, event) values ('0', 0, 'signed_in')");
    let audit = |args: &[&str]| run(folder.path(), &[&["audit", "--json"], args].concat(), "").lines();
    let events = |args: &[&str]| -> Vec<String> {
        audit(args).iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(events(&["--event", "signed_in"]), ["signed_in", "signed_in"]);
    assert_eq!(events(&["--event", "signed_in", "--since", "1h"]), ["signed_in"]);
    assert_eq!(events(&["--event", "signed_in", "--since", "2026-01-01", "--limit", "1"]).len(), 1);
    assert_eq!(events(&["--user", "bob@example.com", "--event", "signed_in"]).len(), 0);
    assert_eq!(
        events(&["--user", "ada@example.com"]).iter().filter(|event| *event != "code_sent").count(),
        2
    );
    assert_eq!(events(&["--limit", "1"]).len(), 1);
    let one = &audit(&["--event", "signed_in"])[0];
    for name in ["id", "at", "user_id", "session_id", "ip", "request"] {
        assert!(one[name].is_string(), "{name} in {one}");
    }
    assert!(run(folder.path(), &["audit", "--since", "yesterday"], "").refused().contains("--since"));
    assert!(run(folder.path(), &["audit"], "").stdout.contains("  signed_up  "));
}

#[test]
fn sec_l02_no_name_forges_a_line_or_moves_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let odd = "Ada \u{202e}drowssap\u{2066}";
    let account = json!({ "email": "ada@example.com", "password": PASSWORD, "name": odd });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
    let agent = "user-agent: evil\u{9b}2J\r\n";
    let login = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let headers = format!("content-type: application/json\r\n{agent}");
    crate::support::binary::exchange(server.at, "POST", "/v1/login", &headers, &login).unwrap();
    change(folder.path(), "update audit set detail = 'a\u{1b}[2J\nforged'");
    for args in [
        &["user", "list"][..],
        &["user", "show", "ada@example.com"],
        &["user", "sessions", "ada@example.com"],
        &["audit"],
    ] {
        for json in [&[][..], &["--json"]] {
            let said = run(folder.path(), &[args, json].concat(), "").stdout;
            let bad =
                said.chars().find(|c| (c.is_control() && *c != '\n') || "\u{202e}\u{2066}".contains(*c));
            assert_eq!(bad, None, "{args:?}: {said}");
            assert!(!said.lines().any(|line| line.starts_with("forged")), "{said}");
        }
    }
    let shown = run(folder.path(), &["user", "show", "ada@example.com", "--json"], "").document();
    assert_eq!(shown["name"], odd, "the JSON contains the original name");
}
