"""Arithmetic of whole numbers: BIGINT wraps, whether or not the operands are near the edge."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import product

import pytest

from support.expressions import answers, translated

PAIR = {"a": "BIGINT", "b": "BIGINT"}
EDGES = [sign * (2**bits + step) for bits in (0, 31, 32, 61, 62) for step in (-1, 0, 1) for sign in (1, -1)]
EDGES += [2**63 - 1, -(2**63), 3_037_000_500, -3_037_000_500]


@pytest.mark.parametrize(("symbol", "exact"), [("+", operator.add), ("-", operator.sub), ("*", operator.mul)])
def test_a_bigint_keeps_its_lowest_64_bits(symbol: str, exact: Callable[[int, int], int]) -> None:
    pairs = list(product(EDGES, EDGES))
    wanted = [(exact(a, b) + 2**63) % 2**64 - 2**63 for a, b in pairs]
    assert answers(f"a {symbol} b", PAIR, pairs) == wanted


def test_a_sum_with_null_is_null() -> None:
    assert answers("a + b", PAIR, [(None, 1), (2**63 - 1, None)]) == [None, None]


def test_what_names_its_operands_twice_does_not_double_at_every_level() -> None:
    few, many = (translated("a" + " * b" * count, PAIR) for count in (10, 40))
    assert len(many) < 8 * len(few)
