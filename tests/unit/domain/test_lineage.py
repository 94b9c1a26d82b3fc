from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.lineage import model_may_reach, rows_may_reach
from whiteroom.domain.ml_input_channels import MLInputChannel, Status
from whiteroom.domain.queries import CatalogTable, FileFormat, QueryTable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUERIER, OWNER, PROVIDER, RIVAL = "111111111111", "222222222222", "333333333333", "444444444444"
PREFIX = "arn:aws:cleanrooms-ml:eu-central-1"
KIND = "membership/m/configured-model-algorithm-association"
MADE_FOR = f"{PREFIX}:{PROVIDER}:{KIND}/made-for"
OTHER = f"{PREFIX}:{RIVAL}:{KIND}/other"


def a_channel(*sources: str) -> MLInputChannel:
    source = {"protectedQueryInputParameters": {"sqlParameters": {"queryString": "SELECT 1"}}}
    return MLInputChannel(
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
        source_associations=sources,
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


def a_table(name: str, allowed: list[str], **rule: Any) -> QueryTable:
    custom = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER], "additionalAnalyses": "ALLOWED"}
    return QueryTable(
        name=name,
        owner_account_id=OWNER,
        source=CatalogTable((), FileFormat.CSV, ()),
        allowed_columns=("a",),
        rule_type="CUSTOM",
        rule={**custom, **rule},
        association_rule={"allowedAdditionalAnalyses": allowed},
    )


ANY = [f"{PREFIX}:*:membership/*/configured-model-algorithm-association/*"]
ANYBODY, ONLY_MADE_FOR = a_table("open", ANY), a_table("closed", [MADE_FOR])


@pytest.mark.parametrize("table", [ONLY_MADE_FOR, replace(ANYBODY, rule=None, association_rule=None)])
def test_rows_reach_the_association_they_were_made_for_while_their_tables_are_there(table: QueryTable) -> None:
    assert rows_may_reach(MADE_FOR, a_channel("t"), [table])
    assert rows_may_reach(MADE_FOR, a_channel(), [])


@pytest.mark.parametrize(
    ("tables", "allowed"),
    [
        ([ANYBODY], True),
        ([ONLY_MADE_FOR], False),
        ([ANYBODY, ONLY_MADE_FOR], False),
        ([ANYBODY, a_table("named", [OTHER])], True),
        ([a_table("direct", ANY, additionalAnalyses="NOT_ALLOWED")], False),
        ([a_table("withdrawn", ANY, allowedAnalysisProviders=[OWNER])], False),
        ([replace(ANYBODY, rule=None, rule_type=None)], False),
        ([replace(ANYBODY, association_rule=None)], False),
    ],
)
def test_rows_reach_another_association_where_every_table_allows_it_now(
    tables: list[QueryTable], allowed: bool
) -> None:
    verdict = rows_may_reach(OTHER, a_channel(*(table.name for table in tables)), tables)
    assert bool(verdict) is allowed
    assert verdict or MADE_FOR in verdict.reason


@pytest.mark.parametrize("association", [MADE_FOR, OTHER])
def test_rows_of_a_table_that_is_gone_reach_nobody(association: str) -> None:
    verdict = rows_may_reach(association, a_channel("open", "gone"), [ANYBODY])
    assert not verdict
    assert "DeleteMLInputChannelData" in verdict.reason


def test_rows_of_no_known_table_reach_nobody_else() -> None:
    assert not rows_may_reach(OTHER, a_channel(), [])


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
