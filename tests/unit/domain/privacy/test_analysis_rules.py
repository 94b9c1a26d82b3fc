"""The rules of a table, walked case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whiteroom.domain.privacy.analysis_rules import judge
from whiteroom.domain.privacy.arn_patterns import arn_matches
from whiteroom.domain.privacy.query_facts import QueryFacts
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.domain.privacy.rule_readiness import AnalysisType, Reason, missing_for
from whiteroom.domain.verdicts import Denied, Verdict

OWNER, QUERIER = "111111111111", "222222222222"
ALGORITHM = f"arn:aws:cleanrooms-ml:us-east-1:{QUERIER}:membership/m-1/configured-model-algorithm-association/a-1"
TEMPLATE = f"arn:aws:cleanrooms:us-east-1:{QUERIER}:membership/m-1/analysistemplate/t-1"
LISTED = {"joinColumns": ["id"], "listColumns": []}
TABLE = QueryTable(
    name="flights",
    owner_account_id=OWNER,
    source=CatalogTable(("/data/f.parquet",), FileFormat.PARQUET, (Column("id", "bigint"), Column("ssn", "string"))),
    allowed_columns=("id",),
    rule_type="CUSTOM",
    rule={"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER], "additionalAnalyses": "ALLOWED"},
    association_rule={"allowedAdditionalAnalyses": [ALGORITHM], "allowedResultReceivers": [QUERIER]},
)


def verdict(
    table: QueryTable,
    *,
    direct: bool = False,
    receivers: tuple[str, ...] = (QUERIER,),
    template: str | None = None,
    column: str = "id",
) -> Verdict:
    return judge(
        QueryFacts({"flights": frozenset({column})}),
        [table],
        querier_account_id=QUERIER,
        receiver_account_ids=receivers if direct else (),
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
    (replace(TABLE, rule_type="ID_MAPPING_TABLE", rule={}), "a rule of type ID_MAPPING_TABLE, which is not enforced"),
    (
        replace(TABLE, rule_type="AGGREGATION", rule={}),
        "additional analyses (ML input channels) are supported for LIST",
    ),
    (
        replace(TABLE, rule_type="LIST", rule={"additionalAnalyses": "NOT_ALLOWED"}),
        "does not allow additional analyses",
    ),
    (replace(TABLE, rule_type="LIST", rule={**LISTED, "aFieldOfTheFuture": [1]}), "aFieldOfTheFuture"),
    (with_rule(allowedAnalyses=[]), "allows no analyses"),
    (with_rule(allowedAnalysisProviders=[]), "allows ANY_QUERY of nobody"),
    (with_rule(allowedAnalysisProviders=[OWNER]), f"does not allow queries that member {QUERIER} writes"),
    (with_rule(allowedAnalyses=[TEMPLATE]), f"does not allow queries that member {QUERIER} writes"),
    (with_rule(additionalAnalyses="NOT_ALLOWED"), "does not allow additional analyses"),
    (with_rule(additionalAnalyses=None), "does not allow additional analyses"),
    (with_rule(additionalAnalyses="SOMETHING_NEW"), "does not allow additional analyses"),
    (with_rule(differentialPrivacy={"columns": [{"name": "id"}]}), "differentialPrivacy"),
    (with_rule(allowedAdditionalAnalyses=[]), "nothing in common between allowedAdditionalAnalyses"),
    (with_rule(allowedAdditionalAnalyses=[ALGORITHM + "x"]), "UpdateConfiguredTableAnalysisRule)"),
    (
        replace(
            with_rule(allowedAdditionalAnalyses=[ALGORITHM + "x"]),
            association_rule={"allowedAdditionalAnalyses": [ALGORITHM, ALGORITHM + "x"]},
        ),
        f"association {ALGORITHM}",
    ),
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


@pytest.mark.parametrize(
    ("allowed", "receivers", "words"),
    [
        ([QUERIER, OWNER], (QUERIER,), None),
        ([QUERIER, OWNER], (QUERIER, OWNER), None),
        ([OWNER], (OWNER,), None),
        ([OWNER], (QUERIER,), f"does not let member {QUERIER} receive"),
        ([QUERIER], (QUERIER, OWNER), f"does not let member {OWNER} receive"),
        ([QUERIER], (), "nobody receives"),
    ],
)
def test_every_receiver_of_a_direct_query_is_allowed_by_name(
    allowed: list[str], receivers: tuple[str, ...], words: str | None
) -> None:
    found = verdict(with_association_rule(allowedResultReceivers=allowed), direct=True, receivers=receivers)
    assert bool(found) is (words is None)
    if words is not None:
        assert isinstance(found, Denied)
        assert words in found.reason


def test_receivers_that_the_tables_own_rule_names_must_allow_it_too() -> None:
    assert verdict(with_rule(allowedResultReceivers=[QUERIER]), direct=True)
    assert not verdict(with_rule(allowedResultReceivers=[OWNER]), direct=True)


def test_a_template_of_a_member_whose_queries_are_allowed_may_run_for_another() -> None:
    theirs = f"arn:aws:cleanrooms:us-east-1:{OWNER}:membership/m-1/analysistemplate/t-1"
    assert verdict(with_rule(allowedAnalysisProviders=[OWNER]), template=theirs)
    assert not verdict(with_rule(allowedAnalysisProviders=[OWNER]), template=TEMPLATE)


def test_rules_of_two_types_do_not_meet_in_one_query() -> None:
    listed = replace(TABLE, name="weather", rule_type="LIST", rule={**LISTED, "additionalAnalyses": "ALLOWED"})
    denied = judge(
        QueryFacts({"flights": frozenset(), "weather": frozenset()}),
        [TABLE, listed],
        querier_account_id=QUERIER,
        receiver_account_ids=(),
        algorithm_association_arn=ALGORITHM,
        template_arn=None,
    )
    assert isinstance(denied, Denied)
    assert "types CUSTOM, LIST" in denied.reason


def test_a_column_that_is_not_allowed_is_refused() -> None:
    denied = verdict(TABLE, column="ssn")
    assert isinstance(denied, Denied)
    assert "'ssn'" in denied.reason


def test_a_table_that_is_not_associated_is_refused() -> None:
    assert not judge(
        QueryFacts({"elsewhere": frozenset()}),
        [TABLE],
        querier_account_id=QUERIER,
        receiver_account_ids=(),
        algorithm_association_arn=ALGORITHM,
        template_arn=None,
    )


def test_every_table_that_forbids_the_query_is_named_at_once() -> None:
    other = replace(TABLE, name="weather", owner_account_id="333333333333", rule=None, rule_type=None)
    denied = judge(
        QueryFacts({"flights": frozenset(), "weather": frozenset()}),
        [replace(TABLE, association_rule=None), other],
        querier_account_id=QUERIER,
        receiver_account_ids=(),
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
    (replace(TABLE, rule_type="LIST", rule=LISTED), AnalysisType.DIRECT, []),
    (replace(TABLE, rule_type="LIST", rule=LISTED), AnalysisType.ADDITIONAL, [Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED]),
    (replace(TABLE, rule_type="AGGREGATION", rule={}), AnalysisType.DIRECT, []),
    (
        replace(TABLE, rule_type="AGGREGATION", rule={}),
        AnalysisType.ADDITIONAL,
        [Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED],
    ),
    (with_rule(aFieldOfTheFuture=1), AnalysisType.DIRECT, [Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE]),
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
