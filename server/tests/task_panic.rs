//! A panic in a task that runs as long as the server affects no other task.

use std::time::Duration;

use doorward_server::serve::{self, Listeners};
use doorward_store::StoreError;
use futures_util::FutureExt;
use serde_json::json;

use crate::post::service::Service;
use crate::support::{TestApp, database, until};

async fn warning(t: &TestApp) -> String {
    t.get("/health/ready").await.ok()["warning"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_is_restarted_and_the_readiness_answer_reports_it() {
    let crm = Service::start().await;
    let webhook = format!(
        "[webhooks.crm]\nurl = \"{}\"\nsecrets = [\"whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl\"]\nevents = [\"post_signup\"]\n",
        crm.url("/hook")
    );
    let times = "prune.every = \"1s\"\ntoken.publish_keys = \"1s\"\nlisten = \"127.0.0.1:0\"\n";
    let t = TestApp::with(&format!("{times}{webhook}")).await;
    t.signup("ada@example.com", "correct horse").await;
    t.post("/v1/code", json!({ "phone_number": "+491701234567" })).await.ok();
    let tasks = ["mails", "sms", "deliveries to crm", "prune", "rotation"];
    for task in tasks {
        t.clock.panic_in(task);
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let listeners = Listeners::bind(&t.app.platform.config).await.unwrap();
    let server = tokio::spawn(serve::run(t.app.clone(), listeners, async { drop(stopped.await) }));
    for task in tasks {
        let panicked = format!("the task `{task}` panicked (1)");
        until(&panicked, async || warning(&t).await.contains(&panicked)).await;
    }
    until("the webhook is delivered", async || crm.heard().len() == 1).await;
    until("the mail is in the mailbox", async || t.get("/dev/mailbox.json").await.ok() != json!([])).await;
    for task in tasks {
        let runs = format!("the task `{task}` panicked (1) and runs again");
        until(&runs, async || warning(&t).await.contains(&runs)).await;
    }
    drop(stop);
    tokio::time::timeout(Duration::from_secs(20), server).await.unwrap().unwrap();
}

/// A result that panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("the test's fault");
    }
}

#[tokio::test]
async fn after_a_panic_of_the_writer_itself_the_next_write_is_carried_out() {
    if !database::is_sqlite() {
        return;
    }
    let t = TestApp::new().await;
    let store = t.app.platform.store.clone();
    // The caller is gone before the writer answers, so that the writer drops the result.
    let job = store.write(|_| Box::pin(async { Ok::<_, StoreError>(Grenade) }));
    assert!(job.now_or_never().is_none());
    let account = json!({ "email": "ada@example.com", "password": "correct horse" });
    until("a write is carried out", async || {
        let answer = t.post("/v1/signup", account.clone()).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        answer.status == 200
    })
    .await;
    assert!(warning(&t).await.contains("the task `writer` panicked (1)"), "{}", warning(&t).await);
}
