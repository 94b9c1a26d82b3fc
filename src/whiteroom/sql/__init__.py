"""From the text of a query to a judged one, in Spark's meaning: stands on sqlglot and the domain alone."""
