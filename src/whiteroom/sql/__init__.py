"""Turns the text of a query into a judged query, as Spark understands it. Uses sqlglot and the domain only."""
