//! `doorward hooks deliveries`: what hooks were told after an operation, and what they are still to be told.

use clap::Args;
use serde::Serialize;

use super::desk::{Ask, Verdict, plain, tell, tell_line, work};
use crate::clock::rfc3339;
use crate::store::deliveries::Listed;

#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only what was given up.
    #[arg(long)]
    failed: bool,
    /// Only those to this webhook, or to `script`.
    #[arg(long, value_name = "NAME")]
    webhook: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Send the one of this id again, whatever became of it.
    #[arg(long, value_name = "ID", conflicts_with_all = ["failed", "webhook", "limit"])]
    send: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    event: &'a str,
    target: &'a str,
    state: &'static str,
    attempts: i64,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(listed: &'a Listed) -> Line<'a> {
        let state = match (listed.settled_at, listed.dead_at) {
            (Some(_), _) => "told",
            (None, Some(_)) => "failed",
            (None, None) => "waiting",
        };
        Line {
            id: &listed.id,
            event: &listed.event,
            target: &listed.target,
            state,
            attempts: listed.attempts,
            created_at: rfc3339(listed.created_at),
            due_at: (state == "waiting").then(|| rfc3339(listed.due_at)),
            cause: listed.error.as_deref(),
            request_id: listed.request.as_deref(),
        }
    }
}

pub(super) fn run(which: Which) -> Verdict {
    let Which { failed, webhook, limit, send, ask } = which;
    work(&ask.settings, async |operator, _| {
        if let Some(id) = send {
            operator.resend(&id).await?;
            return Ok(tell("It is sent again, by a server that runs.")?);
        }
        for listed in operator.deliveries(webhook.as_deref(), failed, limit).await? {
            let line = Line::of(&listed);
            if ask.json {
                tell_line(&line)?;
            } else {
                tell(shown(&line))?;
            }
        }
        Ok(())
    })
}

fn shown(line: &Line<'_>) -> String {
    let Line { id, event, target, state, attempts, created_at, cause, .. } = line;
    let cause = cause.map(plain).unwrap_or_default();
    let (event, target) = (plain(event), plain(target));
    format!("{created_at}  {id}  {event:<20}  {target:<12}  {state:<7}  {attempts:>3}  {cause}")
        .trim_end()
        .to_owned()
}
