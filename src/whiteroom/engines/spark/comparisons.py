"""Comparisons, and choices between values: what types they are made in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import types
from whiteroom.engines.spark.building import Rule, TypeRule, always, call
from whiteroom.engines.spark.casts import convert
from whiteroom.engines.spark.types import (
    BOOLEAN,
    DOUBLE,
    NULL,
    UNKNOWN,
    compared,
    is_number,
    of,
    widest,
)


def grouped_by(group: exp.Expr) -> list[exp.Expr]:
    """Every expression that a GROUP BY groups by, in the order in which they are first named."""
    several = (exp.GroupingSets, exp.Cube, exp.Rollup)
    found: list[exp.Expr] = [each for each in group.expressions if not isinstance(each, several)]
    for part in ("expressions", "grouping_sets", "cube", "rollup"):
        for sets in [each for each in group.args.get(part) or [] if isinstance(each, several)]:
            for each in sets.expressions:
                found += each.expressions if isinstance(each, exp.Tuple) else [each]
    return list(dict.fromkeys(found))


def _refused(what: str, kinds: Iterable[exp.DataType]) -> Refused:
    names = sorted({kind.sql("spark").lower() for kind in kinds})
    return Refused(f"Spark does not {what} {' and '.join(names)}. Cast the values to one type.")


def _comparable(node: exp.Expr, left: exp.Expr, right: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Both sides in the type in which Spark compares them."""
    first, second = of(left), of(right)
    if first == second or UNKNOWN in (first, second):
        return left, right
    equality = isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ | exp.EqualNull | exp.Case)
    common: exp.DataType | None
    if equality and BOOLEAN in (first, second) and (is_number(first) or is_number(second)):
        # Beside a literal 1 or 0 the other side would be that; the answer is the same.
        common = second if first == BOOLEAN else first
    elif types.is_decimal(first) or types.is_decimal(second):
        common = _with_literals(left, right)
    else:
        common = compared(first, second)
    if common is None:
        raise _refused("compare", (first, second))
    return convert(left, common), convert(right, common)


def _with_literals(left: exp.Expr, right: exp.Expr) -> exp.DataType | None:
    if types.is_integer(of(left)) or types.is_integer(of(right)):
        return types.wider_decimal(types.literal_digits(left), types.literal_digits(right))
    return compared(of(left), of(right))


def _comparison(node: exp.Expr) -> None:
    if isinstance(node.this, exp.Tuple) or isinstance(node.expression, exp.Tuple | exp.Any | exp.All):
        _tuples(node)
        return
    left, right = _comparable(node, node.this, node.expression)
    node.set("this", left)
    node.set("expression", right)


def _tuples(node: exp.Expr) -> None:
    left, right = node.this, node.expression
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        if len(left.expressions) != len(right.expressions):
            raise Refused("The tuples that are compared have different numbers of values.")
        pairs = [_comparable(node, *pair) for pair in zip(left.expressions, right.expressions, strict=True)]
        left.set("expressions", [pair[0] for pair in pairs])
        right.set("expressions", [pair[1] for pair in pairs])


def _between(node: exp.Expr) -> exp.Expr | None:
    value, low, high = node.this, node.args["low"], node.args["high"]
    kinds = {of(value), of(low), of(high)}
    if len(kinds) == 1 or UNKNOWN in kinds:
        return None
    first = _comparable(node, value.copy(), low)
    second = _comparable(node, value, high)
    both = exp.And(
        this=exp.GTE(this=exp.paren(first[0]), expression=exp.paren(first[1])),
        expression=exp.LTE(this=exp.paren(second[0]), expression=exp.paren(second[1])),
    )
    return exp.paren(both)


def _in(node: exp.Expr) -> None:
    value, query = node.this, node.args.get("query")
    if query is not None:
        _in_query(node, value, query)
        return
    items: list[exp.Expr] = node.expressions
    if isinstance(value, exp.Tuple):
        _in_tuples(value, items)
        return
    common = _common("compare", [value, *items])
    if common is not None:
        node.set("this", convert(value, common))
        node.set("expressions", [convert(item, common) for item in items])


