from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whiteroom.base.sealing import sealed, unsealed

NUMBERS = st.integers(0, 2**64 - 1)
KEY, OTHER = b"k" * 32, b"o" * 32


@given(NUMBERS, st.text())
def test_a_sealed_number_comes_back(number: int, purpose: str) -> None:
    assert unsealed(sealed(number, KEY, purpose), KEY, purpose) == number
    assert 0 <= sealed(number, KEY, purpose) < 2**64


def test_a_number_is_sealed_the_same_but_otherwise_for_another_key_or_purpose() -> None:
    assert sealed(7, KEY, "a") == sealed(7, KEY, "a")
    assert len({sealed(7, KEY, "a"), sealed(7, KEY, "b"), sealed(7, OTHER, "a")}) == 3


def test_neighbours_are_sealed_apart() -> None:
    found = [sealed(number, KEY, "a") for number in range(1000)]
    assert len(set(found)) == 1000
    assert found != sorted(found)
    assert sum(number >= 1 << 48 for number in found) > 990
