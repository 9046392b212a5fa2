-- Keys that sign access tokens, sealed with the secret key from outside.
create table signing_keys (
    id text not null primary key,
    sealed bytea not null,
    public_key bytea not null,
    created_at bigint not null,
    activates_at bigint not null,
    retires_at bigint
);
