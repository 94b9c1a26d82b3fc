"""How DuckDB reads, writes and cuts files of rows. Synthesis uses this package and nothing else of the engine."""
