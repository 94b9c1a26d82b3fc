"""Spark's corpus, asked of the project: the guard and DuckDB in process, judged by values and types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from spark.tables import TYPES
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.tables import view_statements
from whiteroom.engines.duckdb.worker import judged
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

FOLDER = Path(__file__).parents[1] / "spark"
OPEN = FOLDER / "open.json"
QUERIER = "222222222222"
ALGORITHM = f"arn:aws:cleanrooms-ml:us-east-1:{QUERIER}:membership/m/configured-model-algorithm-association/a"

SAME, REFUSED, BOTH_REFUSE = "same", "refused", "both refuse"
TYPE_ONLY, DIFFERENT, ERROR, ANSWERS = "type only", "different", "error", "answers what Spark refuses"
RIGHT = frozenset({SAME, REFUSED, BOTH_REFUSE})

_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP",
    "binary": "BLOB",
}
_ALLOWED_TYPES = {("void", '"NULL"'), ("void", "VARCHAR"), ("void", "INTEGER")}
"""A column of NULLs alone has no type in Spark, and must have one in a file. All other types are the same."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of a corpus."""

    kind: str
    sql: str
    spark: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the project said to a statement, and how it compares."""

    verdict: str
    text: str


@cache
def corpus() -> tuple[Statement, ...]:
    """Every statement with what Spark answers."""
    lines = [line for file in sorted(FOLDER.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return tuple(Statement(**json.loads(line)) for line in lines)


@cache
def still_open() -> Mapping[str, str]:
    """Statements that are not right yet, each with its reason."""
    return dict(json.loads(OPEN.read_text())) if OPEN.exists() else {}


def ask(statement: Statement, tables: Path) -> Answer:
    """Judge, translate and run one statement over the tables of a folder, and compare; each once."""
    key = (statement.sql, tables)
    if key not in _ASKED:
        _ASKED[key] = _ask(statement, tables)
    return _ASKED[key]


_ASKED: dict[tuple[str, Path], Answer] = {}


def _ask(statement: Statement, tables: Path) -> Answer:
    refused = "error" in statement.spark
    try:
        types, rows = _run(statement.sql, tables)
    except Refused as refusal:
        return Answer(BOTH_REFUSE if refused else REFUSED, str(refusal))
    except duckdb.BinderException as error:
        return Answer(BOTH_REFUSE if refused else ERROR, str(error))
    except duckdb.Error as error:
        return Answer(BOTH_REFUSE if refused else ERROR, str(error))
    return Answer(ANSWERS if refused else _compared(statement, types, rows), f"{types} {rows}")


def _compared(statement: Statement, types: list[str], rows: list[tuple[Any, ...]]) -> str:
    kinds = [kind for _, kind in statement.spark["types"]]
    rows = [tuple(_without_names(value, kind) for value, kind in zip(row, kinds, strict=False)) for row in rows]
    ordered = "order by" in statement.sql.lower().rpartition(")")[2]
    if not _equal_rows(statement.spark["rows"], rows, ordered=ordered):
        return DIFFERENT
    alike = all(_same_type(kind, found) for (_, kind), found in zip(statement.spark["types"], types, strict=True))
    return SAME if alike else TYPE_ONLY


def _run(sql: str, tables: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    guarded = judge_and_write(_spec(sql, tables))
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; {guarded.optimizers}; SET threads = 1")
        prepare(connection, guarded.sql)
        # What the translation makes of it is what was judged, to DuckDB's binder too.
        judged(connection, guarded)
        for view, table in guarded.judged.views.items():
            wanted = guarded.judged.columns[view]
            for made in view_statements(connection, view, table, wanted, row_keys=guarded.order.row_keys):
                connection.execute(made)
        relation = connection.execute(guarded.sql)
        types = [str(kind) for _, kind, *_ in relation.description or []]
        return types, relation.fetchall()


def _spec(sql: str, tables: Path) -> QuerySpec:
    return QuerySpec(
        id="q",
        sql=sql,
        parameters={},
        parameter_types={},
        template_arn=None,
        querier_account_id=QUERIER,
        algorithm_association_arn=ALGORITHM,
        tables=tuple(_table(name, tables) for name in TYPES),
        result_format=ResultFormat.PARQUET,
        target=DataRef(DataKind.RESULT, "q"),
        csv_header=True,
        max_file_bytes=1,
        memory_bytes=1,
        cpus=1,
        timeout_seconds=1,
    )


def _table(name: str, tables: Path) -> QueryTable:
    columns = tuple(Column(*each) for each in TYPES[name].items())
    source = CatalogTable((str(tables / f"{name}.parquet"),), FileFormat.PARQUET, columns)
    rule = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER], "additionalAnalyses": "ALLOWED"}
    allowed = {"allowedAdditionalAnalyses": [ALGORITHM]}
    return QueryTable(name, "111111111111", source, tuple(TYPES[name]), "CUSTOM", rule, allowed)


def _same_type(spark: str, duck: str) -> bool:
    if (spark, duck) in _ALLOWED_TYPES:
        return True
    if spark.startswith("array<"):
        return duck.endswith("[]") and _same_type(spark[6:-1], duck[:-2])
    if spark.startswith("struct<"):
        fields, made = _fields(spark[7:-1], ":"), _fields(duck.removeprefix("STRUCT(")[:-1], " ")
        named = [name for name, _ in fields] == [name.strip('"') for name, _ in made]
        return named and all(_same_type(one, other) for (_, one), (_, other) in zip(fields, made, strict=True))
    if spark.startswith("map<"):
        return duck.startswith("MAP")
    wanted = _TYPES.get(spark) or spark.upper()
    return wanted == duck


def _fields(text: str, between: str) -> list[tuple[str, str]]:
    """Names and types of a struct's fields, as Spark or DuckDB writes them."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    pairs = [part.strip().partition(between) for part in parts]
    return [(name, kind) for name, _, kind in pairs]


