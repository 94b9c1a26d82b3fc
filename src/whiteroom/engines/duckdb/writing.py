"""Writes a judged query in DuckDB's SQL.

translate        what DuckDB would answer otherwise than Spark: spark/
order            the same rows in the same order whenever it runs: ordering.py
harden           a private query answers for every row, where it would else fail on one: noise/try_wrap.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot.errors import SqlglotError

from whiteroom.domain.execution.queries import QuerySpec
from whiteroom.engines.duckdb.noise.texts import NoisyText, write_noisy
from whiteroom.engines.duckdb.optimizers import BY_ARRIVAL, OF_GROUPS_THAT_ARE_LEFT, PRIVATE, without
from whiteroom.engines.duckdb.ordering import Plan, put_in_order
from whiteroom.engines.duckdb.spark.structs import name_fields, refuse_keys, refuse_orders
from whiteroom.engines.duckdb.spark.translate import to_duckdb_tree
from whiteroom.sql.judging import JudgedQuery, judge_query
from whiteroom.sql.refusals import Refused
from whiteroom.sql.walls import BOTH, Walls

TOO_DEEP = "The query is nested too deeply. Split it into common table expressions (WITH)."


@dataclass(frozen=True, slots=True)
class WrittenQuery:
    """A judged query, as DuckDB is asked it."""

    judged: JudgedQuery
    sql: str
    """Of a private query only its last part, which is not run alone."""
    order: Plan
    noisy: NoisyText | None = None

    @property
    def optimizers(self) -> str:
        """The setting of DuckDB's optimizers under which it is run."""
        if self.noisy is not None:
            return without(PRIVATE)
        if not self.order.single_thread:
            return without()
        return without(BY_ARRIVAL, OF_GROUPS_THAT_ARE_LEFT if self.judged.judgement.minimums else ())


def judge_and_write(spec: QuerySpec, walls: Walls = BOTH) -> WrittenQuery:
    """One query judged, and put into DuckDB's words.

    Args:
        spec: the query, and all that it may meet.
        walls: all are up, except in tests.

    Raises:
        Refused: it may not run; the message says why and what to do.
    """
    try:
        return write(judge_query(spec, walls))
    except RecursionError:
        raise Refused(TOO_DEEP) from None
    except SqlglotError:
        # Its own text of some functions over some arguments is not SQL that it can read (INITCAP of DIV).
        raise Refused(
            "A function of the query cannot be translated for the engine with the arguments that it is given. Compute "
            "them in a common table expression (WITH) first."
        ) from None


def write(judged: JudgedQuery) -> WrittenQuery:
    """A judged query in DuckDB's words.

    Raises:
        Refused: DuckDB cannot do what it asks for, or a value of a private one would depend on the order of rows.
        RecursionError, SqlglotError: it is nested too deeply, or cannot be written out.
    """
    if judged.noise is not None:
        noisy = write_noisy(judged.noise)
        return WrittenQuery(judged, noisy.answer, _NO_ORDER, noisy)
    tree = judged.tree.copy()
    refuse_orders(tree)
    refuse_keys(tree)
    some_dropped = bool(judged.judgement.minimums)
    order = put_in_order(tree, some_dropped=some_dropped)
    if some_dropped and order.single_thread:
        facts = judged.facts
        judged = replace(judged, facts=replace(facts, ordered_by=facts.ordered_by | facts.grouped_by))
    return WrittenQuery(judged, name_fields(to_duckdb_tree(tree)).sql("duckdb", comments=False), order)


_NO_ORDER = Plan(row_keys=False, single_thread=False)
