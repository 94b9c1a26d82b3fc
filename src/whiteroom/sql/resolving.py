"""Resolves every name of a query: tables to their views, columns to those that owners allow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.column_types import require_flat
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.user_level import protected
from whiteroom.sql.grammar import misplaced
from whiteroom.sql.refusals import Refused
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.spark.typing import annotate
from whiteroom.sql.stated_types import say_types

_MOST_NAMES = 50
"""Of tables or columns, in one sentence."""


def _no_table(name: str, tables: Iterable[QueryTable], others: Iterable[str]) -> str:
    there = sorted({table.name for table in tables} | set(others))
    if not there:
        return (
            f"There is no table '{name[:128]}' in this collaboration, and no other: no member has associated one yet "
            "(CreateConfiguredTableAssociation)."
        )
    names = ", ".join(f"'{table}'" for table in there[:_MOST_NAMES])
    more = f", and {len(there) - _MOST_NAMES} more" if len(there) > _MOST_NAMES else ""
    return f"There is no table '{name[:128]}' in this collaboration. Its tables are: {names}{more}."


def name_views(tree: exp.Expr, tables: tuple[QueryTable, ...], others: tuple[str, ...]) -> dict[str, QueryTable]:
    """Point every reference to an associated table at its view. CTEs hide tables of the same name, as in SQL.

    Raises:
        Refused: there is no such table, it cannot be read now, or the query reads none.
    """
    known: dict[str, list[int]] = {}
    for index, table in enumerate(tables):
        known.setdefault(table.name.lower(), []).append(index)
    views: dict[str, QueryTable] = {}
    for node in _base_tables(tree):
        name = node.name
        indexes = known.get(name, [])
        if len(indexes) > 1:
            raise Refused(
                f"More than one table of this collaboration is named '{name}'; their names differ in case only."
            )
        if not indexes:
            raise Refused(_no_table(name, tables, others))
        table = tables[indexes[0]]
        if table.unreadable:
            raise Refused(
                table.source.public_reason
                or f"The table '{table.name}' cannot be read now. Ask its owner: the catalog has no such "
                "table, or its files are gone.",
                QueryFailure.DATA,
                {table.association_id: table.source.unreadable},
            )
        view = f"{RESERVED}{indexes[0]}"
        views[view] = table
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        node.set("this", exp.to_identifier(view, quoted=True))
    if not views:
        raise Refused("The query reads no table. It must read at least one table of the collaboration.")
    return views


def _base_tables(tree: exp.Expr) -> list[exp.Table]:
    found: dict[int, exp.Table] = {}
    hidden: set[int] = set()
    try:
        scopes = traverse_scope(tree)
    except OptimizeError as error:
        raise Refused(f"The SQL cannot be resolved: {_sentence(error)}") from None
    for scope in scopes:
        for node in scope.tables:
            source = scope.sources.get(node.alias_or_name)
            if source is node:
                found[id(node)] = node
            elif source is not None and not isinstance(source, exp.Table):
                hidden.add(id(node))
    for node in tree.find_all(exp.Table):
        if id(node) not in found and id(node) not in hidden:
            raise Refused(f"The table '{node.name[:128]}' stands where no table can be read.")
    return list(found.values())


def resolve(tree: exp.Expr, views: Mapping[str, QueryTable]) -> exp.Query:
    """The tree with every column named by its source, and every expression's Spark type.

    Raises:
        Refused: a name stands for nothing, or for more than one thing.
    """
    schema = MappingSchema(dialect="spark", normalize=False)
    for view, table in views.items():
        columns = {column.lower(): spark_type for column, spark_type in visible_columns(table)}
        schema.add_table(exp.to_table(f'"{view}"'), columns, dialect="spark", normalize=False)
    types = spark_types(views)
    try:
        resolved = annotate_types(qualify(tree, schema=schema, dialect="spark"), schema=schema, dialect="spark")
        if isinstance(resolved, exp.Query):
            annotate(resolved, types)
        if isinstance(resolved, exp.Query) and protected(tuple(views.values())):
            say_types(resolved)
            resolved = annotate_types(resolved, schema=schema, dialect="spark")
            annotate(resolved, types)
    except OptimizeError as error:
        raise Refused(_unresolved(error, views)) from None
    if not isinstance(resolved, exp.Query):
        raise Refused("The SQL cannot be resolved: it is not a SELECT.")
    for column in resolved.find_all(exp.Column):
        if column.args.get("db") or column.args.get("catalog"):
            raise Refused(misplaced("db", column))
    return resolved


def spark_types(views: Mapping[str, QueryTable]) -> dict[str, dict[str, str]]:
    """The types of the columns of each view, in lower case."""
    return {view: {name.lower(): kind for name, kind in visible_columns(table)} for view, table in views.items()}


def visible_columns(table: QueryTable) -> list[tuple[str, str]]:
    """Name (as in the file) and Spark type of every column that a query may read.

    Raises:
        Refused: the table's columns differ in case only, or have a type that cannot be queried.
    """
    allowed = {column.lower() for column in table.allowed_columns}
    columns = [(column.name, column.type) for column in table.source.columns if column.name.lower() in allowed]
    if not columns:
        raise Refused(f"Table '{table.name}' (member {table.owner_account_id}) has none of its allowed columns.")
    if len({name.lower() for name, _ in columns}) < len(columns):
        raise Refused(f"Table '{table.name}' has columns whose names differ in case only; its owner must rename them.")
    for name, spark_type in columns:
        try:
            require_flat(spark_type)
        except ValueError as error:
            raise Refused(f"Column '{name}' of table '{table.name}': {error}") from None
    return columns


_UNRESOLVED = re.compile(r"(?:Column|Unknown column:) '?([^'\n]{1,128}?)'?(?: could not be resolved|\. |$)")


def _unresolved(error: OptimizeError, views: Mapping[str, QueryTable]) -> str:
    """A column that is not allowed is as if it were not there: the sentence is the same."""
    found = _UNRESOLVED.search(str(error).partition("\n")[0])
    if found is None:
        return f"The SQL cannot be resolved: {_sentence(error)} Use columns that the tables' owners allow."
    tables = {table.name: table for table in views.values()}
    name = found[1].strip()
    if any(name.lower() in table.readable_columns for table in tables.values()):
        return (
            f"The column '{name}' cannot be told where the query names it: more than one source has it, or none of "
            "those that are read there. Write the name of its source before it."
        )
    return (
        f"There is no column '{name}' where the query names it. Use columns that the tables' owners allow: "
        f"{'; '.join(_columns_of(table) for _, table in sorted(tables.items()))}."
    )


def _columns_of(table: QueryTable) -> str:
    names = [name for name, _ in visible_columns(table)]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"of '{table.name}' {', '.join(names[:_MOST_NAMES])}{more}"


def _sentence(error: OptimizeError) -> str:
    """The resolver's first line, without the terminal escapes it marks places with."""
    first = str(error).partition("\n")[0].split("\x1b", 1)[0].replace(RESERVED, "")
    return first[:300].rstrip(". ") + "."
