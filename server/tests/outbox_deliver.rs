//! The outbox over SMTP: delivery, retries and giving up, and requests that do not wait for any of it.

use std::time::{Duration, Instant};

use doorward_messages::outbox;
use serde_json::json;
use sqlx::Connection;
use tokio::net::TcpSocket;
use tokio::sync::watch;

use crate::post;
use crate::post::sink::{Mood, Sink, settings};
use crate::support::{DAY, HOUR, MINUTE, SECOND, TestApp, database, until};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

async fn forgot(t: &TestApp, email: &str) {
    t.post("/v1/password/forgot", json!({ "email": email })).await.ok();
}

/// A port that refuses connections. The bound socket keeps other programs off the port.
fn dead_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

#[tokio::test]
async fn a_mail_goes_to_one_address_as_text_and_html() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings()).await;
    t.signup(ADA, "correct horse").await;
    // With --dev the mailbox shows the mail, too.
    let mail = post::newest(&t, ADA).await;
    let taken = sink.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].to, [ADA]);
    let data = &taken[0].data;
    for line in [
        "From: Example <hello@example.com>",
        "To: ada@example.com",
        "Subject: Confirm your address at Example",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
    ] {
        assert!(data.lines().any(|got| got.starts_with(line)), "{line} in {data}");
    }
    assert!(data.contains(&mail.code));
    assert_eq!(t.sql("select count(*) from outbox").await, "0");
}

#[tokio::test]
async fn sec_a06_a_name_cannot_add_a_header_or_a_recipient() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings()).await;
    let body = json!({ "email": ADA, "password": "correct horse", "name": "Ada Bcc: all@example.org" });
    t.post("/v1/signup", body).await.ok();
    t.confirm(ADA, "correct horse").await;
    forgot(&t, ADA).await;
    post::send(&t).await;
    for taken in sink.taken() {
        assert_eq!(taken.to, [ADA]);
        let head = taken.data.split("\n\n").next().unwrap().to_ascii_lowercase();
        assert!(!head.contains("bcc:"), "{head}");
    }
    for email in [
        "ada@example.com\r\nBcc: all@example.org",
        "ada@example.com,eve@example.com",
        "\"eve@x.de\"@example.com",
    ] {
        t.post("/v1/password/forgot", json!({ "email": email })).await.refused(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn a_mail_server_without_tls_gets_no_mail_if_tls_is_required() {
    let sink = Sink::start().await;
    for security in ["starttls", "tls"] {
        let t = TestApp::with(&sink.settings().replace("\"none\"", &format!("\"{security}\""))).await;
        t.signup(ADA, "correct horse").await;
        post::send(&t).await;
        assert_eq!((sink.taken().len(), t.sql("select attempts from outbox").await.as_str()), (0, "1"));
    }
}

#[tokio::test]
async fn one_connection_carries_many_mails() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings().replace("timeout", "connections = 1\ntimeout")).await;
    for at in 0..10 {
        t.signup(&format!("user{at}@example.com"), "correct horse").await;
    }
    post::send(&t).await;
    assert_eq!((sink.taken().len(), sink.connections()), (10, 1));
}

