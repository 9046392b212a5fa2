-- The key that the signup was made with (RFC 7638), until an address of the account is proven: who shows it again has
-- made the signup.
alter table accounts add column signup_key text;

-- From now on the flag is taken back once the address is proven. Accounts without an address to prove were let in before.
update accounts set confirmation_required = 0
where id not in (select account from identities where kind = 'email' and verified_at is null);
