"""The second judge: what DuckDB itself finds in the text that it is to run."""
