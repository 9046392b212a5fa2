-- What a mailed code or link proves. One row per scene and address: a new challenge takes the place of the old one,
-- whose code and link are void with that. Without an account and hashes until the outbox hands the mail over (D-22).
create table challenges (
    scene text not null,
    address text not null,
    id text not null,
    account text references accounts (id) on delete cascade,
    redirect text,
    secret_key bytea,
    code_hash bytea,
    code_expires_at bigint,
    token_hash bytea,
    token_expires_at bigint,
    tries bigint not null,
    consumed_at bigint,
    created_at bigint not null,
    primary key (scene, address)
);

create unique index challenges_by_id on challenges (id);
create unique index challenges_by_token on challenges (token_hash);
create index challenges_by_account on challenges (account);
create index challenges_by_age on challenges (created_at);
