-- Sign-ins with a provider, from the consent screen to the answer and to the account that is made with it (D-32). Each is
-- bound to a key of the browser or, without one, to a secret. `memory`, `arrived` and `person` are sealed.
create table flows (
    id text not null primary key,
    handle blob not null,
    provider text not null,
    callback text not null,
    browser_key text,
    secret_hash blob,
    account text references accounts (id) on delete cascade,
    memory blob,
    arrived blob,
    answer_hash blob,
    claimed_at bigint,
    person blob,
    outcome text,
    finished_at bigint,
    used_at bigint,
    created_at bigint not null,
    expires_at bigint not null
) without rowid;

create unique index flows_by_handle on flows (handle);
create index flows_by_key on flows (browser_key, provider, created_at);
create index flows_by_secret on flows (secret_hash);
create index flows_by_account on flows (account);
create index flows_by_age on flows (created_at);
