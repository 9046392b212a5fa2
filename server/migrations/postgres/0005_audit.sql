-- What happened, written with what it records.
create table audit (
    id text not null primary key,
    at bigint not null,
    event text not null,
    account text,
    session text,
    ip text,
    request text,
    detail text
);

create index audit_by_age on audit (at);
create index audit_by_account on audit (account);
