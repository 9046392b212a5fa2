-- What SMS need: a queue of their own in the outbox, so that a gateway that hangs holds no mail back, and budgets,
-- because each one costs money. A budget is a name and how often it was used until it begins anew.
alter table outbox add column channel text not null default 'mail';
drop index outbox_by_due;
create index outbox_by_due on outbox (channel, due_at) where dead_at is null;

create table budgets (
    name text not null primary key,
    used bigint not null,
    ends_at bigint not null
) without rowid;

create index budgets_by_end on budgets (ends_at);
