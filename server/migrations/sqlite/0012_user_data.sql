-- User-defined data: values as JSON, by key.
create table user_data (
    account text not null references accounts (id) on delete cascade,
    key text not null,
    value text not null,
    updated_at bigint not null,
    primary key (account, key)
) without rowid;
