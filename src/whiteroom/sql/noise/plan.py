"""Splits a query over protected tables: rows of users, what is counted of them, and what follows from the counts.

The final SELECT becomes three things. `rows`: one row for each row it would aggregate, with the user, the keys of its
group, and the values of its aggregates. `aggregates`: what an engine makes of those rows, with noise.
`answer`: the final SELECT over a table of noisy groups, with each aggregate and each key replaced by a column. HAVING,
ORDER BY, LIMIT and arithmetic over aggregates are there: they see nothing but what has noise already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from whiteroom.domain.privacy.differential_privacy import Aggregation, Bill, PrivacyPolicy, Release, units
from whiteroom.sql import constructs
from whiteroom.sql.noise.analysis import UserLevel
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.spark.lambdas import readable_copy
from whiteroom.sql.spark.types import BIGINT, DOUBLE, of
from whiteroom.sql.spark.typing import retype

USER = f"{RESERVED}user"
"""The column of `rows` that says whose row it is."""
GROUPS = f"{RESERVED}groups"
"""The table that `answer` reads."""

_AGGREGATIONS: dict[type[exp.Expr], Aggregation] = {
    exp.Count: Aggregation.COUNT,
    exp.Sum: Aggregation.SUM,
    exp.Avg: Aggregation.AVG,
    exp.Stddev: Aggregation.STDDEV,
    exp.StddevSamp: Aggregation.STDDEV,
    exp.StddevPop: Aggregation.STDDEV,
}

KEY = f"{RESERVED}key"


def key_name(index: int) -> str:
    """A group's key, in `rows` and in `GROUPS`."""
    return f"{KEY}{index}"


def aggregate_column(index: int) -> str:
    """A noisy aggregate in `GROUPS`."""
    return f"{RESERVED}aggregate{index}"


def value_name(index: int) -> str:
    """What an aggregate is made of, in `rows`."""
    return f"{RESERVED}value{index}"


@dataclass(frozen=True, slots=True)
class NoisyAggregate:
    """One aggregate of the final SELECT."""

    release: Release
    value: str | None
    """The column of `rows` that it is made of; of users and of COUNT, whether they count. None counts every row."""
    expression: str
    """In Spark SQL, its names resolved, for DifferentialPrivacySensitivityParameters."""
    whole: bool
    """Whether its result is a whole number."""
    sample: bool
    """Whether a deviation is that of a sample."""


@dataclass(frozen=True, slots=True)
class NoisePlan:
    """A query over protected tables, taken apart. Its trees are not to be changed: an engine writes copies."""

    rows: exp.Select
    keys: int
    """How many keys its groups have; without GROUP BY none, and one group."""
    grouped: bool
    aggregates: tuple[NoisyAggregate, ...]
    answer: exp.Select
    policy: PrivacyPolicy

    @property
    def releases(self) -> tuple[Release, ...]:
        """What its price is made of."""
        return tuple(aggregate.release for aggregate in self.aggregates)

    @property
    def bill(self) -> Bill:
        """What it costs."""
        price = units(self.releases, grouped=self.grouped)
        return Bill(self.policy.template_id, price, self.policy.users_noise_per_query)


def take_apart(select: exp.Select, level: UserLevel, policy: PrivacyPolicy, written: Mapping[str, str]) -> NoisePlan:
    """Of a canonical final SELECT that privacy/user_level.py lets through; `written`: what its names stand for."""
    group = select.args.get("group")
    keys = list(group.expressions) if group is not None else []
    found = dict.fromkeys(node for root in _shown(select) for node in root.find_all(exp.AggFunc))
    nodes: list[exp.AggFunc] = list(found)
    values: list[exp.Expr] = []
    aggregates = tuple(_aggregate(node, select, level, values, written) for node in nodes)
    return NoisePlan(
        rows=_rows(select, level.identifiers_read(select), keys, values),
        keys=len(keys),
        grouped=group is not None,
        aggregates=aggregates,
        answer=_answer(select, keys, nodes, aggregates),
        policy=policy,
    )


def _shown(select: exp.Select) -> list[exp.Expr]:
    clauses = [select.args[name] for name in ("having", "order") if select.args.get(name)]
    return [*select.selects, *clauses]


