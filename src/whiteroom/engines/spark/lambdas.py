"""Functions that take a lambda: its names, their types, and what it is for DuckDB.

A lambda's variables get names of their own as soon as the query is read, that no member can write: what is judged and
what runs cannot take one for a column, nor a column for one. What a variable may tell is what its function is given
(engines/origins.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments, types
from whiteroom.engines.spark.arguments import Function
from whiteroom.engines.spark.building import Rule, call, cast, lambda_of
from whiteroom.engines.spark.casts import shaped
from whiteroom.engines.spark.generators import Generator
from whiteroom.engines.spark.maps import known_map
from whiteroom.engines.spark.nested import inner, known_array
from whiteroom.engines.spark.types import BOOLEAN, INT, NULL, of

_NAME = "wr$v"


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
    return [inner(known_array(node.expressions[0], _said(node))), INT]


def _both_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [inner(known_array(each, _said(node))) for each in node.expressions[:2]]


def _folded_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [of(node.expressions[1]), inner(known_array(node.expressions[0], _said(node)))]


def _finished_kinds(node: exp.Expr) -> list[exp.DataType]:
    return [of(node.expressions[1])]


def _map_kinds(node: exp.Expr) -> list[exp.DataType]:
    kind = of(known_map(node.expressions[0], _said(node)))
    return [types.inner(kind, 0), types.inner(kind, 1)]


def _said(node: exp.Expr) -> str:
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


# Names


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
            raise Refused(f"{_said(node)} takes {'a' if wanted else 'no'} lambda as its argument {place + 1}.")
        most = 2 if wanted is _PLACED else wanted.least
        if not wanted.least <= len(part.expressions) <= most:
            raise Refused(f"The lambda of {_said(node)} has {wanted.least} variable{'s' * (wanted.least > 1)}.")
        if part.this.find(exp.Query, exp.AggFunc, exp.Window, Generator) is not None:
            raise Refused(f"The lambda of {_said(node)} takes no sub-query, no aggregate, no window and no generator.")


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


def is_folded(node: exp.Expr) -> bool:
    """Whether a lambda puts a value together from what it was before: it may be anything."""
    function = binder(node) if isinstance(node, Variable) else node
    return isinstance(function, exp.Anonymous) and str(function.this).upper() in FOLDS


def given(variable: Variable) -> list[exp.Expr]:
    """What the function of a variable is given beside its lambdas."""
    return [part for part in binder(variable).expressions if not isinstance(part, exp.Lambda)]


# Types


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


# Translation: the children are in DuckDB's words already


def _declare(node: exp.Expr) -> exp.Expr:
    body = node.this
    kind = of(body)
    if types.has_unknown(kind):
        raise Refused("It cannot be told of which type the value of a lambda is. Cast it.")
    return lambda_of([each.name for each in node.expressions], shaped(exp.paren(body), kind))


def _use(node: exp.Expr) -> exp.Expr:
    return exp.column(str(node.this), quoted=True)


def _names(function: exp.Expr) -> list[str]:
    return [each.name for each in function.expressions]


def _put(function: exp.Expr, name: str, make: Callable[[], exp.Expr]) -> None:
    """Another expression wherever a lambda's body names its variable."""
    for found in list(function.this.find_all(exp.Column)):
        if found.name == name and not found.table:
            found.replace(make())


