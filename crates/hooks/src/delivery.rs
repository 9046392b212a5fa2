//! Delivers events to hooks: takes due rows from the deliveries table and hands each to the script or to a webhook, at
//! least once. Each target has its own workers, so that a hanging target does not delay the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_config::Config;
use doorward_core::clock::Millis;
use doorward_core::delivery_queue::{self, Failure, Worker};
use doorward_core::operation::SCRIPT;
use doorward_request::event::Report;
use doorward_request::platform::Platform;
use doorward_store::deliveries::{self, Taken};
use doorward_store::{Lease, StoreError, Tx, transaction};
use futures_util::future;
use tokio::sync::{Notify, watch};

use super::webhook;
use crate::Hooks;

/// A failing script usually fails again until the operator corrects it.
const SCRIPT_ATTEMPTS: u32 = 10;
/// One worker delivers events to the script.
const SCRIPT_SLOTS: usize = 1;

/// Wakes the workers of each target.
#[derive(Debug)]
pub struct WakeUp(BTreeMap<String, Notify>);

impl WakeUp {
    /// One entry for the script and one for each webhook.
    pub fn of(config: &Config) -> WakeUp {
        let targets = config.webhooks.keys().map(String::as_str).chain([SCRIPT]);
        WakeUp(targets.map(|target| (target.to_owned(), Notify::new())).collect())
    }

    /// Wakes all workers. Call it after the commit.
    pub fn signal(&self) {
        self.0.values().for_each(Notify::notify_one);
    }
}

/// Delivers until the sender of `ended` is dropped, then finishes the running deliveries.
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

/// Delivers the rows that are due now, for each target at most as many as it has slots, and waits for the results.
/// False if no row was due.
pub async fn deliver_due(hooks: &Arc<Hooks>) -> bool {
    let mut due = Vec::new();
    for target in hooks.wake_up.0.keys() {
        due.extend(take(&hooks.platform, target, DeliveryTarget::of(&hooks.platform, target).slots).await);
    }
    let worked = !due.is_empty();
    future::join_all(due.into_iter().map(|taken| deliver(hooks, taken))).await;
    worked
}

/// Settings of a target.
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
        tracing::warn!(target_of_hooks = target, cause = %error, "due deliveries could not be taken");
        Vec::new()
    })
}

/// Reads first, so that an idle server writes nothing to the disk.
async fn due(platform: &Platform, target: &str) -> Result<bool, StoreError> {
    let mut reader = platform.store.read().await?;
    let due = deliveries::next_due(&mut reader, target).await?;
    Ok(due.is_some_and(|due| due <= platform.world.now()))
}

async fn deliver(hooks: &Arc<Hooks>, taken: Taken) {
    let told = tell(hooks, &taken).await;
    let (worker, id) = (hooks.clone(), taken.lease.id.clone());
    let settled: Result<(), StoreError> =
        hooks.platform.store.write(transaction!(|tx| settle(&worker.platform, tx, &taken, told).await)).await;
    if let Err(error) = settled {
        // The lease runs out, and a worker takes the row again.
        tracing::warn!(delivery = id, cause = %error, "the outcome of a delivery could not be stored");
    }
}

async fn tell(hooks: &Hooks, taken: &Taken) -> Result<(), Failure> {
    let report: Report = serde_json::from_str(&taken.payload)
        .map_err(|error| Failure::Never(format!("the stored event cannot be read: {error}")))?;
    if taken.target != SCRIPT {
        return hooks.webhooks.tell(hooks, &taken.target, &taken.lease.id, &report).await;
    }
    if !hooks.scripts.has(&taken.event) {
        // The operator has removed the function since.
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
    let Taken { lease, event, target, request, .. } = taken;
    let Lease { id, attempts } = lease;
    let now = platform.world.now();
    match told {
        Ok(()) => {
            tracing::debug!(
                delivery = id,
                event,
                to = target,
                request,
                attempts,
                "delivered an event to a hook"
            );
            deliveries::settle(tx, lease, now).await
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
                "could not deliver an event to a hook"
            );
            let pause = delivery_queue::pause(*attempts, u64::from_be_bytes(platform.world.bytes()));
            deliveries::postpone(tx, lease, now + pause, &cause).await
        }
        Err(Failure::Later(cause) | Failure::Never(cause)) => {
            tracing::error!(
                delivery = id,
                event,
                to = target,
                request,
                attempts,
                cause,
                "gave up delivering an event to a hook"
            );
            deliveries::give_up(tx, lease, now, &cause).await
        }
    }
}
