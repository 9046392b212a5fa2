//! Lists in pages: accounts, subscribers of the newsletter, the audit log.

use doorward_config::Span;
use doorward_core::clock::{Millis, rfc3339};
use doorward_protocol::admin::{AuditEntry, Subscriber};
use doorward_protocol::profile::{ProfileFields, UserProfile};
use doorward_request::error::ApiError;
use doorward_store::audit::{self, Filter, Line};
use doorward_store::directory::{self, NEWEST};
use doorward_store::identities::Kind;

use super::Operator;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items of the page.
    pub items: Vec<T>,
    /// The id after which the next page begins. `None` for the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Builds a page from at most `limit + 1` rows. The extra row shows that there is a next page.
    fn of<R>(mut rows: Vec<R>, limit: u32, id: impl Fn(&R) -> &str, item: impl Fn(R) -> T) -> Page<T> {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| id(last).to_owned());
        Page { items: rows.into_iter().map(item).collect(), next }
    }
}

/// The accounts to list.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// All accounts.
    All,
    /// The account with this e-mail address.
    Email(String),
    /// The account with this phone number.
    Phone(String),
    /// The account with this username.
    Username(String),
    /// The accounts with a name that contains this text.
    Like(String),
}

impl Operator {
    /// Accounts, newest first.
    pub async fn users(
        &self,
        wanted: &Wanted,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Page<UserProfile>, ApiError> {
        let (before, rows) = (before.unwrap_or(NEWEST), i64::from(limit) + 1);
        let found = match wanted {
            Wanted::All => directory::list(&mut *self.store.read().await?, before, rows).await?,
            Wanted::Like(part) => {
                directory::search(&mut *self.store.read().await?, part, before, rows).await?
            }
            Wanted::Email(email) => self.known_by(Kind::Email, email).await?.into_iter().collect(),
            Wanted::Phone(number) => self.known_by(Kind::Phone, number).await?.into_iter().collect(),
            Wanted::Username(name) => self.known_by(Kind::Username, name).await?.into_iter().collect(),
        };
        Ok(Page::of(found, limit, |account| &account.id, |account| account.to_profile()))
    }

    /// Subscribers of the newsletter with a proven address and an enabled account, oldest account first (seed
    /// K23).
    pub async fn subscribers(&self, after: Option<&str>, limit: u32) -> Result<Page<Subscriber>, ApiError> {
        let mut db = self.store.read().await?;
        let rows = directory::subscribers(&mut db, after.unwrap_or_default(), i64::from(limit) + 1).await?;
        let subscriber = |row: directory::Subscriber| {
            let profile: ProfileFields = serde_json::from_str(&row.profile).unwrap_or_default();
            Subscriber { user_id: row.id, email: row.email, name: profile.name, locale: profile.locale }
        };
        Ok(Page::of(rows, limit, |row| &row.id, subscriber))
    }

    /// The audit log, newest first.
    pub async fn audit(
        &self,
        filter: &Filter,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, ApiError> {
        let mut db = self.store.read().await?;
        let rows = audit::list(&mut db, filter, before.unwrap_or(NEWEST), i64::from(limit) + 1).await?;
        Ok(Page::of(rows, limit, |line| &line.id, entry))
    }
}

pub(super) fn entry(line: Line) -> AuditEntry {
    AuditEntry {
        id: line.id,
        at: rfc3339(line.at),
        event: line.event,
        user_id: line.account,
        session_id: line.session,
        ip: line.ip,
        request: line.request,
        detail: line.detail,
    }
}

/// Parses a point in time: `2026-01-31`, `2026-01-31T12:00:00Z`, or an age like `24h`.
pub fn moment(text: &str, now: Millis) -> Option<Millis> {
    if let Some(span) = Span::parse(text) {
        return Some(now - span.millis());
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_millisecond());
    }
    // The length excludes a time without a zone, which would be parsed as a date, too.
    let day: jiff::civil::Date =
        if text.len() == "2026-01-31".len() { text.parse().ok()? } else { return None };
    let utc = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(utc.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_a_time_or_an_age() {
        let now = 1_767_225_600_000;
        assert_eq!(moment("24h", now), Some(now - 86_400_000));
        assert_eq!(moment("2026-01-01", now), Some(now));
        assert_eq!(moment("2026-01-01T01:00:00+01:00", now), Some(now));
        for bad in ["", "yesterday", "24", "2026-02-30", "2026-01-01T00:00:00"] {
            assert_eq!(moment(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn only_a_page_with_rows_after_it_has_a_next_page() {
        let page = |rows: usize| Page::of(vec!["id"; rows], 2, |id| id, str::len);
        assert_eq!((page(2).items.len(), page(2).next), (2, None));
        assert_eq!((page(3).items.len(), page(3).next.as_deref()), (2, Some("id")));
        assert_eq!(page(0).next, None);
    }
}
