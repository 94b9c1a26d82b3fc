"""Spark's answers from DuckDB: the types that Spark gives to a query, and the query in DuckDB's words.

A query is judged as Spark means it. Only then is it translated: `typing.py` says the type of every expression, and
`translate.py` replaces node by node what DuckDB would answer otherwise, by the tables of the other modules.
"""