def _placed(node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """An array and its lambda; DuckDB counts from 1 what Spark counts from 0."""
    value, function = node.expressions
    known_array(value, _said(node))
    if len(function.expressions) > 1:
        place = _names(function)[1]
        number = exp.column(place, quoted=True)
        counted = cast(exp.paren(exp.Sub(this=number, expression=exp.Literal.number(1))), "INTEGER")
        _put(function, place, counted.copy)
    return value, function


def _condition(node: exp.Expr, function: exp.Expr) -> None:
    if of(function) not in (BOOLEAN, NULL):
        raise Refused(f"The lambda of {_said(node)} is a condition in Spark. Compare the value.")


def _transform(node: exp.Expr) -> exp.Expr:
    return call("LIST_TRANSFORM", *_placed(node))


def _filter(node: exp.Expr) -> exp.Expr:
    _condition(node, node.expressions[1])
    return call("LIST_FILTER", *_placed(node))


def _tested(macro: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        _condition(node, node.expressions[1])
        return call(macro, call("LIST_TRANSFORM", *_placed(node)))

    return rule


def _fold(node: exp.Expr) -> exp.Expr:
    value, start, merge, *finish = node.expressions
    known_array(value, _said(node))
    kind = of(start)
    if of(merge) != kind:
        raise Refused(
            f"{_said(node)} starts with {kind.sql('spark').lower()} and its lambda gives "
            f"{of(merge).sql('spark').lower()}: cast one of them, such as 0L or CAST(0 AS DOUBLE)."
        )
    made = call("LIST_REDUCE", value, merge, shaped(exp.paren(start), kind))
    if not finish:
        return made
    return call("LIST_EXTRACT", call("LIST_TRANSFORM", call("LIST_VALUE", made), finish[0]), 1)


def _of_rows(function: exp.Expr, change: Callable[[exp.Expr, exp.Expr], exp.Expr]) -> exp.Expr:
    """A lambda of rows in the place of one of two variables; `change` is given the row and the body."""
    first, second = _names(function)
    row = f"{first}r"

    def part(place: int) -> exp.Expr:
        return call("STRUCT_EXTRACT_AT", exp.column(row, quoted=True), place)

    _put(function, first, lambda: part(1))
    _put(function, second, lambda: part(2))
    return lambda_of([row], change(exp.column(row, quoted=True), function.this))


def _zip_with(node: exp.Expr) -> exp.Expr:
    first, second, function = node.expressions
    rows = call("spark_zip", first, second)
    return call("LIST_TRANSFORM", rows, _of_rows(function, lambda _row, body: body))


def _map_filter(node: exp.Expr) -> exp.Expr:
    value, function = node.expressions
    _condition(node, function)
    kept = call("LIST_FILTER", call("MAP_ENTRIES", value), _of_rows(function, lambda _row, body: body))
    return call("MAP_FROM_ENTRIES", kept)


def _changed(place: int) -> Rule:
    """A map with other keys (1) or other values (2)."""

    def rule(node: exp.Expr) -> exp.Expr:
        value, function = node.expressions

        def entry(row: exp.Expr, body: exp.Expr) -> exp.Expr:
            kept = call("STRUCT_EXTRACT_AT", row, 3 - place)
            return call("ROW", *((body, kept) if place == 1 else (kept, body)))

        return call("MAP_FROM_ENTRIES", call("LIST_TRANSFORM", call("MAP_ENTRIES", value), _of_rows(function, entry)))

    return rule


TYPES = {exp.Lambda: lambda_type}
NAMED_TYPES: Mapping[str, Callable[[exp.Expr], exp.DataType]] = {}
RULES: Mapping[type[exp.Expr], Rule] = {exp.Lambda: _declare, Variable: _use}
FUNCTIONS: Mapping[str, Function] = {
    "TRANSFORM": Function(2, 2, _transform_type, _transform),
    "FILTER": Function(2, 2, _same_type, _filter),
    "EXISTS": Function(2, 2, "BOOLEAN", _tested("spark_any_of")),
    "FORALL": Function(2, 2, "BOOLEAN", _tested("spark_all_of")),
    "AGGREGATE": Function(3, 4, _fold_type, _fold),
    "REDUCE": Function(3, 4, _fold_type, _fold),
    "ZIP_WITH": Function(3, 3, _transform_type, _zip_with),
    "MAP_FILTER": Function(2, 2, _same_type, _map_filter),
    "TRANSFORM_VALUES": Function(2, 2, _values_type, _changed(2)),
    "TRANSFORM_KEYS": Function(2, 2, _keys_type, _changed(1)),
}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
