"""Decides whether a query may run, and puts it into the engine's words, in stages.

parse            Spark SQL into a tree
grammar          each node is of a listed class, in a listed place: grammar.py, dialect.py, nodes.py
bind             parameters become literals: parameters.py
resolve          every name to an allowed column of an associated table, in Spark's meaning
canonical form   nothing is left to resolve: canonical.py
facts            what the query does: facts.py
judge            domain/analysis_rules.py; over tables with differential privacy domain/user_level.py too
minimums         small groups are dropped: minimums.py. A private query is taken apart instead: noisy.py
translate        into DuckDB's words: spark/

Whatever is not understood is refused with the construct named. The result reads nothing but views named `wr$0`,
`wr$1`, ..., which the child process makes over the tables' files with the columns that are read; a name of that form in
a member's SQL is refused. Before it does, DuckDB's parser and binder judge the text again: readback.py, plan_judge.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from whiteroom.domain.analysis_rules import judge, minimums
from whiteroom.domain.column_types import to_duckdb
from whiteroom.domain.differential_privacy import enough
from whiteroom.domain.judgements import judgement_of
from whiteroom.domain.queries import QueryFailure, QuerySpec, QueryTable
from whiteroom.domain.query_facts import Judgement, Origin, QueryFacts
from whiteroom.domain.user_level import privacy_refusals, protected
from whiteroom.domain.verdicts import Denied
from whiteroom.engines.canonical import Canonical, to_canonical
from whiteroom.engines.distinct import group_distinct
from whiteroom.engines.facts import columns_read, find_facts, ordered_by
from whiteroom.engines.grammar import check_places, construct
from whiteroom.engines.hardening import say_types
from whiteroom.engines.minimums import require_minimums
from whiteroom.engines.nodes import check_node, name_aggregate
from whiteroom.engines.noisy import NoisyQuery, take_apart
from whiteroom.engines.ordering import RESERVED, Plan, put_in_order
from whiteroom.engines.origins import Origins
from whiteroom.engines.parameters import bind
from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark.reading import SparkSql, written_out
from whiteroom.engines.spark.spelling import spell
from whiteroom.engines.spark.translate import to_duckdb_tree
from whiteroom.engines.spark.typing import annotate
from whiteroom.engines.syntax_errors import unfinished, unparsed
from whiteroom.engines.user_level import UserLevel
from whiteroom.engines.values import write_values_out
from whiteroom.engines.walls import BOTH, Walls

TOO_DEEP = "The query is nested too deeply. Split it into common table expressions (WITH)."
MAX_SQL_CHARS = 500_000
"""AWS's own limit on the text of a Spark SQL query."""

_MOST_NAMES = 50
"""Of tables or columns, in one sentence."""


@dataclass(frozen=True, slots=True)
class GuardedQuery:
    """A query that may run, in DuckDB's words."""

    sql: str
    views: Mapping[str, QueryTable]
    """The tables it reads, by the names of the views it reads them through."""
    plan: Plan
    output_columns: tuple[str, ...]
    facts: QueryFacts
    """What it was judged by, and what is added to it so that it may run."""
    judgement: Judgement
    """What of it is kept, so that it can be judged again."""
    columns: Mapping[str, frozenset[str]]
    """Which columns of each view are read, in lower case."""
    noisy: NoisyQuery | None = None
    """What it becomes where a table has differential privacy: `sql` is then its last part, and is not run alone."""


def guard(spec: QuerySpec, walls: Walls = BOTH) -> GuardedQuery:
    """Judge and rewrite one query.

    Args:
        spec: the query, and all that it may meet.
        walls: all stand, but in tests.

    Raises:
        Refused: it may not run; the message says why and what to do.
    """
    try:
        return _guard(spec, walls)
    except RecursionError:
        raise Refused(TOO_DEEP) from None
    except SqlglotError:
        # Its own text of some functions over some arguments is not SQL that it can read (INITCAP of DIV).
        raise Refused(
            "A function of the query cannot be translated for the engine with the arguments that it is given. Compute "
            "them in a common table expression (WITH) first."
        ) from None


