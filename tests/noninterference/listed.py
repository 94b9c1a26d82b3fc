"""The grammar's own list: every entry of sql/constructs.py and sql/grammar.py, as campaign.constructs names it."""

from __future__ import annotations

from sqlglot import exp

from noninterference.vocabulary import ABSENT
from whiteroom.sql import constructs, grammar
from whiteroom.sql.spark import arrays, lambdas, maps, nested, tries


def listed() -> list[str]:
    """What must be generated."""
    found = [kind.__name__ for kind in constructs.SCALARS]
    for node, parts in grammar.TABLE.items():
        found += [f"{node.__name__}.{part}" for part in parts]
    found += [*constructs.NAMED_FUNCTIONS, *constructs.NAMED_AGGREGATES]
    found += [f"type {kind.value}" for kind in constructs.DATA_TYPES]
    found += [*nested.FUNCTIONS, *arrays.FUNCTIONS, *maps.FUNCTIONS, *lambdas.FUNCTIONS, *tries.FUNCTIONS]
    found += [f"join {side} {kind}" for side, kind in _joins()]
    return sorted(dict.fromkeys(name for name in found if name not in ABSENT))


def _joins() -> list[tuple[str, str]]:
    pairs = [("", kind) for kind in constructs.JOIN_KINDS - {"OUTER", "SEMI", "ANTI"}]
    pairs += [(side, "") for side in constructs.JOIN_SIDES]
    return [*pairs, ("LEFT", "SEMI"), ("LEFT", "ANTI"), ("FULL", "OUTER")]


def is_class(name: str) -> bool:
    """Whether a listed name is that of a node's class."""
    return hasattr(exp, name)