#[tokio::test]
async fn sec_s9_a_dead_or_silent_mail_server_does_not_delay_answers() {
    let silent = Sink::start().await;
    silent.be(Mood::Silent);
    let (_socket, dead) = dead_port();
    for port in [dead, silent.port] {
        let t = TestApp::with(&settings(port).replace("\"1s\"", "\"1m\"")).await;
        t.signup(ADA, "correct horse").await;
        let (_running, ended) = watch::channel(());
        let worker = tokio::spawn(outbox::run(t.app.outbox.clone(), ended));
        until("the mail is on its way", async || t.sql("select attempts from outbox").await == "1").await;
        let begun = Instant::now();
        for _ in 0..5 {
            forgot(&t, ADA).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        worker.abort();
    }
}

#[tokio::test]
async fn sec_s9_a_mail_waits_for_the_server_and_then_leaves_once() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings()).await;
    t.signup(ADA, "correct horse").await;
    post::send(&t).await;
    for mood in [Mood::Silent, Mood::Picky(ADA, "451 try later"), Mood::Picky(ADA, "550 5.7.1 blocked")] {
        sink.be(mood);
        forgot(&t, ADA).await;
        post::send(&t).await;
        assert_eq!(t.sql("select attempts from outbox where dead_at is null").await, "1");
        post::send(&t).await;
        assert_eq!(t.sql("select attempts from outbox").await, "1", "no attempt before the pause is over");
        assert_ne!(t.sql("select error from outbox").await, "");
        let before = sink.taken().len();
        sink.be(Mood::Kind);
        t.advance(6 * SECOND);
        post::send(&t).await;
        assert_eq!(sink.taken().len(), before + 1);
        // Only the code of the delivered mail works. The code of the failed attempt never arrived.
        let mails = post::all(&t, ADA).await;
        let old = json!({ "email": ADA, "code": mails[1].code, "new_password": "new password" });
        t.post("/v1/password/reset", old).await.refused(400, "INVALID_CODE");
        let new = json!({ "email": ADA, "code": mails[0].code, "new_password": "new password" });
        t.post("/v1/password/reset", new).await.ok();
        post::send(&t).await;
    }
}

#[tokio::test]
async fn sec_s9_after_ten_minutes_without_the_mail_server_each_code_arrives_once_and_works() {
    for mood in [Mood::Silent, Mood::Picky("example.com", "421 4.3.2 going down")] {
        let sink = Sink::start().await;
        let t = TestApp::with(&sink.settings()).await;
        for email in [ADA, BOB] {
            t.signup(email, "correct horse").await;
        }
        post::send(&t).await;
        // Each attempt waits for this time-out, so it is short.
        let t = t.restart_with(&sink.settings().replace("\"1s\"", "\"100ms\"")).await;
        let before = sink.taken().len();
        sink.be(mood);
        for email in [ADA, BOB] {
            forgot(&t, email).await;
        }
        for _ in 0..20 {
            post::send(&t).await;
            t.advance(30 * SECOND);
        }
        assert_eq!(sink.taken().len(), before);
        sink.be(Mood::Kind);
        let t = t.restart_with(&sink.settings()).await;
        // Longer than the longest possible pause so far.
        t.advance(11 * MINUTE);
        post::send(&t).await;
        post::send(&t).await;
        assert_eq!(
            (sink.taken().len(), t.sql("select count(*) from outbox").await.as_str()),
            (before + 2, "0")
        );
        for email in [ADA, BOB] {
            let code = post::newest(&t, email).await.code;
            assert!(
                sink.taken()[before..].iter().any(|mail| mail.to == [email] && mail.data.contains(&code))
            );
            let reset = json!({ "email": email, "code": code, "new_password": "new password" });
            t.post("/v1/password/reset", reset).await.ok();
        }
    }
}

#[tokio::test]
async fn a_mail_to_a_bad_address_is_given_up_and_does_not_delay_others() {
    let sink = Sink::start().await;
    sink.be(Mood::Picky("ada", "550 5.1.1 <ada@example.com>: no such mailbox"));
    let t = TestApp::with(&sink.settings().replace("timeout", "connections = 1\ntimeout")).await;
    t.signup(ADA, "correct horse").await;
    t.signup(BOB, "correct horse").await;
    post::send(&t).await;
    assert_eq!(sink.taken().len(), 1);
    assert_eq!(sink.taken()[0].to, [BOB]);
    assert_eq!(t.sql("select count(*) from outbox where dead_at is not null and attempts = 1").await, "1");
    let error = t.sql("select error from outbox").await;
    assert!(error.contains("no such mailbox") && !error.contains(ADA), "sec_L02: {error}");
    t.advance(DAY);
    post::send(&t).await;
    assert_eq!(
        t.sql("select attempts from outbox").await,
        "1",
        "a mail that was given up is not tried again"
    );
}

