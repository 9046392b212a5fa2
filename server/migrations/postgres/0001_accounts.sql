-- Accounts, the names they are known by, and the password that proves one.
create table accounts (
    id text not null primary key,
    profile text not null,
    phone_number text,
    email_subscription bigint not null,
    roles text not null,
    disabled bigint not null,
    confirmation_required bigint not null,
    logins_count bigint not null,
    last_login bigint,
    created_at bigint not null,
    updated_at bigint not null
);

create table identities (
    kind text not null,
    value text not null,
    account text not null references accounts (id) on delete cascade,
    verified_at bigint,
    created_at bigint not null,
    primary key (kind, value)
);

create index identities_by_account on identities (account);

create table passwords (
    account text not null primary key references accounts (id) on delete cascade,
    hash text not null,
    updated_at bigint not null
);
