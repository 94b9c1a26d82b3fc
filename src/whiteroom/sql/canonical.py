"""Writes a resolved query so that nothing in it is left to resolve, by whoever reads it next.

Every source (table, common table expression, derived table) and every output of every SELECT has a name of its own
that no member can write; every column says which source it is of, or is the name of an output (ORDER BY). No star is
left, no USING, no NATURAL, and no two columns of one name. What is judged afterwards is this, and what runs is made of
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.sql.lateral_views import SELECTED
from whiteroom.sql.refusals import Refused
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.spark.generators import Generated, columns_of
from whiteroom.sql.spark.types import of

Columns = Mapping[str, str]
"""The new names of columns, by the names that they had."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What is in a FROM, or is named by WITH."""

    name: str
    columns: Columns


Sources = dict[str, _Source]
"""By the names that they had."""


@dataclass(slots=True)
class Canonical:
    """A query in canonical form."""

    tree: exp.Query
    outputs: tuple[str, ...]
    """Its output columns, as they were named."""
    written: dict[str, str] = field(default_factory=dict)
    """What generated names stand for; for sentences."""


def to_canonical(tree: exp.Query, views: Mapping[str, QueryTable]) -> Canonical:
    """Rename everything in a qualified tree, in place.

    Raises:
        Refused: two outputs have one name, or something is left to resolve.
    """
    form = Canonical(tree, tuple(tree.named_selects))
    _Names(views, form.written).query(tree, {}, [])
    for node in tree.find_all(exp.Star):
        if not isinstance(node.parent, exp.Count):
            raise Refused("The query's output columns are not known; name them with AS.")
    return form


