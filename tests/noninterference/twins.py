"""Tables of a few dozen rows under one rule each, and their twins: the same but for what the rule protects."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from noninterference.columns import Col
from support.rules import ALGORITHM, CUSTOM, OWNER, QUERIER
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable

SPARK_TYPES = {
    "T": "string",
    "I": "bigint",
    "R": "double",
    "M": "decimal(10,2)",
    "A": "date",
    "S": "timestamp",
    "B": "boolean",
}
DUCKDB_TYPES = {
    "T": "VARCHAR",
    "I": "BIGINT",
    "R": "DOUBLE",
    "M": "DECIMAL(10,2)",
    "A": "DATE",
    "S": "TIMESTAMP",
    "B": "BOOLEAN",
}
PATIENTS = {
    "pid": "T",
    "seq": "I",
    "diag": "T",
    "age": "I",
    "amount": "R",
    "price": "M",
    "born": "A",
    "seen": "S",
    "flag": "B",
    "ssn": "T",
    "salary": "I",
    "zip": "T",
    "secret": "T",
    "wage": "R",
}
"""Columns of the protected table in every rule."""
MINE = {"k": "T", "kind": "T", "n": "I", "w": "R", "day": "A", "ok": "B"}
"""Columns of the attacker's own."""
NEVER = frozenset({"secret", "wage"})
"""Columns that are not allowed at all."""
KEPT_IN = frozenset({"ssn", "salary", "zip"})
"""Columns that stay inside, each rule in its own way."""

