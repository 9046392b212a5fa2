//! `doorward subscribers`: the users that want the newsletter (seed K23).

use super::operator::{Ask, PAGE, Verdict, plain, tell, tell_line, work};

pub(super) fn run(ask: &Ask) -> Verdict {
    work(&ask.settings, async |operator, _| {
        let mut next: Option<String> = None;
        loop {
            let page = operator.subscribers(next.as_deref(), PAGE).await?;
            for subscriber in &page.items {
                if ask.json {
                    tell_line(subscriber)?;
                } else {
                    tell(plain(&subscriber.email))?;
                }
            }
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    })
}