def _aggregate(
    node: exp.AggFunc, select: exp.Select, level: UserLevel, values: list[exp.Expr], written: Mapping[str, str]
) -> NoisyAggregate:
    """What an aggregate asks for; the value that it is made of is put to the others."""
    inner = node.this
    aggregation, distinct = _AGGREGATIONS[type(node)], isinstance(inner, exp.Distinct)
    if isinstance(inner, exp.Distinct):
        inner = inner.expressions[0]
        aggregation = Aggregation.COUNT_DISTINCT
    of_users = distinct and level.is_identifier(inner, select)
    bounded = aggregation in {Aggregation.SUM, Aggregation.AVG, Aggregation.STDDEV}
    value: exp.Expr | None = inner
    if inner is None or isinstance(inner, exp.Star):
        value = None
    elif bounded:
        value = exp.TryCast(this=inner.copy(), to=exp.DataType.build("DOUBLE"))
    elif of_users or not distinct:
        value = exp.Not(this=exp.Is(this=exp.paren(inner.copy()), expression=exp.Null()))
    if value is not None and value not in values:
        values.append(value)
    kind = node.this.type.this if bounded and node.this.type is not None else None
    return NoisyAggregate(
        release=Release(aggregation, of_users, readable_copy(inner).sql() if bounded else None),
        value=None if value is None else value_name(values.index(value)),
        expression=_as_written(node, written),
        whole=not bounded or (aggregation is Aggregation.SUM and kind in constructs.INTEGER_TYPES),
        sample=not isinstance(node, exp.StddevPop),
    )


def _as_written(node: exp.Expr, written: Mapping[str, str]) -> str:
    shown = readable_copy(node)
    for name in shown.find_all(exp.Identifier):
        name.set("this", written.get(name.name, name.name))
    return shown.sql("spark")


def _rows(
    select: exp.Select, users: Sequence[exp.Column], keys: Sequence[exp.Expr], values: Sequence[exp.Expr]
) -> exp.Select:
    # Joined by equality, they differ only where an outer join left one of them NULL.
    user = users[0] if len(users) == 1 else exp.Coalesce(this=users[0], expressions=list(users[1:]))
    named: list[tuple[str, exp.Expr]] = [(USER, user)]
    named += [(key_name(index), key.copy()) for index, key in enumerate(keys)]
    named += [(value_name(index), value.copy()) for index, value in enumerate(values)]
    rows = exp.Select(expressions=[exp.alias_(node, name, quoted=True) for name, node in named])
    for part in ("with_", "from_", "where"):
        if select.args.get(part):
            rows.set(part, select.args[part].copy())
    rows.set("joins", [join.copy() for join in select.args.get("joins") or []])
    return rows


def _answer(
    select: exp.Select,
    keys: Sequence[exp.Expr],
    nodes: Sequence[exp.AggFunc],
    aggregates: Sequence[NoisyAggregate],
) -> exp.Select:
    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.AggFunc):
            index = nodes.index(node)
            name, spark_type = aggregate_column(index), BIGINT if aggregates[index].whole else DOUBLE
        elif node in keys:
            name, spark_type = key_name(keys.index(node)), of(node)
        else:
            return node
        column = exp.column(name, table=GROUPS, quoted=True)
        column.type = spark_type
        return column

    shown = [(node.alias_or_name, node.unalias().copy().transform(replaced)) for node in select.selects]
    answer = exp.Select(expressions=[exp.alias_(node, name, quoted=True) for name, node in shown])
    answer.set("from_", exp.From(this=exp.to_table(f'"{GROUPS}"')))
    if select.args.get("having"):
        answer.set("where", exp.Where(this=select.args["having"].this.copy().transform(replaced)))
    for part in ("order", "limit", "offset", "distinct"):
        if select.args.get(part):
            answer.set(part, select.args[part].copy().transform(replaced))
    _break_ties(answer, len(keys))
    retype(answer)
    return answer


def _break_ties(answer: exp.Select, keys: int) -> None:
    """Rows that its own ORDER BY leaves equal are in the order of their keys; of DISTINCT, of all that is shown."""
    ties: list[exp.Expr] = [exp.column(key_name(index), table=GROUPS, quoted=True) for index in range(keys)]
    if answer.args.get("distinct"):
        ties = [exp.Literal.number(position) for position in range(1, len(answer.selects) + 1)]
    if ties:
        order = answer.args.get("order") or exp.Order(expressions=[])
        order.set("expressions", [*order.expressions, *(exp.Ordered(this=tie, nulls_first=True) for tie in ties)])
        answer.set("order", order)
