"""What a resolved query does, as the rules of domain/ ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp

from whiteroom.domain.privacy.query_facts import (
    Aggregate,
    Argument,
    Join,
    Origin,
    Output,
    Place,
    QueryFacts,
    Read,
    SelectFacts,
    Use,
)
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.sql.lineage.comparisons import Comparisons
from whiteroom.sql.lineage.origins import Origins, from_joins
from whiteroom.sql.lineage.places import filters, groups
from whiteroom.sql.spark.generators import Generated
from whiteroom.sql.spark.lambdas import Variable

_PLACES = {
    "expressions": Place.OUTPUT,
    "where": Place.FILTER,
    "group": Place.GROUP,
    "having": Place.HAVING,
    "order": Place.ORDER,
    "qualify": Place.ELSEWHERE,
    "limit": Place.ELSEWHERE,
    "offset": Place.ELSEWHERE,
}

_CLAUSES = {
    "distinct": "DISTINCT",
    "where": "WHERE",
    "group": "GROUP BY",
    "having": "HAVING",
    "qualify": "QUALIFY",
    "order": "ORDER BY",
    "limit": "LIMIT",
    "offset": "OFFSET",
}

_AGGREGATE_NAMES: Mapping[type[exp.Expr], str] = {
    exp.ApproxDistinct: "APPROX_COUNT_DISTINCT",
    exp.ApproxQuantile: "APPROX_PERCENTILE",
    exp.ArrayAgg: "COLLECT_LIST",
    exp.ArrayUniqueAgg: "COLLECT_SET",
    exp.Quantile: "PERCENTILE",
    exp.PercentileCont: "PERCENTILE",
    exp.VariancePop: "VAR_POP",
}
"""AWS's names, where sqlglot has another."""

_SCALAR_NAMES: Mapping[type[exp.Expr], str] = {
    exp.TryCast: "CAST",
    exp.Ceil: "CEILING",
    exp.TsOrDsAdd: "DATEADD",
    exp.DateAdd: "DATEADD",
    exp.DateSub: "DATEADD",
    exp.AddMonths: "DATEADD",
    exp.TimestampAdd: "DATEADD",
    exp.Year: "EXTRACT",
    exp.Month: "EXTRACT",
    exp.Day: "EXTRACT",
    exp.DayOfMonth: "EXTRACT",
    exp.DayOfWeek: "EXTRACT",
    exp.DayOfYear: "EXTRACT",
    exp.WeekOfYear: "EXTRACT",
    exp.Quarter: "EXTRACT",
    exp.Hour: "EXTRACT",
    exp.Minute: "EXTRACT",
    exp.Second: "EXTRACT",
    exp.TsOrDsToDate: "TO_DATE",
    exp.TimeStrToTime: "TO_TIMESTAMP",
    exp.If: "CASE",
}
"""ScalarFunctions of the service model, where sqlglot has another name."""

_NAMED_SCALARS: Mapping[str, str] = {
    "DATE_FORMAT": "TO_CHAR",
    "TRY_TO_TIMESTAMP": "TO_TIMESTAMP",
    "DATE_TRUNC": "TRUNC",
    "DATE_PART": "EXTRACT",
    "DATEPART": "EXTRACT",
    "WEEKDAY": "EXTRACT",
}
"""The same of functions that sqlglot has no class for."""

_NO_FUNCTIONS = (
    exp.Alias,
    exp.Boolean,
    exp.Column,
    exp.DataType,
    exp.DataTypeParam,
    exp.Distinct,
    exp.Filter,
    exp.Group,
    exp.GroupingSets,
    exp.Cube,
    exp.Rollup,
    exp.Having,
    exp.Identifier,
    exp.Interval,
    exp.Join,
    exp.Lambda,
    exp.Limit,
    exp.Literal,
    exp.Null,
    exp.Offset,
    exp.Order,
    exp.Ordered,
    exp.Paren,
    exp.Qualify,
    exp.Query,
    exp.Star,
    exp.Table,
    exp.TableAlias,
    exp.Tuple,
    exp.Var,
    exp.Where,
    exp.Window,
    exp.WindowSpec,
    exp.WithinGroup,
    Variable,
    # mathematical operators
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.Neg,
    # comparison conditions and logical operators
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.In,
    exp.Like,
    exp.Is,
    exp.Not,
    exp.And,
    exp.Or,
)
"""What AGGREGATION and LIST queries may hold without their rules naming it (docs/sources.md, "where_expression")."""