Row = dict[str, Any]
Rows = list[Row]
MINIMUM = 3
RARE = ("rare", "odd")
"""Values of `diag` whose groups stay below the minimum."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """One rule over one table, and what a query can name."""

    name: str
    tables: tuple[QueryTable, ...]
    vocabulary: Mapping[str, tuple[Col, ...]]


def _table(
    name: str, columns: Mapping[str, str], kind: str, rule: Mapping[str, Any], owner: str = OWNER, **changes: Any
) -> QueryTable:
    typed = tuple(Column(column, SPARK_TYPES[letter]) for column, letter in columns.items())
    shared = {"allowedResultReceivers": [QUERIER], "allowedAdditionalAnalyses": [ALGORITHM]}
    source = CatalogTable((), FileFormat.PARQUET, typed)
    allowed = tuple(column for column in columns if column not in NEVER)
    return replace(QueryTable(name, owner, source, allowed, kind, rule, shared, association_id=f"a-{name}"), **changes)


def _columns(columns: Mapping[str, str], protected: frozenset[str] = frozenset()) -> tuple[Col, ...]:
    return tuple(Col(name, kind, name in protected) for name, kind in columns.items() if name not in NEVER)


_FREE = [name for name in PATIENTS if name not in KEPT_IN | NEVER]
_MINE_CUSTOM = _table("mine", MINE, "CUSTOM", CUSTOM, QUERIER)
_PATIENTS, _MINE = _columns(PATIENTS, KEPT_IN), _columns(MINE)


def _ruled(
    name: str, table: str, kind: str, rule: Mapping[str, Any], mine: QueryTable = _MINE_CUSTOM, **changes: Any
) -> Ruled:
    return Ruled(
        name,
        (_table(table, PATIENTS, kind, rule, **changes), mine),
        {table: _PATIENTS, "mine": _MINE},
    )


OUTPUTS = _ruled("outputs", "pc", "CUSTOM", {**CUSTOM, "disallowedOutputColumns": sorted(KEPT_IN)})
CONTROLS = _ruled(
    "controls",
    "pc",
    "CUSTOM",
    {
        **CUSTOM,
        "disallowedOutputColumns": ["ssn", "salary"],
        "comparisonControls": {
            "allowedLiteralComparisonColumns": _FREE,
            "allowedColumnComparisonColumns": _FREE,
        },
    },
)
THRESHOLDS = _ruled(
    "thresholds",
    "visits",
    "CUSTOM",
    {
        **CUSTOM,
        "aggregationThresholds": [
            {
                "identityColumns": ["pid"],
                "minimumIdentityCount": MINIMUM,
                "type": "COUNT_DISTINCT",
                "allowedAggregateExpressionType": "COLUMNS_ONLY",
            }
        ],
    },
)
PRIVACY = _ruled(
    "privacy",
    "pd",
    "CUSTOM",
    {**CUSTOM, "additionalAnalyses": "NOT_ALLOWED", "differentialPrivacy": {"columns": [{"name": "pid"}]}},
    privacy=PrivacyPolicy("budget", 10),
)
_MINE_AGGREGATION = _table(
    "mine",
    MINE,
    "AGGREGATION",
    {
        "aggregateColumns": [{"columnNames": ["n", "w"], "function": "SUM"}],
        "joinColumns": ["k"],
        "dimensionColumns": ["kind", "day", "ok"],
        "scalarFunctions": ["UPPER", "LOWER", "COALESCE", "ABS", "TRIM", "CAST"],
        "outputConstraints": [{"columnName": "k", "minimum": 2, "type": "COUNT_DISTINCT"}],
    },
    QUERIER,
)
AGGREGATION = _ruled(
    "aggregation",
    "visits",
    "AGGREGATION",
    {
        "aggregateColumns": [
            {"columnNames": ["amount", "price"], "function": "SUM"},
            {"columnNames": ["amount", "age"], "function": "AVG"},
            {"columnNames": ["pid"], "function": "COUNT"},
            {"columnNames": ["pid"], "function": "COUNT_DISTINCT"},
        ],
        "joinColumns": ["pid"],
        "dimensionColumns": ["diag", "born", "flag", "age"],
        "scalarFunctions": ["UPPER", "LOWER", "COALESCE", "ABS", "TRIM", "CAST"],
        "outputConstraints": [{"columnName": "pid", "minimum": MINIMUM, "type": "COUNT_DISTINCT"}],
    },
    _MINE_AGGREGATION,
)
LISTED = _ruled(
    "list",
    "visits",
    "LIST",
    {"joinColumns": ["pid"], "listColumns": ["diag", "amount", "age", "born", "flag"]},
    _table("mine", MINE, "LIST", {"joinColumns": ["k"], "listColumns": ["kind", "n", "w"]}, QUERIER),
)
RULED = (OUTPUTS, CONTROLS, THRESHOLDS, PRIVACY, AGGREGATION, LISTED)


# Rows

_SSNS = ("s0077", "s1", "10038", "", "a", "s9999", "ß", "p07", None)
_ZIPS = ("10038", "10039", "20001", "a", "", None)


def patients(rng: random.Random, rows: int = 44) -> Rows:
    """Rows of the protected table; the groups of RARE have two users each."""
    found = []
    for index in range(rows):
        rare = index % 11 == 5
        diag = rng.choice(RARE) if rare else rng.choice(("flu", "cold", "b-1", None if index % 7 == 0 else "a"))
        number = RARE.index(str(diag)) * 2 + index % 2 + 70 if rare else rng.randrange(20)
        found.append(
            {
                "pid": f"p{number:02d}" if index % 13 else None,
                "seq": index,
                "diag": diag,
                "age": rng.choice((17, 25, 33, 41, 58, None)),
                "amount": rng.choice((0.0, 0.5, -1.25, 3.75, 100.0, 0.1, 0.2, 0.3)),
                "price": rng.choice(("0.00", "9.99", "3.10", "-4.50")),
                "born": rng.choice(("1970-01-01", "2000-02-29", "2024-02-29", None)),
                "seen": f"2024-0{rng.randrange(1, 9)}-11 {rng.randrange(24):02d}:15:00",
                "flag": rng.choice((True, False, None)),
            }
            | protected_values(rng)
        )
    return found


def protected_values(rng: random.Random) -> Row:
    """Any values for the columns that a rule keeps in."""
    return {
        "ssn": rng.choice((*_SSNS, f"s{rng.randrange(10_000):04d}", f"s{rng.randrange(10_000):04d}")),
        "salary": rng.choice((0, 1, 2, -3, None, rng.randrange(20), rng.randrange(2_000_000))),
        "zip": rng.choice((*_ZIPS, f"{rng.randrange(100_000):05d}")),
        "secret": rng.choice(_SSNS),
        "wage": rng.choice((0.0, -0.0, 1e9, None, float("nan"), float("inf"))),
    }


def mine(rng: random.Random, rows: int = 24) -> Rows:
    """Rows of the attacker's table."""
    return [
        {
            "k": f"p{rng.choice((*range(20), *range(70, 74))):02d}" if index % 9 else None,
            "kind": rng.choice(("all", "target", "noise")),
            "n": index,
            "w": rng.choice((0.5, 1.0, -2.0)),
            "day": rng.choice(("2024-02-29", "2000-02-29", None)),
            "ok": rng.choice((True, False)),
        }
        for index in range(rows)
    ]


