//! The program itself: start, stop, kill, a full disk, and its other commands.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::binary::{Server, doorward, exchange, post, request};
use crate::support::database;

const PASSWORD: &str = "correct horse";

/// Signs up one address after another until the server stops answering. Returns the addresses that were answered 200.
fn sign_up_until_it_ends(server: &Server, thread: usize, count: &AtomicUsize) -> Vec<String> {
    let mut done = Vec::new();
    for n in 0.. {
        let email = format!("user{n}.{thread}@example.com");
        match post(
            server.at,
            "/v1/signup",
            &json!({ "email": email, "password": PASSWORD, "options": { "login": true } }),
        ) {
            Ok((200, _)) => {
                count.fetch_add(1, Ordering::SeqCst);
                done.push(email);
            }
            Ok((status, body)) => panic!("{status}: {body}"),
            Err(_) => break,
        }
    }
    done
}

#[test]
fn after_a_kill_every_answered_sign_up_is_stored_completely() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    let mut fastest = Duration::MAX;
    for round in 0..3 {
        let mut server = Server::start(folder.path());
        let count = AtomicUsize::new(0);
        let enough = 30 + round * 25;
        let done: Vec<String> = std::thread::scope(|scope| {
            let (server, count) = (&server, &count);
            let threads: Vec<_> = (0..8)
                .map(|thread| scope.spawn(move || sign_up_until_it_ends(server, round * 100 + thread, count)))
                .collect();
            while count.load(Ordering::SeqCst) < enough {
                std::thread::sleep(Duration::from_millis(2));
            }
            // SIGKILL while sign-ups are running.
            let killed = Command::new("kill").args(["-KILL", &server.child.id().to_string()]).status();
            assert!(killed.unwrap().success());
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        server.kill();
        assert!(done.len() >= enough);
        let begun = Instant::now();
        let server = Server::start(folder.path());
        fastest = fastest.min(begun.elapsed());
        for email in &done {
            let login = json!({ "email": email, "password": PASSWORD });
            let (status, body) = post(server.at, "/v1/login", &login).unwrap();
            assert_eq!(status, 200, "{email}: {body}");
        }
        all.extend(done);
        drop(server);
        let there = whole(folder.path());
        assert!(all.iter().all(|email| there.contains(email)), "a later kill loses no earlier sign-up");
    }
    // A busy machine may be slow, but not each time.
    assert!(fastest < Duration::from_secs(2), "sec_S1: {fastest:?}");
}

/// Checks that each account has its identity, password, session, challenge and audit record, and that each identity has
/// its account. Returns the addresses.
fn whole(folder: &std::path::Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = doorward_store::Store::open(&folder.join("data"), &database::of(folder)).await.unwrap();
        let mut db = store.read().await.unwrap();
        for sql in [
            "select count(*) from accounts where id not in (select account from identities)",
            "select count(*) from accounts where id not in (select account from passwords)",
            "select count(*) from accounts where id not in (select account from sessions)",
            "select count(*) from identities where value not in (select address from challenges)",
            "select count(*) from accounts where id not in (select account from audit where event = 'signed_up')",
            "select count(*) from identities where account not in (select id from accounts)",
        ] {
            let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *db).await.unwrap();
            assert_eq!(count, 0, "{sql}");
        }
        if database::is_sqlite() {
            let sound: String =
                sqlx::query_scalar("pragma integrity_check").fetch_one(&mut *db).await.unwrap();
            assert_eq!(sound, "ok");
        }
        let there = sqlx::query_scalar("select value from identities").fetch_all(&mut *db).await.unwrap();
        drop(db);
        store.close().await;
        there
    })
}