#[tokio::test]
async fn a_mail_that_never_leaves_is_tried_with_growing_pauses_and_then_given_up() {
    let (_socket, dead) = dead_port();
    let t = TestApp::with(&format!("{}attempts = 4\n", settings(dead))).await;
    t.signup(ADA, "correct horse").await;
    let mut pauses = Vec::new();
    for attempt in 1..=3 {
        post::send(&t).await;
        assert_eq!(t.sql("select attempts from outbox").await, attempt.to_string());
        let due: i64 = t.sql("select due_at from outbox").await.parse().unwrap();
        let pause = due - t.app.platform.world.now();
        pauses.push(pause);
        t.advance(pause);
    }
    for (pause, longest) in pauses.iter().zip([5 * SECOND, 10 * SECOND, 20 * SECOND]) {
        assert!((longest / 2..=longest).contains(pause), "{pauses:?}");
    }
    post::send(&t).await;
    assert_eq!(t.sql("select count(*) from outbox where dead_at is not null").await, "1");
}

#[tokio::test]
async fn two_workers_never_send_one_mail_twice() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings()).await;
    for at in 0..30 {
        t.signup(&format!("user{at}@example.com"), "correct horse").await;
    }
    let drain = || async { while outbox::send_due(&t.app.outbox).await {} };
    futures_util::future::join_all((0..4).map(|_| drain())).await;
    let mut to: Vec<_> = sink.taken().into_iter().flat_map(|taken| taken.to).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), sink.taken().len()), (30, 30));
}

#[tokio::test]
async fn the_mail_of_a_dead_worker_is_sent_by_another_after_its_lease() {
    let sink = Sink::start().await;
    sink.be(Mood::Silent);
    let t = TestApp::with(&sink.settings()).await;
    t.signup(ADA, "correct horse").await;
    let app = t.app.clone();
    let dying = tokio::spawn(async move { outbox::send_due(&app.outbox).await });
    until("the mail is on its way", async || sink.connections() == 1).await;
    dying.abort();
    sink.be(Mood::Kind);
    let t = t.restart().await;
    post::send(&t).await;
    assert_eq!(sink.taken().len(), 0, "the lease holds");
    t.advance(MINUTE);
    post::send(&t).await;
    assert_eq!(sink.taken().len(), 1);
}

#[tokio::test]
async fn a_mail_sent_while_the_database_was_locked_is_not_sent_again() {
    if !database::is_sqlite() {
        return;
    }
    let sink = Sink::start().await;
    sink.be(Mood::Hesitant);
    let t = TestApp::with(&sink.settings().replace("\"1s\"", "\"1m\"")).await;
    t.signup(ADA, "correct horse").await;
    let (_running, ended) = watch::channel(());
    let worker = tokio::spawn(outbox::run(t.app.outbox.clone(), ended));
    until("the mail is taken", async || sink.taken().len() == 1).await;
    let file = format!("sqlite://{}", t.folder.path().join("doorward.db").display());
    let mut other = sqlx::AnyConnection::connect(&file).await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    sink.be(Mood::Kind);
    // This sign-up waits in the same write queue as the outbox's note of the delivery, and for as long.
    let refused = t.post("/v1/signup", json!({ "email": BOB, "password": "correct horse" })).await;
    assert_eq!(refused.status, 503);
    t.advance(HOUR);
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    until("the delivery is noted", async || t.sql("select count(*) from outbox").await == "0").await;
    assert_eq!(sink.taken().len(), 1);
    worker.abort();
}

