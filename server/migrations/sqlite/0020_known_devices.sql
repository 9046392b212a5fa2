-- Devices that an account was signed in to on hold a MAC over this number: counting it up ends them all.
alter table accounts add column devices bigint not null default 0;
