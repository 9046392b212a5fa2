//! Outages of real processes under load: one of two nodes is killed, or PostgreSQL stops and starts again
//! (SECURITY S5, S7).

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::binary::{Server, doorward, exchange, post};
use crate::support::cluster::Cluster;
use crate::support::database;

const PASSWORD: &str = "correct horse";
const SESSIONS: usize = 8;

/// Starts a node on which every refresh is a write. All nodes have one `public_url`, as behind a load balancer.
fn start(folder: &std::path::Path, database: Option<&Cluster>) -> Server {
    let mut command = doorward(folder);
    command.env("DOORWARD_SESSION__REPEAT", "0s").env("DOORWARD_PUBLIC_URL", "http://localhost");
    if let Some(cluster) = database {
        command.env("DOORWARD_DATABASE__URL", cluster.url());
    }
    Server::start_by(folder, command)
}

/// Sends a request. Returns the body of a 200, or `None` for a 503 with `Retry-After`.
fn try_once(at: SocketAddr, path: &str, headers: &str, body: &str) -> std::io::Result<Option<Value>> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let (status, head, answer) = exchange(at, method, path, headers, body)?;
    match status {
        200 => Ok(Some(answer)),
        503 => {
            assert!(head.contains("\r\nretry-after: ") && answer["retry_after"] == 1, "{head}\n{answer}");
            assert_eq!(answer["code"], "OVERLOADED");
            Ok(None)
        }
        _ => panic!("{path}: {status} {answer}"),
    }
}

/// Refreshes a session and keeps the new tokens. Returns false for a 503.
fn refresh(at: SocketAddr, tokens: &mut Value) -> std::io::Result<bool> {
    let token = tokens["refresh_token"].as_str().unwrap();
    let body = format!("grant_type=refresh_token&client_id=doorward&refresh_token={token}");
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let answer = try_once(at, "/v1/token", form, &body)?;
    Ok(match answer {
        Some(answer) => {
            *tokens = answer;
            true
        }
        None => false,
    })
}

fn profile(at: SocketAddr, tokens: &Value) -> std::io::Result<bool> {
    let token = tokens["access_token"].as_str().unwrap();
    let header = format!("authorization: Bearer {token}\r\n");
    Ok(try_once(at, "/v1/profile", &header, "")?.is_some())
}

fn sign_up(at: SocketAddr, email: &str) -> std::io::Result<Option<Value>> {
    let body = json!({ "email": email, "password": PASSWORD, "options": { "login": true } });
    let answer = try_once(at, "/v1/signup", "content-type: application/json\r\n", &body.to_string())?;
    Ok(answer.map(|mut answer| answer["session"].take()))
}

fn somebodies(at: SocketAddr) -> Vec<Mutex<Value>> {
    let somebody = |n| sign_up(at, &format!("user{n}@example.com")).unwrap().unwrap();
    (0..SESSIONS).map(|n| Mutex::new(somebody(n))).collect()
}

#[test]
fn sessions_of_a_killed_node_continue_on_the_other_node() {
    if database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut nodes = [start(folder.path(), None), start(folder.path(), None)];
    let at = [nodes[0].at, nodes[1].at];
    let sessions = somebodies(at[0]);
    let (over, refreshed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for session in &sessions {
            let (over, refreshed) = (&over, &refreshed);
            scope.spawn(move || {
                let mut tokens = session.lock().unwrap();
                let mut turn = 0;
                while !over.load(Ordering::SeqCst) {
                    turn += 1;
                    // Without an answer the node is gone, perhaps after its commit. The other node finds the commit.
                    let done = refresh(at[turn % 2], &mut tokens)
                        .unwrap_or_else(|_| refresh(at[1], &mut tokens).unwrap());
                    assert!(done, "a node refuses no request because the other one is gone");
                    assert!(profile(at[1], &tokens).unwrap());
                    refreshed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for(&refreshed, 100);
        nodes[0].kill();
        wait_for(&refreshed, 100);
        over.store(true, Ordering::SeqCst);
    });
    for session in sessions {
        assert!(refresh(at[1], &mut session.into_inner().unwrap()).unwrap());
    }
}

#[test]
fn during_a_postgresql_outage_the_answer_is_503_and_nothing_is_lost() {
    if database::is_sqlite() {
        return;
    }
    let cluster = Cluster::start(&std::env::temp_dir()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), Some(&cluster));
    let at = server.at;
    let sessions = somebodies(at);
    let (over, refreshed, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    // The first success of each thread after the database is back.
    let recovered: Vec<Mutex<Option<Instant>>> = (0..SESSIONS).map(|_| Mutex::new(None)).collect();
    let signed_up = thread::scope(|scope| {
        for (session, recovered) in sessions.iter().zip(&recovered) {
            let (over, refreshed, refused) = (&over, &refreshed, &refused);
            scope.spawn(move || {
                let mut tokens = session.lock().unwrap();
                while !over.load(Ordering::SeqCst) {
                    if refresh(at, &mut tokens).unwrap() && profile(at, &tokens).unwrap() {
                        recovered.lock().unwrap().get_or_insert_with(Instant::now);
                        refreshed.fetch_add(1, Ordering::SeqCst);
                    } else {
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        let signups = scope.spawn(|| {
            let mut done = Vec::new();
            for n in 1000.. {
                let email = format!("user{n}@example.com");
                if sign_up(at, &email).unwrap().is_some() {
                    done.push(email);
                }
                if over.load(Ordering::SeqCst) {
                    break;
                }
            }
            done
        });
        for _ in 0..2 {
            wait_for(&refreshed, 100);
            cluster.stop().unwrap();
            wait_for(&refused, SESSIONS);
            assert_eq!(exchange(at, "GET", "/health/live", "", "").unwrap().0, 200);
            assert_eq!(exchange(at, "GET", "/health/ready", "", "").unwrap().0, 503);
            recovered.iter().for_each(|recovered| *recovered.lock().unwrap() = None);
            cluster.go_on().unwrap();
            let open = Instant::now();
            wait_for(&refreshed, 100);
            for recovered in &recovered {
                wait_until(|| recovered.lock().unwrap().is_some());
                let after = recovered.lock().unwrap().unwrap().saturating_duration_since(open);
                assert!(after < Duration::from_secs(5), "sec_S5: {after:?}");
            }
        }
        over.store(true, Ordering::SeqCst);
        signups.join().unwrap()
    });
    for session in sessions {
        assert!(refresh(at, &mut session.into_inner().unwrap()).unwrap());
    }
    assert!(!signed_up.is_empty());
    for email in signed_up {
        let login = json!({ "email": email, "password": PASSWORD });
        assert_eq!(post(at, "/v1/login", &login).unwrap().0, 200, "{email}");
    }
}

/// Waits until `count` has grown by `more`.
fn wait_for(count: &AtomicUsize, more: usize) {
    let enough = count.load(Ordering::SeqCst) + more;
    wait_until(|| count.load(Ordering::SeqCst) >= enough);
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the condition did not hold within 60 seconds");
        thread::sleep(Duration::from_millis(2));
    }
}
