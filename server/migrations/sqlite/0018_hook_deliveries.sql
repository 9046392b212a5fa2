-- What hooks are told after an operation, written with what they are told of: a row for each that listens. No row holds
-- a secret. `due_at` is also the lease: who takes a row moves it on, and nobody else looks before then.
create table hook_deliveries (
    id text not null primary key,
    event text not null,
    target text not null,
    payload text not null,
    request text,
    attempts bigint not null,
    due_at bigint not null,
    settled_at bigint,
    dead_at bigint,
    error text,
    created_at bigint not null
) without rowid;

create index hook_deliveries_by_due on hook_deliveries (target, due_at) where settled_at is null and dead_at is null;
create index hook_deliveries_by_settled on hook_deliveries (settled_at) where settled_at is not null;
create index hook_deliveries_by_death on hook_deliveries (dead_at) where dead_at is not null;
