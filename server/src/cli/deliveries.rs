//! `doorward hooks deliveries`: the events that hooks have received after operations, or will receive.

use clap::Args;
use doorward_protocol::admin::Delivery;

use super::operator::{Ask, Verdict, plain, tell, tell_line, work};

#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only deliveries that were given up.
    #[arg(long)]
    failed: bool,
    /// Only deliveries to this webhook, or to `script`.
    #[arg(long, value_name = "NAME")]
    webhook: Option<String>,
    /// Print at most this many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Send the delivery with this id again, in any state.
    #[arg(long, value_name = "ID", conflicts_with_all = ["failed", "webhook", "limit"])]
    send: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(which: Which) -> Verdict {
    let Which { failed, webhook, limit, send, ask } = which;
    work(&ask.settings, async |operator, _| {
        if let Some(id) = send {
            operator.resend(&id).await?;
            return Ok(tell("A running server sends it again.")?);
        }
        for delivery in operator.deliveries(webhook.as_deref(), failed, limit).await? {
            if ask.json {
                tell_line(&delivery)?;
            } else {
                tell(line(&delivery))?;
            }
        }
        Ok(())
    })
}

fn line(delivery: &Delivery) -> String {
    let Delivery { id, event, target, state, attempts, created_at, cause, .. } = delivery;
    let cause = cause.as_deref().map(plain).unwrap_or_default();
    let (event, target) = (plain(event), plain(target));
    format!("{created_at}  {id}  {event:<20}  {target:<12}  {state:<7}  {attempts:>3}  {cause}")
        .trim_end()
        .to_owned()
}
