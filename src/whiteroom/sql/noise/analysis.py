"""What each SELECT does with the rows of protected users: the facts for domain/privacy/user_level.py.

An identifier is followed through aliases, common table expressions, sub-queries and set operations by where its
values come from: a column that is one as it stands, or COALESCE of several that were joined by equality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.user_level import UserFacts, UserSelect, UserSetOperation
from whiteroom.sql.lineage.facts import aggregate_name, clause_names, is_windowed
from whiteroom.sql.lineage.origins import Origins, from_aliases, from_joins
from whiteroom.sql.noise.failing import alike, can_fail_uncaught, same_type
from whiteroom.sql.refusals import Refused

_BY_POSITION = (exp.RowNumber, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
"""Window functions for which it matters which of two equal rows comes first."""
_CLAUSES_OF_ROWS = ("where", "group")
_CLAUSES_SHOWN = ("expressions", "having", "order", "qualify")


class UserLevel:
    """Answers for one qualified tree, whose tables are the guard's views."""

    def __init__(self, tree: exp.Query, views: Mapping[str, QueryTable], written: Mapping[str, str]) -> None:
        """Read the tree; it must not change while this is used. `written`: what generated names stand for."""
        self._tree = tree
        self._written = written
        self._views = views
        self._origins = Origins(tree, views)
        self._scopes = {id(scope.expression): scope for scope in traverse_scope(tree)}
        self._identifiers: dict[int, frozenset[str] | None] = {}
        self._sources: dict[int, dict[str, frozenset[str]]] = {}

    def facts(self) -> UserFacts:
        """Of every SELECT and set operation that reads protected rows; nothing where none does."""
        found: list[UserSelect | UserSetOperation] = []
        for query in self._tree.find_all(exp.Select, exp.SetOperation):
            if isinstance(query, exp.Select) and self._reads(query):
                found.append(self._select(query))
            elif isinstance(query, exp.SetOperation) and self._reads(query):
                found.append(self._set_operation(query))
        return tuple(found)

    def identifiers_read(self, select: exp.Select) -> list[exp.Column]:
        """The identifier columns of the relations whose rows a SELECT has, in the order of its FROM."""
        kinds = {join.this.alias_or_name: str(join.args.get("kind") or "").upper() for join in from_joins(select)}
        return [
            exp.column(name, table=alias, quoted=True)
            for alias, names in self._protected_sources(select).items()
            if kinds.get(alias) not in {"SEMI", "ANTI"}
            for name in sorted(names)
        ]

    def is_identifier(self, node: exp.Expr, select: exp.Select) -> bool:
        """Whether an expression of a SELECT is the identifier of the row's user, or NULL."""
        if isinstance(node, exp.Paren | exp.Alias):
            return self.is_identifier(node.this, select)
        if isinstance(node, exp.Coalesce):
            return all(self.is_identifier(part, select) for part in [node.this, *node.expressions])
        return isinstance(node, exp.Column) and node.name in self._protected_sources(select).get(node.table, ())

    def break_ties(self) -> None:
        """Have windows sort rows by all that they hold, in place: which of two comes first says nothing of others.

        Those over tables of others too: no answer may turn on the order or the place in which rows are met.
        """
        for select in self._tree.find_all(exp.Select):
            if select is not self._tree:
                for window in [node for node in _own_nodes(select) if isinstance(node, exp.Window)]:
                    if isinstance(window.this, _BY_POSITION) or window.args.get("spec"):
                        order = window.args.get("order") or exp.Order(expressions=[])
                        ties = [exp.Ordered(this=column, nulls_first=True) for column in self._columns(select)]
                        order.set("expressions", [*order.expressions, *ties])
                        window.set("order", order)

    def _columns(self, select: exp.Select) -> Iterator[exp.Column]:
        """Every column of the relations whose rows a SELECT has."""
        kinds = {join.this.alias_or_name: str(join.args.get("kind") or "").upper() for join in from_joins(select)}
        for alias, source in self._scope(select).sources.items():
            if alias not in set(from_aliases(select)) or kinds.get(alias) in {"SEMI", "ANTI"}:
                continue
            if isinstance(source, exp.Table):
                names = sorted(self._views[source.name].readable_columns)
            else:
                query = _bare(source.expression)
                names = query.named_selects if isinstance(query, exp.Query) else []
            yield from (exp.column(name, table=alias, quoted=True) for name in names)

    def _reads(self, query: exp.Expr) -> bool:
        """Whether protected rows are read anywhere below."""
        query = _bare(query)
        if isinstance(query, exp.SetOperation):
            return self._reads(query.left) or self._reads(query.right)
        if not isinstance(query, exp.Select):
            return False
        return bool(self._protected_sources(query)) or any(map(self._reads, _subqueries(query)))

    def _protected_sources(self, select: exp.Select) -> dict[str, frozenset[str]]:
        """The identifiers of what a SELECT reads, by alias; relations that hold no protected rows are left out."""
        if id(select) not in self._sources:
            self._sources[id(select)] = self._find_sources(select)
        return self._sources[id(select)]

    def _find_sources(self, select: exp.Select) -> dict[str, frozenset[str]]:
        found = {}
        sources = self._scope(select).sources
        # In the order of FROM, which from_aliases does not keep; and whatever is in parentheses.
        nodes = [select.args["from_"].this] if select.args.get("from_") else []
        nodes += [join.this for join in select.args.get("joins") or []]
        for alias in dict.fromkeys([*(node.alias_or_name for node in nodes), *from_aliases(select)]):
            source = sources.get(alias)
            names: frozenset[str] | None = None
            if isinstance(source, exp.Table):
                identifier = self._views[source.name].identifier
                names = None if identifier is None else frozenset({identifier})
            elif isinstance(source, Scope):
                names = self._output_identifiers(source.expression)
            if names is not None:
                found[alias] = names
        return found

    def _output_identifiers(self, query: exp.Expr) -> frozenset[str] | None:
        """Output columns that are identifiers; None where no protected row is read."""
        query = _bare(query)
        if id(query) not in self._identifiers:
            self._identifiers[id(query)] = self._find_identifiers(query) if self._reads(query) else None
        return self._identifiers[id(query)]

    def _find_identifiers(self, query: exp.Expr) -> frozenset[str]:
        if isinstance(query, exp.Select):
            shown = zip(query.named_selects, query.selects, strict=True)
            return frozenset(name for name, node in shown if self.is_identifier(node, query))
        if not isinstance(query, exp.SetOperation):
            return frozenset()
        sides = []
        for side in (_bare(query.left), _bare(query.right)):
            names = self._output_identifiers(side) or frozenset()
            outputs = side.named_selects if isinstance(side, exp.Query) else []
            sides.append({position for position, name in enumerate(outputs) if name in names})
        both = zip(_outputs(query.left), _outputs(query.right), strict=False)
        same = {position for position, pair in enumerate(both) if same_type(*pair)}
        return frozenset(query.named_selects[position] for position in sides[0] & sides[1] & same)

    def _scope(self, select: exp.Select) -> Scope:
        scope = self._scopes.get(id(select))
        if scope is None:
            raise Refused("The query has a SELECT where it cannot be followed. Put it into FROM or WITH.")
        return scope

    def _set_operation(self, query: exp.SetOperation) -> UserSetOperation:
        return UserSetOperation(
            kind=query.key.upper(),
            final=query is self._tree,
            identified=bool(self._output_identifiers(query)),
            clauses=frozenset(_outer_clauses(query)),
            mixed=any(not alike(list(pair)) for pair in zip(_outputs(query.left), _outputs(query.right), strict=False)),
        )

    def _select(self, select: exp.Select) -> UserSelect:
        final = select is self._tree
        nodes = list(_own_nodes(select))
        windows = [node for node in nodes if isinstance(node, exp.Window)]
        aggregates = [node for node in nodes if isinstance(node, exp.AggFunc) and not is_windowed(node)]
        keys = _group_keys(select)
        watched = list(_own_nodes(select, _CLAUSES_OF_ROWS)) if final else nodes
        return UserSelect(
            place=self._place(select, final=final),
            final=final,
            clauses=frozenset({*clause_names(select), *_outer_clauses(select)}),
            unlinked=tuple(self._name(alias) for alias in self._unlinked(select)),
            identified=bool(self.identifiers_read(select) if final else self._output_identifiers(select)),
            aggregated=bool(aggregates or select.args.get("group")),
            by_user=any(self.is_identifier(key, select) for key in keys),
            aggregates=frozenset(map(aggregate_name, aggregates)),
            windows=frozenset(map(_window_name, windows)),
            windows_across=any(not self._by_user(window, select) for window in windows),
            windows_unsafe=any(map(is_unsafe, windows)),
            windows_over_groups=bool(windows and (aggregates or keys)),
            filtered=any(isinstance(node.parent, exp.Filter) for node in aggregates),
            hidden=any(map(self._reads, _subqueries(select))),
            subqueries_shown=any(isinstance(node, exp.Query) for node in _own_nodes(select, _CLAUSES_SHOWN)),
            correlated=any(self._refers(query, select) for query in _subqueries(select)),
            nested=_is_nested(select),
            fallible=tuple(sorted({function_name(node) for node in watched if can_fail_uncaught(node)})),
            functions=frozenset(function_name(node) for node in nodes if isinstance(node, exp.Func)),
            bare=tuple(self._name(name) for name in _bare_columns(select, keys)) if final else (),
            many=tuple(sorted({function_name(node) for node in aggregates if takes_many(node)})) if final else (),
        )

    def _name(self, generated: str) -> str:
        return self._written.get(generated, generated)

    def _place(self, select: exp.Select, *, final: bool) -> str:
        if final:
            return "the final SELECT"
        named = select.find_ancestor(exp.CTE, exp.Select)
        inside = isinstance(named, exp.CTE)
        return f"the common table expression '{self._name(named.alias)}'" if inside and named else "a sub-query"

    def _by_user(self, window: exp.Window, select: exp.Select) -> bool:
        """Whether no partition has rows of two users.

        One identifier is enough where no other can name the user of a row in which it is NULL itself.
        """
        keys = [part for part in window.args.get("partition_by") or [] if self.is_identifier(part, select)]
        held = {(column.table, column.name) for key in keys for column in key.find_all(exp.Column)}
        read = {(column.table, column.name) for column in self.identifiers_read(select)}
        outer = any(join.args.get("side") for join in from_joins(select))
        single = len(self._protected_sources(select)) == len(read) and not outer
        return bool(keys) and (single or len(read) == 1 or held >= read)

    def _refers(self, query: exp.Query, select: exp.Select) -> bool:
        return any(column.table and self._origins.owner(column) is select for column in query.find_all(exp.Column))

    def _unlinked(self, select: exp.Select) -> Iterator[str]:
        """Protected relations that are not joined to the ones before them by an equality of identifiers in ON."""
        sources = self._protected_sources(select)
        conditions = {join.this.alias_or_name: join.args.get("on") for join in from_joins(select)}
        earlier: set[str] = set()
        for alias in sources:
            conjuncts = _conjuncts(conditions.get(alias))
            if earlier and not any(self._links(node, alias, earlier, select) for node in conjuncts):
                yield alias
            earlier.add(alias)

    def _links(self, node: exp.Expr, alias: str, earlier: set[str], select: exp.Select) -> bool:
        if not isinstance(node, exp.EQ):
            return False
        sides = [side for side in (node.left, node.right) if isinstance(side, exp.Column)]
        if len(sides) < 2 or not all(self.is_identifier(side, select) for side in sides):
            return False
        tables = {side.table for side in sides}
        return alias in tables and bool(tables & earlier) and same_type(*sides)


