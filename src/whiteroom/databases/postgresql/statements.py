"""What PostgreSQL is told: texts of ours, in which nothing of a member's stands but quoted names."""

from __future__ import annotations

from collections.abc import Sequence

from whiteroom.databases.names import quoted

LOCK_SECONDS = 30
"""How long a table is waited for that somebody holds, to change its columns."""


def beginning(statement_seconds: int) -> tuple[str, ...]:
    """What a transaction begins with: one state of the whole database, in which nothing can be written.

    All of it ends with the transaction, so that it holds behind a pool of connections too.
    """
    return (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        f"SET LOCAL statement_timeout = '{statement_seconds}s'",
        f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'",
        "SET LOCAL client_encoding = 'UTF8'",
        "SET LOCAL TimeZone = 'UTC'",
        "SET LOCAL DateStyle = 'ISO'",
        # Whoever reads the same rows again has them in the same order.
        "SET LOCAL synchronize_seqscans = off",
        "SET LOCAL max_parallel_workers_per_gather = 0",
    )


COLUMNS = """
WITH RECURSIVE kinds AS (
  SELECT a.attnum, a.attname, a.atttypid AS oid, a.atttypmod AS modifier,
         pg_catalog.format_type(a.atttypid, a.atttypmod) AS shown
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1::pg_catalog.text AND c.relname = $2::pg_catalog.text
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
     AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
   UNION ALL
  SELECT k.attnum, k.attname, t.typbasetype, CASE WHEN t.typtypmod < 0 THEN k.modifier ELSE t.typtypmod END, k.shown
    FROM kinds k JOIN pg_catalog.pg_type t ON t.oid = k.oid AND t.typtype = 'd')
SELECT k.attname::pg_catalog.text, t.typname::pg_catalog.text, n.nspname::pg_catalog.text, t.typtype::pg_catalog.text,
       k.modifier::pg_catalog.int4, k.shown::pg_catalog.text
  FROM kinds k
  JOIN pg_catalog.pg_type t ON t.oid = k.oid AND t.typtype <> 'd'
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
 ORDER BY k.attnum
"""
"""The columns that may be read of $1.$2, each domain followed to the type that it stands for."""

MAY_WRITE = """
SELECT pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1::pg_catalog.text AND c.relname = $2::pg_catalog.text
"""
"""Whether the user may do more than read $1.$2, as superusers may."""


def locking(schema: str, name: str) -> str:
    """Have a table, or a view with all that it reads, stay what it is until the transaction ends.

    It takes no snapshot: what is read afterwards is of the state after it. Its rows may be written meanwhile.
    """
    return f"LOCK TABLE {quoted(schema)}.{quoted(name)} IN ACCESS SHARE MODE"


def touching(schema: str, name: str) -> str:
    """Likewise of what cannot be locked by itself; it takes a snapshot."""
    return f"{selecting(schema, name, (), ())} LIMIT 0"


IS_SAME = """
WITH RECURSIVE root AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1::pg_catalog.text AND c.relname = $2::pg_catalog.text),
read AS (
  SELECT oid FROM root
   UNION
  SELECT below.oid FROM read, LATERAL (
    SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits i WHERE i.inhparent = read.oid
     UNION ALL
    SELECT d.refobjid FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d ON d.objid = w.oid
     WHERE w.ev_class = read.oid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) below)
SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::pg_catalog.text, $2::pg_catalog.text)) = root.oid
       AND NOT EXISTS (
         SELECT FROM read JOIN pg_catalog.pg_class c ON c.oid = read.oid
          WHERE c.relfilenode <> 0 AND pg_catalog.pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode)
  FROM root
"""
"""Whether $1.$2, and each table behind it, is still what the transaction's snapshot has.

A table that was emptied by TRUNCATE, written anew by ALTER TABLE, or put in the place of another after the snapshot has
no rows for it, and nothing says so. Functions look at the catalogs as they are now, tables of them are the snapshot's.
"""


def selecting(schema: str, name: str, expressions: Sequence[str], names: Sequence[str]) -> str:
    """All rows of a table, in so many columns; without one, only how many there are."""
    listed = ", ".join(f"{what} AS {quoted(called)}" for what, called in zip(expressions, names, strict=True))
    source = f"{quoted(schema)}.{quoted(name)}"
    return f"SELECT {listed or 'TRUE AS nothing'} FROM {source}"  # noqa: S608 -- every name in it is quoted