def find_facts(tree: exp.Query, views: Mapping[str, QueryTable]) -> tuple[QueryFacts, list[exp.Select]]:
    """What the query does, and the nodes that `QueryFacts.selects` are about, in their order."""
    origins = Origins(tree, views)
    comparisons = Comparisons(tree, origins)
    selects = [select for select in tree.find_all(exp.Select) if origins.reads(select)]
    shown = frozenset().union(*(origins.origins(each) for column in origins.outputs(tree) for each in column))
    facts = QueryFacts(
        columns=columns_read(tree, views, origins),
        shown=shown,
        met_by_literals=frozenset(comparisons.literal),
        met_by_columns=frozenset(comparisons.column),
        worked_out=frozenset(comparisons.worked_out),
        counted_apart=frozenset(comparisons.counted_apart),
        filtered_by=_placed(filters(tree), origins),
        grouped_by=_placed(groups(tree), origins),
        ordered_by=ordered_by(tree, origins),
        offset=tree.find(exp.Offset) is not None,
        constructs=frozenset(_constructs(tree)),
        selects=tuple(_Clauses(select, origins).facts() for select in selects),
    )
    return facts, selects


def ordered_by(tree: exp.Query, origins: Origins) -> frozenset[Origin]:
    """Columns in ORDER BY, wherever it is."""
    return _placed((key for order in tree.find_all(exp.Order) for key in order.expressions), origins)


def _placed(nodes: Iterable[exp.Expr], origins: Origins) -> frozenset[Origin]:
    return frozenset[Origin]().union(*(origins.origins(node) for node in nodes))


def columns_read(tree: exp.Query, views: Mapping[str, QueryTable], origins: Origins) -> dict[str, frozenset[str]]:
    """Columns by the name of their table; a table that is only counted has none."""
    read: dict[str, set[str]] = {table.name: set() for table in views.values()}
    for column in tree.find_all(exp.Column):
        base = origins.base(column)
        if base is not None:
            read[base.table].add(base.column)
    return {name: frozenset(columns) for name, columns in read.items()}


def _constructs(tree: exp.Query) -> Iterator[str]:
    if tree.find(exp.With):
        yield "common table expression (WITH)"
    for operation in tree.find_all(exp.SetOperation):
        yield operation.key.upper()
    if tree.find(Generated):
        yield "LATERAL VIEW and no generator such as explode"
    for query in tree.find_all(exp.Query):
        if query is not tree and query.find_ancestor(exp.With, exp.SetOperation) is None:
            yield "sub-query"
    for table in tree.find_all(exp.Table):
        if table.args.get("joins"):
            yield "join in parentheses"


class _Clauses:
    """One SELECT, read clause by clause."""

    def __init__(self, select: exp.Select, origins: Origins) -> None:
        self._select = select
        self._origins = origins
        self._reads = {alias: Read(alias, table.name) for alias, table in origins.reads(select).items()}

    def facts(self) -> SelectFacts:
        select = self._select
        own = list(self._own_nodes())
        return SelectFacts(
            reads=tuple(self._reads.values()),
            joins=tuple(self._join(join) for join in from_joins(select)),
            clauses=clause_names(select),
            uses=tuple(self._uses()),
            aggregates=tuple(self._aggregates()),
            windows=any(isinstance(node, exp.Window) for _, node in own),
            subqueries=any(isinstance(node, exp.Query) for _, node in own),
            correlated=self._correlated(),
            functions=frozenset(name for _, node in own if (name := _function_name(node))),
            outputs=tuple(self._output(projection) for projection in select.selects),
        )

    def _roots(self) -> Iterator[tuple[Place, exp.Expr]]:
        for part, place in _PLACES.items():
            argument = self._select.args.get(part)
            for root in argument if isinstance(argument, list) else [argument]:
                if root is not None:
                    yield place, root
        for join in from_joins(self._select):
            if join.args.get("on") is not None:
                yield Place.JOIN, join.args["on"]

    def _own_nodes(self) -> Iterator[tuple[Place, exp.Expr]]:
        """Every node of the clauses, down to sub-queries but not into them."""
        for place, root in self._roots():
            for node in root.walk(prune=lambda node: isinstance(node, exp.Query)):
                yield place, node

    def _use(self, column: exp.Column, place: Place) -> Use | None:
        if self._origins.owner(column) is not self._select or column.table not in self._reads:
            return None
        aggregate = column.find_ancestor(exp.AggFunc, exp.Select)
        aggregated = isinstance(aggregate, exp.AggFunc) and not is_windowed(aggregate)
        return Use(self._reads[column.table], column.name, place, aggregated)

    def _uses(self) -> Iterator[Use]:
        for place, root in self._roots():
            for column in root.find_all(exp.Column):
                use = self._use(column, place)
                if use is not None:
                    yield use

    def _output(self, projection: exp.Expr) -> Output:
        uses = [self._use(column, Place.OUTPUT) for column in projection.find_all(exp.Column)]
        return Output(tuple(use for use in uses if use is not None), plain=isinstance(projection.unalias(), exp.Column))

    def _aggregates(self) -> Iterator[Aggregate]:
        for place, node in self._own_nodes():
            if isinstance(node, exp.AggFunc) and not is_windowed(node):
                argument, column = _argument(node)
                yield Aggregate(
                    function=aggregate_name(node),
                    argument=argument,
                    use=self._use(column, place) if column is not None else None,
                    place=place,
                    filtered=isinstance(node.parent, exp.Filter),
                )

    def _correlated(self) -> bool:
        owners = (self._origins.owner(column) for column in self._select.find_all(exp.Column) if column.table)
        inside = {id(select) for select in self._select.find_all(exp.Select)}
        return any(id(owner) not in inside for owner in owners)

    def _join(self, join: exp.Join) -> Join:
        side, kind = str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper()
        leaves, operators = _flatten(join.args.get("on"))
        pairs, other = [], False
        for leaf in leaves:
            pair = self._pair(leaf, join.this.alias_or_name)
            if pair is None:
                other = True
            else:
                pairs.append(pair)
        name = f"{side} {kind}".strip()
        if kind not in {"SEMI", "ANTI", "CROSS"}:
            name = side or "INNER"
        return Join(name, tuple(pairs), operators, other, join.this.alias_or_name)

    def _pair(self, leaf: exp.Expr, joined: str) -> tuple[Use, Use] | None:
        if not isinstance(leaf, exp.EQ):
            return None
        sides = [side for side in (leaf.left, leaf.right) if isinstance(side, exp.Column)]
        uses = [use for use in (self._use(side, Place.JOIN) for side in sides) if use is not None]
        if len(uses) != 2 or sum(use.read.alias == joined for use in uses) != 1:
            return None
        return uses[0], uses[1]


