"""What Spark takes from Java and from its own libraries, in pure functions of values: DuckDB has none of it.

A function here is given no NULL, answers None where Spark answers NULL, and raises ValueError where Spark would end the
query. Texts are Python's, so that characters are code points, as Spark counts them; dates are days and timestamps
microseconds since 1970, so that no year is out of Python's range.
"""