def _guard(spec: QuerySpec, walls: Walls) -> GuardedQuery:
    query = _allowed(_parse(spec.sql), walls)
    bind(query, spec.parameters, spec.parameter_types)
    # Spark compares names without case, and keeps an output column's name as it was written.
    written = {name.lower(): name for name in query.named_selects if name}
    normalize_identifiers(query, dialect="spark")
    write_values_out(query)
    views = _name_views(query, spec.tables, spec.other_tables)
    tree = _resolve(query, views)
    form = to_canonical(tree, views) if walls.form else Canonical(tree, tuple(tree.named_selects))
    annotate(tree, _spark_types(views))
    output_columns = tuple(written.get(name, name) for name in form.outputs)
    if any((table.rule or {}).get("aggregationThresholds") for table in views.values()):
        group_distinct(tree)
    facts, selects = find_facts(tree, views)
    verdict = judge(
        facts,
        spec.tables,
        querier_account_id=spec.querier_account_id,
        receiver_account_ids=spec.receiver_account_ids,
        algorithm_association_arn=spec.algorithm_association_arn,
        template_arn=spec.template_arn,
    )
    if isinstance(verdict, Denied):
        raise Refused(verdict.reason)
    required = minimums(facts, spec.tables)
    judgement = judgement_of(facts, required, views.values())
    noisy = _noisy(form, views, spec, exact=bool(required))
    if noisy is not None:
        facts = replace(facts, ordered_by=ordered_by(tree, Origins(tree, views)))
        columns = _columns(tree, views)
        return GuardedQuery(noisy.answer, views, _NO_PLAN, output_columns, facts, judgement, columns, noisy)
    require_minimums(selects, required)
    columns = _columns(tree, views)
    counted = frozenset(Origin(minimum.read.table, minimum.column) for minimum in required)
    facts = replace(facts, filtered_by=facts.filtered_by | counted)
    plan = put_in_order(tree)
    sql = to_duckdb_tree(tree).sql("duckdb", comments=False)
    return GuardedQuery(sql, views, plan, output_columns, facts, judgement, columns)


_NO_PLAN = Plan(row_keys=False, single_thread=False)


def _columns(tree: exp.Query, views: Mapping[str, QueryTable]) -> dict[str, frozenset[str]]:
    """What a view must have: nothing that is not read, and who the users are."""
    read = columns_read(tree, views, Origins(tree, views))
    users = {view: {table.identifier} if table.identifier is not None else set() for view, table in views.items()}
    return {view: read[table.name] | users[view] for view, table in views.items()}


def _noisy(form: Canonical, views: Mapping[str, QueryTable], spec: QuerySpec, *, exact: bool) -> NoisyQuery | None:
    """The query taken apart; None where no table that it reads has differential privacy."""
    tables = protected(tuple(views.values()))
    if not tables:
        return None
    tree = form.tree
    level = UserLevel(tree, views, form.written)
    refusals = privacy_refusals(level.facts(), tables, spec.receiver_account_ids)
    if exact:
        refusals.append(
            "A table with aggregationThresholds in its rule cannot be read together with one that has "
            "differentialPrivacy: the thresholds would be compared with noise."
        )
    policy = tables[0].privacy
    if refusals or policy is None or not isinstance(tree, exp.Select):
        raise Refused(" ".join(refusals) or "Over tables with differential privacy, the query is one SELECT.")
    level.break_ties()
    noisy = take_apart(tree, level, policy, form.written)
    denied = enough(noisy.bill, Fraction(spec.epsilon_left))
    if denied is not None:
        raise Refused(denied.reason)
    return noisy


def _parse(sql: str) -> exp.Query:
    if len(sql) > MAX_SQL_CHARS:
        raise Refused(f"The query has {len(sql):,} characters; the limit is {MAX_SQL_CHARS:,}.")
    if "\0" in sql:
        raise Refused("The query holds a NUL character.")
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=SparkSql) if statement is not None]
    except ParseError as error:
        raise Refused(unparsed(sql, error)) from None
    except (TokenError, ValueError):
        raise Refused(unfinished(sql)) from None
    if len(statements) != 1:
        raise Refused(f"The SQL holds {len(statements)} statements; send exactly one SELECT.")
    statement = statements[0]
    if not isinstance(statement, exp.Query):
        raise Refused(f"Only a SELECT may run here, not {construct(statement)}.")
    written_out(statement)
    return statement


def _allowed(tree: exp.Query, walls: Walls) -> exp.Query:
    """The tree without comments and hints, if all of it is on the list."""
    for select in tree.find_all(exp.Select):
        # A hint advises Spark's planner and changes no row.
        select.set("hint", None)
    spell(tree)
    for named in list(tree.find_all(exp.Anonymous)):
        name_aggregate(named)
    for join in tree.find_all(exp.Join):
        join.set("hint", None)
    for node in tree.walk():
        node.comments = None
        check_node(node)
    check_places(tree, places=walls.form)
    return tree


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


def _name_views(tree: exp.Expr, tables: tuple[QueryTable, ...], others: tuple[str, ...]) -> dict[str, QueryTable]:
    """Point every reference to an associated table at its view. CTEs hide tables of the same name, as in SQL."""
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
        if tables[indexes[0]].unreadable:
            raise Refused(
                f"The table '{tables[indexes[0]].name}' cannot be read now. Ask its owner: the catalog has no such "
                "table, or its files are gone.",
                QueryFailure.DATA,
            )
        view = f"{RESERVED}{indexes[0]}"
        views[view] = tables[indexes[0]]
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


def _resolve(tree: exp.Expr, views: Mapping[str, QueryTable]) -> exp.Query:
    schema = MappingSchema(dialect="spark", normalize=False)
    for view, table in views.items():
        columns = {column.lower(): spark_type for column, spark_type in visible_columns(table)}
        schema.add_table(exp.to_table(f'"{view}"'), columns, dialect="spark", normalize=False)
    types = _spark_types(views)
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
    return resolved


def _spark_types(views: Mapping[str, QueryTable]) -> dict[str, dict[str, str]]:
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
            to_duckdb(spark_type)
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
