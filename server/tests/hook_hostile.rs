//! Hostile scripts: each one ends within its limits, and other requests are not affected.

use serde_json::json;

use crate::support::hooks::{Hooked, Log};

const HOSTILE: [(&str, &str); 20] = [
    ("an endless loop", "[None for a in range(mid) for b in range(mid)]"),
    ("a loop of many steps", "[None for a in range(big)]"),
    ("recursion", "again(again, 0)"),
    ("a giant list", "[0] * big"),
    ("a list of a giant range", "list(range(big))"),
    ("a sorted giant range", "sorted(range(big))"),
    ("a huge string", "'x' * big"),
    ("a string that doubles", "double('x')"),
    ("a list that doubles", "double([1])"),
    ("a replacement that grows", "('a' * mid).replace('a', 'b' * mid)"),
    ("a format that grows", "('{0}' * 100000).format('x' * 100000)"),
    ("a join that grows", "('x' * 100000).join(['y'] * mid)"),
    ("a split into very many", "[('a' * mid).split('a') for i in range(1000)]"),
    ("a huge number", "1 << big"),
    ("a number that grows", "square(7)"),
    ("a list in a list in a list", "nest(mid)"),
    ("a dict of very many", "{i: 'x' * 1000 for i in range(big)}"),
    ("JSON that nests", "json.decode('[' * mid)"),
    ("a giant answer", "model.set_email('x' * mid)"),
    ("a giant return", "giant(big)"),
];

const HELPERS: &str = "
def again(self, n):
    if n < 0:
        return n
    return self(self, n + 1)

def double(x):
    for i in range(200):
        x = x + x
    return x

def square(x):
    for i in range(100):
        x = x * x
    return x

def nest(n):
    x = []
    for i in range(n):
        x = [x]
    return str(x)

def giant(n):
    return 'x' * n
";

fn script(body: &str) -> String {
    // A constant would be computed while the script is loaded.
    let sizes = "mid = 1000000 + len(model.get_ip())\n    big = 2000 * mid";
    format!("{HELPERS}\ndef pre_email_auth(model):\n    {sizes}\n    return {body}\n")
}

fn login() -> serde_json::Value {
    json!({ "email": "ada@example.com", "password": "correct horse" })
}

#[tokio::test]
async fn hostile_scripts_end_within_their_limits_while_other_requests_go_on() {
    let log = Log::listen();
    let t = Hooked::with("", "", "time = \"1s\"\nsteps = 20000").await;
    for (what, body) in HOSTILE {
        t.rewrite(&script(body)).await;
        assert!(t.app.hooks.scripts.warning().is_none(), "{what}: {}", log.text());
        let (refused, device, health) = tokio::join!(
            t.post("/v1/login", login()),
            t.device("the device of somebody else"),
            t.get("/health/ready"),
        );
        refused.refused(500, "INTERNAL");
        assert!(device["access_token"].is_string() && health.status == 200, "{what}");
    }
    let log = log.text();
    let causes: Vec<_> = log.lines().filter(|line| line.contains("INTERNAL")).collect();
    assert_eq!(causes.len(), HOSTILE.len(), "{log}");
    for (cause, (what, _)) in causes.iter().zip(HOSTILE) {
        assert!(cause.contains("hooks.star") && !cause.contains("no worker was free"), "{what}: {cause}");
        assert!(cause.len() < 1000, "{what}: {cause}");
    }
}