def clause_names(select: exp.Select) -> frozenset[str]:
    """The clauses that a SELECT has (SelectFacts.clauses)."""
    clauses = {name for part, name in _CLAUSES.items() if select.args.get(part)}
    group = select.args.get("group")
    if group is not None and group.find(exp.GroupingSets, exp.Cube, exp.Rollup):
        clauses.add("GROUPING SETS")
    if group is not None and group.args.get("all"):
        clauses.add("GROUP BY ALL")
    return frozenset(clauses)


def _flatten(condition: exp.Expr | None) -> tuple[list[exp.Expr], frozenset[str]]:
    leaves: list[exp.Expr] = []
    operators: set[str] = set()
    pending = [condition] if condition is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, exp.Paren):
            pending.append(node.this)
        elif isinstance(node, exp.And | exp.Or):
            operators.add(node.key.upper())
            pending += [node.left, node.right]
        else:
            leaves.append(node)
    return leaves, frozenset(operators)


def is_windowed(node: exp.Expr) -> bool:
    """Whether an aggregate function has OVER: it then gives a value for each row."""
    parent = node.parent.parent if isinstance(node.parent, exp.Filter | exp.WithinGroup) else node.parent
    holder = node.parent if isinstance(node.parent, exp.Filter | exp.WithinGroup) else node
    return isinstance(parent, exp.Window) and parent.this is holder


def _argument(node: exp.AggFunc) -> tuple[Argument, exp.Column | None]:
    inner = node.this
    if isinstance(inner, exp.Order):
        inner = inner.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        inner = inner.expressions[0]
    more = any(argument for name, argument in node.args.items() if name != "this" and isinstance(argument, list))
    if isinstance(node.parent, exp.WithinGroup) or more:
        return Argument.EXPRESSION, None
    if isinstance(inner, exp.Column):
        return Argument.COLUMN, inner
    if inner is None or isinstance(inner, exp.Star) or not any(inner.find_all(exp.Column, exp.Query, exp.Func)):
        return Argument.CONSTANT, None
    return Argument.EXPRESSION, None


def aggregate_name(node: exp.AggFunc) -> str:
    """What the rules call an aggregate function."""
    name = _AGGREGATE_NAMES.get(type(node)) or node.sql_name()
    return f"{name}_DISTINCT" if isinstance(node.this, exp.Distinct) else name


def _function_name(node: exp.Expr) -> str | None:
    """What the rules call a function or an operator; None for what they do not name."""
    if isinstance(node, (*_NO_FUNCTIONS, exp.AggFunc)):
        return None
    if isinstance(node, exp.Cast) and not any(node.find_all(exp.Column, exp.Query)):
        return None  # DATE '2026-01-01'
    if isinstance(node, exp.Trim):
        return "RTRIM" if str(node.args.get("position") or "").upper() == "TRAILING" else "TRIM"
    if isinstance(node, exp.Anonymous):
        name = str(node.this).upper()
        return _NAMED_SCALARS.get(name, name)
    if type(node) in _SCALAR_NAMES:
        return _SCALAR_NAMES[type(node)]
    return node.sql_name() if isinstance(node, exp.Func) else node.key.upper()
