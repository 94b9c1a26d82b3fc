"""Lambdas: their variables, and the types of functions that take them.

A lambda's variables get names of their own as soon as the query is read, that no member can write: what is judged and
what runs cannot take one for a column, nor a column for one. What a variable may reveal is what its function is given
(lineage/origins.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.spark import types
from whiteroom.sql.spark.arguments import Function
from whiteroom.sql.spark.generators import Generator
from whiteroom.sql.spark.maps import known_map
from whiteroom.sql.spark.nested import inner, known_array
from whiteroom.sql.spark.types import INT, of

_NAME = f"{RESERVED}v"


class Variable(exp.Expression, exp.Condition):
    """A variable of a lambda, where it is declared and where it stands."""

    arg_types = {"this": True}  # noqa: RUF012 -- as sqlglot declares it


Kinds = Callable[[exp.Expr], list[exp.DataType]]
"""Of a function whose other arguments have their types: those of a lambda's variables, all that it may have."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A lambda that a function takes."""

    least: int
    """How many variables it has."""
    kinds: Kinds


def _array_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [inner(known_array(node.expressions[0], said(node))), INT]


def _both_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [inner(known_array(each, said(node))) for each in node.expressions[:2]]


def _folded_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [of(node.expressions[1]), inner(known_array(node.expressions[0], said(node)))]


def _finished_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [of(node.expressions[1])]


def _map_kinds(node: exp.Expr) -> list[exp.DataType]:
    kind = of(known_map(node.expressions[0], said(node)))
    return [types.inner(kind, 0), types.inner(kind, 1)]


def said(node: exp.Expr) -> str:
    """How a sentence names a type."""
    return str(node.this).lower()


_ONE = Taken(1, lambda node: _array_kinds(node)[:1])

_PLACED = Taken(1, _array_kinds)

_PAIR = Taken(2, _map_kinds)

_FOLD: Mapping[int, Taken] = {2: Taken(2, _folded_kinds), 3: Taken(1, _finished_kinds)}

LAMBDAS: Mapping[str, Mapping[int, Taken]] = {
    "TRANSFORM": {1: _PLACED},
    "FILTER": {1: _PLACED},
    "EXISTS": {1: _ONE},
    "FORALL": {1: _ONE},
    "AGGREGATE": _FOLD,
    "REDUCE": _FOLD,
    "ZIP_WITH": {2: Taken(2, _both_kinds)},
    "MAP_FILTER": {1: _PAIR},
    "TRANSFORM_VALUES": {1: _PAIR},
    "TRANSFORM_KEYS": {1: _PAIR},
}
"""Which arguments of which functions are lambdas, from 0."""

FOLDS = frozenset({"AGGREGATE", "REDUCE"})

CONDITIONS = frozenset({"FILTER", "EXISTS", "FORALL", "MAP_FILTER"})
"""Those whose lambda says true or false."""


def name_variables(tree: exp.Expr) -> None:
    """Give every lambda's variables their own names, in place; a name means the innermost lambda that has it.

    Raises:
        Refused: a lambda names two variables alike.
    """
    names = iter(range(1_000_000))
    pending: list[tuple[exp.Expr, Mapping[str, str]]] = [(tree, {})]
    while pending:
        node, known = pending.pop()
        if isinstance(node, exp.Lambda):
            known = {**known, **_declared(node, names)}
            node.set("expressions", [Variable(this=known[each.name.lower()]) for each in node.expressions])
            pending.append((node.this, known))
            continue
        if known and isinstance(node, exp.Column) and node.parts[0].name.lower() in known and len(node.parts) > 1:
            field = node.to_dot()
            node.replace(field)
            node = field
        named = _named(node) if known else None
        if named is not None and named.lower() in known:
            node.replace(Variable(this=known[named.lower()]))
            continue
        pending += [(child, known) for child in node.iter_expressions()]


def _declared(node: exp.Lambda, names: Iterator[int]) -> dict[str, str]:
    given = [each.name.lower() for each in node.expressions]
    if len(set(given)) < len(given) or not all(given):
        raise Refused("A lambda names each of its variables once.")
    return {name: f"{_NAME}{next(names)}" for name in given}


def _named(node: exp.Expr) -> str | None:
    """What an expression names that is one name; sqlglot leaves an identifier where it has seen a variable."""
    if isinstance(node, exp.Column):
        return None if node.table or isinstance(node.this, exp.Star) else node.name
    holders = (exp.Column, exp.Alias, exp.TableAlias, exp.Table)
    named_by = isinstance(node.parent, holders) or (isinstance(node.parent, exp.Dot) and node.arg_key == "expression")
    return node.name if isinstance(node, exp.Identifier) and not named_by else None


