"""Versions beside each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from unit.notebook.members import ALGORITHM, CHANNEL, COLLABORATION, MEMBERSHIP, MODEL, SECOND, THEN, model, stubbed
from whiteroom.notebook.comparing import titles

ASKED = {"membershipIdentifier": MEMBERSHIP, "trainedModelArn": MODEL}
BASE = model(hyperparameters={"trees": "30", "depth": "4"}, updateTime=THEN + timedelta(seconds=9))
LATER = model(
    name="later",
    versionIdentifier=SECOND,
    hyperparameters={"trees": "60", "rate": "0.1"},
    updateTime=THEN + timedelta(seconds=9),
    incrementalTrainingDataChannels=[{"channelName": "base", "modelName": "late"}],
)


def answer(stubs: Any, *models: Any) -> None:
    """What is asked of each: the model, its metrics, its channel, which may not be looked at."""
    for one in models:
        stubs["cleanroomsml"].add_response("get_trained_model", one)
    for place, one in enumerate(models):
        stubs["cleanroomsml"].add_response("get_trained_model", one)
        dimensions = [{"Name": "Host", "Value": "algo-1"}]
        metric = {"MetricName": "loss", "Namespace": "n", "Dimensions": dimensions}
        stubs["cloudwatch"].add_response("list_metrics", {"Metrics": [metric]})
        times = [THEN, THEN + timedelta(seconds=1), THEN + timedelta(seconds=2)]
        values = [0.9 - place / 10, 0.2 - place / 10, 0.4 - place / 10]
        result = {"Id": "m0", "Timestamps": times, "Values": values}
        stubs["cloudwatch"].add_response("get_metric_data", {"MetricDataResults": [result]})
    for _ in models:
        stubs["cleanroomsml"].add_client_error("get_ml_input_channel", "AccessDeniedException", "not yours")


def test_what_went_in_and_what_came_of_it_is_beside_each_other() -> None:
    with stubbed("cleanroomsml", "cloudwatch") as (member, stubs):
        answer(stubs, BASE, LATER)
        rows = member.compare(ASKED, {**ASKED, "versionIdentifier": SECOND})
    found = {row["what"]: (row["differs"], row["late"], row["later"]) for row in rows}
    assert found == {
        "version": (True, "NULL", SECOND),
        "status": (False, "ACTIVE", "ACTIVE"),
        "seconds": (False, 9, 9),
        "hyperparameters.trees": (True, "30", "60"),
        "hyperparameters.depth": (True, "4", None),
        "hyperparameters.rate": (True, None, "0.1"),
        "resourceConfig.instanceType": (False, "ml.m5.xlarge", "ml.m5.xlarge"),
        "resourceConfig.volumeSizeInGB": (False, 5, 5),
        "dataChannels.train": (False, CHANNEL, CHANNEL),
        "incrementalTrainingDataChannels.base": (True, None, "late NULL"),
        "metrics.loss algo-1.last": (True, 0.4, pytest.approx(0.3)),
        "metrics.loss algo-1.lowest": (True, 0.2, pytest.approx(0.1)),
        "metrics.loss algo-1.highest": (True, 0.9, pytest.approx(0.8)),
    }


def test_of_one_answer_all_versions_are_compared_the_oldest_first() -> None:
    def summary(**changes: Any) -> dict[str, Any]:
        return {
            "createTime": THEN,
            "updateTime": THEN,
            "trainedModelArn": MODEL,
            "name": "late",
            "membershipIdentifier": MEMBERSHIP,
            "collaborationIdentifier": COLLABORATION,
            "status": "ACTIVE",
            "configuredModelAlgorithmAssociationArn": ALGORITHM,
            **changes,
        }

    later = summary(name="later", versionIdentifier=SECOND, createTime=THEN + timedelta(hours=1))
    with stubbed("cleanroomsml", "cloudwatch") as (member, stubs):
        listed = {"trainedModels": [later, summary()]}
        stubs["cleanroomsml"].add_response("list_trained_model_versions", listed, ASKED)
        answer(stubs, BASE, LATER)
        rows = member.compare({**ASKED, "versionIdentifier": SECOND})
    assert list(rows[0]) == ["what", "differs", "late", "later"]


def test_versions_of_one_name_and_with_the_names_of_other_columns_are_told_apart() -> None:
    names = ["late", "late", "what", "differs", "late (2)", "late"]
    made = list(titles([model(name=name) for name in names]))
    assert made[0] == "late"
    assert len({*made, "what", "differs"}) == len(names) + 2
    assert all(title.startswith(name) for title, name in zip(made, names, strict=True))


def test_something_else_is_refused() -> None:
    with stubbed() as (member, _), pytest.raises(ValueError, match="Trained models are compared"):
        member.compare({"mlInputChannelArn": CHANNEL}, ASKED)
