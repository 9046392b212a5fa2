-- Proofs of a key that were used, until their nonce is good no more (D-5). Their ids are hashes: with the end of the
-- nonce before them, what is written in one minute lies together, and a refresh stays as cheap as it was.
create table proofs (
    expires_at bigint not null,
    id bytea not null,
    primary key (expires_at, id)
);