def _in_tuples(value: exp.Tuple, items: Sequence[exp.Expr]) -> None:
    width = len(value.expressions)
    if not all(isinstance(item, exp.Tuple) and len(item.expressions) == width for item in items):
        raise Refused(f"IN compares a tuple of {width} values; each of its list must have as many.")
    for position in range(width):
        column = [value.expressions[position], *(item.expressions[position] for item in items)]
        common = _common("compare", column, text=False)
        if common is not None:
            for holder in (value, *items):
                parts = list(holder.expressions)
                parts[position] = convert(parts[position], common)
                holder.set("expressions", parts)


def _in_query(node: exp.Expr, value: exp.Expr, query: exp.Expr) -> None:
    """Spark casts both sides; a sub-query of another type is made one where its output stands."""
    select = query.unnest()
    values = list(value.expressions) if isinstance(value, exp.Tuple) else [value]
    outputs = _outputs(select)
    if outputs is None or len(outputs) != len(values):
        return
    for position, (each, output) in enumerate(zip(values, outputs, strict=True)):
        first, second = of(each), output
        if first == second or UNKNOWN in (first, second):
            continue
        common = types.wider(first, second)
        if common is None:
            raise _refused("compare", (first, second))
        convert_output(select, position, common)
        values[position] = convert(each, common)
    if isinstance(value, exp.Tuple):
        value.set("expressions", values)
    else:
        node.set("this", values[0])


def _outputs(query: exp.Expr) -> list[exp.DataType] | None:
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(bare, exp.SetOperation):
        return _outputs(bare.left)
    return [of(each) for each in bare.selects] if isinstance(bare, exp.Select) else None


def convert_output(query: exp.Expr, position: int, to: exp.DataType) -> None:
    """Cast one output column of a query, of each branch of a set operation, in place."""
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(bare, exp.SetOperation):
        convert_output(bare.left, position, to)
        convert_output(bare.right, position, to)
    elif isinstance(bare, exp.Select):
        projections = list(bare.expressions)
        projection = projections[position]
        name = projection.alias_or_name
        made = convert(projection.unalias(), to)
        if made is not projection.unalias():
            aliased = exp.alias_(made, name, quoted=True) if name else made
            aliased.type = to
            projections[position] = aliased
            bare.set("expressions", projections)


def _common(what: str, nodes: Sequence[exp.Expr], *, text: bool = True) -> exp.DataType | None:
    """The type that all become; None where one is not known, or all have it."""
    kinds = [of(node) for node in nodes]
    if UNKNOWN in kinds or len(set(kinds)) == 1:
        return None
    common = widest(kinds, text=text)
    if common is None:
        raise _refused(what, kinds)
    return common


def _together(nodes: Sequence[exp.Expr], *, text: bool = True) -> exp.DataType:
    """The same, as the type of the choice."""
    kinds = [of(node) for node in nodes]
    if UNKNOWN in kinds:
        return UNKNOWN
    common = widest(kinds, text=text)
    if common is None:
        raise _refused("choose between", kinds)
    return common


def _case_branches(node: exp.Expr) -> list[exp.Expr]:
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    default = node.args.get("default")
    return [*branches, default] if default is not None else branches


def _case_type(node: exp.Expr) -> exp.DataType:
    return _together(_case_branches(node))


def _case(node: exp.Expr) -> exp.Expr | None:
    common = _common("choose between", _case_branches(node))
    if common is not None:
        for branch in node.args["ifs"]:
            branch.set("true", convert(branch.args["true"], common))
        if node.args.get("default") is not None:
            node.set("default", convert(node.args["default"], common))
    value = node.this
    if value is not None and any(of(branch.this) != of(value) for branch in node.args["ifs"]):
        # Each WHEN is compared in a type of its own.
        for branch in node.args["ifs"]:
            left, right = _comparable(node, value.copy(), branch.this)
            branch.set("this", exp.EQ(this=exp.paren(left), expression=exp.paren(right)))
        node.set("this", None)
    return None


def _if_branches(node: exp.Expr) -> list[exp.Expr]:
    return [part for part in (node.args.get("true"), node.args.get("false")) if part is not None]


