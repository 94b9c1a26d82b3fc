"""Synthetic data over HTTP: a template, its approval, a channel with its score, and a training that reads the rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once
from support.patients import COLUMNS
from support.patients import SQL as PATIENTS
from support.revoking import Owner
from support.worlds.requests import ALICE, BOB, collaboration_rule, custom_rule, input_channel

pytestmark = pytest.mark.slow

SQL = f"SELECT {', '.join(COLUMNS)} FROM patients WHERE age > :youngest"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    folder = tmp_path_factory.mktemp("synthetic")
    patients = folder / "patients.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({PATIENTS.format(rows=3_000)}) TO '{patients}' (FORMAT parquet)")
    with live_room(folder / "data") as room:
        # Nobody's queries are allowed: each template is, by its ARN.
        nothing = custom_rule(allowedAnalyses=[])
        room.table = room.share("patients", patients, list(COLUMNS), "CUSTOM", nothing, collaboration_rule())
        yield room


def create_template(room: LiveRoom, name: str, epsilon: float = 5.0, max_score: float = 0.8) -> str:
    mapping = [
        {"columnName": column, "columnType": kind.value, "isPredictiveValue": column == "outcome"}
        for column, kind in COLUMNS.items()
    ]
    answer = room.client("cleanrooms").create_analysis_template(
        **room.of(ALICE),
        name=name,
        format="SQL",
        source={"text": SQL},
        analysisParameters=[{"name": "youngest", "type": "BIGINT", "defaultValue": "1"}],
        syntheticDataParameters={
            "mlSyntheticDataParameters": {
                "epsilon": epsilon,
                "maxMembershipInferenceAttackScore": max_score,
                "columnClassification": {"columnMapping": mapping},
            }
        },
    )
    return str(answer["analysisTemplate"]["arn"])


def approve(room: LiveRoom, *templates: str) -> None:
    """BOB's table allows these templates and nothing else."""
    Owner(room).rule("Update", custom_rule(allowedAnalyses=list(templates)))


def channel_of(room: LiveRoom, name: str, template: str, **payers: Any) -> str:
    rows = input_channel({"analysisTemplateArn": template})
    rows["dataSource"]["protectedQueryInputParameters"]["resultFormat"] = "CSV"
    return room.channel(name, inputChannel=rows, **payers)


def test_a_channel_of_synthetic_rows_from_template_to_training(room: LiveRoom) -> None:
    template = create_template(room, "patients")
    refused = channel_of(room, "too-early", template)
    assert "allowedAnalyses" in room.failed(refused, "QueryRefused")
    approve(room, template)
    channel = channel_of(room, "rows", template, payerConfiguration={"syntheticDataPayerAccountId": ALICE})
    done = room.finished(channel)
    assert 2_700 < done["numberOfRecords"] < 3_300
    assert (done["numberOfFiles"], done["payerConfiguration"]["syntheticDataPayerAccountId"]) == (1.0, ALICE)
    configuration = done["syntheticDataConfiguration"]
    assert configuration["syntheticDataParameters"]["epsilon"] == 5.0
    (score,) = configuration["syntheticDataEvaluationScores"]["dataPrivacyScores"]["membershipInferenceAttackScores"]
    assert score["attackVersion"] == "DISTANCE_TO_CLOSEST_RECORD_V1"
    assert 0.4 < score["score"] < 0.6
    told = room.client("cleanroomsml", BOB).get_collaboration_ml_input_channel(**room.here, mlInputChannelArn=channel)
    assert told["syntheticDataConfiguration"] == configuration
    (file,) = (room.data / "channels" / channel.rsplit("/", 1)[-1]).iterdir()
    header, *rows = file.read_text().splitlines()
    assert (header, len(rows)) == (",".join(COLUMNS), done["numberOfRecords"])
    spent = [event["reason"] for event in room.command("explain", channel, "--json").json["events"]]
    assert any("epsilon 5 " in reason for reason in spent), spent
    model = room.finished(room.train("learned", channel))
    assert model["status"] == "ACTIVE"
    room.assert_nothing_left()


def test_a_query_of_a_member_never_gets_the_rows_of_a_template_for_synthetic_data(room: LiveRoom) -> None:
    template = create_template(room, "direct")
    output = {"s3": {"resultFormat": "CSV", "bucket": "alice"}}
    with pytest.raises(ClientError, match="CreateMLInputChannel") as caught:
        room.client("cleanrooms").start_protected_query(
            type="SQL",
            **room.of(ALICE),
            sqlParameters={"analysisTemplateArn": template},
            resultConfiguration={"outputConfiguration": output},
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_synthesis_survives_a_server_that_is_killed(room: LiveRoom) -> None:
    template = create_template(room, "killed")
    approve(room, template)
    channel = channel_of(room, "killed", template)
    originals: Path = room.data / "originals"
    once(bool, lambda: list(originals.glob("[!.]*")))
    room.kill()
    room.start()
    assert room.finished(channel)["numberOfRecords"] > 2_700
    assert not list(originals.iterdir())
    room.assert_nothing_left()
