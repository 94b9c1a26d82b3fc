"""What a rule protects changes nothing that a query shows: two thousand queries, the same each time.

`make fuzz` tries 100,000 (docs/verified.md has the last run).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlglot import exp

from noninterference import mutations, vocabulary
from noninterference.campaign import Campaign, constructs
from noninterference.listed import listed
from noninterference.report import Report
from noninterference.twins import RULED
from whiteroom.sql.lineage import comparisons, sort_keys, tallies
from whiteroom.sql.walls import Walls

SEED, QUERIES = 20261128, 2_000
_FILLED = {"T": "a.t", "I": "a.i", "R": "a.r", "M": "a.m", "A": "a.d", "S": "a.s", "B": "a.b", "N": "a.i", "C": "a.t",
           "t": "'x'", "n": "3", "SubT": "(SELECT t FROM q)", "SubI": "(SELECT i FROM q)",
           "SubPair": "(SELECT t, i FROM q)"}  # fmt: skip


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """Without what sqlglot says of queries that it doubts."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tables of all campaigns lie."""
    return tmp_path_factory.mktemp("twins")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, twins: Path, quiet: None) -> Report:
    """Of the campaign that runs each time, and for as much longer as it takes to try every construct often.

    Which query comes next depends on what was let through before, and a query that takes too long on a busy machine is
    not: so the last of the constructs come a few queries earlier or later.
    """
    campaign = Campaign(tmp_path_factory.mktemp("fuzz"), SEED, twins=twins)
    campaign.run(QUERIES)
    names = listed()
    if campaign.report.scarce(names):
        campaign.run(QUERIES // 2, until=lambda report: not report.scarce(names))
    campaign.close()
    return campaign.report


def _as_it_stands(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: _FILLED[match.group(1)], template)


def test_every_construct_of_the_dialect_is_written_down_with_what_it_takes() -> None:
    written = {
        **vocabulary.EXPRESSIONS, **vocabulary.AGGREGATES, **vocabulary.WINDOWS,
    }  # fmt: skip
    classes = {name for name in listed() if "." not in name and " " not in name}
    missing = classes - written.keys() - vocabulary.BY_GRAMMAR
    assert not missing, f"say in tests/noninterference/vocabulary.py how these are written: {sorted(missing)}"
    for name, templates in written.items():
        for _, template in templates:
            over = " OVER (ORDER BY a.i)" if name in vocabulary.WINDOWS else ""
            assert name in constructs(f"SELECT {_as_it_stands(template)}{over} AS x FROM a"), (name, template)


@pytest.mark.parametrize("name", sorted(vocabulary.UNREACHABLE))
def test_what_is_said_to_be_out_of_reach_is(name: str) -> None:
    assert name not in constructs(f"SELECT {_as_it_stands(vocabulary.UNREACHABLE[name])} AS x FROM a")


@pytest.mark.slow
def test_no_query_tells_twins_apart(report: Report) -> None:
    assert report.queries >= QUERIES
    assert not report.leaks, "\n".join(map(str, report.leaks))


@pytest.mark.slow
def test_what_is_not_run_is_refused_and_nothing_is_raised(report: Report) -> None:
    assert not report.faults


@pytest.mark.slow
def test_each_listed_construct_is_tried_often(report: Report) -> None:
    assert not report.scarce(listed())


@pytest.mark.slow
@pytest.mark.parametrize("rule", [ruled.name for ruled in RULED])
def test_most_queries_are_let_through_run_and_are_held_to_twins(report: Report, rule: str) -> None:
    tally = report.tallies[rule]
    assert tally.passed > tally.tried / 2
    assert tally.ran > tally.tried / 2
    assert sum(tally.held.values()) > tally.ran / 2


# The first three holes, by what their queries hold.
HOLES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "a star that is no column": ("outputs", lambda sql: "*)" in sql and "(SELECT" in sql),
    "two columns of one name": ("privacy", lambda sql: sql.lower().count("pid") > 1),
    "a number of rows from a sub-query": (
        "outputs",
        lambda sql: re.search(r"(LIMIT|OFFSET) \(?\(?(SELECT|ABS|MAX)", sql) is not None,
    ),
}
TURNS: dict[str, tuple[str, ...]] = {
    "a number of rows from a sub-query": ("limit",),
    "a sum of chosen rows": ("worked_out",),
    "a count of values that a function makes NULL": ("worked_out",),
}
"""The turns that make such queries, where all of them together would take thousands of others first."""
SEEDS: dict[str, int] = {
    "a count of values that a function makes NULL": 11,
    "a narrow type to sort by": 2,
    "one form of equal values": 1,
    "disallowedOutputColumns": 4,
}
"""Where such a query comes among the first fifty: with SEED it takes up to two thousand."""


@pytest.mark.slow
@pytest.mark.parametrize("hole", HOLES)
def test_with_both_walls_off_the_hole_is_found_again(hole: str, tmp_path: Path, twins: Path, quiet: None) -> None:
    rule, fits = HOLES[hole]

    def found(report: Report) -> bool:
        return any(fits(leak.sql) and not leak.kind.endswith("order") for leak in report.leaks)

    campaign = Campaign(tmp_path, SEED, {rule: 1}, walls=Walls(form=False, plan=False), twins=twins)
    assert found(campaign.run(6_000, turned=2.0, turns=TURNS.get(hole, mutations.NAMES), until=found))
    campaign.close()


@pytest.mark.slow
@pytest.mark.parametrize("hole", HOLES)
def test_with_the_guards_wall_off_the_second_judge_finds_it_and_nothing_is_told(
    hole: str, tmp_path: Path, twins: Path, quiet: None
) -> None:
    rule, fits = HOLES[hole]

    def found(report: Report) -> bool:
        return any(fits(sql) for _, sql, _ in report.disagreements)

    campaign = Campaign(tmp_path, SEED, {rule: 1}, walls=Walls(form=False), twins=twins)
    report = campaign.run(1_500, turned=2.0, until=found)
    campaign.close()
    assert found(report)
    assert not report.leaks


