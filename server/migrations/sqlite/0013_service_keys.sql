-- Keys of the operator's own programs. What is stored of the secret is a hash: it was shown once.
create table service_keys (
    id text not null primary key,
    secret_hash blob not null,
    name text not null,
    scopes text not null,
    created_at bigint not null,
    last_used_at bigint,
    revoked_at bigint
) without rowid;