#[test]
fn a_full_disk_answers_writes_with_503_until_there_is_space_again() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // A limit on file sizes simulates a full disk. The log file has reached the limit already.
    std::fs::write(folder.path().join("log"), vec![b'\n'; 1200 * 512]).unwrap();
    let mut shell = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -S -f 1200; exec \"$0\" \"$@\" 2>>log";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_doorward")]);
    shell
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .stdout(Stdio::piped());
    let server = Server::start_by(folder.path(), shell);
    let signup = |n: usize| {
        let misc = "x".repeat(4000);
        post(
            server.at,
            "/v1/signup",
            &json!({ "email": format!("u{n}@example.com"), "password": PASSWORD, "misc": misc,
            "options": { "login": true } }),
        )
        .unwrap()
    };
    let (status, first) = signup(0);
    assert_eq!(status, 200);
    let mut done = vec![0];
    let mut refused = 0;
    for n in 1..400 {
        match signup(n) {
            (200, _) => done.push(n),
            (503, problem) => {
                assert_eq!((&problem["code"], &problem["retry_after"]), (&json!("OVERLOADED"), &json!(1)));
                refused += 1;
            }
            (status, problem) => panic!("{status}: {problem}"),
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "the disk was never full: {} sign-ups", done.len());
    let token = format!("authorization: Bearer {}\r\n", first["session"]["access_token"].as_str().unwrap());
    assert_eq!(request(server.at, "GET", "/v1/profile", &token, "").unwrap().0, 200);
    assert_eq!(request(server.at, "GET", "/health/live", "", "").unwrap().0, 200);
    let pid = server.child.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap().success());
    assert_eq!(signup(1000).0, 200, "works again without a restart");
    for n in done {
        let login = json!({ "email": format!("u{n}@example.com"), "password": PASSWORD });
        assert_eq!(post(server.at, "/v1/login", &login).unwrap().0, 200, "u{n}");
    }
    drop(server);
    whole(folder.path());
}

#[test]
fn a_term_signal_lets_a_running_request_finish() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let mut stream = TcpStream::connect(server.at).unwrap();
    let head = format!(
        "POST /v1/signup HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // This answer shows that the server has begun to read the body.
    let mut begun = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut begun).unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 100 "));
    stream.write_all(&body.as_bytes()[..10]).unwrap();
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let begun = Instant::now();
    while TcpStream::connect(server.at).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(5), "new connections are still accepted");
        std::thread::sleep(Duration::from_millis(20));
    }
    stream.write_all(&body.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(server.child.wait().unwrap().success());
    let mut more = String::new();
    server.stdout.read_to_string(&mut more).unwrap();
    assert_eq!(more, "", "stdout has exactly one line");
}

#[test]
fn sec_s12_slow_clients_do_not_delay_other_requests() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let slow: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = TcpStream::connect(server.at).unwrap();
            stream.write_all(b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: appl").unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(request(server.at, "GET", "/v1/settings", "", "").unwrap().0, 200);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
    drop(slow);
}