@pytest.mark.slow
@pytest.mark.parametrize("hole", HOLES)
def test_with_the_second_judge_off_the_guard_refuses_it(hole: str, tmp_path: Path, twins: Path, quiet: None) -> None:
    rule, _ = HOLES[hole]
    campaign = Campaign(tmp_path, SEED, {rule: 1}, walls=Walls(plan=False), twins=twins)
    report = campaign.run(150, turned=2.0)
    campaign.close()
    assert not report.leaks


def _nothing(*_: object) -> list[str]:
    return []


def _as_it_is(value: str, *_: object, **__: object) -> str:
    return value


UNENFORCED: dict[str, tuple[str, str, dict[str, object]]] = {
    "disallowedOutputColumns": ("outputs", "b", {"whiteroom.domain.privacy.analysis_rules.custom_refusals": _nothing}),
    "comparisonControls": ("controls", "c", {"whiteroom.domain.privacy.custom_rules._comparison_refusals": _nothing}),
    "aggregationThresholds": ("thresholds", "d", {"whiteroom.sql.judging.minimums": _nothing}),
    "outputConstraints": ("aggregation", "d", {"whiteroom.sql.judging.minimums": _nothing}),
    "columns of an AGGREGATION rule": (
        "aggregation",
        "f",
        {"whiteroom.domain.privacy.analysis_rules.aggregation_refusals": _nothing},
    ),
    "one form of equal values": (
        "privacy",
        "e",
        {
            "whiteroom.engines.duckdb.noise.execute.one_form": _as_it_is,
            "whiteroom.engines.duckdb.tables.one_form": _as_it_is,
        },
    ),
    "what fails on no row of one's own": (
        "privacy",
        "e",
        {
            "whiteroom.engines.duckdb.noise.try_wrap.require_sound": _nothing,
            "noninterference.personal.Personal.owning": 0.9,
            "whiteroom.engines.duckdb.optimizers.PRIVATE": ("common_subexpressions",),
        },
    ),
}
"""What is switched off, in which rule it is found and as which kind."""


@pytest.mark.slow
@pytest.mark.parametrize("what", UNENFORCED)
def test_what_is_not_enforced_is_found(what: str, tmp_path: Path, twins: Path, quiet: None) -> None:
    rule, letter, switched_off = UNENFORCED[what]

    def found(report: Report) -> bool:
        return any(leak.kind.startswith(letter) for leak in report.leaks)

    with ExitStack() as stack:
        for place, instead in switched_off.items():
            stack.enter_context(patch(place, instead))
        campaign = Campaign(tmp_path, SEEDS.get(what, SEED), {rule: 1}, twins=twins)
        stack.callback(campaign.close)
        assert found(campaign.run(1_000, turned=0.5, until=found))


def _never(*_: object) -> bool:
    return False


def _no_part(*_: object) -> tuple[()]:
    return ()


def _but_settings(node: exp.Expr) -> Iterator[exp.Expr]:
    """What `_operands` gives where arguments that say how a function works hold no column."""
    for name, argument in node.args.items():
        for part in argument if isinstance(argument, list) else [argument]:
            if isinstance(part, exp.Expr) and name not in comparisons._SETTINGS:
                yield part


_ANY_ORDER = (sort_keys, "makes_another_order", _never)
FOUND_BY_HAND: dict[str, tuple[list[tuple[object, str, Callable[..., object]]], str]] = {
    "a function to sort by": ([_ANY_ORDER], r"(?i)md5|crc32|hash\(|sin\(|round"),
    "a narrow type to sort by": ([_ANY_ORDER], "TINYINT|SMALLINT"),
    "CASE to sort by": ([(comparisons, "_results", _no_part)], r"CASE WHEN|IF\("),
    "a column in a function's setting": ([_ANY_ORDER, (comparisons, "_operands", _but_settings)], "(?i)locate"),
    "a RANGE window": ([(comparisons, "_measured", _no_part)], "RANGE BETWEEN (1|CURRENT)"),
    "a cast to BOOLEAN": ([_ANY_ORDER, (comparisons, "_measured", _no_part)], "AS BOOLEAN"),
    "a sum of chosen rows": ([(tallies, "worked_out", _no_part)], r"(?i)(sum|avg)\("),
    "a count of values that a function makes NULL": ([(tallies, "worked_out", _no_part)], r"(?i)count\("),
    "a number that is made of no column": (
        [(comparisons.Comparisons, "_may_be_free", _never)],
        r"(?i)count\(|pi\(|row_num",
    ),
}
"""Leaks that people found before the machine did: what holds each closed, and what its query holds."""


@pytest.mark.slow
@pytest.mark.parametrize("leak", FOUND_BY_HAND)
def test_a_leak_that_was_found_by_hand_is_found_again_without_what_closes_it(
    leak: str, tmp_path: Path, twins: Path, quiet: None
) -> None:
    switched_off, words = FOUND_BY_HAND[leak]
    turns = TURNS.get(leak, ("sorted_by", "worked_out", "numbered"))

    def found(report: Report) -> bool:
        return any(each.kind.startswith("c") and re.search(words, each.sql) for each in report.leaks)

    with ExitStack() as stack:
        for place, name, instead in switched_off:
            stack.enter_context(patch.object(place, name, instead))
        campaign = Campaign(tmp_path, SEEDS.get(leak, SEED), {"controls": 1}, twins=twins)
        stack.callback(campaign.close)
        assert found(campaign.run(6_000, turned=4.0, turns=turns, until=found))
