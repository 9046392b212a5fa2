"""Fills a database that the server has made with so many accounts, each with one session. usage: fill.py FILE ACCOUNTS"""

import sqlite3
import sys

file, accounts = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(file)
database.execute("pragma synchronous = off")
numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)"
with database:
    database.execute(
        f"""{numbers} insert into accounts (id, profile, email_subscription, roles, disabled, confirmation_required,
            logins_count, created_at, updated_at)
        select lower(hex(randomblob(16))), '{{}}', 0, '["user"]', 0, 0, 1, i, i from n""",
        [accounts],
    )
    database.execute(
        """insert into identities (kind, value, account, created_at)
        select 'email', id || '@example.com', id, created_at from accounts where logins_count = 1 and last_login is null"""
    )
    database.execute(
        """insert into sessions (id, account, salt, generation, rotated_at, method, authenticated_at, expires_at, used_at)
        select id, id, randomblob(16), 1, created_at, 'password', created_at,
            4102444800000, 4102444800000 from accounts where last_login is null"""
    )
