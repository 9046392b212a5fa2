-- One row per session; a refresh moves its generation on (D-3).
create table sessions (
    id text not null primary key,
    account text not null references accounts (id) on delete cascade,
    salt bytea not null,
    generation bigint not null,
    rotated_at bigint not null,
    method text not null,
    authenticated_at bigint not null,
    expires_at bigint not null,
    used_at bigint not null
);

create index sessions_by_account on sessions (account);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_use on sessions (used_at);
