"""Attempts to fill the disk with a result."""

from __future__ import annotations

import pytest

from attacks.conftest import Attacker, Attempt
from whiteroom.domain.execution.queries import QueryFailure, ResultFormat

LARGE = [
    ("SELECT repeat('x', 3000000) AS x FROM mine LIMIT 1", 2_000_000),
    ("SELECT repeat(x, 20000) AS y FROM mine", 1_500_000),
    ("SELECT a.x, b.x AS y, c.x AS z, d.x AS v FROM mine a, mine b, mine c, mine d", 1_000_000),
    ("SELECT seq FROM mine", 10),
]


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize(("sql", "limit"), LARGE)
def test_a_result_over_the_limit_ends_with_the_figure_and_leaves_nothing(
    attacker: Attacker, sql: str, limit: int, channel: bool
) -> None:
    _ends_with(attacker, attacker.attempt(sql, max_result_bytes=limit, channel=channel), limit)


def test_so_does_one_in_parquet(attacker: Attacker) -> None:
    found = attacker.attempt(LARGE[2][0], max_result_bytes=1_000, result_format=ResultFormat.PARQUET)
    _ends_with(attacker, found, 1_000)


def _ends_with(attacker: Attacker, found: Attempt, limit: int) -> None:
    assert found.failure is QueryFailure.RESOURCES, found
    assert f"{limit:,} bytes" in found.message
    assert "max_result_bytes" in found.message
    left = [path for path in attacker.folder.rglob("*") if path.suffix in {".csv", ".parquet"}]
    assert {path.name for path in left} == {"pc.csv", "pd.csv", "mine.csv"}


def test_one_up_to_the_limit_is_kept(attacker: Attacker) -> None:
    assert attacker.attempt("SELECT seq FROM mine", max_result_bytes=1_000_000).text.startswith("seq\n")


@pytest.mark.parametrize(
    "value", ["repeat('x', 2000000000)", "space(2000000000)", "lpad('x', 2000000000, 'y')", "rpad(x, 200000000, 'y')"]
)
def test_a_value_that_is_larger_than_any_may_be_is_refused_before_it_is_made(attacker: Attacker, value: str) -> None:
    found = attacker.attempt(f"SELECT {value} AS x FROM mine")
    assert found.refused
    assert "100,000,000" in found.message


@pytest.mark.slow
def test_one_made_in_another_way_takes_no_more_than_the_memory_that_is_granted(attacker: Attacker) -> None:
    value = "repeat(repeat(x, 10000), 20000)"
    found = attacker.attempt(f"SELECT {value} AS x FROM mine LIMIT 1", max_result_bytes=2_000_000)
    assert found.failure is QueryFailure.RESOURCES
    assert not found.text
