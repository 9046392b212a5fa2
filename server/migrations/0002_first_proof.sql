-- The key that the signup was made with (RFC 7638), until an address of the account is proven: who shows it again has
-- made the signup.
alter table accounts add column signup_key text;
