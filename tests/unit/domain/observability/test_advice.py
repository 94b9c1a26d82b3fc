"""Nobody is ever told to weaken a protection: neither in a refusal, nor by `whiteroom explain`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import whiteroom
from support.worlds.requests import ALICE, BOB
from unit.domain.observability.test_next_actions import RULE, SHARED, a_state, a_table, next_of
from whiteroom.domain.privacy.rule_readiness import AnalysisType, missing_for

SOURCES = Path(whiteroom.__file__).parent

PROTECTIONS = (
    "allowedAnalyses|allowedAnalysisProviders|additionalAnalyses|allowedResultReceivers|allowedAdditionalAnalyses|"
    "allowedColumns|allowedJoinOperators|disallowedOutputColumns|comparisonControls|aggregationThresholds|"
    "outputColumnThresholds|outputConstraints|minimumIdentityCount|differentialPrivacy|epsilon|usersNoisePerQuery|"
    "ANY_QUERY|trainedModelExports|containerLogs|allowedAccountIds|noiseLevel|maxMembershipInferenceAttackScore|"
    "privacy budget|access budget"
)
LOOSENING = re.compile(
    rf"\b(add|raise|lower|increase|reduce|widen|loosen|relax|fill|remove|drop|take)\b[^.]*\b({PROTECTIONS})\b"
    rf"|(larger|higher) epsilon|\b({PROTECTIONS})\b to (ALLOWED|REQUIRED|ANY_QUERY|NONE)"
    rf"|\bset\b[^.]*\b({PROTECTIONS})\b[^.]*\b(ALLOWED|REQUIRED|NONE|higher|lower)\b"
    r"|replace it by a (LIST|CUSTOM)"
    r"|associate the algorithm anew",
    re.IGNORECASE,
)


def sentences() -> Iterator[tuple[str, str]]:
    """Every text in the source that a reader may see, with where it stands; f-strings with their holes left out."""
    for file in sorted(SOURCES.rglob("*.py")):
        place = file.relative_to(SOURCES)
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        docstrings = {
            id(node.body[0].value)
            for node in nodes
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        told_elsewhere = parts | docstrings
        for node in nodes:
            where = f"{place}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                yield where, "".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
            elif isinstance(node, ast.Constant) and id(node) not in told_elsewhere and " " in str(node.value):
                yield where, str(node.value)


def test_no_sentence_of_the_program_tells_anyone_to_loosen_a_protection() -> None:
    found = [(where, text) for where, text in sentences() if LOOSENING.search(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "Its owner must set additionalAnalyses to ALLOWED or REQUIRED.",
        "add ANY_QUERY to allowedAnalyses and X to allowedAnalysisProviders",
        "raise epsilon by UpdatePrivacyBudgetTemplate",
        "take differentialPrivacy out of its rule",
        "Its owner must add the account to allowedResultReceivers.",
        "fill allowedAdditionalAnalyses",
        "replace it by a LIST or CUSTOM rule",
    ],
)
def test_what_used_to_be_said_would_be_found(text: str) -> None:
    assert LOOSENING.search(text)


CLOSED: dict[str, dict[str, Any]] = {
    "channels alone, and the collaboration rule is gone": {"association_rule": None},
    "the table's rule is gone": {"rule": None, "rule_type": None, "association_rule": None},
    "queries alone, and the collaboration rule is gone": {
        "rule": {**RULE, "additionalAnalyses": "NOT_ALLOWED"},
        "association_rule": None,
    },
    "queries alone, and nobody receives": {
        "rule": {**RULE, "additionalAnalyses": "NOT_ALLOWED"},
        "association_rule": {"allowedResultReceivers": []},
    },
    "channels alone, for no algorithm": {"association_rule": {**SHARED, "allowedAdditionalAnalyses": []}},
    "no analyses": {"rule": {**RULE, "allowedAnalyses": []}},
    "ANY_QUERY of nobody": {"rule": {**RULE, "allowedAnalysisProviders": []}},
    "a control that is not enforced": {"rule": {**RULE, "aControlOfTheFuture": ["x"]}},
    "differential privacy, and the collaboration rule is gone": {
        "rule": {**RULE, "additionalAnalyses": "ALLOWED", "differentialPrivacy": {"columns": [{"name": "age"}]}},
        "association_rule": None,
    },
    "aggregates, and the collaboration rule is gone": {
        "rule_type": "AGGREGATION",
        "rule": {},
        "association_rule": None,
    },
}
"""Tables of which nothing is to be had, as their owners may have left them."""

RESTORING = {
    "channels alone, and the collaboration rule is gone": "CreateConfiguredTableAssociationAnalysisRule",
    "the table's rule is gone": "CreateConfiguredTableAnalysisRule",
    "queries alone, and the collaboration rule is gone": "CreateConfiguredTableAssociationAnalysisRule",
    "differential privacy, and the collaboration rule is gone": "CreateConfiguredTableAssociationAnalysisRule",
    "aggregates, and the collaboration rule is gone": "CreateConfiguredTableAssociationAnalysisRule",
    "queries alone, and nobody receives": "UpdateConfiguredTableAssociationAnalysisRule",
    "channels alone, for no algorithm": "UpdateConfiguredTableAssociationAnalysisRule",
}


@pytest.mark.parametrize("way", CLOSED)
def test_an_owner_is_told_what_restores_what_was_there_and_nothing_that_weakens_it(way: str) -> None:
    shared = a_table(**CLOSED[way])
    state = a_state(tables=[shared])
    said = next_of(state, BOB)
    assert said
    assert not LOOSENING.search(said)
    assert "additionalAnalyses" not in said
    assert RESTORING.get(way, "") in said
    assert "no table is ready yet" in next_of(state, ALICE)


def test_a_table_that_its_owner_keeps_closed_is_left_closed() -> None:
    rule = {**RULE, "additionalAnalyses": "NOT_ALLOWED", "aControlOfTheFuture": ["x"]}
    assert "do nothing" in next_of(a_state(tables=[a_table(rule=rule)]), BOB)


@pytest.mark.parametrize("way", CLOSED)
@pytest.mark.parametrize("analysis_type", AnalysisType)
def test_what_keeps_a_table_from_a_query_is_told_without_a_word_on_loosening_it(
    way: str, analysis_type: AnalysisType
) -> None:
    table = replace(a_table(**CLOSED[way]).table)
    for item in missing_for(table, analysis_type):
        assert not LOOSENING.search(item.message), item.message
