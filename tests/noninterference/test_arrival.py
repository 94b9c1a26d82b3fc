"""The order in which rows arrive tells nothing: neither of groups that were dropped, nor from run to run."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from noninterference.campaign import Campaign
from noninterference.runner import Runner
from noninterference.twins import RULED, mine, patients, write
from support.rules import direct
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.engines.duckdb.writing import judge_and_write

GROUPS = (
    "WITH g AS (SELECT diag AS k, count(DISTINCT pid) AS n, max(amount) AS top, avg(amount) AS mean FROM visits "
    "GROUP BY diag) "
)
OVER_GROUPS = [
    "SELECT n, first_value(k) OVER (PARTITION BY 1) AS f FROM g",
    "SELECT n, last_value(k) OVER (PARTITION BY 1) AS f FROM g",
    "SELECT k, row_number() OVER (ORDER BY 7) AS r FROM g",
    "SELECT k, ntile(3) OVER (ORDER BY 7) AS r FROM g",
    "SELECT k, lag(k) OVER (ORDER BY 7) AS r FROM g",
    "SELECT first(k) AS f, last(k) AS l, any_value(k) AS a FROM g",
    "SELECT max_by(k, 1) AS m, min_by(k, 1) AS o FROM g",
    "SELECT k FROM (SELECT k FROM g LIMIT 2) AS t",
    "SELECT sum(mean) AS s, stddev(mean) AS d FROM g",
    "SELECT a.k, first_value(b.k) OVER (PARTITION BY a.k) AS f FROM g AS a JOIN g AS b ON a.k <> b.k",
    "SELECT first(b.k) AS f FROM g AS a LEFT JOIN g AS b ON a.k = b.k",
    "SELECT sum(1) OVER (ORDER BY 7 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s, k FROM g",
    "SELECT first(k) AS f FROM (SELECT DISTINCT k, n FROM g) AS t",
    "SELECT first(k) AS f FROM (SELECT k FROM g UNION ALL SELECT k FROM g) AS t",
]
CHOSEN_OF_PARTITIONS = (
    "WITH g AS (SELECT diag AS k, count(DISTINCT pid) AS n, max(amount) AS top FROM visits WHERE flag GROUP BY diag "
    "HAVING count(*) > 2) SELECT first_value(initcap(a.k)) OVER (PARTITION BY a.n) AS f, "
    "sum(CAST(3 AS DECIMAL(10, 2))) OVER (ORDER BY 7 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS s, "
    "ntile(3) OVER (PARTITION BY b.x.a ORDER BY b.x.n.b) AS t FROM g AS a LEFT JOIN "
    "(SELECT named_struct('a', soundex(k), 'n', named_struct('b', year(DATE '2023-12-31'))) AS x FROM g) AS b "
    "ON a.k = b.x.a AND a.k = 'u1' WHERE a.n <> 2"
)
READ_TWICE = (
    "WITH w AS (SELECT array_min(array(pid, '')) AS k, count_if(startswith(diag, '')) AS n, grouping_id() AS g FROM pc "
    "GROUP BY CUBE (array_min(array(pid, '')))) SELECT DATE '2023-12-31' AS d, "
    "min_by(regexp_extract(a.k, '([a-z]+)', 1), acos(0.5D)) AS m, grouping(DATE '2023-12-31') AS g "
    "FROM w AS a FULL OUTER JOIN w AS b ON a.k = b.k GROUP BY CUBE (DATE '2023-12-31') "
    "HAVING regr_count(try_subtract(100.0D, a.n), ln(abs(0.5D) + 1)) > 0 LIMIT 3"
)
"""A CTE in two places: an engine that is free to make it twice makes it in any order. Found by the campaign."""
WORLDS = 6
DROPPED = 300_000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all campaigns here: those of one seed have the same tables."""
    return tmp_path_factory.mktemp("campaigns")


def leaks(folder: Path, rule: str, sql: str, times: int, seed: int = 7) -> list[str]:
    campaign = Campaign(folder, seed, {rule: 1})
    try:
        for _ in range(times):
            campaign.attempt(rule, sql)
    finally:
        campaign.close()
    assert campaign.report.faults.total() == 0, campaign.report.faults
    assert campaign.report.tallies[rule].ran == times, campaign.report.disagreements
    return [leak.kind for leak in campaign.report.leaks]


@pytest.mark.parametrize("query", [*(GROUPS + each for each in OVER_GROUPS), CHOSEN_OF_PARTITIONS])
def test_what_is_chosen_among_groups_that_are_left_tells_nothing_of_those_that_were_dropped(
    query: str, folder: Path
) -> None:
    assert leaks(folder, "thresholds", query, WORLDS) == []


def test_without_joins_as_they_are_written_what_was_dropped_is_told(folder: Path) -> None:
    with patch("whiteroom.engines.duckdb.writing.OF_GROUPS_THAT_ARE_LEFT", ()):
        assert leaks(folder, "thresholds", CHOSEN_OF_PARTITIONS, 40)


def places(folder: Path, dropped: int) -> bytes:
    """Where thirty groups stand that are left, beside so many that are dropped: more than memory holds."""
    (ruled,) = (ruled for ruled in RULED if ruled.name == "thresholds")
    row = patients(random.Random(1))[0]
    left = [{**row, "pid": f"p{n % 9}", "diag": f"d{n // 9}"} for n in range(270)]
    rare = [{**row, "pid": f"q{n}", "diag": f"rare{n}"} for n in range(dropped)]
    files = write(folder, {"visits": rare + left, "mine": mine(random.Random(1))})
    spec = direct(
        f"{GROUPS} SELECT k, row_number() OVER (ORDER BY 7) AS place FROM g",
        ruled.tables,
        result_format=ResultFormat.CSV,
    )
    guarded = judge_and_write(spec)
    runner = Runner(folder / "out", threads=1)
    runner._database.execute("SET memory_limit = '60MB'")
    runner._database.execute(f"SET temp_directory = '{folder}'")
    try:
        text = runner.text(guarded)
        assert isinstance(text, str), text.message
        content = b"".join(part for _, part in runner.run(spec, guarded, text, files).files)
    finally:
        runner.close()
    return content


@pytest.mark.slow
def test_groups_that_are_left_come_in_one_order_beside_however_many_that_are_dropped(tmp_path: Path) -> None:
    assert places(tmp_path / "none", 0) == places(tmp_path / "many", DROPPED)


@pytest.mark.slow
def test_without_their_order_they_do_not(tmp_path: Path) -> None:
    with patch("whiteroom.engines.duckdb.ordering._put_groups_in_order", lambda select: None):
        assert places(tmp_path / "none", 0) != places(tmp_path / "many", DROPPED)


def test_what_is_chosen_of_a_table_that_is_read_twice_is_the_same_in_every_run(folder: Path) -> None:
    assert leaks(folder, "controls", READ_TWICE, 40, seed=93945124) == []


def test_without_ctes_that_are_made_once_runs_differ(folder: Path) -> None:
    with patch("whiteroom.engines.duckdb.writing.BY_ARRIVAL", ()):
        assert leaks(folder, "controls", READ_TWICE, 60, seed=93945124)


def test_a_limit_over_nothing_but_constants_is_run(folder: Path) -> None:
    sql = "SELECT DATE '2024-01-02' AS d, t.seen FROM pc AS t WHERE t.pid ILIKE 'A%' LIMIT 10 OFFSET 2"
    assert leaks(folder, "controls", sql, 3) == []
