from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.privacy.judgements import judgement_of, kept
from whiteroom.domain.privacy.query_facts import QueryFacts
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.lineage import model_may_reach, rows_may_reach
from whiteroom.domain.resources.ml_input_channels import MLInputChannel, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUERIER, OWNER, PROVIDER, RIVAL = "111111111111", "222222222222", "333333333333", "444444444444"
PREFIX = "arn:aws:cleanrooms-ml:eu-central-1"
KIND = "membership/m/configured-model-algorithm-association"
MADE_FOR = f"{PREFIX}:{PROVIDER}:{KIND}/made-for"
OTHER = f"{PREFIX}:{RIVAL}:{KIND}/other"


def a_channel(*tables: QueryTable, **changes: Any) -> MLInputChannel:
    """A channel whose query read column `a` of these tables."""
    facts = QueryFacts({table.name: frozenset(["a"]) for table in tables})
    source = {"protectedQueryInputParameters": {"sqlParameters": {"queryString": "SELECT 1"}}}
    channel = MLInputChannel(
        id="c",
        arn="channel",
        membership_id="m",
        collaboration_id="room",
        account_id=QUERIER,
        name="rows",
        description=None,
        association_arn=MADE_FOR,
        input_channel={"dataSource": source, "roleArn": "role"},
        retention_in_days=1,
        payer_configuration={},
        synthetic_data_parameters=None,
        synthesis=None,
        kms_key_arn=None,
        protected_query_id="q",
        source_associations=tuple(sorted(table.association_id for table in tables)),
        judgement=kept(judgement_of(facts, (), tables)),
        number_of_records=1,
        number_of_files=1,
        size_bytes=1,
        expires_at=None,
        status=Status.ACTIVE,
        status_code=None,
        status_message=None,
        revision=0,
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(channel, **changes)


def by_id(*tables: QueryTable) -> dict[str, QueryTable]:
    return {table.association_id: table for table in tables}


def a_table(name: str, allowed: list[str], **rule: Any) -> QueryTable:
    custom = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER], "additionalAnalyses": "ALLOWED"}
    return QueryTable(
        name=name,
        owner_account_id=OWNER,
        source=CatalogTable((), FileFormat.CSV, (Column("a", ""),)),
        allowed_columns=("a",),
        rule_type="CUSTOM",
        rule={**custom, **rule},
        association_rule={"allowedAdditionalAnalyses": allowed},
        association_id=f"id of {name}",
    )


ANY = [f"{PREFIX}:*:membership/*/configured-model-algorithm-association/*"]
ANYBODY, ONLY_MADE_FOR = a_table("open", ANY), a_table("closed", [MADE_FOR])


@pytest.mark.parametrize("tables", [(ANYBODY,), (ONLY_MADE_FOR,), (ANYBODY, ONLY_MADE_FOR)])
def test_rows_reach_the_association_they_were_made_for_while_every_table_allows_it(
    tables: tuple[QueryTable, ...],
) -> None:
    assert rows_may_reach([], a_channel(*tables), by_id(*tables))
    assert rows_may_reach([MADE_FOR], a_channel(*tables), by_id(*tables))


CHANGED: dict[str, QueryTable] = {
    "the rule is gone": replace(ANYBODY, rule=None, rule_type=None),
    "the collaboration rule is gone": replace(ANYBODY, association_rule=None),
    "no additional analyses": a_table("open", ANY, additionalAnalyses="NOT_ALLOWED"),
    "another algorithm alone": a_table("open", [OTHER]),
    "another algorithm alone, in the table's rule": a_table("open", ANY, allowedAdditionalAnalyses=[OTHER]),
    "another provider of queries alone": a_table("open", ANY, allowedAnalysisProviders=[OWNER]),
    "templates alone": a_table("open", ANY, allowedAnalyses=["arn:aws:cleanrooms:eu-central-1:1:x/y"]),
    "another column alone": replace(ANYBODY, allowed_columns=("b",)),
    "a control that is not enforced": a_table("open", ANY, someNewControl=["x"]),
    "differential privacy": a_table("open", ANY, differentialPrivacy={"columns": [{"name": "a"}]}),
}
"""A table as its owner may have changed it since a channel was made of it."""


