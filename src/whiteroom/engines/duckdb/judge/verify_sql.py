"""The second wall: what DuckDB itself reads in the text that the guard wrote, before it runs it.

The guard judges sqlglot's tree. Should its text say more than the tree did, it is found here:
DuckDB's own parser must find one SELECT over the guard's views and the query's own common table expressions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb


class NotWhatWasJudged(Exception):
    """The text reads something that the guard did not judge: a fault of the guard's."""


def check_reads(connection: duckdb.DuckDBPyConnection, sql: str, views: Iterable[str]) -> None:
    """Whether the text is one SELECT that reads the views and nothing else.

    Raises:
        NotWhatWasJudged: it is not.
        duckdb.ParserException: DuckDB cannot read it.
    """
    answer = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree: dict[str, Any] = json.loads(answer[0]) if answer else {"error": True}
    if tree["error"]:
        raise duckdb.ParserException("The text is not a SELECT.")
    if len(tree["statements"]) != 1:
        raise NotWhatWasJudged("DuckDB does not read the guard's text as one SELECT.")
    nodes = list(_nodes(tree["statements"]))
    expressions = {entry["key"] for node in nodes for entry in node.get("cte_map", {}).get("map", ())}
    known = {*views, *expressions}
    for node in nodes:
        if _is_star(node):
            raise NotWhatWasJudged("DuckDB finds a star in the guard's text, in which every column is named.")
        qualified = node.get("schema_name") or node.get("catalog_name")
        foreign = node.get("type") == "BASE_TABLE" and (qualified or node["table_name"] not in known)
        if foreign or node.get("type") == "TABLE_FUNCTION":
            raise NotWhatWasJudged("DuckDB reads something in the guard's text that was not judged.")
    # Scopes too: a common table expression's name outside of it is a table's.
    if not _table_names(connection, sql) <= set(views):
        raise NotWhatWasJudged("DuckDB reads a table in the guard's text that was not judged.")


def _table_names(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    try:
        return connection.get_table_names(sql)
    except duckdb.BinderException:
        # Some windows cannot be bound without their tables. plan_judge.py finds every table that is read.
        return set()


def _is_star(node: dict[str, Any]) -> bool:
    """COUNT(*) has none: DuckDB reads it as a function of nothing."""
    return node.get("class") == "STAR" or node.get("type") == "STAR"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
