from __future__ import annotations

from typing import Any

import pytest

from whiteroom.domain.resources.configured_tables import (
    CatalogName,
    allowed_columns_fit,
    analysis_method_fits,
    catalog_name,
    policy_of_type,
    rule_fits,
    table_type,
)
from whiteroom.domain.verdicts import Denied

COLUMNS = ("id", "age", "city")


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ({"glue": {"databaseName": "lake", "tableName": "t"}}, "GLUE"),
        ({"athena": {"databaseName": "lake", "tableName": "t", "workGroup": "w"}}, "ATHENA"),
    ],
)
def test_glue_and_athena_references_name_a_table_of_the_catalog(reference: dict[str, Any], kind: str) -> None:
    assert catalog_name(reference) == CatalogName("lake", "t")
    assert table_type(reference) == kind


@pytest.mark.parametrize("kind", ["databricks"])
def test_references_to_other_places_are_refused_by_name(kind: str) -> None:
    verdict = catalog_name({kind: {"databaseName": "lake", "tableName": "t"}})
    assert isinstance(verdict, Denied)
    assert kind in verdict.reason
    assert "whiteroom catalog add" in verdict.reason


def test_a_reference_to_nothing_is_refused() -> None:
    assert isinstance(catalog_name({}), Denied)


@pytest.mark.parametrize(
    ("allowed", "fits"),
    [
        (["id"], True),
        (["ID", "age"], True),
        (["id", "id"], False),
        (["id", "Id"], False),
        (["salary"], False),
        (["id", "salary"], False),
    ],
)
def test_allowed_columns_are_columns_of_the_table_each_named_once(allowed: list[str], fits: bool) -> None:
    assert bool(allowed_columns_fit(allowed, ["Id", "AGE"])) is fits


@pytest.mark.parametrize(
    ("method", "selected", "fits"),
    [
        ("DIRECT_QUERY", [], True),
        ("DIRECT_QUERY", ["DIRECT_QUERY"], False),
        ("DIRECT_JOB", [], False),
        ("MULTIPLE", ["DIRECT_QUERY", "DIRECT_JOB"], False),
        ("MULTIPLE", ["DIRECT_QUERY"], False),
        ("MULTIPLE", ["DIRECT_QUERY", "DIRECT_QUERY"], False),
        ("MULTIPLE", [], False),
    ],
)
def test_a_table_is_for_queries_or_for_several_methods(method: str, selected: list[str], fits: bool) -> None:
    assert bool(analysis_method_fits(method, selected)) is fits


def custom(**changes: Any) -> dict[str, Any]:
    return {"v1": {"custom": {"allowedAnalyses": ["arn:template"], **changes}}}


def listing(join: list[str], shown: list[str]) -> dict[str, Any]:
    return {"v1": {"list": {"joinColumns": join, "listColumns": shown}}}


def aggregation(**changes: Any) -> dict[str, Any]:
    policy = {
        "aggregateColumns": [{"columnNames": ["age"], "function": "AVG"}],
        "joinColumns": ["id"],
        "dimensionColumns": ["city"],
        "scalarFunctions": [],
        "outputConstraints": [{"columnName": "id", "minimum": 10, "type": "COUNT_DISTINCT"}],
    }
    return {"v1": {"aggregation": {**policy, **changes}}}


def threshold(identity: str = "id", overridden: str = "city") -> dict[str, Any]:
    return {
        "identityColumns": [identity],
        "minimumIdentityCount": 10,
        "type": "COUNT_DISTINCT",
        "outputColumnThresholds": [{"outputColumnName": overridden, "minimumIdentityCount": 2}],
        "allowedAggregateExpressionType": "COLUMNS_ONLY",
    }


def comparisons(literal: list[str], column: list[str]) -> dict[str, Any]:
    return {"allowedLiteralComparisonColumns": literal, "allowedColumnComparisonColumns": column}


PRIVATE = {"columns": [{"name": "id"}]}


