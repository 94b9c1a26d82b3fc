"""Decides whether a query may run, in Spark's meaning, in stages.

parse            Spark SQL into a tree
grammar          each node is of a listed class, in a listed place: grammar.py, constructs.py, nodes.py
bind             parameters become literals: parameters.py
resolve          every name to an allowed column of an associated table: resolving.py
canonical form   nothing is left to resolve: canonical.py
facts            what the query does: lineage/facts.py
judge            domain/privacy/analysis_rules.py; over tables with differential privacy domain/privacy/user_level.py
too minimums         small groups are dropped: minimums.py. A private query is taken apart instead: noise/plan.py

Whatever is not understood is refused with the construct named. What comes out reads nothing but views named `wr$0`,
`wr$1`, ...; a name of that form in a member's SQL is refused. An engine writes it in its own words, and its own
parser and binder judge that text again before a row is read (engines/duckdb/writing.py and judge/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from whiteroom.domain.execution.queries import QuerySpec
from whiteroom.domain.privacy.analysis_rules import judge, minimums
from whiteroom.domain.privacy.differential_privacy import enough
from whiteroom.domain.privacy.judgements import judgement_of
from whiteroom.domain.privacy.query_facts import Judgement, Origin, QueryFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.user_level import privacy_refusals, protected
from whiteroom.domain.verdicts import Denied
from whiteroom.sql.canonical import Canonical, to_canonical
from whiteroom.sql.collecting import order_collected
from whiteroom.sql.distinct import group_distinct
from whiteroom.sql.grammar import check_places, construct
from whiteroom.sql.lateral_views import check_names, to_lateral_views, type_query
from whiteroom.sql.lineage.facts import columns_read, find_facts, ordered_by
from whiteroom.sql.lineage.origins import Origins
from whiteroom.sql.minimums import require_minimums
from whiteroom.sql.nodes import check_node, name_aggregate
from whiteroom.sql.noise.analysis import UserLevel
from whiteroom.sql.noise.plan import NoisePlan, take_apart
from whiteroom.sql.parameters import bind
from whiteroom.sql.refusals import Refused
from whiteroom.sql.resolving import name_views, resolve, spark_types
from whiteroom.sql.spark.generators import Generated
from whiteroom.sql.spark.reading import SparkSql, written_out
from whiteroom.sql.spark.spelling import spell
from whiteroom.sql.spark.types import holds_struct, of
from whiteroom.sql.spark.typing import annotate
from whiteroom.sql.syntax_errors import unfinished, unparsed
from whiteroom.sql.values import write_values_out
from whiteroom.sql.walls import BOTH, Walls

MAX_SQL_CHARS = 500_000
"""AWS's own limit on the text of a Spark SQL query."""


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query that may run, as a tree in canonical form that means what Spark means by it."""

    tree: exp.Query
    """Every node has its Spark type. It is not to be changed: an engine writes a copy."""
    views: Mapping[str, QueryTable]
    """The tables it reads, by the names of the views it reads them through."""
    output_columns: tuple[str, ...]
    facts: QueryFacts
    """What it was judged by, and what is added to it so that it may run."""
    judgement: Judgement
    """What of it is kept, so that it can be judged again."""
    columns: Mapping[str, frozenset[str]]
    """Which columns of each view are read, in lower case."""
    noise: NoisePlan | None = None
    """What it becomes where a table has differential privacy: the tree is then not run as it stands."""


def judge_query(spec: QuerySpec, walls: Walls = BOTH) -> JudgedQuery:
    """Judge one query.

    Args:
        spec: the query, and all that it may meet.
        walls: all are up, except in tests.

    Raises:
        Refused: it may not run; the message says why and what to do.
        RecursionError, SqlglotError: it is nested too deeply, or cannot be written out (an engine says so).
    """
    query = _allowed(_parse(spec.sql), walls)
    bind(query, spec.parameters, spec.parameter_types)
    # Spark compares names without case, and keeps an output column's name as it was written.
    listed = [name.name for aliases in query.find_all(exp.Aliases) for name in aliases.expressions]
    written = {name.lower(): name for name in [*listed, *query.named_selects] if name}
    normalize_identifiers(query, dialect="spark")
    write_values_out(query)
    check_names(query)
    views = name_views(query, spec.tables, spec.other_tables)
    written |= _write_lateral_views(query, views)
    tree = resolve(query, views)
    form = to_canonical(tree, views) if walls.form else Canonical(tree, tuple(tree.named_selects))
    annotate(tree, spark_types(views))
    order_collected(tree)
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
    noise = _noise(form, views, spec, exact=bool(required))
    if noise is not None:
        facts = replace(facts, ordered_by=ordered_by(tree, Origins(tree, views)))
    else:
        require_minimums(selects, required)
        counted = frozenset(Origin(minimum.read.table, minimum.column) for minimum in required)
        facts = replace(facts, filtered_by=facts.filtered_by | counted)
    return JudgedQuery(tree, views, output_columns, facts, judgement, _columns(tree, views), noise)


def _write_lateral_views(query: exp.Query, views: Mapping[str, QueryTable]) -> dict[str, str]:
    def type_of(select: exp.Select, lateral: exp.Lateral) -> exp.DataType:
        return of(resolve(type_query(select, lateral), views).selects[0])

    return to_lateral_views(query, type_of)


def _columns(tree: exp.Query, views: Mapping[str, QueryTable]) -> dict[str, frozenset[str]]:
    """What a view must have: nothing that is not read, and who the users are."""
    read = columns_read(tree, views, Origins(tree, views))
    users = {view: {table.identifier} if table.identifier is not None else set() for view, table in views.items()}
    return {view: read[table.name] | users[view] for view, table in views.items()}


def _noise(form: Canonical, views: Mapping[str, QueryTable], spec: QuerySpec, *, exact: bool) -> NoisePlan | None:
    """The query taken apart; None where no table that it reads has differential privacy."""
    tables = protected(tuple(views.values()))
    if not tables:
        return None
    tree = form.tree
    level = UserLevel(tree, views, form.written)
    refusals = privacy_refusals(level.facts(), tables, spec.receiver_account_ids)
    if tree.find(Generated) or any(holds_struct(of(node)) for node in tree.find_all(exp.Anonymous)):
        refusals.append(
            "Over tables with differential privacy, generators such as explode, LATERAL VIEW and structs are not "
            "allowed: take parts of a text or an array by split(...)[0], element_at or split_part."
        )
    if exact:
        refusals.append(
            "A table with aggregationThresholds in its rule cannot be read together with one that has "
            "differentialPrivacy: the thresholds would be compared with noise."
        )
    policy = tables[0].privacy
    if refusals or policy is None or not isinstance(tree, exp.Select):
        raise Refused(" ".join(refusals) or "Over tables with differential privacy, the query is one SELECT.")
    level.break_ties()
    noise = take_apart(tree, level, policy, form.written)
    denied = enough(noise.bill, Fraction(spec.epsilon_left))
    if denied is not None:
        raise Refused(denied.reason)
    return noise


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