def _without_names(value: Any, spark: str) -> Any:
    """A value whose structs are lists, as the corpus writes them: only Spark's type tells a struct from a map."""
    if isinstance(value, dict) and spark.startswith("struct<"):
        kinds = [kind for _, kind in _fields(spark[7:-1], ":")]
        return [_without_names(each, kind) for each, kind in zip(value.values(), kinds, strict=True)]
    if isinstance(value, list) and spark.startswith("array<"):
        return [_without_names(each, spark[6:-1]) for each in value]
    return value


def _equal_rows(wanted: Sequence[Any], found: Sequence[Any], *, ordered: bool) -> bool:
    if len(wanted) != len(found):
        return False
    if not ordered:
        wanted, found = (
            sorted(wanted, key=_sort_key),
            sorted(([_plain(v) for v in row] for row in found), key=_sort_key),
        )
    else:
        found = [[_plain(value) for value in row] for row in found]
    return all(_equal(first, second) for first, second in zip(wanted, found, strict=True))


def _plain(value: Any) -> Any:  # noqa: PLR0911 -- one line a type
    """A value of DuckDB's as the corpus writes it."""
    kind = type(value).__name__
    if kind == "float":
        return {"f": repr(value)}
    if kind == "Decimal":
        return {"dec": format(value, "f")}
    if kind == "datetime":
        return {"ts": value.replace(tzinfo=None).isoformat()}
    if kind == "date":
        return {"d": value.isoformat()}
    if kind in {"bytes", "bytearray"}:
        return {"x": value.hex()}
    if kind == "timedelta":
        return {"td": str(value)}
    if kind in {"list", "tuple"}:
        return [_plain(each) for each in value]
    if kind == "dict":
        return {"m": sorted(([_plain(k), _plain(v)] for k, v in value.items()), key=repr)}
    return value


def _sort_key(row: Any) -> str:
    def coarse(value: Any) -> str:
        if isinstance(value, Mapping) and "f" in value:
            return f"{float(value['f']):.9g}"
        return json.dumps(value, sort_keys=True, default=str)

    return str([coarse(value) for value in row])


def _equal(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping) and "f" in wanted and "f" in found:
        first, second = float(wanted["f"]), float(found["f"])
        # The last bits of a sum are those of the order of its addends.
        return wanted["f"] == found["f"] or abs(first - second) <= 1e-12 * max(abs(first), abs(second))
    if isinstance(wanted, Mapping) and isinstance(found, Mapping) and "dec" in wanted and "dec" in found:
        # Spark writes some with more zeros than their scale; that is in the type.
        return Decimal(wanted["dec"]) == Decimal(found["dec"])
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_equal, wanted, found))
    return bool(wanted == found)
