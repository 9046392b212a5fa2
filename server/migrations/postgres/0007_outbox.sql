-- Mails that have not left yet, written with what they tell of. No row holds a secret (D-22).
-- `due_at` is also the lease: who takes a row moves it on, and nobody else looks before then.
create table outbox (
    id text not null primary key,
    message text not null,
    address text not null,
    challenge text,
    language text,
    request text,
    attempts bigint not null,
    due_at bigint not null,
    dead_at bigint,
    error text,
    created_at bigint not null
);

create index outbox_by_due on outbox (due_at) where dead_at is null;
create index outbox_by_death on outbox (dead_at) where dead_at is not null;
