"""A judged query in DuckDB's words, so that it answers as Spark does.

`sql/spark/typing.py` has said the type of every expression; `translate.py` replaces node by node what DuckDB would
answer otherwise, by the tables of the other modules.
"""