#[tokio::test]
async fn a_mail_leaves_at_once_and_the_worker_stops_at_shutdown() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings()).await;
    let (stop, ended) = watch::channel(());
    let worker = tokio::spawn(outbox::run(t.app.outbox.clone(), ended));
    // Without the signal, the clock wakes the worker a second after its last work. A busy machine may be as slow, but
    // not each time.
    let mut fastest = Duration::MAX;
    for at in 1..=5 {
        t.signup(&format!("user{at}@example.com"), "correct horse").await;
        let begun = Instant::now();
        until("the mail has left", async || sink.taken().len() == at).await;
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_millis(700), "woken by the signal, not by the clock: {fastest:?}");
    drop(stop);
    tokio::time::timeout(Duration::from_secs(20), worker).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_flood_for_addresses_without_an_account_does_not_hold_back_mails() {
    let sink = Sink::start().await;
    let t = TestApp::with(&sink.settings()).await;
    for at in 0..400 {
        forgot(&t, &format!("nobody{at}@example.com")).await;
    }
    t.signup(ADA, "correct horse").await;
    let (_running, ended) = watch::channel(());
    let worker = tokio::spawn(outbox::run(t.app.outbox.clone(), ended));
    until("the mail behind 400 rows without a recipient has left", async || !sink.taken().is_empty()).await;
    worker.abort();
}

#[tokio::test]
async fn at_most_one_mail_per_connection_is_on_its_way() {
    let sink = Sink::start().await;
    sink.be(Mood::Silent);
    let slow = sink.settings().replace("timeout = \"1s\"", "connections = 2\ntimeout = \"1m\"");
    let t = TestApp::with(&slow).await;
    for at in 0..6 {
        t.signup(&format!("user{at}@example.com"), "correct horse").await;
    }
    let (_running, ended) = watch::channel(());
    let worker = tokio::spawn(outbox::run(t.app.outbox.clone(), ended));
    until("two mails are on their way", async || sink.connections() >= 2).await;
    // A third one would follow at once.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        (sink.connections(), t.sql("select cast(sum(attempts) as bigint) from outbox").await.as_str()),
        (2, "2")
    );
    worker.abort();
}

#[tokio::test]
async fn a_confirmation_mail_is_dropped_if_the_address_is_already_confirmed() {
    let sink = Sink::start().await;
    sink.be(Mood::Picky("ada", "451 later"));
    let t = TestApp::with(&sink.settings()).await;
    t.signup(ADA, "correct horse").await;
    // The mailbox of --dev shows the mail that SMTP did not take: confirm with it before the next attempt.
    t.confirm(ADA, "correct horse").await;
    sink.be(Mood::Kind);
    t.advance(HOUR);
    post::send(&t).await;
    assert_eq!((sink.taken().len(), t.sql("select count(*) from outbox").await.as_str()), (0, "0"));
}

#[tokio::test]
async fn a_mail_uses_the_language_of_the_account_then_request_then_settings() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("fr")).unwrap();
    for message in doorward_core::message::Message::ALL {
        for part in message.parts() {
            let path = folder.path().join(format!("fr/{}.{part}", message.as_str()));
            std::fs::write(path, format!("Français : {}", message.as_str())).unwrap();
        }
    }
    let t = TestApp::with(&format!("[mail]\ntemplates = \"{}\"", folder.path().display())).await;
    let signup = |email: &str, locale: Option<&str>, header: &str| {
        let body = json!({ "email": email, "password": "correct horse", "locale": locale });
        t.post("/v1/signup", body).header("accept-language", header)
    };
    for (email, locale, header, subject) in [
        (ADA, Some("fr-CA"), "en", "Français : verify_email"),
        (BOB, None, "fr,en;q=0.5", "Français : verify_email"),
        ("carl@example.com", Some("de-AT"), "fr", "Bestätigen Sie Ihre Adresse bei doorward"),
        ("dewi@example.com", None, "id-ID", "Konfirmasikan alamat Anda di doorward"),
        ("mei@example.com", None, "zh-CN,zh;q=0.9", "请确认您在 doorward 的邮箱地址"),
        ("worf@example.com", Some("tlh"), "de", "Bestätigen Sie Ihre Adresse bei doorward"),
        ("eve@example.com", None, "tlh", "Confirm your address at doorward"),
    ] {
        signup(email, locale, header).await.ok();
        assert_eq!(post::newest(&t, email).await.subject, subject, "{email}");
    }
}
