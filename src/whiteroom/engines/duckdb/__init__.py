"""DuckDB: writes a judged query in DuckDB's SQL, has that judged again, and runs it in a limited child process."""