@pytest.mark.parametrize("change", CHANGED)
def test_a_channel_is_not_used_any_more_where_a_table_no_longer_allows_what_its_query_does(change: str) -> None:
    verdict = rows_may_reach([], a_channel(ANYBODY, ONLY_MADE_FOR), by_id(CHANGED[change], ONLY_MADE_FOR))
    assert not verdict
    assert "open" in verdict.reason
    assert "DeleteMLInputChannelData" in verdict.reason


@pytest.mark.parametrize("change", CHANGED)
def test_a_channel_is_used_again_where_the_owner_restores_what_was_there(change: str) -> None:
    channel = a_channel(ANYBODY)
    assert not rows_may_reach([], channel, by_id(CHANGED[change]))
    assert rows_may_reach([], channel, by_id(ANYBODY))


def test_a_table_that_was_opened_further_changes_nothing() -> None:
    wider = replace(ANYBODY, allowed_columns=("a", "b"))
    assert rows_may_reach([], a_channel(a_table("open", [MADE_FOR])), by_id(wider))


@pytest.mark.parametrize(
    ("tables", "allowed"),
    [
        ([ANYBODY], True),
        ([ONLY_MADE_FOR], False),
        ([ANYBODY, ONLY_MADE_FOR], False),
        ([ANYBODY, a_table("both", [OTHER, MADE_FOR])], True),
    ],
)
def test_rows_reach_another_association_where_every_table_allows_it_now(
    tables: list[QueryTable], allowed: bool
) -> None:
    verdict = rows_may_reach([OTHER], a_channel(*tables), by_id(*tables))
    assert bool(verdict) is allowed
    assert verdict or MADE_FOR in verdict.reason


@pytest.mark.parametrize("association", [MADE_FOR, OTHER])
def test_rows_of_a_table_that_is_gone_reach_nobody(association: str) -> None:
    verdict = rows_may_reach([association], a_channel(ANYBODY, a_table("gone", ANY)), by_id(ANYBODY))
    assert not verdict
    assert "'gone'" in verdict.reason
    assert "DeleteMLInputChannelData" in verdict.reason


def test_a_table_that_is_associated_anew_under_its_old_name_brings_nothing_back() -> None:
    anew = replace(ANYBODY, association_id="another")
    assert not rows_may_reach([], a_channel(ANYBODY), by_id(anew))


@pytest.mark.parametrize(
    "judgement", [None, {}, {"facts": 1}, {"facts": {"columns": []}, "minimums": [], "tables": []}]
)
def test_a_channel_whose_judgement_is_not_known_is_not_used(judgement: Any) -> None:
    verdict = rows_may_reach([], a_channel(ANYBODY, judgement=judgement), by_id(ANYBODY))
    assert not verdict
    assert "CreateMLInputChannel" in verdict.reason


EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 1}, "filesToExport": ["MODEL"]}}
OUTPUT_ONLY = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 1}, "filesToExport": ["OUTPUT"]}}


def an_association(arn: str, account_id: str, policies: Any = None) -> ConfiguredModelAlgorithmAssociation:
    privacy = None if policies is None else {"policies": policies}
    return ConfiguredModelAlgorithmAssociation("a", arn, "m", "room", account_id, "cma", "n", None, privacy, NOON, NOON)


@pytest.mark.parametrize(
    ("trained_with", "account_id", "allowed"),
    [
        (an_association(MADE_FOR, PROVIDER), PROVIDER, True),
        (an_association(MADE_FOR, PROVIDER), RIVAL, False),
        (an_association(MADE_FOR, PROVIDER, OUTPUT_ONLY), RIVAL, False),
        (an_association(MADE_FOR, PROVIDER, EXPORTS), RIVAL, True),
        (None, PROVIDER, False),
    ],
)
def test_a_model_reaches_another_providers_image_only_where_it_may_be_exported(
    trained_with: Any, account_id: str, allowed: bool
) -> None:
    assert bool(model_may_reach(an_association(OTHER, account_id), "forest", MADE_FOR, trained_with)) is allowed
    assert model_may_reach(an_association(MADE_FOR, account_id), "forest", MADE_FOR, trained_with)
