-- Requests that were carried out, so that a repetition is not (D-16).
create table idempotency (
    key text not null primary key,
    request bytea not null,
    answer text not null,
    created_at bigint not null
);

create index idempotency_by_age on idempotency (created_at);
