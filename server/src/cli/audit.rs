//! `doorward audit`: the audit log, newest entries first.

use clap::Args;
use doorward_accounts::admin::moment;
use doorward_core::clock::World;
use doorward_protocol::admin::AuditEntry;
use doorward_store::audit::Filter;
use uuid::Uuid;

use super::operator::{Ask, PAGE, Verdict, plain, tell, tell_line, work};

#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only events of this account: its id, e-mail address, phone number with `+`, or username. A deleted account: its
    /// id.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only this event, like `signed_in`.
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Not before this: a date, a time like 2026-01-31T12:00:00Z, or a time span back from now, like 24h.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Print at most this many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(which: Which) -> Verdict {
    let Which { user, event, since, limit, ask } = which;
    let since = match since {
        Some(text) => Some(
            moment(&text, World::default().now())
                .ok_or("--since: this is not a date, a time or a time span")?,
        ),
        None => None,
    };
    work(&ask.settings, async |operator, _| {
        let account = match user {
            Some(text) => match Uuid::try_parse(&text) {
                Ok(id) => Some(id.to_string()),
                Err(_) => Some(operator.find_user(&text).await?.id),
            },
            None => None,
        };
        let filter = Filter { account, event, since };
        let (mut left, mut next): (u32, Option<String>) = (limit, None);
        while left > 0 {
            let page = operator.audit(&filter, next.as_deref(), left.min(PAGE)).await?;
            for entry in &page.items {
                if ask.json {
                    tell_line(entry)?
                } else {
                    tell(line(entry))?
                }
                left -= 1;
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    })
}

fn line(entry: &AuditEntry) -> String {
    let or_dash = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), plain);
    let (user, ip) = (or_dash(&entry.user_id), or_dash(&entry.ip));
    let detail = entry.detail.as_deref().map(plain).unwrap_or_default();
    format!("{}  {:<20}  {user:<36}  {ip:<15}  {detail}", entry.at, plain(&entry.event)).trim_end().to_owned()
}