def _if_type(node: exp.Expr) -> exp.DataType:
    if isinstance(node.parent, exp.Case):
        return of(node.args["true"])
    return _together(_if_branches(node))


def _if(node: exp.Expr) -> None:
    if isinstance(node.parent, exp.Case):
        return
    common = _common("choose between", _if_branches(node))
    if common is not None:
        for name in ("true", "false"):
            if node.args.get(name) is not None:
                node.set(name, convert(node.args[name], common))


def _nvl2(node: exp.Expr) -> exp.Expr:
    _if(node)
    present = exp.Not(this=exp.Is(this=exp.paren(node.this), expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=present, true=node.args["true"])], default=node.args.get("false"))


def _several(node: exp.Expr) -> list[exp.Expr]:
    return [node.this, *node.expressions]


def _coalesce_type(node: exp.Expr) -> exp.DataType:
    return _together(_several(node))


def _coalesce(node: exp.Expr) -> None:
    common = _common("choose between", _several(node))
    if common is not None:
        node.set("this", convert(node.this, common))
        node.set("expressions", [convert(each, common) for each in node.expressions])


def _greatest_type(node: exp.Expr) -> exp.DataType:
    return _together(_several(node), text=False)


def _greatest(node: exp.Expr) -> None:
    common = _common("choose between", _several(node), text=False)
    if common is not None:
        node.set("this", convert(node.this, common))
        node.set("expressions", [convert(each, common) for each in node.expressions])


def _nullif(node: exp.Expr) -> exp.Expr | None:
    left, right = node.this, node.expression
    if of(left) == of(right) or UNKNOWN in (of(left), of(right)):
        return None
    first, second = _comparable(exp.EQ(), left.copy(), right)
    equal = exp.EQ(this=exp.paren(first), expression=exp.paren(second))
    return exp.Case(ifs=[exp.If(this=equal, true=exp.Null())], default=left)


def _nanvl_type(node: exp.Expr) -> exp.DataType:
    kinds = {of(node.this), of(node.expression)}
    return types.FLOAT if kinds == {types.FLOAT} else DOUBLE


def _nanvl(node: exp.Expr) -> exp.Expr:
    to = _nanvl_type(node)
    first = convert(node.this, to)
    isnan = call("isnan", first.copy())
    return exp.Case(ifs=[exp.If(this=isnan, true=convert(node.expression, to))], default=first)


def _isnan(node: exp.Expr) -> exp.Expr:
    """Of NULL it is false."""
    value = node.this
    if not types.is_real(of(value)) and of(value) != UNKNOWN:
        value = convert(value, DOUBLE)
    return call("COALESCE", call("isnan", value), exp.Boolean(this=False))


def _refuse_value(node: exp.Expr, part: exp.Expr) -> None:
    found = of(part).sql("spark").lower()
    raise Refused(f"{node.key.upper()} takes a condition in Spark, not {found}. Compare the value.")


def _truth(node: exp.Expr) -> None:
    """AND, OR and NOT take booleans, in Spark as well."""
    for name in ("this", "expression"):
        part = node.args.get(name)
        if part is not None and of(part) not in (BOOLEAN, NULL, UNKNOWN):
            _refuse_value(node, part)


def _condition(node: exp.Expr) -> None:
    part = node.this
    if part is not None and of(part) not in (BOOLEAN, NULL, UNKNOWN):
        _refuse_value(node, part)


def _is_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Is(this=exp.paren(node.expressions[0]), expression=exp.Null()))


def _is_not_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Not(this=_is_null(node)))


def _equal_null(node: exp.Expr) -> exp.Expr:
    left, right = _comparable(node, node.this, node.expression)
    return exp.paren(exp.NullSafeEQ(this=exp.paren(left), expression=exp.paren(right)))


