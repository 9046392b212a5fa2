-- Proofs of a key that were used, until their nonce is good no more (D-5).
create table proofs (
    id bytea not null primary key,
    expires_at bigint not null
);

create index proofs_by_expiry on proofs (expires_at);
