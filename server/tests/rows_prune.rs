//! Pruning deletes the rows that are over (D-35), and no others.

use doorward_accounts::pruning;
use serde_json::json;

use crate::support::{DAY, HOUR, MINUTE, TestApp};

#[tokio::test]
async fn sessions_and_requests_that_are_over_are_deleted_and_others_stay() {
    let app = TestApp::with("[prune]\naudit = \"60d\"").await;
    let old = app.somebody().await;
    let key = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let body = json!({ "email": "bob@example.com", "password": "correct horse" });
    app.post("/v1/signup", body).header("idempotency-key", key).await.ok();
    app.advance(29 * DAY);
    let new = app.login("ada@example.com", "correct horse").await;
    app.advance(DAY - HOUR);
    pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from sessions").await, "2");
    assert_eq!(app.sql("select count(*) from idempotency").await, "0");
    app.advance(HOUR);
    pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
    app.refresh(old["refresh_token"].as_str().unwrap()).await.oauth_error("invalid_grant");
    app.refresh(new["refresh_token"].as_str().unwrap()).await.ok();
    assert_ne!(app.sql("select count(*) from audit").await, "0");
    app.advance(60 * DAY);
    pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from audit").await, "0");
    assert_eq!(app.sql("select count(*) from accounts").await, "2");
}

#[tokio::test]
async fn one_node_prunes_until_it_stops_doing_so() {
    let t = TestApp::with("[prune]\nevery = \"10m\"").await;
    assert_eq!(pruning::turn(&t.app.platform, "one").await.unwrap(), Some(0));
    assert_eq!(pruning::turn(&t.app.platform, "two").await.unwrap(), None);
    t.advance(10 * MINUTE);
    assert_eq!(pruning::turn(&t.app.platform, "two").await.unwrap(), None);
    assert_eq!(pruning::turn(&t.app.platform, "one").await.unwrap(), Some(0));
    t.advance(11 * MINUTE);
    assert_eq!(pruning::turn(&t.app.platform, "two").await.unwrap(), Some(0));
    assert_eq!(pruning::turn(&t.app.platform, "one").await.unwrap(), None);
}

#[tokio::test]
async fn pruning_continues_until_no_old_row_is_left() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    let fill = app.app.platform.store.write(|tx| {
        Box::pin(async move {
            sqlx::query(
                "with recursive n (i) as (select 1 union all select i + 1 from n where i < 1700)
                insert into audit (id, at, event) select 'x' || i, 0, 'test' from n",
            )
            .execute(tx)
            .await?;
            Ok::<_, doorward_store::StoreError>(())
        })
    });
    fill.await.unwrap();
    app.advance(MINUTE);
    assert_eq!(pruning::all(&app.app.platform).await.unwrap(), 1700);
    assert_eq!(app.sql("select count(*) from audit where event = 'test'").await, "0");
}