class _Names:
    """Gives names, and takes note of what they stand for."""

    def __init__(self, views: Mapping[str, QueryTable], written: dict[str, str]) -> None:
        self._views = views
        self._written = written

    def _new(self, old: str, kind: str) -> str:
        name = f"{RESERVED}{kind}{len(self._written)}"
        self._written[name] = old
        return name

    def query(self, query: exp.Expr, expressions: Sources, around: Sequence[Sources]) -> Columns:
        """Rename a query, inside and out; the new names of its outputs.

        Args:
            query: a SELECT, a set operation, or one in parentheses.
            expressions: the common table expressions that it may read.
            around: the sources of the SELECTs that it is in, where it is in an expression.
        """
        expressions = {**expressions, **self._with(query, expressions)}
        if isinstance(query, exp.Select):
            return self._select(query, expressions, around)
        if isinstance(query, exp.SetOperation):
            columns = self.query(query.left, expressions, around)
            self.query(query.right, expressions, around)
        elif isinstance(query, exp.Subquery):
            columns = self.query(query.this, expressions, around)
        else:
            raise Refused("The query has a part that cannot be followed. Put it into FROM or WITH.")
        for part in ("order", "limit", "offset"):
            self._expression(query.args.get(part), columns, expressions, [])
        return columns

    def _with(self, query: exp.Expr, expressions: Sources) -> Sources:
        found: Sources = {}
        holder = query.args.get("with_")
        for expression in holder.expressions if holder is not None else []:
            columns = self.query(expression.this, {**expressions, **found}, [])
            alias = expression.args["alias"]
            if alias.args.get("columns"):
                raise Refused(f"The columns of '{alias.name[:128]}' are renamed; give them their names in its SELECT.")
            if alias.name in found:
                raise Refused(f"Two common table expressions are named '{alias.name[:128]}'. Give each its own name.")
            found[alias.name] = _Source(self._new(alias.name, "t"), columns)
            alias.set("this", _identifier(found[alias.name].name))
        return found

    def _select(self, select: exp.Select, expressions: Sources, around: Sequence[Sources]) -> Columns:
        names = select.named_selects
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        if repeated:
            name = repeated[0]
            raise Refused(f"Two output columns are named '{name[:128]}'. Give each a name of its own with AS.")
        if not all(names) or "*" in names:
            raise Refused("The query's output columns are not known; name them with AS.")
        sources: Sources = {}
        conditions: list[exp.Expr] = []
        for node in _sources(select):
            self._source(node, sources, expressions)
            conditions += [join.args["on"] for join in node.args.get("joins") or [] if join.args.get("on") is not None]
        joins = select.args.get("joins") or []
        conditions += [join.args["on"] for join in joins if join.args.get("on") is not None]
        if any(join.args.get("using") or join.args.get("method") for join in select.find_all(exp.Join)):
            raise Refused("A NATURAL JOIN takes a column that both sides have and their owners allow. There is none.")
        laterals = select.args.get("laterals") or []
        for condition in conditions:
            self._expression(condition, {}, expressions, [sources, *([] if laterals else around)])
        for lateral in laterals:
            sources = self._lateral_view(select, lateral, sources, expressions)
        select.set("laterals", None)
        columns = {name: self._new(name, "c") for name in names}
        within = [sources, *around]
        for part in ("expressions", "where", "group", "having", "qualify", "limit", "offset", "distinct"):
            argument = select.args.get(part)
            for part_node in argument if isinstance(argument, list) else [argument]:
                self._expression(part_node, {}, expressions, within)
        self._expression(select.args.get("order"), columns, expressions, within)
        select.set("expressions", [_named(*pair) for pair in zip(select.expressions, columns.values(), strict=True)])
        return columns

    def _source(self, node: exp.Expr, sources: Sources, expressions: Sources) -> None:
        """One source of a FROM, under its new name."""
        old = node.alias_or_name
        if isinstance(node, exp.Table):
            columns = self._table(node, expressions)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            # (a JOIN b): its tables are sources of the SELECT themselves.
            if node.alias:
                raise Refused(f"Tables in parentheses cannot be named '{node.alias[:128]}'. Put them into a SELECT.")
            return
        elif isinstance(node, exp.Subquery):
            columns = self.query(node.this, expressions, [])
        else:
            raise Refused(f"{node.key.upper()} is not allowed in FROM.")
        if old in sources:
            raise Refused(f"Two tables in one FROM are named '{old[:128]}'. Give each a name of its own.")
        sources[old] = _Source(self._new(old, "s"), columns)
        node.set("alias", exp.TableAlias(this=_identifier(sources[old].name)))

    def _lateral_view(
        self, select: exp.Select, lateral: exp.Lateral, sources: Sources, expressions: Sources
    ) -> Sources:
        """Put what a SELECT reads into a SELECT inside it, beside what the generator makes of each row.

        What is around the SELECT is not to be named in there.
        """
        generator, old = lateral.this, lateral.alias
        names = [name.name for name in lateral.args["alias"].args.get("columns") or []]
        given = columns_of(str(generator.args["kind"]), of(generator.this))
        if len(names) != len(given) or len(set(names)) < len(names):
            raise Refused(f"The generator of '{old[:128]}' gives {len(given)} columns; give each a name of its own.")
        if old in sources:
            raise Refused(f"A table and a LATERAL VIEW are named '{old[:128]}'. Give each a name of its own.")
        if generator.this.find(exp.Query, exp.AggFunc, exp.Window):
            raise Refused("A generator takes no aggregate, window function or sub-query. Put these into WITH.")
        inner = exp.Select(from_=select.args["from_"].pop(), joins=[join.pop() for join in _joins(select)])
        if old.startswith(SELECTED) and select.args.get("where"):
            inner.set("where", select.args["where"].pop())
        for part in (generator.this, inner.args.get("where")):
            self._expression(part, {}, expressions, [sources])
        outer = bool(lateral.args.get("outer") or generator.args.get("outer"))
        new = {name: self._new(name, "c") for name in names}
        for place, name in enumerate(new.values()):
            column = Generated(this=generator.this.copy(), kind=generator.args["kind"], place=place, outer=outer)
            inner.append("expressions", _named(column, name))
        alias = self._new(old, "s")
        select.set("from_", exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=_identifier(alias)))))
        below = {name: _Source(alias, _Lifted(source, inner, self._new)) for name, source in sources.items()}
        return {**below, old: _Source(alias, new)}

    def _table(self, node: exp.Table, expressions: Sources) -> Columns:
        view = self._views.get(node.name)
        if view is not None:
            return {name: name for name in view.readable_columns}
        source = expressions.get(node.name)
        if source is None:
            raise Refused(f"There is no table '{node.name[:128]}' where the query names it.")
        node.set("this", _identifier(source.name))
        return source.columns

    def _expression(
        self,
        node: exp.Expr | None,
        outputs: Columns,
        expressions: Sources,
        within: Sequence[Sources],
    ) -> None:
        """Every column in an expression, down to sub-queries and into these."""
        pending = [node] if node is not None else []
        while pending:
            found = pending.pop()
            if isinstance(found, exp.Query):
                self.query(found, expressions, within)
            elif isinstance(found, exp.Column):
                self._column(found, outputs, within)
            else:
                pending += list(found.iter_expressions())

    def _column(self, column: exp.Column, outputs: Columns, within: Sequence[Sources]) -> None:
        if set(column.args) - {"this", "table"} and any(column.args.get(part) for part in ("db", "catalog")):
            raise Refused(f"The column '{column.name[:128]}' is named by more than its table.")
        if not column.table:
            if column.name not in outputs:
                raise Refused(f"The query cannot be followed to where '{column.name[:128]}' comes from.")
            column.set("this", _identifier(outputs[column.name]))
            return
        for sources in within:
            source = sources.get(column.table)
            if source is not None:
                if column.name not in source.columns:
                    break
                column.set("table", _identifier(source.name))
                column.set("this", _identifier(source.columns[column.name]))
                return
        raise Refused(f"The query cannot be followed to where '{column.name[:128]}' comes from.")


class _Lifted(Mapping[str, str]):
    """The columns of a source through a SELECT around it, which shows those that are asked for and no others."""

    def __init__(self, source: _Source, inner: exp.Select, new: Callable[[str, str], str]) -> None:
        self._source = source
        self._inner = inner
        self._new = new
        self._shown: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._shown:
            column = exp.column(self._source.columns[name], table=self._source.name, quoted=True)
            self._shown[name] = self._new(name, "c")
            self._inner.append("expressions", _named(column, self._shown[name]))
        return self._shown[name]

    def __contains__(self, name: object) -> bool:
        return name in self._source.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.columns)

    def __len__(self) -> int:
        return len(self._source.columns)


def _joins(select: exp.Select) -> list[exp.Join]:
    return list(select.args.get("joins") or [])


def _sources(select: exp.Select) -> Iterator[exp.Expr]:
    """What is in FROM and JOIN, and in parentheses there."""
    source = select.args.get("from_")
    pending = [source.this] if source is not None else []
    pending += [join.this for join in select.args.get("joins") or []]
    while pending:
        node = pending.pop(0)
        yield node
        nested = [join.this for join in node.args.get("joins") or []]
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            nested = [node.this, *nested]
        pending = [*nested, *pending]


def _named(node: exp.Expr, name: str) -> exp.Expr:
    inner = node.unalias()
    alias = exp.Alias(this=inner.copy(), alias=_identifier(name))
    alias.type = inner.type
    return alias


def _identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
