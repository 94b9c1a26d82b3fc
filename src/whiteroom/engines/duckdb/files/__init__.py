"""Rows in files, as DuckDB reads, writes and cuts them. Synthetic rows are made with this room alone."""
