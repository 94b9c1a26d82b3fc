"""What a query that fails says: never a value of a row, and of a table's file only what is true of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contract.sql_engine.conftest import ALGORITHM, QUERIER, EngineFolder
from whiteroom.domain.execution.queries import QueryFailure, QuerySpec
from whiteroom.engines.duckdb import worker
from whiteroom.engines.duckdb.specs import Folders
from whiteroom.engines.duckdb.writing import WrittenQuery, judge_and_write
from whiteroom.sql.walls import Walls

DIRECT = {"algorithm_association_arn": None, "receiver_account_ids": (QUERIER,)}
WAYS: dict[str, dict[str, Any]] = {"direct": DIRECT, "channel": {"algorithm_association_arn": ALGORITHM}}

HARD = [
    "n + n",
    "n * 2",
    "SUM(n) OVER ()",
    "SHIFTLEFT(n, n)",
    "SUBSTRING(name, n)",
    "REPEAT(name, n)",
    "name + 1",
    "name RLIKE CONCAT(name, '(')",
    "REGEXP_REPLACE(name, CONCAT(name, '('), '')",
    "DATE_TRUNC(name, CAST('2024-01-01' AS DATE))",
    "MAKE_DATE(n, 1, 1)",
    "FROM_UNIXTIME(n)",
    "ADD_MONTHS(CAST('2024-01-01' AS DATE), n)",
    "(SELECT name FROM people)",
    "name LIKE '1' ESCAPE 'xx'",
    "FACTORIAL(n)",
    "PERCENTILE(n, n)",
    "SHA2(name, n)",
    "FORMAT_NUMBER(1.5, n)",
    "CAST(n AS DECIMAL(38,0)) * CAST(n AS DECIMAL(38,0))",
]
"""What is hard on a value: Spark answers most of it with NULL; DuckDB's own functions fail on some."""
SECRETS = ("Ludmilla", "9223372036854775807")


@pytest.fixture
def people(folder: EngineFolder) -> EngineFolder:
    """One table, open to direct queries and to algorithms, with something to hide in its second row."""
    rule = {
        "allowedAnalyses": ["ANY_QUERY"],
        "allowedAnalysisProviders": [QUERIER],
        "additionalAnalyses": "ALLOWED",
    }
    shared = {"allowedAdditionalAnalyses": [ALGORITHM], "allowedResultReceivers": [QUERIER]}
    rows = "id,name,n\n1,7,1\n2,Ludmilla,9223372036854775807\n"
    folder.add(
        "people",
        [folder.write("people.csv", rows)],
        {"id": "bigint", "name": "string", "n": "bigint"},
        rule=rule,
        association_rule=shared,
    )
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_no_failure_tells_a_value_or_a_row(people: EngineFolder, way: str) -> None:
    ended = set()
    for expression in HARD:
        seen, _ = people.run(f"SELECT {expression} AS x FROM people", **WAYS[way])
        assert seen.failure in {None, QueryFailure.INVALID, QueryFailure.REFUSED}, expression
        assert not [secret for secret in (*SECRETS, str(people.path), "line") if secret in seen.message], expression
        ended.add(seen.failure)
    assert QueryFailure.INVALID in ended, "none of them fails on a value any more"


def test_a_text_that_is_cast_to_what_it_is_not_is_null_as_in_spark_whatever_the_file(people: EngineFolder) -> None:
    text = people.text("SELECT CAST(name AS INT) AS x FROM people", **DIRECT)
    assert text.splitlines() == ["x", "7", ""]


@pytest.mark.parametrize("way", WAYS)
def test_a_query_cannot_make_a_value_look_like_a_line_of_a_broken_file(
    people: EngineFolder, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No function that is let through fails with a text that a member makes; here one does, behind the guard's back."""

    def forging(spec: QuerySpec, walls: Walls) -> WrittenQuery:
        forged = f"'CSV Error on Line: ' || {SECRETS[1]} || E'\\n  file = {people.path / 'people.csv'}\\n'"
        found = judge_and_write(spec, walls)
        return replace(found, sql=found.sql.replace("42", f"error({forged})"))

    monkeypatch.setattr(worker, "judge_and_write", forging)
    spec = people.spec("SELECT 42 AS x FROM people", **WAYS[way])
    folder = people.path / "forged"
    folder.mkdir()
    end = worker.run_query(Folders(folder, people.rows(spec)), spec, 2**30, Walls(plan=False))
    failure, message = end.outcome, end.message
    assert failure is QueryFailure.INVALID
    assert SECRETS[1] not in message
    assert "people.csv" not in message
