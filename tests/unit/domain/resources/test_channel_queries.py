from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.channel_queries import names_one_query, template_can_fill, template_gives

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEMPLATE = "arn:aws:cleanrooms:eu-central-1:111111111111:membership/m/analysistemplate/t"


def a_template(**changes: Any) -> AnalysisTemplate:
    values: dict[str, Any] = {
        "id": "t",
        "arn": TEMPLATE,
        "membership_id": "m",
        "collaboration_id": "c",
        "account_id": "111111111111",
        "name": "by_age",
        "description": None,
        "format": "SQL",
        "source": {"text": "SELECT 1"},
        "analysis_parameters": (),
        "schema": {"referencedTables": []},
        "error_message_configuration": None,
        "synthetic_data_parameters": None,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return AnalysisTemplate(**{**values, **changes})


@pytest.mark.parametrize(
    ("parameters", "sound"),
    [
        ({"queryString": "SELECT 1"}, True),
        ({"analysisTemplateArn": TEMPLATE}, True),
        ({"analysisTemplateArn": TEMPLATE, "parameters": {"age": "1"}}, True),
        ({"queryString": "SELECT 1", "parameters": {}}, True),
        ({}, False),
        ({"queryString": ""}, False),
        ({"queryString": "SELECT 1", "analysisTemplateArn": TEMPLATE}, False),
        ({"queryString": "SELECT 1", "parameters": {"age": "1"}}, False),
    ],
)
def test_a_channel_has_one_query(parameters: Any, sound: bool) -> None:
    assert bool(names_one_query(parameters)) is sound


AGE = {"name": "age", "type": "INTEGER"}
SEX = {"name": "sex", "type": "CHAR", "defaultValue": "f"}


@pytest.mark.parametrize(
    ("template", "parameters", "reason"),
    [
        (a_template(), {}, None),
        (a_template(analysis_parameters=(AGE, SEX)), {"age": "1"}, None),
        (a_template(analysis_parameters=(AGE, SEX)), {"age": "1", "sex": "m"}, None),
        (a_template(analysis_parameters=(AGE, SEX)), {"sex": "m"}, "needs a value for age"),
        (a_template(analysis_parameters=(AGE,)), {"age": "1", "weight": "2"}, "no parameter weight"),
        (a_template(format="PYSPARK_1_0"), {}, "PYSPARK_1_0"),
    ],
)
def test_a_template_is_filled_with_the_parameters_it_declares(
    template: AnalysisTemplate, parameters: Any, reason: str | None
) -> None:
    verdict = template_can_fill(template, parameters)
    assert bool(verdict) is (reason is None)
    assert verdict or (reason is not None and reason in verdict.reason)


SYNTHETIC = a_template(synthetic_data_parameters={"mlSyntheticDataParameters": {}})


@pytest.mark.parametrize(
    ("template", "synthetic", "reason"),
    [
        (a_template(), False, None),
        (SYNTHETIC, True, None),
        (SYNTHETIC, False, "CreateMLInputChannel"),
        (a_template(), True, "no syntheticDataParameters"),
    ],
)
def test_a_template_gives_either_its_rows_or_synthetic_ones(
    template: AnalysisTemplate, synthetic: bool, reason: str | None
) -> None:
    verdict = template_gives(template, synthetic=synthetic)
    assert bool(verdict) is (reason is None)
    assert verdict or (reason is not None and reason in verdict.reason)