@pytest.mark.parametrize(
    ("rule_type", "policy"),
    [
        ("LIST", listing(["id"], ["age", "CITY"])),
        ("AGGREGATION", aggregation()),
        ("AGGREGATION", aggregation(additionalAnalyses="NOT_ALLOWED")),
        ("AGGREGATION", aggregation(joinRequired="QUERY_RUNNER")),
        ("AGGREGATION", aggregation(aggregateColumns=[{"columnNames": ["id"], "function": "COUNT_DISTINCT"}])),
        ("CUSTOM", custom()),
        ("CUSTOM", custom(allowedAnalyses=[])),
        ("CUSTOM", custom(allowedAnalyses=["ANY_QUERY"], allowedAnalysisProviders=["111111111111"])),
        ("CUSTOM", custom(disallowedOutputColumns=["city"], differentialPrivacy=PRIVATE)),
        ("CUSTOM", custom(aggregationThresholds=[threshold()], comparisonControls=comparisons(["age"], ["id"]))),
    ],
)
def test_a_coherent_rule_over_allowed_columns_fits(rule_type: str, policy: dict[str, Any]) -> None:
    assert rule_fits(rule_type, policy, COLUMNS)


@pytest.mark.parametrize(
    ("rule_type", "policy", "word"),
    [
        ("LIST", listing(["salary"], ["age"]), "salary"),
        ("LIST", listing(["id"], ["salary"]), "salary"),
        ("AGGREGATION", aggregation(aggregateColumns=[{"columnNames": ["salary"], "function": "AVG"}]), "salary"),
        ("AGGREGATION", aggregation(joinColumns=["salary"]), "salary"),
        ("AGGREGATION", aggregation(dimensionColumns=["salary"]), "salary"),
        ("AGGREGATION", aggregation(outputConstraints=[{"columnName": "salary", "minimum": 2}]), "salary"),
        ("AGGREGATION", aggregation(additionalAnalyses="ALLOWED"), "additionalAnalyses"),
        ("AGGREGATION", aggregation(dimensionColumns=["age"]), "The column age cannot be"),
        ("AGGREGATION", aggregation(dimensionColumns=["id"]), "The column id cannot be"),
        ("AGGREGATION", aggregation(joinRequired="QUERY_RUNNER", joinColumns=[]), "joinRequired takes joinColumns"),
        ("LIST", listing(["id"], ["id"]), "The column id cannot be"),
        ("CUSTOM", custom(disallowedOutputColumns=["salary"]), "salary"),
        ("CUSTOM", custom(differentialPrivacy={"columns": [{"name": "salary"}]}), "salary"),
        ("CUSTOM", custom(aggregationThresholds=[threshold(identity="salary")]), "salary"),
        ("CUSTOM", custom(aggregationThresholds=[threshold(overridden="salary")]), "salary"),
        ("CUSTOM", custom(comparisonControls=comparisons(["salary"], [])), "salary"),
        ("CUSTOM", custom(comparisonControls=comparisons([], ["salary"])), "salary"),
        ("CUSTOM", custom(allowedAnalyses=["ANY_QUERY"]), "allowedAnalysisProviders"),
        ("CUSTOM", custom(allowedAnalyses=["ANY_JOB"], allowedAnalysisProviders=[]), "ANY_JOB"),
        ("CUSTOM", custom(differentialPrivacy=PRIVATE, aggregationThresholds=[threshold()]), "differentialPrivacy"),
        ("CUSTOM", custom(differentialPrivacy=PRIVATE, comparisonControls=comparisons(["age"], [])), "beside"),
        (
            "CUSTOM",
            custom(aggregationThresholds=[threshold()], comparisonControls=comparisons(["id"], [])),
            "identity",
        ),
        ("CUSTOM", listing(["id"], ["age"]), "v1.custom"),
        ("LIST", {}, "v1.list"),
    ],
)
def test_an_incoherent_rule_is_refused_with_the_word_that_is_wrong(
    rule_type: str, policy: dict[str, Any], word: str
) -> None:
    verdict = rule_fits(rule_type, policy, COLUMNS)
    assert isinstance(verdict, Denied)
    assert word in verdict.reason


def test_a_policy_is_taken_out_of_its_wrapping_by_type() -> None:
    assert policy_of_type("LIST", listing(["id"], [])) == {"joinColumns": ["id"], "listColumns": []}
    assert isinstance(policy_of_type("CUSTOM", {"v1": {}}), Denied)
