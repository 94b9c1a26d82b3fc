"""The tables of rules that a translation is composed of."""

from __future__ import annotations

from collections import Counter

import pytest

from whiteroom.engines.duckdb.spark.macros import MACROS
from whiteroom.engines.duckdb.spark.natives import NATIVES
from whiteroom.engines.duckdb.spark.translate import MODULES


@pytest.mark.parametrize("table", ["RULES", "NAMED", "RESULTS"])
def test_no_two_modules_have_a_rule_for_the_same_node(table: str) -> None:
    counted = Counter(kind for module in MODULES for kind in getattr(module, table))
    assert [kind for kind, count in counted.items() if count > 1] == []


def test_a_macro_and_a_native_function_never_share_a_name() -> None:
    assert MACROS.keys().isdisjoint(NATIVES)
    assert len(MACROS) > 40
