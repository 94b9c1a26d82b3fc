"""The attacks of test_rules.py by way of an ML input channel: an algorithm gets no more than a member would."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from contract.sql_engine.conftest import ALGORITHM, QUERIER, EngineFolder
from contract.sql_engine.test_rules import (
    ATTACKS,
    CUSTOM,
    INJECTED,
    POLICIES,
    SMALL,
    THRESHOLD,
    WIDENING,
    furnish,
)
from whiteroom.domain.execution.queries import QueryFailure

TOO_FEW = [
    *WIDENING,
    "SELECT SUM(cost) AS s FROM impressions WHERE campaign = 'b'",
    "SELECT campaign, SUM(cost) / COUNT(user_id) AS s FROM impressions WHERE campaign <> 'a' GROUP BY campaign",
]


def open_to_algorithms(
    folder: EngineFolder, rule_type: str, rule: Mapping[str, Any], my_rule: Mapping[str, Any]
) -> None:
    """The tables of test_rules.py, for an algorithm."""
    opened = {"additionalAnalyses": "ALLOWED"}
    furnish(folder, rule_type, {**rule, **opened}, {**my_rule, **opened})
    shared = {"allowedAdditionalAnalyses": [ALGORITHM]}
    folder.tables[:] = [replace(table, association_rule=shared) for table in folder.tables]


def rows(folder: EngineFolder, sql: str, **changes: Any) -> list[dict[str, str]]:
    """The rows of the channel."""
    return list(csv.DictReader(io.StringIO(folder.text(sql, **changes))))


@pytest.mark.parametrize(("policy", "sql", "words"), [attack for attack in ATTACKS if attack[0] != "AGGREGATION"])
def test_an_attack_is_refused_and_fills_no_channel(folder: EngineFolder, policy: str, sql: str, words: str) -> None:
    open_to_algorithms(folder, *POLICIES[policy])
    seen, spec = folder.run(sql)
    assert seen.failure is QueryFailure.REFUSED, seen
    assert words in seen.message
    assert not folder.rows(spec).exists()


def test_a_table_that_is_for_aggregates_fills_no_channel(folder: EngineFolder) -> None:
    open_to_algorithms(folder, *POLICIES["AGGREGATION"])
    seen, spec = folder.run("SELECT SUM(cost) AS s FROM impressions")
    assert seen.failure is QueryFailure.REFUSED
    assert "supported for LIST and CUSTOM rules" in seen.message
    assert not folder.rows(spec).exists()


def test_a_channel_has_no_group_below_the_minimum_whatever_having_the_member_writes(folder: EngineFolder) -> None:
    open_to_algorithms(folder, "CUSTOM", THRESHOLD, CUSTOM)
    for sql in SMALL:
        assert [(row["campaign"].lower(), float(row["s"])) for row in rows(folder, sql)] == [("a", 15.0)]


def test_a_channel_has_no_total_over_too_few_however_the_rows_are_repeated(folder: EngineFolder) -> None:
    open_to_algorithms(folder, "CUSTOM", THRESHOLD, CUSTOM)
    for sql in TOO_FEW:
        assert rows(folder, sql) == []


def test_sql_in_a_parameter_of_a_channel_is_a_text_that_no_row_has(folder: EngineFolder) -> None:
    open_to_algorithms(folder, "CUSTOM", CUSTOM, CUSTOM)
    for text in INJECTED:
        template = {
            "template_arn": f"arn:aws:cleanrooms:us-east-1:{QUERIER}:membership/m/analysistemplate/t",
            "parameters": {"campaign": text},
            "parameter_types": {"campaign": "VARCHAR"},
        }
        assert rows(folder, "SELECT user_id FROM impressions WHERE campaign = :campaign", **template) == []
