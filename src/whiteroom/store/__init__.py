"""Our own tables: the only place that knows them (design: store).

A record of the domain is a row: `codec.py` turns one into the other, `tables.py` says
which indexes and constraints there are, `statements.py` compiles each SQLAlchemy Core
statement once, `repositories.py` runs them, `sqlite.py` opens transactions, `turns.py`
commits what one turn of the event loop wrote together.
"""