def check_lambdas(node: exp.Expr) -> None:
    """Whether a function has its lambdas, and no others.

    Raises:
        Refused: it has not.
    """
    taken = LAMBDAS.get(str(node.this).upper(), {})
    for place, part in enumerate(node.expressions):
        wanted = taken.get(place)
        if wanted is None and not isinstance(part, exp.Lambda):
            continue
        if wanted is None or not isinstance(part, exp.Lambda):
            raise Refused(f"{said(node)} takes {'a' if wanted else 'no'} lambda as its argument {place + 1}.")
        most = 2 if wanted is _PLACED else wanted.least
        if not wanted.least <= len(part.expressions) <= most:
            raise Refused(f"The lambda of {said(node)} has {wanted.least} variable{'s' * (wanted.least > 1)}.")
        if part.this.find(exp.Query, exp.AggFunc, exp.Window, Generator) is not None:
            raise Refused(f"The lambda of {said(node)} takes no sub-query, no aggregate, no window and no generator.")


def binder(variable: Variable) -> exp.Expr:
    """The function whose lambda has the variable."""
    node: exp.Expr | None = variable.parent
    while node is not None:
        if isinstance(node, exp.Lambda) and any(each.this == variable.this for each in node.expressions):
            break
        node = node.parent
    if node is None or node.parent is None:
        raise Refused("The query has a variable of a lambda where there is no lambda.")
    return node.parent


def readable_copy(node: exp.Expr) -> exp.Expr:
    """A copy that can be written as text, for people and for comparing."""
    readable = node.copy()
    for variable in list(readable.find_all(Variable)):
        variable.replace(exp.to_identifier(str(variable.this).removeprefix(RESERVED)))
    return readable


def is_folded(node: exp.Expr) -> bool:
    """Whether a lambda puts a value together from what it was before: it may be anything."""
    function = binder(node) if isinstance(node, Variable) else node
    return isinstance(function, exp.Anonymous) and str(function.this).upper() in FOLDS


def given(variable: Variable) -> list[exp.Expr]:
    """What the function of a variable is given beside its lambdas."""
    return [part for part in binder(variable).expressions if not isinstance(part, exp.Lambda)]


def bind_types(node: exp.Expr) -> Iterator[exp.Lambda]:
    """The lambdas of a function whose other arguments have their types; those of their variables are set."""
    for place, taken in LAMBDAS.get(str(node.this).upper(), {}).items():
        if place < len(node.expressions):
            found = node.expressions[place]
            kinds = dict(zip((each.this for each in found.expressions), taken.kinds(node), strict=False))
            for variable in found.find_all(Variable):
                if variable.this in kinds:
                    variable.type = kinds[variable.this]
            yield found


def lambda_type(node: exp.Expr) -> exp.DataType:
    """What a lambda gives."""
    return of(node.this)


def _last_type(node: exp.Expr) -> exp.DataType:
    return of(node.expressions[-1])


def _transform_type(node: exp.Expr) -> exp.DataType:
    return types.array(_last_type(node))


def _same_type(node: exp.Expr) -> exp.DataType:
    return of(node.expressions[0])


def _values_type(node: exp.Expr) -> exp.DataType:
    return types.mapping(types.inner(_same_type(node)), _last_type(node))


def _keys_type(node: exp.Expr) -> exp.DataType:
    return types.mapping(_last_type(node), types.inner(_same_type(node), 1))


def _fold_type(node: exp.Expr) -> exp.DataType:
    return _last_type(node) if len(node.expressions) > 3 else of(node.expressions[1])


TYPES = {exp.Lambda: lambda_type}

NAMED_TYPES: Mapping[str, Callable[[exp.Expr], exp.DataType]] = {}
FUNCTIONS: Mapping[str, Function] = {
    "TRANSFORM": Function(2, 2, _transform_type),
    "FILTER": Function(2, 2, _same_type),
    "EXISTS": Function(2, 2, "BOOLEAN"),
    "FORALL": Function(2, 2, "BOOLEAN"),
    "AGGREGATE": Function(3, 4, _fold_type),
    "REDUCE": Function(3, 4, _fold_type),
    "ZIP_WITH": Function(3, 3, _transform_type),
    "MAP_FILTER": Function(2, 2, _same_type),
    "TRANSFORM_VALUES": Function(2, 2, _values_type),
    "TRANSFORM_KEYS": Function(2, 2, _keys_type),
}
