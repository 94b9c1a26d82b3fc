"""A judged Spark query in DuckDB's words: one table of rules, composed of those of the other modules.

The tree is annotated with Spark's types (sql/spark/typing.py). Each node is replaced after its children, so that a rule
finds DuckDB's words below it, and Spark's types on them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import (
    aggregates,
    arithmetic,
    arrays,
    casts,
    choices,
    collected,
    comparisons,
    dates,
    encodings,
    formatting,
    generators,
    hashes,
    lambdas,
    maps,
    nested,
    numbers,
    outputs,
    percentiles,
    regex,
    strings,
    structs,
    time_patterns,
    tries,
    windows,
)
from whiteroom.sql.spark.aggregate_arguments import HOLDERS
from whiteroom.sql.spark.building import Rule

MODULES = (
    casts,
    arithmetic,
    numbers,
    comparisons,
    choices,
    outputs,
    aggregates,
    percentiles,
    windows,
    strings,
    formatting,
    encodings,
    hashes,
    dates,
    time_patterns,
    regex,
    nested,
    structs,
    generators,
    arrays,
    maps,
    lambdas,
    collected,
    tries,
)

RULES: Mapping[type[exp.Expr], Rule] = {kind: rule for module in MODULES for kind, rule in module.RULES.items()}
NAMED: Mapping[str, Rule] = {name: rule for module in MODULES for name, rule in module.NAMED.items()}
"""Of functions that sqlglot has no class for, by their names in capitals."""
RESULTS: Mapping[type[exp.Expr], Rule] = {kind: rule for module in MODULES for kind, rule in module.RESULTS.items()}
"""What is done to the value of a function, whether or not it has FILTER, WITHIN GROUP or OVER."""


def to_duckdb_tree(tree: exp.Expr) -> exp.Expr:
    """The annotated tree of a Spark query, changed in place so that its DuckDB text answers as Spark does."""
    nodes = list(tree.walk(bfs=True))
    results = {id(_with_holders(node)): RESULTS[type(node)] for node in nodes if type(node) in RESULTS}
    for node in reversed(nodes):
        rules = [_rule(node), results.get(id(node))]
        # A rule may put the node itself into what replaces it.
        parent, key, index = node.parent, node.arg_key, node.index
        found = node
        for rule in rules:
            replacement = rule(found) if rule is not None else None
            if replacement is not None and replacement is not found:
                if replacement.type is None:
                    replacement.type = node.type
                found = replacement
        if found is node:
            continue
        if parent is None or key is None:
            tree = found
        else:
            parent.set(key, found, index)
    return tree


def _rule(node: exp.Expr) -> Rule | None:
    return NAMED.get(str(node.this).upper()) if type(node) is exp.Anonymous else RULES.get(type(node))


def _with_holders(node: exp.Expr) -> exp.Expr:
    while isinstance(node.parent, HOLDERS) and node.parent.this is node:
        node = node.parent
    return node
