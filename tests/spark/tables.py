"""The tables that the corpus asks: what Spark and DuckDB may take for different things, in few rows.

`python -m spark.tables FOLDER`, in this folder's parent, writes them as Parquet; tools/spark_corpus.py gives them to
Spark.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from spark import words

TYPES = {
    "t": {
        "id": "int",
        "g": "string",
        "i": "int",
        "k": "int",
        "l": "bigint",
        "s": "smallint",
        "d": "double",
        "x": "double",
        "f": "float",
        "dec": "decimal(10,2)",
        "dec4": "decimal(12,4)",
        "str": "string",
        "num": "string",
        "dtx": "string",
        "dt": "date",
        "ts": "timestamp",
        "b": "boolean",
        "mail": "string",
        "path": "string",
    },
    "u": {"id": "int", "cat": "string", "amt": "decimal(12,4)", "day": "date", "q": "bigint"},
    "w": words.TYPES,
}
"""Spark's types of the columns, as a catalog names them."""

_SQL = {
    "t": """
        SELECT * FROM (VALUES
        (1, 'a', 7, 2, 10000000000, 1, 2.5, 1.5, 0.1, 2.50, 1.0000, 'Hello World', '12', '2024-02-29',
         '2024-02-29', '2024-02-29 13:05:09.123456', true, 'Ann@Example.com', 'a/b/c'),
        (2, 'a', -7, 2, -1, 2, -2.5, 2.5, 1.5, -2.50, 3.0000, '  padded  ', '3.7', '2024-2-9',
         '2023-01-01', '2023-01-01 00:00:00', false, 'bob.smith+x@mail.co.uk', 'x//y'),
        (3, 'a', 0, 3, 0, 3, 0.125, 3.5, -2.25, 0.13, -7.5000, '', '-3.7', '29/02/2024',
         '1969-07-20', '1969-07-20 20:17:40', true, 'no-at', '/lead'),
        (4, 'b', 3, -2, 5, -4, 1e10, 0.1, 3.4e38, 99999999.99, 0.0001, 'café ☕', '1e3', '2023-12-31 23:59:59',
         '2024-12-31', '2024-12-31 23:59:59.999999', NULL, 'a@b.c', 'trail/'),
        (5, 'b', 10, 4, 9223372036854775807, 32767, 'nan'::DOUBLE, 100.0, 'nan'::FLOAT, 0.00, 12.3456, 'a,b;c|d',
         ' 5 ', 'not a date', '2021-01-03', '2021-01-03 04:30:00', false, 'u123@h4.org', 'k=v&k2=v2'),
        (6, 'b', NULL, 5, NULL, NULL, NULL, 1234567.891, NULL, NULL, NULL, 'OBrien', 'abc', '1969-07-20',
         NULL, NULL, true, '', 'one'),
        (7, 'c', 2147483647, 0, 42, 0, '-0.0'::DOUBLE, NULL, 0.0, 1.05, 2.0000, 'x_y%z', '', '20240229',
         '2020-01-31', '2020-01-31 12:00:00', NULL, '@', 'a.b.c'),
        (8, NULL, -3, NULL, 7, 9, 1.0::DOUBLE / 3, -1.5, 16777217.0, -1.15, 6.0000, NULL, NULL, NULL,
         '1900-03-01', '1900-03-01 01:02:03', false, 'Z@Z.zz', E'tab\\tnew\\nline')
        )""",
    "u": """
        SELECT * FROM (VALUES
        (1, 'red', 10.0000, '2024-01-01', 1), (1, 'blue', 20.5000, '2024-01-02', 2),
        (2, 'red', -5.2500, '2024-01-02', 3), (3, NULL, 7.1234, '2024-01-05', 4),
        (9, 'green', NULL, '2024-02-01', 5), (NULL, 'red', 1.0000, '2024-02-28', 6),
        (5, 'blue', 3.3333, '2024-03-31', 7), (5, 'red', 6.6667, NULL, 8)
        )""",
}

_IN_DUCKDB = {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ"}
"""Parquet's times without a zone would be another type to Spark."""


def write_tables(folder: Path) -> None:
    """Write every table as a Parquet file of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, types in TYPES.items():
            columns = ", ".join(f"{column} {_IN_DUCKDB.get(kind, kind)}" for column, kind in types.items())
            connection.execute(f"CREATE TABLE {name} ({columns})")
            if name in _SQL:
                connection.execute(f"INSERT INTO {name} {_SQL[name]}")
            else:
                connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' for _ in types)})", words.ROWS)
            connection.execute(f"COPY (FROM {name}) TO '{folder / name}.parquet' (FORMAT parquet)")


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]))
