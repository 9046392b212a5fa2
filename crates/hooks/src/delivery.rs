//! Tells hooks what has happened: takes from the table what is due, and hands it to the script or to a webhook, at least
//! once. Each target has workers of its own, so that one that hangs holds up no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_config::Config;
use doorward_core::clock::Millis;
use doorward_core::delivery_queue::{self, Failure, Worker};
use doorward_core::operation::SCRIPT;
use doorward_request::event::Report;
use doorward_request::platform::Platform;
use doorward_store::deliveries::{self, Taken};
use doorward_store::{StoreError, Tx, transaction};
use futures_util::future;
use tokio::sync::{Notify, watch};

use super::webhook;
use crate::Hooks;

/// A script that fails will mostly fail again, until somebody corrects it.
const SCRIPT_ATTEMPTS: u32 = 10;
/// A script has one worker for reports.
const SCRIPT_SLOTS: usize = 1;

/// Wakes the workers, each target's its own.
#[derive(Debug)]
pub struct WakeUp(BTreeMap<String, Notify>);

impl WakeUp {
    /// For the script and all webhooks.
    pub fn of(config: &Config) -> WakeUp {
        let targets = config.webhooks.keys().map(String::as_str).chain([SCRIPT]);
        WakeUp(targets.map(|target| (target.to_owned(), Notify::new())).collect())
    }

    /// There may be something to tell: call it after the commit.
    pub fn signal(&self) {
        self.0.values().for_each(Notify::notify_one);
    }
}

/// Delivers until the sender of `ended` is dropped, then lets what is on its way finish.
pub async fn run(hooks: Arc<Hooks>, ended: watch::Receiver<()>) {
    let workers =
        hooks.wake_up.0.iter().map(|(target, wake_up)| work(&hooks, target, wake_up, ended.clone()));
    future::join_all(workers).await;
}

async fn work(hooks: &Arc<Hooks>, target: &str, wake_up: &Notify, ended: watch::Receiver<()>) {
    let take = |free| take(&hooks.platform, target, free);
    let deliver = |taken| {
        let hooks = hooks.clone();
        async move { deliver(&hooks, taken).await }
    };
    let name = &format!("deliveries to {target}");
    let slots = DeliveryTarget::of(&hooks.platform, target).slots;
    Worker { tasks: &hooks.tasks, name, slots, wake_up }.work(ended, take, deliver).await;
}

/// Delivers what is due now, at most as much as can leave at once, and waits for it. False when nothing was due.
pub async fn deliver_due(hooks: &Arc<Hooks>) -> bool {
    let mut due = Vec::new();
    for target in hooks.wake_up.0.keys() {
        due.extend(take(&hooks.platform, target, DeliveryTarget::of(&hooks.platform, target).slots).await);
    }
    let worked = !due.is_empty();
    future::join_all(due.into_iter().map(|taken| deliver(hooks, taken))).await;
    worked
}

/// What the settings say of a target.
struct DeliveryTarget {
    slots: usize,
    attempts: u32,
}

impl DeliveryTarget {
    fn of(platform: &Platform, target: &str) -> DeliveryTarget {
        let of = |webhook: &doorward_config::Webhook| DeliveryTarget {
            slots: webhook.connections.max(1) as usize,
            attempts: webhook.attempts,
        };
        let script = DeliveryTarget { slots: SCRIPT_SLOTS, attempts: SCRIPT_ATTEMPTS };
        platform.config.webhooks.get(target).map_or(script, of)
    }
}

async fn take(platform: &Arc<Platform>, target: &str, free: usize) -> Vec<Taken> {
    let due = if free == 0 { Ok(false) } else { due(platform, target).await };
    let taken = match due {
        Ok(false) => Ok(Vec::new()),
        Ok(true) => {
            let (target, now) = (target.to_owned(), platform.world.now());
            let patience = Millis::try_from(webhook::PATIENCE.as_millis()).unwrap_or(Millis::MAX);
            let until = now + patience + delivery_queue::LEASE_MARGIN;
            let limit = i64::try_from(free).unwrap_or(1);
            let take = platform
                .store
                .write(transaction!(|tx| deliveries::take(tx, &target, now, until, limit).await));
            take.await
        }
        Err(error) => Err(error),
    };
    taken.unwrap_or_else(|error: StoreError| {
        tracing::warn!(target_of_hooks = target, cause = %error, "nothing could be taken from the deliveries");
        Vec::new()
    })
}

/// Asks without writing: a server with nothing to tell leaves the disk alone.
async fn due(platform: &Platform, target: &str) -> Result<bool, StoreError> {
    let mut reader = platform.store.read().await?;
    let due = deliveries::next_due(&mut reader, target).await?;
    Ok(due.is_some_and(|due| due <= platform.world.now()))
}

async fn deliver(hooks: &Arc<Hooks>, taken: Taken) {
    let told = tell(hooks, &taken).await;
    let (worker, id) = (hooks.clone(), taken.id.clone());
    let settled: Result<(), StoreError> =
        hooks.platform.store.write(transaction!(|tx| settle(&worker.platform, tx, &taken, told).await)).await;
    if let Err(error) = settled {
        // The lease runs out and the row is taken again.
        tracing::warn!(delivery = id, cause = %error, "it could not be noted what became of a delivery");
    }
}

async fn tell(hooks: &Hooks, taken: &Taken) -> Result<(), Failure> {
    let report: Report = serde_json::from_str(&taken.payload)
        .map_err(|error| Failure::Never(format!("its row cannot be read: {error}")))?;
    if taken.target != SCRIPT {
        return hooks.webhooks.tell(hooks, &taken.target, &taken.id, &report).await;
    }
    if !hooks.scripts.has(&taken.event) {
        // The operator has taken the function out since.
        return Ok(());
    }
    let said = hooks.scripts.call(&taken.event, &report.model, Some(report.succeeded)).await;
    said.map(drop).map_err(|unanswered| Failure::Later(unanswered.to_string()))
}

async fn settle(
    platform: &Platform,
    tx: &mut Tx,
    taken: &Taken,
    told: Result<(), Failure>,
) -> Result<(), StoreError> {
    let Taken { id, event, target, attempts, request, .. } = taken;
    let now = platform.world.now();
    match told {
        Ok(()) => {
            tracing::debug!(delivery = id, event, to = target, request, attempts, "told a hook");
            deliveries::settle(tx, taken, now).await
        }
        Err(Failure::Later(cause))
            if *attempts < i64::from(DeliveryTarget::of(platform, target).attempts) =>
        {
            tracing::warn!(
                delivery = id,
                event,
                to = target,
                request,
                attempts,
                cause,
                "a hook was not told"
            );
            let pause = delivery_queue::pause(*attempts, u64::from_be_bytes(platform.world.bytes()));
            deliveries::postpone(tx, taken, now + pause, &cause).await
        }
        Err(Failure::Later(cause) | Failure::Never(cause)) => {
            tracing::error!(
                delivery = id,
                event,
                to = target,
                request,
                attempts,
                cause,
                "gave up telling a hook"
            );
            deliveries::bury(tx, taken, now, &cause).await
        }
    }
}