def takes_many(node: exp.AggFunc) -> bool:
    """Whether an aggregate takes more than one value: COUNT(a, b), COUNT(DISTINCT a, b)."""
    inner = node.this
    several = isinstance(inner, exp.Distinct) and len(inner.expressions) != 1
    return several or any(isinstance(value, list) and value for name, value in node.args.items() if name != "this")


def _outputs(query: exp.Expr) -> list[exp.Expr]:
    bare = _bare(query)
    return list(bare.selects) if isinstance(bare, exp.Query) else []


def _bare(query: exp.Expr) -> exp.Expr:
    while isinstance(query, exp.Subquery):
        query = query.this
    return query


def _outer_clauses(query: exp.Expr) -> Iterator[str]:
    """LIMIT and OFFSET of the query and of the parentheses around it."""
    node: exp.Expr | None = query
    while node is query or isinstance(node, exp.Subquery):
        for part, name in (("limit", "LIMIT"), ("offset", "OFFSET")):
            if node is not None and node.args.get(part):
                yield name
        node = node.parent if node is not None else None


def _own_nodes(select: exp.Select, clauses: tuple[str, ...] = _CLAUSES_OF_ROWS + _CLAUSES_SHOWN) -> Iterator[exp.Expr]:
    """Every node of these clauses, and of ON, down to sub-queries but not into them."""
    roots: list[exp.Expr] = []
    for clause in clauses:
        part = select.args.get(clause)
        roots += part if isinstance(part, list) else [part] if part is not None else []
    if "where" in clauses:
        roots += [join.args["on"] for join in from_joins(select) if join.args.get("on") is not None]
    for root in roots:
        yield from root.walk(prune=lambda node: isinstance(node, exp.Query))