def _set_operation(node: exp.Expr) -> None:
    """Both sides have the types that Spark gives the columns."""
    left, right = _outputs(node.this), _outputs(node.expression)
    if left is None or right is None or len(left) != len(right):
        return
    for position, pair in enumerate(zip(left, right, strict=True)):
        if UNKNOWN in pair or pair[0] == pair[1]:
            continue
        common = types.wider(*pair)
        if common is None:
            raise _refused("put into one column", pair)
        convert_output(node, position, common)
    if node.args.get("distinct"):
        for position in range(len(left)):
            show_in_one_form(node, position)


def _select(node: exp.Expr) -> None:
    """What is grouped by, or shown once, is shown in one form: one zero, one NaN."""
    group = node.args.get("group")
    if group is not None:
        keys = [key.unnest() for key in grouped_by(group) if types.is_real(of(key))]
        for part in ("expressions", "group", "having", "order"):
            roots = node.args.get(part) or []
            for root in roots if isinstance(roots, list) else [roots]:
                _in_one_form(root, keys)
    if node.args.get("distinct"):
        for position in range(len(node.expressions)):
            show_in_one_form(node, position)


def _in_one_form(root: exp.Expr, keys: Sequence[exp.Expr]) -> None:
    for node in list(root.find_all(*{type(key) for key in keys})) if keys else []:
        if node in keys and node.find_ancestor(exp.AggFunc, exp.Select) is node.find_ancestor(exp.Select):
            parent, arg_key, index = node.parent, node.arg_key, node.index
            made = call("spark_key", node)
            made.type = node.type
            if parent is not None and arg_key is not None:
                parent.set(arg_key, made, index)


def show_in_one_form(query: exp.Expr, position: int) -> None:
    """The same of an output column of a query, of each branch of a set operation."""
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(bare, exp.SetOperation):
        show_in_one_form(bare.this, position)
        show_in_one_form(bare.expression, position)
    elif isinstance(bare, exp.Select) and types.is_real(of(bare.selects[position])):
        projection = bare.selects[position]
        value = projection.unalias()
        if isinstance(value, exp.Anonymous) and value.name == "spark_key":
            return
        made: exp.Expr = call("spark_key", value)
        made.type = of(value)
        if projection.alias_or_name:
            made = exp.alias_(made, projection.alias_or_name, quoted=True)
            made.type = of(value)
        projections = list(bare.expressions)
        projections[position] = made
        bare.set("expressions", projections)


_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_PREDICATES = (
    *_COMPARISONS,
    exp.Between,
    exp.In,
    exp.Is,
    exp.Not,
    exp.And,
    exp.Or,
    exp.Exists,
    exp.Like,
    exp.ILike,
    exp.RegexpLike,
    exp.IsNan,
    exp.Boolean,
    exp.EqualNull,
    exp.Any,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(_PREDICATES, always(BOOLEAN)),
    exp.Null: always(NULL),
    exp.Case: _case_type,
    exp.If: _if_type,
    exp.Nvl2: _if_type,
    exp.Coalesce: _coalesce_type,
    exp.Greatest: _greatest_type,
    exp.Least: _greatest_type,
    exp.Nullif: lambda node: of(node.this) if of(node.this) != NULL else of(node.expression),
    exp.Nanvl: _nanvl_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {"ISNULL": always(BOOLEAN), "ISNOTNULL": always(BOOLEAN)}
RULES: Mapping[type[exp.Expr], Rule] = {
    **dict.fromkeys(_COMPARISONS, _comparison),
    exp.Between: _between,
    exp.In: _in,
    exp.Case: _case,
    exp.If: _if,
    exp.Nvl2: _nvl2,
    exp.Coalesce: _coalesce,
    exp.Greatest: _greatest,
    exp.Least: _greatest,
    exp.Nullif: _nullif,
    exp.Nanvl: _nanvl,
    exp.IsNan: _isnan,
    exp.EqualNull: _equal_null,
    exp.And: _truth,
    exp.Or: _truth,
    exp.Not: _condition,
    exp.Where: _condition,
    exp.Having: _condition,
    exp.Select: _select,
    exp.Union: _set_operation,
    exp.Intersect: _set_operation,
    exp.Except: _set_operation,
}
NAMED: Mapping[str, Rule] = {"ISNULL": _is_null, "ISNOTNULL": _is_not_null}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
