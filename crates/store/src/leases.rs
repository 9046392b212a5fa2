//! Leases for work that one node does for all nodes.

use doorward_core::clock::Millis;

use crate::{StoreError, Tx};

/// Takes or extends a lease. Returns false while another node holds it.
pub async fn take(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: Millis,
    until: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "insert into leases (name, holder, held_until) values ($1, $2, $4)
        on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until
        where leases.holder = excluded.holder or leases.held_until <= $3",
    )
    .bind(name)
    .bind(holder)
    .bind(now)
    .bind(until)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
