"""What a policy hides reaches nobody by file names, error bodies, status texts or the server's own log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.live import LiveRoom, live_room
from support.worlds.requests import ALICE, BOB, role_of

pytestmark = pytest.mark.slow

SECRET = "4111111111111111"
SETTINGS = {"WHITEROOM_READY_TIMEOUT_SECONDS": "2"}
NAMES = {"ml-input-channel": "mlInputChannelArn", "trained-model": "trainedModelArn"}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("hidden") / "data", **SETTINGS) as room:
        for account, membership in ((ALICE, room.membership(ALICE)), (BOB, room.membership(BOB))):
            s3 = {"s3Destination": {"s3Uri": f"s3://{account}/results"}}
            location = {"roleArn": role_of(account), "destination": s3}
            room.client("cleanroomsml", account).put_ml_configuration(
                membershipIdentifier=membership, defaultOutputLocation=location
            )
        yield room


@pytest.fixture(scope="module")
def masked(room: LiveRoom) -> dict[str, str]:
    """An association under which both members read logs without numbers, and nothing is exported; and a channel."""
    redacted = {"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
    logs = {"containerLogs": [{"allowedAccountIds": [ALICE, BOB], **redacted}]}
    association = room.association(name="masked", policies={"trainedModels": logs, "trainedModelInferenceJobs": logs})
    channel = room.channel("rows", association=association)
    room.finished(channel)
    return {"association": association, "channel": channel}


def everything_told(room: LiveRoom) -> str:
    """All that both members can read, and the server's own log."""
    told = [(room.data.parent / f"{room.data.name}.log").read_text()]
    for account, membership in ((ALICE, room.membership(ALICE)), (BOB, room.membership(BOB))):
        ml, logs, metrics = (room.client(name, account) for name in ("cleanroomsml", "logs", "cloudwatch"))
        own, shared = {"membershipIdentifier": membership}, {"collaborationIdentifier": room.collaboration_id}
        models = listed(ml.list_collaboration_trained_models(**shared))
        told += [str(ml.list_trained_models(**own)), str(models)]
        for model in models:
            arn = {"trainedModelArn": model["trainedModelArn"]}
            told.append(str(ml.get_collaboration_trained_model(**shared, **arn)))
            told.append(str(ml.list_collaboration_trained_model_export_jobs(**shared, **arn)))
            told.append(str(ml.list_collaboration_trained_model_inference_jobs(**shared, **arn)))
            if account == ALICE:
                told.append(str(ml.get_trained_model(**own, **arn)))
        for job in listed(ml.list_trained_model_inference_jobs(**own)):
            arn = {"trainedModelInferenceJobArn": job["trainedModelInferenceJobArn"]}
            told.append(str(ml.get_trained_model_inference_job(**own, **arn)))
        for group in ("/aws/cleanroomsml/TrainedModels", "/aws/cleanroomsml/TrainedModelInferenceJobs"):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            told += [event["message"] for page in pages for event in page["events"]]
            told.append(str(logs.describe_log_streams(logGroupName=group)["logStreams"]))
        told.append(str(metrics.list_metrics()["Metrics"]))
    return "\n".join(told)


def listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    (found,) = (value for value in answer.values() if isinstance(value, list))
    return list(found)


def test_a_name_that_carries_a_number_is_masked_where_it_is_left_out(room: LiveRoom, masked: dict[str, str]) -> None:
    model = room.train("link", masked["channel"], masked["association"], behaviour="confess_in_a_link")
    room.finished(model)
    told = [event["reason"] for event in room.command("explain", model, "--json").json["events"]]
    assert "Left out of /opt/ml/model: card [REDACTED] is a link that leads out." in told
    assert SECRET not in everything_told(room)


def test_a_program_cannot_speak_for_its_sandbox(room: LiveRoom, masked: dict[str, str]) -> None:
    model = room.train("sandbox", masked["channel"], masked["association"], behaviour="confess_as_the_sandbox")
    room.failed(model, "AlgorithmError")
    assert SECRET not in everything_told(room)


def test_names_of_files_that_may_not_leave_reach_nobody(room: LiveRoom, masked: dict[str, str]) -> None:
    model = room.train("names", masked["channel"], masked["association"], behaviour="confess_in_names")
    room.finished(model)
    with pytest.raises(Exception, match="allows no export"):
        room.export("names", model)
    assert SECRET not in everything_told(room)
    assert not room.deliveries()


@pytest.mark.parametrize("behaviour", ["confess", "confess_unready"])
def test_what_a_model_server_says_of_a_failure_reaches_nobody(
    room: LiveRoom, masked: dict[str, str], behaviour: str
) -> None:
    name = behaviour.replace("_", "-")
    model = room.train(f"serves-{name}", masked["channel"], masked["association"])
    room.finished(model)
    job = room.infer(name, model, masked["channel"], BEHAVIOUR=behaviour)
    room.failed(job, "InferenceError")
    told = everything_told(room)
    assert SECRET not in told
    assert behaviour == "confess_unready" or "card [REDACTED] here" in told
    assert not room.deliveries()