Twin = Callable[[random.Random, Rows], Rows]


def other_values(columns: Sequence[str]) -> Twin:
    """Any other values in these columns, of all rows."""

    def twin(rng: random.Random, rows: Rows) -> Rows:
        return [row | {name: value for name, value in protected_values(rng).items() if name in columns} for row in rows]

    return twin


def one_other_value(columns: Sequence[str]) -> Twin:
    """Any other values in these columns, of one row."""

    def twin(rng: random.Random, rows: Rows) -> Rows:
        chosen = rng.randrange(len(rows))
        other = {name: value for name, value in protected_values(rng).items() if name in columns}
        return [row | other if index == chosen else row for index, row in enumerate(rows)]

    return twin


def moved(columns: Sequence[str], text: str, first: int, step: int) -> Twin:
    """Other values in the same order, equal where they were equal: texts that begin so, numbers in such steps."""

    def twin(_: random.Random, rows: Rows) -> Rows:
        maps: dict[str, dict[Any, Any]] = {}
        for name in columns:
            # By their bytes, as DuckDB compares texts.
            values = sorted(
                {row[name] for row in rows} - {None},
                key=lambda value: value.encode() if isinstance(value, str) else value,
            )
            others = [
                f"{text}{index:04d}" if isinstance(value, str) else first + index * step
                for index, value in enumerate(values)
            ]
            maps[name] = dict(zip(values, others, strict=True)) | {None: None}
        return [row | {name: maps[name][row[name]] for name in columns} for row in rows]

    return twin


def rare_groups_otherwise(rng: random.Random, rows: Rows) -> Rows:
    """Other users with other values in the groups that are too small; of each fewer than the minimum."""
    found: Rows = []
    for row in rows:
        if row["diag"] not in RARE:
            found.append(row)
            continue
        for _ in range(rng.choice((0, 1, 1, 2))):
            other = patients(rng, 1)[0]
            user = f"q{RARE.index(row['diag']) * 2 + rng.randrange(2)}"
            found.append(other | {"diag": row["diag"], "pid": user, "seq": rng.randrange(100)})
    return found


def write(folder: Path, tables: Mapping[str, Rows]) -> dict[str, str]:
    """Parquet files of these tables; their paths by the tables' names. What is there already is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.parquet" for name in tables}
    missing = {name: rows for name, rows in tables.items() if not files[name].exists()}
    if missing:
        _write(missing, files)
    return {name: str(file) for name, file in files.items()}


def _write(tables: Mapping[str, Rows], files: Mapping[str, Path]) -> None:
    with duckdb.connect(":memory:") as connection:
        for name, rows in tables.items():
            types = MINE if name == "mine" else PATIENTS
            columns = ", ".join(f'"{column}" {DUCKDB_TYPES[letter]}' for column, letter in types.items())
            connection.execute(f'CREATE TABLE "{name}" ({columns})')
            if rows:
                unnested = ", ".join("unnest(?)" for _ in types)
                connection.execute(
                    f'INSERT INTO "{name}" SELECT {unnested}', [[row[column] for row in rows] for column in types]
                )
            # A dictionary would make one zero of two.
            connection.execute(f"COPY \"{name}\" TO '{files[name]}' (FORMAT parquet, DICTIONARY_SIZE_LIMIT 1)")