fn fails(args: &[&str], variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = doorward(folder.path());
    let output = command.args(args).envs(variables.iter().copied()).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn sec_l01_without_keys_or_public_url_the_server_reports_it_and_does_not_start() {
    let said = fails(&["serve"], &[]);
    assert!(said.contains("public_url: is required"), "{said}");
    let https = ("DOORWARD_PUBLIC_URL", "https://auth.example.com");
    let said = fails(&["serve"], &[https]);
    assert!(said.contains("secret_keys: is required") && said.contains("doorward keys generate"), "{said}");
    let weak = ("DOORWARD_SECRET_KEYS", "00000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let said = fails(&["serve"], &[https, weak]);
    assert!(said.contains("secret_keys: line 1 is not a key") && !said.contains("AAAA"), "{said}");
    let said = fails(&["serve", "--dev"], &[("DOORWARD_PORT", "1")]);
    assert!(said.contains("port: there is no such setting") && said.contains("DOORWARD_PORT"), "{said}");
    let said = fails(&["serve", "--dev", "--listen", "0.0.0.0:1"], &[]);
    assert!(said.contains("listen: ") && said.contains("--listen"), "{said}");
    for (setting, value) in [
        ("SESSION__IDLE", "5m"),
        ("SESSION__REPEAT", "31d"),
        ("SESSION__GRACE", "0s"),
        ("TOKEN__LIFETIME", "0s"),
    ] {
        let said = fails(&["serve", "--dev"], &[(&format!("DOORWARD_{setting}"), value)]);
        let named = if setting == "SESSION__REPEAT" {
            "session.idle".into()
        } else {
            setting.to_lowercase().replace("__", ".")
        };
        assert!(said.contains(&format!("{named}: must be")), "{said}");
    }
    let said = fails(&["serve", "--dev", "--config", "missing.toml"], &[]);
    assert!(said.contains("missing.toml"), "{said}");
}

/// Kubernetes sets variables for the services of the namespace in each pod, as Docker did for linked containers.
#[test]
fn kubernetes_service_variables_are_ignored_with_one_warning() {
    let folder = tempfile::tempdir().unwrap();
    let links = [
        ("DOORWARD_SERVICE_HOST", "10.0.0.1"),
        ("DOORWARD_SERVICE_PORT", "80"),
        ("DOORWARD_SERVICE_PORT_HTTP", "80"),
        ("DOORWARD_SERVICE_PORT_HTTP_ADMIN", "81"),
        ("DOORWARD_PORT", "tcp://10.0.0.1:80"),
        ("DOORWARD_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("DOORWARD_PORT_80_TCP_PROTO", "tcp"),
        ("DOORWARD_PORT_80_TCP_PORT", "80"),
        ("DOORWARD_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("DOORWARD_ADMIN_SERVICE_HOST", "fd00::1"),
        ("DOORWARD_ADMIN_PORT", "udp://[fd00::1]:53"),
        ("DOORWARD_ADMIN_PORT_53_UDP", "udp://[fd00::1]:53"),
    ];
    let check = |more: &[(&str, &str)]| {
        let mut command = doorward(folder.path());
        command.args(["config", "check", "--dev"]).envs(links).envs(more.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (good, shown, said) = check(&[("DOORWARD_SMTP__PORT", "2525")]);
    assert!(good, "{said}");
    assert!(shown.contains("smtp.port = 2525"), "a variable of a setting still works");
    let warnings: Vec<_> = shown.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("DOORWARD_ADMIN_PORT") && warnings[0].contains("enableServiceLinks"),
        "{warnings:?}"
    );
    for (name, value) in [
        ("DOORWARD_PORT", "1"),
        ("DOORWARD_ADMIN_PORT", "8091"),
        ("DOORWARD_PORTS", "tcp://10.0.0.1:80"),
        ("DOORWARD_PORT_80", "tcp://10.0.0.1:80"),
        ("DOORWARD_SMTP__SERVICE_HOST", "10.0.0.1"),
        ("DOORWARD_SERVICE_HOSTS", "10.0.0.1"),
    ] {
        let (good, _, said) = check(&[(name, value)]);
        assert!(!good && said.contains("there is no such setting") && said.contains(name), "{name}: {said}");
    }
    let mut command = doorward(folder.path());
    command.envs(links);
    drop(Server::start_by(folder.path(), command));
}

#[test]
fn a_server_starts_with_the_keys_that_keys_generate_printed() {
    let folder = tempfile::tempdir().unwrap();
    let output = doorward(folder.path()).args(["keys", "generate"]).output().unwrap();
    std::fs::write(folder.path().join("my_keys"), output.stdout).unwrap();
    let mut command = doorward(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let variables =
        [("DOORWARD_PUBLIC_URL", "https://auth.example.com"), ("DOORWARD_SECRET_KEYS", "my_keys")];
    let mut child = command.envs(variables).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    // SIGKILL could leave the last lines of the log unwritten.
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let port = line.strip_prefix("doorward is ready: https://auth.example.com, listening on 127.0.0.1:");
    assert!(
        port.is_some_and(|port| port.trim_end().parse::<u16>().is_ok_and(|port| port != 0)),
        "{line}{log}"
    );
    assert!(log.contains("password.min_length is 6"), "sec_P01: {log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn sec_l05_rotating_a_secret_key_keeps_sessions_and_keys_list_shows_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let account = json!({ "email": "ada@example.com", "password": "correct horse" });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
    let tokens = post(server.at, "/v1/login", &account).unwrap().1;
    let keys = |verb: &str| {
        let mut command = doorward(folder.path());
        command.args(["keys", verb]);
        if verb != "generate" {
            command.args(["--dev", "--data", "data"]);
        }
        command.env("DOORWARD_DATABASE__URL", database::of(folder.path()).url.expose());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let before = keys("list");
    assert_eq!((before.matches("active").count(), before.matches("retired").count()), (1, 0), "{before}");
    assert_eq!(before.matches("signs since").count(), 1, "{before}");
    drop(server);
    let file = folder.path().join("data/secret_keys");
    if database::is_sqlite() {
        keys("rotate");
    } else {
        // On PostgreSQL there may be other nodes, so the command prints instructions and changes nothing.
        let mut command = doorward(folder.path());
        command.args(["keys", "rotate", "--dev", "--data", "data"]);
        command.env("DOORWARD_DATABASE__URL", database::of(folder.path()).url.expose());
        let output = command.output().unwrap();
        assert!(String::from_utf8(output.stderr).unwrap().contains("all must know a key before one uses it"));
        let old = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{}{old}", keys("generate"))).unwrap();
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let after = keys("list");
    let id = before.lines().nth(1).unwrap().trim_end_matches("active");
    assert!(after.contains(&format!("{id}retired")) && after.matches("active").count() == 1, "{after}");
    for line in std::fs::read_to_string(file).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let (_, secret) = line.split_once(':').unwrap();
        assert!(!after.contains(secret), "the list shows ids only");
    }
    let server = Server::start(folder.path());
    let form = format!(
        "grant_type=refresh_token&client_id=doorward&refresh_token={}",
        tokens["refresh_token"].as_str().unwrap()
    );
    let kind = "content-type: application/x-www-form-urlencoded\r\n";
    let (status, _, next) = exchange(server.at, "POST", "/v1/token", kind, &form).unwrap();
    assert_eq!(status, 200, "{next}");
    let bearer = format!("authorization: Bearer {}\r\n", next["access_token"].as_str().unwrap());
    assert_eq!(request(server.at, "GET", "/v1/profile", &bearer, "").unwrap().0, 200);
}

#[test]
fn sec_p06_sec_l02_no_password_code_token_or_address_is_ever_logged() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut shell = Command::new("sh");
    // The harness discards standard error, so the log goes to a file that this test reads.
    shell.args(["-c", "exec \"$0\" \"$@\" 2>log", env!("CARGO_BIN_EXE_doorward")]);
    shell.current_dir(folder.path()).env_clear().env("DOORWARD_LOG__LEVEL", "trace").stdout(Stdio::piped());
    let mut server = Server::start_by(folder.path(), shell);
    let canary = "canary-address@example.com";
    let send = |path: &str, body: serde_json::Value| post(server.at, path, &body).unwrap();
    let account = json!({ "email": canary, "password": "canary-password", "misc": "canary-misc" });
    assert_eq!(send("/v1/signup", account).0, 200);
    let (_, tokens) = send("/v1/login", json!({ "email": canary, "password": "canary-password" }));
    assert_eq!(send("/v1/login", json!({ "email": canary, "password": "canary-wrong" })).0, 401);
    assert_eq!(send("/v1/login", json!({ "email": canary, "password": ["canary-type"] })).0, 400);
    assert_eq!(send("/v1/password/forgot", json!({ "email": canary })).0, 200);
    let reset = json!({ "token": "canary-token-of-a-link", "new_password": "canary-new" });
    assert_eq!(send("/v1/password/reset", reset).0, 400);
    assert_eq!(send("/v1/logout", json!({ "revoke_token": tokens["revoke_token"] })).0, 200);
    assert_eq!(
        request(server.at, "GET", "/canary-path?canary-query", "x-canary: canary\r\n", "").unwrap().0,
        404
    );
    // SIGKILL could leave the last lines of the log unwritten.
    server.signal("TERM");
    server.child.wait().unwrap();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.lines().count() > 5 && text.contains("/v1/password/reset"), "{text}");
    let secret = |name: &str| tokens[name].as_str().unwrap().to_owned();
    for word in ["canary".to_owned(), secret("access_token"), secret("refresh_token"), secret("revoke_token")]
    {
        let line = text.lines().find(|line| line.contains(&word));
        assert_eq!(line, None, "{word}");
    }
}

const KEY: &str = "0badcafe:c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlLi4";

#[test]
fn config_check_explains_each_setting_its_origin_and_hides_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), "[password]\nmin_length = 12\n").unwrap();
    let mut command = doorward(folder.path());
    command.args(["config", "check", "--dev"]);
    command.env("DOORWARD_SESSION__IDLE", "7d").env("DOORWARD_SECRET_KEYS", KEY);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for line in [
        "password.min_length = 12    [doorward.toml]",
        "session.idle = \"7d\"    [the variable DOORWARD_SESSION__IDLE]",
        "session.absolute = \"90d\"    [default]",
        "secret_keys = \"(hidden)\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains(KEY));
    let mut command = doorward(folder.path());
    command.args(["config", "check", "--dev"]).env("DOORWARD_MAIL__TEMPLATES", "nowhere");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("mail.templates"), "{said}");
    let mut command = doorward(folder.path());
    let output = command.args(["config", "check"]).output().unwrap();
    assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap().contains("public_url"));
}
