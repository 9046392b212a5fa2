-- Tries at a password: a budget with a pause behind each try that grows.
alter table budgets add column pause bigint not null default 0;
alter table budgets add column opens_at bigint not null default 0;
