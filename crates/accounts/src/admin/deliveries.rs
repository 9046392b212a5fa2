//! Deliveries of events to hooks: listing and resending.

use doorward_core::clock::rfc3339;
use doorward_protocol::admin::Delivery;
use doorward_protocol::error::ErrorCode;
use doorward_request::audit::{Event, Record};
use doorward_request::error::ApiError;
use doorward_store::deliveries::{self, Listed};
use doorward_store::transaction;
use uuid::Uuid;

use super::Operator;

impl Operator {
    /// The newest deliveries. `target` limits them to one target, `dead` to those that were given up.
    pub async fn deliveries(
        &self,
        target: Option<&str>,
        dead: bool,
        limit: u32,
    ) -> Result<Vec<Delivery>, ApiError> {
        let mut reader = self.store.read().await?;
        let listed = deliveries::list(&mut reader, target.unwrap_or_default(), dead, limit.into()).await?;
        Ok(listed.into_iter().map(delivery).collect())
    }

    /// Schedules a delivery to be sent again, regardless of its state.
    pub async fn resend(&self, id: &str) -> Result<(), ApiError> {
        let unknown = || ApiError {
            detail: Some("This delivery does not exist, or it was deleted.".into()),
            ..ErrorCode::NotFound.into()
        };
        let id = Uuid::try_parse(id).map_err(|_| unknown())?.to_string();
        let operator = self.clone();
        self.store
            .write(transaction!(|tx| {
                let now = operator.world.now();
                if !deliveries::revive(tx, &id, now).await? {
                    return Err(unknown());
                }
                let record = Record::of(Event::DeliveryResent);
                Ok(operator.record(tx, record, &id, now).await?)
            }))
            .await
    }
}

fn delivery(listed: Listed) -> Delivery {
    let state = match (listed.settled_at, listed.dead_at) {
        (Some(_), _) => "told",
        (None, Some(_)) => "failed",
        (None, None) => "waiting",
    };
    Delivery {
        id: listed.id,
        event: listed.event,
        target: listed.target,
        state: state.into(),
        attempts: listed.attempts,
        created_at: rfc3339(listed.created_at),
        due_at: (state == "waiting").then(|| rfc3339(listed.due_at)),
        cause: listed.error,
        request: listed.request,
    }
}
