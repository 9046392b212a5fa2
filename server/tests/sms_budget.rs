//! SMS budgets (SECURITY C08): per number, per prefix and in total. A refusal spends nothing.

use doorward_accounts::pruning;
use doorward_core::one_time_code::Scene;
use doorward_protocol::error::ErrorCode;
use serde_json::json;

use crate::post;
use crate::post::gateway::ask;
use crate::support::{DAY, HOUR, SECOND, TestApp};

/// Asks for an SMS. Returns the `Retry-After` in seconds if it was refused.
async fn wait(t: &TestApp, to: &str) -> Option<u32> {
    let asked = loop {
        match ask(t, Scene::Login, to).await {
            // The database was overloaded and has written nothing, so the call is repeated.
            Err(error) if error.code == ErrorCode::Overloaded => {}
            asked => break asked,
        }
    };
    match asked {
        Ok(()) => None,
        Err(error) => {
            assert_eq!((error.code, error.status()), (ErrorCode::LimitExceeded, 429));
            error.retry_after
        }
    }
}

#[tokio::test]
async fn sec_c08_unknown_clients_get_8_of_10_sms_a_day_per_number_30_seconds_apart() {
    let t = TestApp::with("[sms]\npause = \"30s\"\nbudget_number = 10").await;
    for sent in 1..=8 {
        assert_eq!(wait(&t, "+491701234567").await, None, "{sent}");
        t.advance(10 * SECOND + 1);
        if sent < 8 {
            assert_eq!(wait(&t, "+491701234567").await, Some(20), "Retry-After is exact");
        }
        t.advance(20 * SECOND - 1);
    }
    let left = (DAY - 240 * SECOND) / SECOND;
    assert_eq!(wait(&t, "+491701234567").await, Some(u32::try_from(left).unwrap()));
    assert_eq!(wait(&t, "+491701234568").await, None, "another number");
    assert_eq!(post::all(&t, "+491701234567").await.len(), 1, "only the newest of eight challenges is sent");
    t.advance(left * SECOND);
    assert_eq!(wait(&t, "+491701234567").await, None);
}

#[tokio::test]
async fn sec_c08_a_request_over_the_budget_has_retry_after_and_sends_nothing() {
    let t = TestApp::with("[sms]\npause = \"30s\"").await;
    let ask = || t.post("/v1/code", json!({ "phone_number": "+49 170 1234567", "scene": "LOGIN" }));
    ask().await.ok();
    t.advance(10 * SECOND);
    let refused = ask().await;
    assert_eq!(refused.header("retry-after"), "20");
    assert_eq!(refused.refused(429, "LimitExceededException")["retry_after"], 20);
    assert_eq!(post::all(&t, "+491701234567").await.len(), 1);
}

#[tokio::test]
async fn sec_c08_numbers_of_one_prefix_share_a_budget_and_all_numbers_a_total() {
    let t = TestApp::with("[sms]\nbudget_prefix = 3\nbudget_total = 6").await;
    for at in 0..3 {
        assert_eq!(wait(&t, &format!("+49170123456{at}")).await, None);
    }
    assert_eq!(wait(&t, "+491701234569").await, Some(86_400));
    t.advance(HOUR);
    for at in 0..2 {
        assert_eq!(wait(&t, &format!("+44163296096{at}")).await, None);
    }
    assert_eq!(wait(&t, "+6281234567890").await, Some(82_800));
    assert_eq!(t.sql("select count(*) from challenges").await, "5", "a refusal creates no challenge");
}

#[tokio::test]
async fn a_refused_sms_spends_no_budget() {
    let t = TestApp::with("[sms]\nbudget_number = 2\nbudget_total = 1").await;
    assert_eq!(wait(&t, "+441632960961").await, None);
    for _ in 0..5 {
        assert!(wait(&t, "+491701234567").await.is_some());
    }
    assert_eq!(t.sql("select count(*) from budgets where name like 'sms number %'").await, "1");
}

#[tokio::test]
async fn sec_c08_simultaneous_requests_do_not_exceed_the_budget() {
    let t = TestApp::with("[sms]\nbudget_prefix = 6").await;
    let numbers: Vec<String> = (10..50).map(|at| format!("+4917012345{at}")).collect();
    let asked = futures_util::future::join_all(numbers.iter().map(|to| wait(&t, to))).await;
    assert_eq!(asked.iter().filter(|wait| wait.is_none()).count(), 5);
}

#[tokio::test]
async fn after_a_clock_was_a_day_ahead_and_is_corrected_sms_are_sent_again() {
    let t = TestApp::with("[sms]\npause = \"30s\"\nbudget_number = 3").await;
    t.advance(DAY);
    assert_eq!(wait(&t, "+491701234567").await, None);
    assert_eq!(wait(&t, "+491701234567").await, Some(30));
    t.advance(-DAY);
    // After the third SMS of the day, the wait is until the daily budget renews.
    for then in [30, 30, 86_340] {
        assert_eq!(wait(&t, "+491701234567").await, None);
        assert_eq!(wait(&t, "+491701234567").await, Some(then), "the budget counts again");
        t.advance(30 * SECOND);
    }
    assert_eq!(wait(&t, "+491701234567").await, Some(86_310));
}

#[tokio::test]
async fn sec_c08_setting_the_clock_back_a_little_does_not_refund_a_budget() {
    let t = TestApp::with("[sms]\npause = \"30s\"").await;
    assert_eq!(wait(&t, "+491701234567").await, None);
    t.advance(-5 * SECOND);
    assert_eq!(wait(&t, "+491701234567").await, Some(35));
}

#[tokio::test]
async fn expired_budgets_are_pruned() {
    let t = TestApp::with("[sms]\npause = \"30s\"").await;
    assert_eq!(wait(&t, "+491701234567").await, None);
    t.advance(31 * SECOND);
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(t.sql("select count(*) from budgets").await, "3");
    t.advance(DAY);
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(t.sql("select count(*) from budgets").await, "0");
}
