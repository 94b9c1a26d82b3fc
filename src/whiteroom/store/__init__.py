"""Our own tables: the only place that knows them.

A record of the domain is a row: `codec.py` turns one into the other, `tables.py` says
which indexes and constraints there are, `statements.py` compiles each SQLAlchemy Core
statement once, `session.py` runs it. `repositories.py` and `lifecycles.py` hold records,
`work.py` the controllers' queue. `sqlite.py` opens transactions, `turns.py` commits what
one turn of the event loop wrote together.
"""
