"""The rules of a table, walked case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whiteroom.domain.analysis_rules import AnalysisType, QueryFacts, Reason, arn_matches, judge, missing_for
from whiteroom.domain.queries import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.domain.verdicts import Denied, Verdict

OWNER, QUERIER = "111111111111", "222222222222"
ALGORITHM = f"arn:aws:cleanrooms-ml:us-east-1:{QUERIER}:membership/m-1/configured-model-algorithm-association/a-1"
TEMPLATE = f"arn:aws:cleanrooms:us-east-1:{QUERIER}:membership/m-1/analysistemplate/t-1"
TABLE = QueryTable(
    name="flights",
    owner_account_id=OWNER,
    source=CatalogTable(("/data/f.parquet",), FileFormat.PARQUET, (Column("id", "bigint"), Column("ssn", "string"))),
    allowed_columns=("id",),
    rule_type="CUSTOM",
    rule={"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER], "additionalAnalyses": "ALLOWED"},
    association_rule={"allowedAdditionalAnalyses": [ALGORITHM], "allowedResultReceivers": [QUERIER]},
)


def verdict(table: QueryTable, *, direct: bool = False, template: str | None = None, column: str = "id") -> Verdict:
    facts = QueryFacts({"flights": frozenset({column})}, (column,))
    return judge(
        facts,
        [table],
        querier_account_id=QUERIER,
        algorithm_association_arn=None if direct else ALGORITHM,
        template_arn=template,
    )


def with_rule(**fields: Any) -> QueryTable:
    assert TABLE.rule is not None
    return replace(TABLE, rule={**TABLE.rule, **fields})


def with_association_rule(**fields: Any) -> QueryTable:
    assert TABLE.association_rule is not None
    return replace(TABLE, association_rule={**TABLE.association_rule, **fields})


@pytest.mark.parametrize("setting", ["ALLOWED", "REQUIRED"])
def test_a_table_with_both_rules_set_may_feed_a_channel(setting: str) -> None:
    assert verdict(with_rule(additionalAnalyses=setting))


def test_a_table_with_both_rules_set_may_be_queried_directly() -> None:
    assert verdict(TABLE, direct=True)


def test_a_listed_template_may_run_whoever_the_querier_is() -> None:
    assert verdict(with_rule(allowedAnalyses=[TEMPLATE], allowedAnalysisProviders=[]), template=TEMPLATE)


REFUSALS = [
    (replace(TABLE, rule_type=None, rule=None), "has no analysis rule. Its owner must call CreateConfiguredTableAnaly"),
    (replace(TABLE, rule_type="LIST", rule={"joinColumns": ["id"]}), "LIST rules are enforced in a later release"),
    (replace(TABLE, rule_type="AGGREGATION", rule={}), "AGGREGATION rules are enforced in a later release"),
    (with_rule(allowedAnalyses=[]), "allows no analyses"),
    (with_rule(allowedAnalysisProviders=[]), "allows ANY_QUERY of nobody"),
    (with_rule(allowedAnalysisProviders=[OWNER]), f"does not allow queries that member {QUERIER} writes"),
    (with_rule(allowedAnalyses=[TEMPLATE]), f"does not allow queries that member {QUERIER} writes"),
    (with_rule(additionalAnalyses="NOT_ALLOWED"), "does not allow additional analyses"),
    (with_rule(additionalAnalyses=None), "does not allow additional analyses"),
    (with_rule(additionalAnalyses="SOMETHING_NEW"), "does not allow additional analyses"),
    (with_rule(differentialPrivacy={"columns": [{"name": "id"}]}), "differentialPrivacy"),
    (with_rule(disallowedOutputColumns=["id"]), "disallowedOutputColumns"),
    (with_rule(aggregationThresholds=[{"type": "COUNT_DISTINCT"}]), "aggregationThresholds"),
    (with_rule(comparisonControls={"allowedLiteralComparisonColumns": ["id"]}), "comparisonControls"),
    (with_rule(aFieldOfTheFuture=[1]), "aFieldOfTheFuture"),
    (replace(TABLE, association_rule=None), "call CreateConfiguredTableAssociationAnalysisRule"),
    (with_association_rule(allowedAdditionalAnalyses=[]), "empty allowedAdditionalAnalyses"),
    (with_association_rule(allowedAdditionalAnalyses=[ALGORITHM + "x"]), f"association {ALGORITHM}"),
    (with_association_rule(aFieldOfTheFuture=[1]), "aFieldOfTheFuture"),
]


@pytest.mark.parametrize(("table", "words"), REFUSALS)
def test_a_refusal_names_the_table_its_owner_and_what_is_missing(table: QueryTable, words: str) -> None:
    denied = verdict(table)
    assert isinstance(denied, Denied)
    assert words in denied.reason
    assert f"Table 'flights' (member {OWNER})" in denied.reason


@pytest.mark.parametrize("field", ["disallowedOutputColumns", "differentialPrivacy", "comparisonControls"])
@pytest.mark.parametrize("empty", [None, [], {}])
def test_a_control_that_is_empty_controls_nothing(field: str, empty: Any) -> None:
    assert verdict(with_rule(**{field: empty}))


def test_required_refuses_a_direct_query() -> None:
    denied = verdict(with_rule(additionalAnalyses="REQUIRED"), direct=True)
    assert isinstance(denied, Denied)
    assert "additional analysis" in denied.reason


def test_a_direct_query_needs_the_querier_among_the_receivers() -> None:
    denied = verdict(with_association_rule(allowedResultReceivers=[OWNER]), direct=True)
    assert isinstance(denied, Denied)
    assert "allowedResultReceivers" in denied.reason


def test_a_column_that_is_not_allowed_is_refused() -> None:
    denied = verdict(TABLE, column="ssn")
    assert isinstance(denied, Denied)
    assert "'ssn'" in denied.reason


def test_a_table_that_is_not_associated_is_refused() -> None:
    assert not judge(
        QueryFacts({"elsewhere": frozenset()}, ()),
        [TABLE],
        querier_account_id=QUERIER,
        algorithm_association_arn=ALGORITHM,
        template_arn=None,
    )


def test_every_table_that_forbids_the_query_is_named_at_once() -> None:
    other = replace(TABLE, name="weather", owner_account_id="333333333333", rule=None, rule_type=None)
    denied = judge(
        QueryFacts({"flights": frozenset(), "weather": frozenset()}, ()),
        [replace(TABLE, association_rule=None), other],
        querier_account_id=QUERIER,
        algorithm_association_arn=ALGORITHM,
        template_arn=None,
    )
    assert isinstance(denied, Denied)
    assert "'flights'" in denied.reason
    assert "'weather' (member 333333333333)" in denied.reason


STATUSES = [
    (TABLE, AnalysisType.ADDITIONAL, []),
    (TABLE, AnalysisType.DIRECT, []),
    (replace(TABLE, rule=None, rule_type=None), AnalysisType.DIRECT, [Reason.ANALYSIS_RULE_MISSING]),
    (replace(TABLE, rule_type="LIST"), AnalysisType.ADDITIONAL, [Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE]),
    (with_rule(allowedAnalyses=[]), AnalysisType.DIRECT, [Reason.ANALYSIS_TEMPLATES_NOT_CONFIGURED]),
    (with_rule(allowedAnalysisProviders=[]), AnalysisType.DIRECT, [Reason.ANALYSIS_PROVIDERS_NOT_CONFIGURED]),
    (with_rule(additionalAnalyses="NOT_ALLOWED"), AnalysisType.ADDITIONAL, [Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED]),
    (with_rule(additionalAnalyses="NOT_ALLOWED"), AnalysisType.DIRECT, []),
    (with_rule(additionalAnalyses="REQUIRED"), AnalysisType.DIRECT, [Reason.RESULT_RECEIVERS_NOT_ALLOWED]),
    (
        with_rule(additionalAnalyses="NOT_ALLOWED", allowedAnalyses=[]),
        AnalysisType.ADDITIONAL,
        [Reason.ANALYSIS_TEMPLATES_NOT_CONFIGURED, Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED],
    ),
    (
        replace(TABLE, association_rule=None),
        AnalysisType.ADDITIONAL,
        [Reason.COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED],
    ),
    (
        replace(TABLE, association_rule={}),
        AnalysisType.ADDITIONAL,
        [Reason.ADDITIONAL_ANALYSES_NOT_CONFIGURED],
    ),
    (replace(TABLE, association_rule={}), AnalysisType.DIRECT, [Reason.RESULT_RECEIVERS_NOT_CONFIGURED]),
]


@pytest.mark.parametrize(("table", "analysis_type", "codes"), STATUSES)
def test_a_schema_status_lists_the_codes_of_what_is_missing(
    table: QueryTable, analysis_type: AnalysisType, codes: list[Reason]
) -> None:
    assert [missing.code for missing in missing_for(table, analysis_type)] == codes


PATTERN = "arn:aws:cleanrooms-ml:us-east-1:*:membership/*/configured-model-algorithm-association/*"


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        (ALGORITHM, True),
        (PATTERN, True),
        (PATTERN.replace("us-east-1", "eu-west-1"), False),
        (PATTERN.replace(":*:", f":{OWNER}:"), False),
        (PATTERN.replace("membership/*", "membership/m-*"), True),
        (PATTERN.replace("membership/*", "membership/*-1"), True),
        (PATTERN.replace("membership/*", "membership/m*m-1"), False),
        ("arn:aws:cleanrooms-ml:us-east-1:*:membership/*", False),
        ("*", False),
        (ALGORITHM[:-1], False),
        ("", False),
        (
            "arn:aws:cleanrooms-ml:us-east-1:" + "*" * 200 + ":membership/*/configured-model-algorithm-association/*",
            True,
        ),
    ],
)
def test_a_wildcard_stands_for_any_text_within_one_part_of_an_arn(pattern: str, fits: bool) -> None:
    assert arn_matches(pattern, ALGORITHM) is fits
