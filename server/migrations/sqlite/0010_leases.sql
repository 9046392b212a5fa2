-- Work that one node does at a time for all of them (D-35). Who dies leaves it when the lease ends.
create table leases (
    name text not null primary key,
    holder text not null,
    held_until bigint not null
) without rowid;
