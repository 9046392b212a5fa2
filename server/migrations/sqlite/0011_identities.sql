-- More names than an e-mail address: phone number, username, id of a device, id of another system. Of the first three an
-- account has one each. A username also has a look (UTS 39), which is as unique as the name itself.
alter table identities add column look text;
create unique index identities_by_look on identities (look);
create unique index identities_one_each on identities (account, kind) where kind in ('email', 'phone', 'username');
-- Fields that the operator declares, as JSON (D-24).
alter table accounts add column extras text not null default '{}';
