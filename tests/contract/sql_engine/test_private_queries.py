"""A query over a protected table in its own process: what it costs is known before it reads, and however it ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.sql_engine.conftest import QUERIER, EngineFolder
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QueryResult
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.privacy.differential_privacy import Bill, PrivacyPolicy
from whiteroom.engines.duckdb.specs import End, Folders, read_end, read_folders, read_spec, write_end, write_spec

USERS_NOISE = 10
COLUMNS = {"user_id": "string", "shop": "string", "amount": "double"}
PRIVATE: Mapping[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": [QUERIER],
    "differentialPrivacy": {"columns": [{"name": "user_id"}]},
}
ROWS = "".join(f"u{n},{'ab'[n % 2]},{n % 50}\n" for n in range(3_000))


@pytest.fixture
def visits(folder: EngineFolder) -> EngineFolder:
    protect(folder, "visits", ROWS)
    return folder


def protect(folder: EngineFolder, name: str, rows: str) -> None:
    folder.add(
        name,
        [folder.write(f"{name}.csv", f"user_id,shop,amount\n{rows}")],
        COLUMNS,
        rule=PRIVATE,
        association_rule={"allowedResultReceivers": [QUERIER]},
        privacy=PrivacyPolicy("budget", USERS_NOISE),
    )


def ask(folder: EngineFolder, sql: str, **changes: Any) -> tuple[QueryObservation, list[list[str]]]:
    direct = {"algorithm_association_arn": None, "receiver_account_ids": (QUERIER,), "epsilon_left": "1"}
    seen, spec = folder.run(sql, **{**direct, **changes})
    if seen.result is None:
        return seen, []
    (name,) = seen.result.files
    return seen, list(csv.reader(io.StringIO((folder.rows(spec) / name).read_text())))


def test_the_result_goes_out_by_the_road_of_all_results_with_its_bill_and_what_is_told_of_its_noise(
    visits: EngineFolder,
) -> None:
    sql = "SELECT shop AS Shop, COUNT(DISTINCT user_id) AS Users, AVG(amount) AS mean FROM visits GROUP BY shop"
    seen, rows = ask(visits, sql)
    assert rows[0] == ["Shop", "Users", "mean"]
    assert [row[0] for row in rows[1:]] == ["a", "b"]
    # Noise of scale 10: 300 away with odds of e**-30.
    assert all(1_200 < int(row[1]) < 1_800 for row in rows[1:])
    assert seen.bill == Bill("budget", 6, USERS_NOISE)
    assert seen.result is not None
    assert [item["aggregationType"] for item in seen.result.privacy] == ["COUNT_DISTINCT", "AVG"]
    assert seen.result.privacy[1]["maxColumnValue"] == 64.0
    assert seen.result.tables == ("visits",)


def test_a_query_that_is_refused_has_no_bill(visits: EngineFolder) -> None:
    for sql in ("SELECT user_id FROM visits", "SELECT STDDEV(amount) AS s, AVG(amount) AS a FROM visits"):
        seen, _ = ask(visits, sql, epsilon_left="2/5")
        assert (seen.failure, seen.bill) == (QueryFailure.REFUSED, None)


def test_a_query_of_types_that_do_not_fit_has_no_bill(visits: EngineFolder) -> None:
    seen, _ = ask(visits, "SELECT SUM(DATE '2026-01-01' * amount) AS s FROM visits")
    assert (seen.failure, seen.bill) == (QueryFailure.INVALID, None)


def test_whatever_fails_after_the_first_row_was_read_is_told_in_one_sentence_and_has_its_bill(
    folder: EngineFolder,
) -> None:
    protect(folder, "visits", ROWS + "u7,a,not-a-number-of-u7\n")
    seen, _ = ask(folder, "SELECT SUM(amount) AS s FROM visits")
    assert seen.failure is QueryFailure.INVALID
    assert seen.bill == Bill("budget", 3, USERS_NOISE)
    assert "Why is not told" in seen.message
    assert "u7" not in seen.message
    assert "line" not in seen.message


def test_a_query_that_is_stopped_keeps_its_bill(visits: EngineFolder) -> None:
    sql = "SELECT COUNT(*) AS n FROM visits v JOIN (SELECT 1 AS one FROM visits2) w ON v.shop <> 'c'"
    visits.add(
        "visits2",
        [visits.write("visits2.csv", "n\n" + "1\n" * 200_000)],
        {"n": "int"},
        rule={key: value for key, value in PRIVATE.items() if key != "differentialPrivacy"},
        association_rule={"allowedResultReceivers": [QUERIER]},
    )
    direct = {"algorithm_association_arn": None, "receiver_account_ids": (QUERIER,), "epsilon_left": "1"}
    spec = visits.spec(sql, **direct)
    visits.engine.start(spec)
    while (seen := visits.engine.observe(spec.id)).bill is None:
        assert seen.phase is Phase.RUNNING, seen.message
    visits.engine.stop(spec.id)
    stopped = visits.engine.observe(spec.id)
    assert (stopped.failure, stopped.bill) == (QueryFailure.STOPPED, Bill("budget", 2, USERS_NOISE))


def test_a_policy_and_what_is_told_cross_to_the_process_and_back(visits: EngineFolder, tmp_path: Path) -> None:
    spec = replace(visits.spec("SELECT 1", epsilon_left="7/30"))
    folders = Folders(tmp_path, visits.rows(spec))
    write_spec(spec, folders)
    assert (read_spec(tmp_path), read_folders(tmp_path)) == (spec, folders)
    told = QueryResult(1, ("a",), 1, ("t",), ({"aggregationType": "COUNT"},))
    write_end(tmp_path / "end.json", End(told))
    seen = read_end(tmp_path / "end.json")
    assert seen is not None
    assert seen.result == told
    assert json.loads((tmp_path / "end.json").read_text())["result"]["privacy"]