def _subqueries(select: exp.Select) -> list[exp.Query]:
    return [node for node in _own_nodes(select) if isinstance(node, exp.Query)]


def _group_keys(select: exp.Select) -> list[exp.Expr]:
    group = select.args.get("group")
    return list(group.expressions) if group is not None else []


def _conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    pending = [condition] if condition is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, exp.Paren):
            pending.append(node.this)
        elif isinstance(node, exp.And):
            pending += [node.left, node.right]
        else:
            yield node


def _is_nested(select: exp.Select) -> bool:
    source = select.args.get("from_")
    nodes = [source.this] if source is not None else []
    nodes += [join.this for join in select.args.get("joins") or []]
    return any(
        node.args.get("joins") or (isinstance(node, exp.Subquery) and not isinstance(_bare(node), exp.Query))
        for node in nodes
    )


def _window_name(window: exp.Window) -> str:
    inner = window.this.this if isinstance(window.this, exp.Filter | exp.WithinGroup) else window.this
    return aggregate_name(inner) if isinstance(inner, exp.AggFunc) else function_name(inner)


def is_unsafe(window: exp.Window) -> bool:
    """Whether a window has a frame or an offset other than plain numbers of rows, or a default."""
    spec, function = window.args.get("spec"), window.this
    if spec is not None:
        edges = [spec.args.get("start"), spec.args.get("end")]
        plain = all(edge is None or isinstance(edge, str) or is_count(edge) for edge in edges)
        if str(spec.args.get("kind") or "").upper() != "ROWS" or not plain:
            return True
    if isinstance(function, exp.Lag | exp.Lead):
        # An engine may cast a default to the type that the first argument has there, and fail.
        offset, default = function.args.get("offset"), function.args.get("default")
        return not (offset is None or is_count(offset)) or not isinstance(default, exp.Null | None)
    return False


def is_count(node: exp.Expr) -> bool:
    """Whether a number of rows is one as it stands, and not so large that an engine would fail on it."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and len(node.name) < 10


def _bare_columns(select: exp.Select, keys: list[exp.Expr]) -> Iterator[str]:
    roots = list(select.selects)
    for clause in ("having", "order"):
        part = select.args.get(clause)
        roots += [part] if part is not None else []
    for root in roots:
        for node in root.walk(prune=lambda node: isinstance(node, exp.AggFunc | exp.Query) or node in keys):
            if isinstance(node, exp.Column) and node.table and node not in keys:
                yield node.name


def function_name(node: exp.Expr) -> str:
    """SQL's name of a scalar function or an operator, as user_level.GROWING has it."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).upper()
    return node.sql_name() if isinstance(node, exp.Func) else node.key.upper()
