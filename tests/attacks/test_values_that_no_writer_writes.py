"""Files hold what their types do not allow: no value of one person's row in one ends a private query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.still import PrivateTables
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.sql.refusals import Refused

PEOPLE = 40
COLUMNS = {
    "pid": "string",
    "n": "int",
    "d": "decimal(38,0)",
    "m": "decimal(18,2)",
    "k": "decimal(9,2)",
    "j": "decimal(4,1)",
    "day": "date",
    "us": "timestamp",
}
WORST: Mapping[str, tuple[int, pa.DataType, int]] = {
    "d": (16, pa.decimal128(38, 0), -(2**127)),
    "m": (8, pa.decimal64(18, 2), -(2**63)),
    "k": (4, pa.decimal32(9, 2), -(2**31)),
    "j": (4, pa.decimal32(4, 1), -(2**15)),
    "day": (4, pa.date32(), -(2**31)),
    "us": (8, pa.timestamp("us"), -(2**63)),
}
"""Of each column: the bytes of a value, its type in the file, and a value that the bytes hold and the type does not."""


class RawTables(PrivateTables):
    """`pd` in a file of which p0007's row has such a value in one column; in the others and of the others it has 1."""

    worst = ""

    def _stored(self, connection: duckdb.DuckDBPyConnection, read: QueryTable, order: str) -> QueryTable:
        if read.name != "pd":
            return super()._stored(connection, read, order)
        columns = {
            "pid": pa.array([f"p{number:04}" for number in range(PEOPLE)]),
            "n": pa.array(range(PEOPLE), pa.int32()),
        }
        for name, (size, kind, worst) in WORST.items():
            values = [worst if name == self.worst and number == 7 else 1 for number in range(PEOPLE)]
            raw = b"".join(value.to_bytes(size, "little", signed=True) for value in values)
            columns[name] = pa.Array.from_buffers(kind, PEOPLE, [None, pa.py_buffer(raw)])
        file = self._folder / "pd.parquet"
        pq.write_table(pa.table(columns), file, store_decimal_as_integer=True)
        return replace(read, source=replace(read.source, files=(str(file),)))


OF_A_NUMBER = [
    "SELECT count(*) AS c FROM pd WHERE CAST({} AS STRING) = 'a'",
    "SELECT count(*) AS c FROM pd WHERE {} < 5.5D",
    "SELECT sum({}) AS c FROM pd",
    "SELECT sum(CAST({} AS DOUBLE)) AS c FROM pd",
    "SELECT avg(n / {}) AS c FROM pd",
    "SELECT count(-{}) AS c FROM pd",
    "SELECT count(abs({})) AS c FROM pd",
    "SELECT {} AS k, count(*) AS c FROM pd GROUP BY {}",
    "SELECT count(*) AS c FROM pd WHERE CASE WHEN n = 7 THEN -{} ELSE 1 END > 0",
]
OF_A_TIME = [
    "SELECT count({}) AS c FROM pd",
    "SELECT count(CAST({} AS STRING)) AS c FROM pd",
    "SELECT sum(year({})) AS c FROM pd",
    "SELECT {} AS k, count(*) AS c FROM pd GROUP BY {}",
]


@pytest.mark.parametrize("name", WORST)
def test_a_value_that_its_type_does_not_allow_ends_no_private_query(name: str, tmp_path: Path) -> None:
    tables = RawTables(tmp_path, COLUMNS, "SELECT 1")
    tables.worst = name
    for query in OF_A_NUMBER if COLUMNS[name].startswith("decimal") else OF_A_TIME:
        assert tables.answer(query.replace("{}", name))


def test_an_array_that_grows_to_the_place_of_a_value_is_refused(tmp_path: Path) -> None:
    tables = RawTables(tmp_path, COLUMNS, "SELECT 1")
    with pytest.raises(Refused, match=re.escape("the function ARRAY_INSERT is not allowed")):
        tables.answer("SELECT count(size(array_insert(array(n), n, n))) AS c FROM pd")
