-- Keys that sign access tokens, sealed with the secret key from outside.
create table signing_keys (
    id text not null primary key,
    sealed blob not null,
    public_key blob not null,
    created_at bigint not null,
    activates_at bigint not null,
    retires_at bigint
) without rowid;
