"""Fills a database that the server has created with ACCOUNTS accounts. Each has an address, one session and the
password of the existing account. usage: fill.py FILE ACCOUNTS [unconfirmed]"""

import sqlite3
import sys

file, accounts, unconfirmed = sys.argv[1], int(sys.argv[2]), "unconfirmed" in sys.argv[3:]
database = sqlite3.connect(file)
database.execute("pragma synchronous = off")
numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)"
with database:
    database.execute(
        f"""{numbers} insert into accounts (id, profile, email_subscription, roles, disabled, confirmation_required,
            logins_count, created_at, updated_at)
        select lower(hex(randomblob(16))), '{{}}', 0, '["user"]', 0, ?, 1, i, i from n""",
        [accounts, unconfirmed],
    )
    # The same computation as in servers.mjs: spread like real addresses, and computable from the number.
    database.execute(
        """insert into identities (kind, value, account, created_at)
        select 'email', printf('%08x', (created_at * 2654435761) & 4294967295) || '@example.com', id, created_at
        from accounts where logins_count = 1 and last_login is null"""
    )
    database.execute(
        """insert into passwords (account, hash, updated_at)
        select accounts.id, passwords.hash, 0 from accounts, passwords where accounts.last_login is null
        on conflict do nothing"""
    )
    database.execute(
        """insert into sessions (id, account, salt, generation, rotated_at, method, authenticated_at, expires_at, used_at)
        select id, id, randomblob(16), 1, created_at, 'password', created_at,
            4102444800000, 4102444800000 from accounts where logins_count = 1 and last_login is null"""
    )
