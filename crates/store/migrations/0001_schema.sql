-- All tables, in the spelling of SQLite; engine/migrations.rs translates it for PostgreSQL.
--
-- Columns are text, bigint or blob. Times are milliseconds since 1970. A time that is null has not come. A number in
-- parentheses like (D-16) names a decision (docs/decisions.md).

-- People ------------------------------------------------------------------------------------------------------------

-- `profile` and `extras` are JSON; `extras` holds the fields that the operator declares (D-24). `devices` is the
-- number under the MAC of each remembered device: counting it up ends all of them. `signup_key` is the thumbprint (RFC 7638)
-- of the key that the signup was made with, until an address of the account is proven: a request with a proof of this key
-- comes from the browser of the signup.
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
    updated_at bigint not null,
    extras text not null default '{}',
    devices bigint not null default 0,
    signup_key text
) without rowid;

-- The names by which an account is found: e-mail address, phone number, username, id of a device, id in another
-- system, identity at a provider. An account has at most one of each of the first three, and one at each provider.
--
-- `look` is the skeleton of a username (UTS 39) and as unique as the name itself. `owned_at` is the time at which a
-- reader of the address chose the password of the account: the address belongs to the account even without a
-- verification. The value of an identity at a provider is "provider issuer subject"; `email` is the address that the
-- provider gave when the identity was linked; of an e-mail address it is the form that is shown, if that differs.
create table identities (
    kind text not null,
    value text not null,
    account text not null references accounts (id) on delete cascade,
    verified_at bigint,
    created_at bigint not null,
    look text,
    owned_at bigint,
    provider text,
    email text,
    primary key (kind, value)
) without rowid;

create index identities_by_account on identities (account);
create unique index identities_by_look on identities (look);
create unique index identities_one_each on identities (account, kind) where kind in ('email', 'phone', 'username');
create unique index identities_one_at_each on identities (account, provider) where provider is not null;

create table passwords (
    account text not null primary key references accounts (id) on delete cascade,
    hash text not null,
    updated_at bigint not null
) without rowid;

-- Data that an app keeps for its users: values as JSON, by key.
create table user_data (
    account text not null references accounts (id) on delete cascade,
    key text not null,
    value text not null,
    updated_at bigint not null,
    primary key (account, key)
) without rowid;

-- Sessions ----------------------------------------------------------------------------------------------------------

-- A refresh increments `generation` (D-3). A session with `key_thumbprint` is bound to a key of the browser (DPoP);
-- there `presented`, the newest generation that came back, decides about its parent (D-1). `ip` and `user_agent` help
-- people to tell their sessions apart.
create table sessions (
    id text not null primary key,
    account text not null references accounts (id) on delete cascade,
    salt blob not null,
    generation bigint not null,
    rotated_at bigint not null,
    method text not null,
    authenticated_at bigint not null,
    expires_at bigint not null,
    used_at bigint not null,
    key_thumbprint text,
    presented bigint not null default -1,
    ip text,
    user_agent text
) without rowid;

create index sessions_by_account on sessions (account);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_use on sessions (used_at);

-- Used proofs of possession, kept until their nonce expires (D-5). `id` is a hash. The expiry comes first in the key,
-- so that the rows of one minute lie together and writing one stays cheap.
create table proofs (
    expires_at bigint not null,
    id blob not null,
    primary key (expires_at, id)
) without rowid;

-- Keys that sign access tokens, sealed with a secret key that is not in the database.
create table signing_keys (
    id text not null primary key,
    sealed blob not null,
    public_key blob not null,
    created_at bigint not null,
    activates_at bigint not null,
    retires_at bigint
) without rowid;

-- Sign-ins with a provider, from the consent screen to the answer, and to the account that is made with it (D-32). A
-- flow is bound to a key of the browser, or else to a secret. `memory`, `arrived` and `person` are sealed.
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

-- Codes and messages ------------------------------------------------------------------------------------------------

-- Codes and links that were sent. There is one row for each scene and address: a new challenge replaces the old one
-- and voids its code and link. `account` and the hashes are null until the outbox sends the message (D-22).
create table challenges (
    scene text not null,
    address text not null,
    id text not null,
    account text references accounts (id) on delete cascade,
    redirect text,
    secret_key blob,
    code_hash blob,
    code_expires_at bigint,
    token_hash blob,
    token_expires_at bigint,
    tries bigint not null,
    consumed_at bigint,
    created_at bigint not null,
    primary key (scene, address)
) without rowid;

create unique index challenges_by_id on challenges (id);
create unique index challenges_by_token on challenges (token_hash);
create index challenges_by_account on challenges (account);
create index challenges_by_age on challenges (created_at);

-- Mails and SMS that have not left yet, written in the transaction that causes them. No row holds a secret (D-22).
-- `due_at` is also the lease: a worker that takes a row sets it to a later time, and other workers skip the row until
-- then. Each channel is a queue of its own, so that an SMS gateway that hangs delays no mail.
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
    created_at bigint not null,
    channel text not null default 'mail'
) without rowid;

create index outbox_by_due on outbox (channel, due_at) where dead_at is null;
create index outbox_by_death on outbox (dead_at) where dead_at is not null;

-- Operators ---------------------------------------------------------------------------------------------------------

-- Events for hooks and webhooks, written in the transaction of the operation: one row for each target. No row holds a
-- secret. `due_at` is also the lease, as in `outbox`.
create table hook_deliveries (
    id text not null primary key,
    event text not null,
    target text not null,
    payload text not null,
    request text,
    attempts bigint not null,
    due_at bigint not null,
    settled_at bigint,
    dead_at bigint,
    error text,
    created_at bigint not null
) without rowid;

create index hook_deliveries_by_due on hook_deliveries (target, due_at) where settled_at is null and dead_at is null;
create index hook_deliveries_by_settled on hook_deliveries (settled_at) where settled_at is not null;
create index hook_deliveries_by_death on hook_deliveries (dead_at) where dead_at is not null;

-- Keys of the operator's programs. The secret is shown once, when the key is made; the table has its hash.
create table service_keys (
    id text not null primary key,
    secret_hash blob not null,
    name text not null,
    scopes text not null,
    created_at bigint not null,
    last_used_at bigint,
    revoked_at bigint
) without rowid;

-- The audit log, written in the transaction of the event.
create table audit (
    id text not null primary key,
    at bigint not null,
    event text not null,
    account text,
    session text,
    ip text,
    request text,
    detail text
) without rowid;

create index audit_by_age on audit (at);
create index audit_by_account on audit (account);

-- Requests ----------------------------------------------------------------------------------------------------------

-- Answers to requests that were carried out, so that a repeated request is not carried out again (D-16).
create table idempotency (
    key text not null primary key,
    request blob not null,
    answer text not null,
    created_at bigint not null
) without rowid;

create index idempotency_by_age on idempotency (created_at);

-- Limits: how often a budget was used until `ends_at`. A budget for tries at a password also has a `pause`, which
-- grows with each try; the next try may begin at `opens_at`.
create table budgets (
    name text not null primary key,
    used bigint not null,
    ends_at bigint not null,
    pause bigint not null default 0,
    opens_at bigint not null default 0
) without rowid;

create index budgets_by_end on budgets (ends_at);

-- Work that one node does for all of them at a time (D-35). The lease of a node that dies runs out.
create table leases (
    name text not null primary key,
    holder text not null,
    held_until bigint not null
) without rowid;
