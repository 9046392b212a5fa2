-- A session may be bound to a key (DPoP): then the newest generation that was presented decides about its parent (D-1).
-- Address and browser are for the person, who tells one session from another by them.
alter table sessions add column key_thumbprint text;
alter table sessions add column presented bigint not null default -1;
alter table sessions add column ip text;
alter table sessions add column user_agent text;