/// The limits are the defaults of `[hooks]`.
#[tokio::test]
async fn the_default_limits_stop_hostile_scripts_while_other_requests_go_on() {
    let log = Log::listen();
    let t = Hooked::with("", "", "").await;
    let bob = t.device("the device of bob").await;
    for name in ["an endless loop", "a giant list", "a huge string"] {
        let (what, body) = HOSTILE.iter().find(|(what, _)| *what == name).unwrap();
        t.rewrite(&script(body)).await;
        assert!(t.app.hooks.scripts.warning().is_none(), "{what}: {}", log.text());
        let (refused, again, device, profile, health) = tokio::join!(
            t.post("/v1/login", login()),
            t.post("/v1/login", login()),
            t.device("the device of somebody else"),
            t.profile(&bob),
            t.get("/health/ready"),
        );
        refused.refused(500, "INTERNAL");
        again.refused(500, "INTERNAL");
        assert!(device["access_token"].is_string() && health.status == 200, "{what}");
        assert_eq!(profile["user_id"], bob["user"]["user_id"], "{what}");
    }
    let log = log.text();
    let mut causes = log.lines().filter(|line| line.contains("INTERNAL"));
    assert!(causes.all(|cause| cause.contains("hooks.star")), "{log}");
}

#[tokio::test]
async fn hostile_scripts_are_also_stopped_while_they_are_loaded() {
    let log = Log::listen();
    let t = Hooked::with("", "", "steps = 100000").await;
    for body in ["again(again, 0)", "double('x')", "[0] * 2000000000", "list(range(2000000000))"] {
        t.rewrite(&format!("{HELPERS}\nX = {body}\ndef pre_email_auth(model):\n    pass\n")).await;
        assert!(t.app.hooks.scripts.warning().is_some(), "{body}: {}", log.text());
    }
    for deep in ["(".repeat(50_000) + "1" + &")".repeat(50_000), "-".repeat(50_000) + "1"] {
        t.rewrite(&script(&deep)).await;
        assert!(t.app.hooks.scripts.warning().is_some(), "{}", log.text());
    }
    t.rewrite(&format!("#{}\n", "x".repeat(600_000))).await;
    assert!(t.app.hooks.scripts.warning().is_some() && log.text().contains("is longer than 512 KiB"));
}

#[tokio::test]
async fn a_flood_of_printed_lines_is_cut_and_cannot_forge_a_log_line() {
    let log = Log::listen();
    let t = Hooked::new(
        "def pre_email_auth(model):\n    print('a\\r\\n2026 ERROR forged')\n    [print('x' * 5000) for i in range(1000)]\n",
    )
    .await;
    t.post("/v1/login", login()).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let log = log.text();
    assert!(log.contains("a\\u{d}\\u{a}2026 ERROR forged"), "{log}");
    assert!(log.contains("(and more)") && log.len() < 100_000, "{}", log.len());
}

#[tokio::test]
async fn a_worker_that_was_killed_is_replaced() {
    let t = Hooked::new("def pre_email_auth(model):\n    if model.get_email() != 'ada@example.com':\n        [0] * 2000000000\n").await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for i in 0..cores + 2 {
        let body = json!({ "email": format!("eve-{i}@example.com"), "password": "correct horse" });
        t.post("/v1/login", body).await.refused(500, "INTERNAL");
        t.post("/v1/login", login()).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
}

/// Reads the resource limits of a worker from `/proc`, which exists on Linux only.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_may_open_no_file_and_has_little_memory() {
    let t = Hooked::new("def pre_email_auth(model):\n    pass\n").await;
    let us = std::process::id().to_string();
    let parent = |stat: &str| Some(stat.rsplit_once(')')?.1.split(' ').nth(2)?.to_owned());
    let workers: Vec<_> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            std::fs::read_to_string(path.join("stat")).is_ok_and(|stat| parent(&stat).as_ref() == Some(&us))
        })
        .filter(|path| {
            std::fs::read_to_string(path.join("cmdline")).is_ok_and(|line| line.contains("hook-worker"))
        })
        .collect();
    assert!(!workers.is_empty());
    let confined = |worker: &std::path::PathBuf| {
        let limits = std::fs::read_to_string(worker.join("limits")).unwrap_or_default();
        let line =
            |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line("Max core file size").contains(" 0 ")
            && line("Max open files").contains(" 3 ")
            && line("Max file size").contains(" 0 ")
            && !line("Max address space").contains("unlimited")
    };
    assert!(workers.iter().any(confined));
    drop(t);
}
