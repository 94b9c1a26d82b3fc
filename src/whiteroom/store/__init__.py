"""The store of records: the only package that knows the database's tables.

A record of the domain is a row: `codec.py` turns one into the other, `tables.py` says
which indexes and constraints there are, `statements.py` compiles each SQLAlchemy Core
statement once, `session.py` runs it. `repositories.py` and `lifecycles.py` hold records,
`work.py` the controllers' queue. `sqlite.py` opens transactions, `group_commit.py` commits
together what one iteration of the event loop wrote.
"""
