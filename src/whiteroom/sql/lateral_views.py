"""Generators before anything is resolved: each becomes a LATERAL VIEW whose columns are named.

`SELECT id, explode(x) AS tag FROM t` is `SELECT id, g.c AS tag FROM t LATERAL VIEW explode(x) g AS c`, with names for
`g` and `c` that no member can write. In the canonical form (canonical.py) a LATERAL VIEW is a SELECT of its own around
what it is behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from whiteroom.sql.lineage.origins import from_aliases, from_joins
from whiteroom.sql.refusals import Refused
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.spark.generators import Generator, columns_of

SELECTED = f"{RESERVED}g"
"""Begins the names of those that were output columns: WHERE comes before them."""

_APART = (
    "A generator such as explode stands in a SELECT without GROUP BY, aggregates, window functions and sub-queries in "
    "its output. Put these into a SELECT of their own (WITH), or use LATERAL VIEW."
)
TypeOf = Callable[[exp.Select, exp.Lateral], exp.DataType]
"""The Spark type of what a generator takes, in its SELECT."""


def to_lateral_views(tree: exp.Query, type_of: TypeOf) -> dict[str, str]:
    """Change a query in place; its names are not resolved yet.

    Args:
        tree: with names in lower case.
        type_of: asked of generators alone whose columns have no names.

    Returns:
        Names that come from fields of structs as these were written, by themselves in lower case.

    Raises:
        Refused: a generator is where Spark, or this, takes none.
    """
    written: dict[str, str] = {}
    selects = [scope.expression for scope in traverse_scope(tree) if isinstance(scope.expression, exp.Select)]
    if not tree.find(Generator):
        return written
    for number, select in enumerate(selects):
        shown = [node for node in select.expressions if isinstance(_bare(node), Generator)]
        for place, lateral in enumerate(select.args.get("laterals") or []):
            _name(select, lateral, f"{RESERVED}v{number}_{place}", type_of, written)
        for place, node in enumerate(shown):
            _move(select, node, f"{SELECTED}{number}_{place}", type_of, written)
    return written


def check_names(tree: exp.Query) -> None:
    """Whether a LATERAL VIEW has a name that no table beside it has.

    Raises:
        Refused: it has none of its own.
    """
    for select in tree.find_all(exp.Select):
        names = [*from_aliases(select), *(lateral.alias for lateral in select.args.get("laterals") or [])]
        for lateral in select.args.get("laterals") or []:
            if lateral.alias and names.count(lateral.alias) > 1:
                raise Refused(f"Two sources are named '{lateral.alias[:128]}', one by LATERAL VIEW. Name it otherwise.")


def type_query(select: exp.Select, lateral: exp.Lateral) -> exp.Query:
    """A query whose one column is what a generator takes, over what it is behind."""
    before = []
    for each in select.args.get("laterals") or []:
        if each is lateral:
            break
        before.append(each.copy())
    query = exp.Select(
        expressions=[exp.alias_(lateral.this.this.copy(), f"{RESERVED}value", quoted=True)],
        from_=select.args["from_"].copy() if select.args.get("from_") else None,
        joins=[join.copy() for join in select.args.get("joins") or []],
        laterals=before,
    )
    named = {expression.alias: expression for expression in _around(select)}
    if named:
        query.set("with_", exp.With(expressions=[expression.copy() for expression in named.values()]))
    return query


def _around(select: exp.Select) -> list[exp.CTE]:
    """The common table expressions that a SELECT may read, the nearest last."""
    found: list[exp.CTE] = []
    node: exp.Expr | None = select
    inside: exp.Expr | None = None
    while node is not None:
        holder = node.args.get("with_")
        if holder is not None:
            before = []
            for expression in holder.expressions:
                if expression is inside:
                    break
                before.append(expression)
            found = [*before, *found]
        if isinstance(node, exp.CTE):
            inside = node
        node = node.parent
    return found


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Alias | exp.Aliases) else node


def _name(select: exp.Select, lateral: exp.Lateral, name: str, type_of: TypeOf, written: dict[str, str]) -> None:
    """Give a LATERAL VIEW a name and names of its columns, where the query leaves them to Spark."""
    alias = lateral.args["alias"]
    if not alias.this:
        alias.set("this", exp.to_identifier(name, quoted=True))
    if not alias.args.get("columns"):
        alias.set("columns", _identifiers(_names(select, lateral, type_of, written)))


def _names(select: exp.Select, lateral: exp.Lateral, type_of: TypeOf, written: dict[str, str]) -> list[str]:
    names = [name for name, _ in columns_of(str(lateral.this.args["kind"]), type_of(select, lateral))]
    written.update({name.lower(): name for name in names})
    return [name.lower() for name in names]


def _identifiers(names: list[str]) -> list[exp.Identifier]:
    return [exp.to_identifier(name, quoted=True) for name in names]


def _move(select: exp.Select, shown: exp.Expr, source: str, type_of: TypeOf, written: dict[str, str]) -> None:
    """An output column becomes a LATERAL VIEW, behind the others."""
    if _is_apart(select):
        raise Refused(_APART)
    lateral = exp.Lateral(
        this=_bare(shown).copy(), view=True, alias=exp.TableAlias(this=exp.to_identifier(source, quoted=True))
    )
    if isinstance(shown, exp.Alias):
        names = [shown.alias]
    elif isinstance(shown, exp.Aliases):
        names = [each.name for each in shown.expressions]
    else:
        names = _names(select, lateral, type_of, written)
    columns = [f"{source}_{place}" for place in range(len(names))]
    lateral.args["alias"].set("columns", _identifiers(columns))
    _write_stars_out(select)
    taken = [
        exp.alias_(exp.column(column, table=source, quoted=True), name, quoted=True)
        for column, name in zip(columns, names, strict=True)
    ]
    outputs: list[exp.Expr] = []
    for node in select.expressions:
        outputs += taken if node is shown else [node]
    select.set("expressions", outputs)
    select.append("laterals", lateral)


def _is_apart(select: exp.Select) -> bool:
    if any(select.args.get(part) for part in ("group", "having", "qualify")) or not select.args.get("from_"):
        return True
    parts = [*select.expressions, *([select.args["order"]] if select.args.get("order") else [])]
    return any(part.find(exp.AggFunc, exp.Window, exp.Query) for part in parts)


def _write_stars_out(select: exp.Select) -> None:
    """A star is all that there is without the generator: a star for each source."""
    if not any(isinstance(node, exp.Star) for node in select.expressions):
        return
    if any(join.args.get("using") or join.args.get("method") for join in from_joins(select)):
        raise Refused("A star beside a generator takes no USING and no NATURAL JOIN. Name the columns that you want.")
    stars = [
        exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True)) for alias in _visible_sources(select)
    ]
    outputs: list[exp.Expr] = []
    for node in select.expressions:
        outputs += [star.copy() for star in stars] if isinstance(node, exp.Star) else [node]
    select.set("expressions", outputs)


def _visible_sources(select: exp.Select) -> Iterator[str]:
    nodes: list[exp.Expr] = [select.args["from_"].this]
    joins = select.args.get("joins") or []
    nodes += [join.this for join in joins if str(join.args.get("kind") or "").upper() not in {"SEMI", "ANTI"}]
    nodes += select.args.get("laterals") or []
    for place, node in enumerate(nodes):
        if node.args.get("joins") or (isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table)):
            raise Refused("A star beside a generator takes no joins in parentheses. Name the columns that you want.")
        if not node.alias_or_name:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(f"{RESERVED}f{place}", quoted=True)))
        yield node.alias_or_name
