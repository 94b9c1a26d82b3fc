"""Writes out which type a value has, where a reader may take it for another."""

from __future__ import annotations

from sqlglot import exp

from whiteroom.sql.noise.failing import alike

_TEXT_FUNCTIONS = (
    exp.Upper,
    exp.Lower,
    exp.Trim,
    exp.Substring,
    exp.Left,
    exp.Right,
    exp.Concat,
    exp.ConcatWs,
    exp.Replace,
    exp.Pad,
    exp.Initcap,
    exp.Reverse,
    exp.Repeat,
    exp.SplitPart,
    exp.RegexpExtract,
    exp.RegexpReplace,
    exp.Translate,
    exp.Chr,
    exp.MD5,
    exp.SHA,
    exp.SHA2,
    exp.Hex,
    exp.Space,
    exp.TimeToStr,
    exp.UnixToStr,
)
"""Functions whose value is text, also where sqlglot takes it for what they are applied to."""

_NESTED = frozenset({exp.DType.ARRAY, exp.DType.MAP, exp.DType.STRUCT})


def say_types(tree: exp.Query) -> None:
    """Cast to text, in place, what sqlglot may take for another type than DuckDB: what is judged must be so.

    The tree must be annotated, and is to be annotated again.
    """
    # Children first: a parent is replaced by a copy.
    for node in reversed(list(tree.find_all(*_TEXT_FUNCTIONS))):
        if any(map(_is_nested, node.iter_expressions())):
            continue
        node.replace(exp.Cast(this=node.copy(), to=exp.DataType.build("TEXT")))
    for node in reversed(list(tree.find_all(exp.Case, exp.If, exp.Coalesce, exp.Greatest, exp.Least, exp.Nvl2))):
        in_case = isinstance(node, exp.If) and isinstance(node.parent, exp.Case)
        branches = [branch for branch in _branches(node) if not isinstance(branch, exp.Null)]
        if not in_case and not all(map(_is_nested, branches)) and not alike(branches):
            node.replace(exp.Cast(this=node.copy(), to=exp.DataType.build("TEXT")))


def _is_nested(node: exp.Expr) -> bool:
    """Whether a value is known to be an array, a map or a struct, which no reader takes for anything else."""
    return node.type is not None and node.type.this in _NESTED


def _branches(node: exp.Expr) -> list[exp.Expr]:
    """The expressions of which one is the value."""
    if isinstance(node, exp.Case):
        found = [branch.args["true"] for branch in node.args["ifs"]]
    elif isinstance(node, exp.If | exp.Nvl2):
        found = [node.args["true"]]
    else:
        found = [node.this, *node.expressions]
    default = node.args.get("default") or node.args.get("false")
    return [*found, default] if default is not None else found
