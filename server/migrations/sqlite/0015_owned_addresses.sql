-- When somebody who reads an address chose the password of the account: it is theirs, though the address was not verified.
alter table identities add column owned_at bigint;
