"""Snowflake, by ADBC. Unproven: it was never run against an account of Snowflake's (docs/databases.md)."""
