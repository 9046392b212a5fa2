-- Identities at outside issuers: their value is "provider issuer subject". An account has one at each provider. The
-- address is the one that the provider gave when it was linked.
alter table identities add column provider text;
alter table identities add column email text;
create unique index identities_one_at_each on identities (account, provider) where provider is not null;
