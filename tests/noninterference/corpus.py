"""The queries that the other tests hold, under the names of a rule's tables and columns."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from noninterference.columns import Col

TESTS = Path(__file__).resolve().parents[1]
_FOLDERS = ("unit/engines", "contract/sql_engine", "attacks")
_QUERY = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
_OWN_TABLES = frozenset({"customers", "mine", "store-visits 2024", "other", "b", "orders"})
_COLUMNS = {
    "user_id": "pid",
    "id": "k",
    "person": "pid",
    "campaign": "diag",
    "shop": "diag",
    "cost": "amount",
    "day": "born",
    "segment": "kind",
    "seg": "kind",
    "spend": "w",
    "name": "diag",
    "n": "seq",
}


@cache
def queries() -> tuple[str, ...]:
    """Every query that stands as one text in the tests of the engines, in their order."""
    found: dict[str, None] = {}
    for folder in _FOLDERS:
        for file in sorted((TESTS / folder).glob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and _QUERY.match(node.value):
                    found.setdefault(node.value)
    return tuple(found)


def adapted(sql: str, vocabulary: Mapping[str, tuple[Col, ...]]) -> str | None:
    """The query over the tables and columns of a rule; None where it cannot be read."""
    (table,) = (name for name in vocabulary if name != "mine")
    known = {column.name for column in vocabulary[table]}
    own = {column.name for column in vocabulary["mine"]}
    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
        if len(sql) > 2_000 or not isinstance(tree, exp.Query):
            return None
        _rename(tree, table, known, own)
        return tree.sql("spark")
    except (SqlglotError, RecursionError):
        return None


def _rename(tree: exp.Expr, table: str, known: set[str], own: set[str]) -> None:
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    reads_mine = False
    for node in tree.find_all(exp.Table):
        if node.name in named or not isinstance(node.this, exp.Identifier):
            continue
        name = "mine" if node.name in _OWN_TABLES else table
        reads_mine |= name == "mine"
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
        node.set("this", exp.to_identifier(name))
    outputs = {alias.alias for alias in tree.find_all(exp.Alias)}
    for column in tree.find_all(exp.Column):
        name = column.name.lower()
        if name in outputs or not isinstance(column.this, exp.Identifier):
            continue
        renamed = _COLUMNS.get(name, name)
        if renamed not in known and (renamed not in own or not reads_mine):
            renamed = "pid" if renamed == "k" else "diag"
        column.set("this", exp.to_identifier(renamed))
