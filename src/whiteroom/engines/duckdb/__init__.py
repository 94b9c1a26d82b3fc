"""DuckDB: writes a judged query in its own words, judges those again, and runs them in a limited child process."""
