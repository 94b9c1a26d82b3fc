"""Names of people in logs and failure texts, on a real server with a language model of its operator's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.language_models import WARD, ward_names
from support.live import LiveRoom, live_room
from support.worlds.requests import ALICE, BOB, role_of

pytestmark = pytest.mark.slow

GROUP = "/aws/cleanroomsml/TrainedModels"
PERSONAL = {"logRedactionConfiguration": {"entitiesToRedact": ["ALL_PERSONALLY_IDENTIFIABLE_INFORMATION"]}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    folder = tmp_path_factory.mktemp("names")
    models = str(ward_names(folder / "models"))
    environment = {"PYTHONPATH": models, "WHITEROOM_REDACTION_LANGUAGE_MODEL": WARD}
    with pytest.MonkeyPatch.context() as patch, live_room(folder / "data", **environment) as room:
        patch.syspath_prepend(models)
        patch.setenv("WHITEROOM_REDACTION_LANGUAGE_MODEL", WARD)
        for account, membership in ((ALICE, room.membership(ALICE)), (BOB, room.membership(BOB))):
            room.client("cleanroomsml", account).put_ml_configuration(
                membershipIdentifier=membership,
                defaultOutputLocation={
                    "roleArn": role_of(account),
                    "destination": {"s3Destination": {"s3Uri": f"s3://{account}/results"}},
                },
            )
        yield room


def test_a_name_reaches_no_member_however_it_is_written(room: LiveRoom) -> None:
    rows = room.channel("rows")
    room.finished(rows)
    policies = (
        {"allowedAccountIds": [ALICE], **PERSONAL},
        {"allowedAccountIds": [BOB], "logType": "ERROR_SUMMARY", **PERSONAL},
    )
    association = room.association(
        name="named", policies={"trainedModels": {"containerLogs": list(policies)}, "trainedModelInferenceJobs": {}}
    )
    model = room.train("named", rows, association, behaviour="confess_names", person="Alice Smith")
    message = room.failed(model, "AlgorithmError")
    assert message.startswith("row of [REDACTED] dropped")
    told = {account: _messages(room, account) for account in (ALICE, BOB)}
    assert told[ALICE].count("row of [REDACTED] dropped") == 8
    assert sum(line.endswith("x row of [REDACTED] dropped") for line in told[ALICE]) == 2
    assert "ValueError: no [REDACTED]" in told[BOB]
    theirs = room.client("cleanroomsml", BOB).get_collaboration_trained_model(**room.here, trainedModelArn=model)
    said = "\n".join([message, str(theirs["statusDetails"]), *told[ALICE], *told[BOB]])
    assert not [word for word in ("Alice", "Smith") if word in said]
    log = (room.data.parent / f"{room.data.name}.log").read_text()
    assert not [word for word in ("Alice", "Smith") if word in log]
    shown = room.command("logs", model, "--as", BOB).out
    assert "no [REDACTED]" in shown
    assert "Smith" not in shown
    assert "Alice Smith" in room.command("logs", model).out


def test_doctor_says_that_names_are_found(room: LiveRoom) -> None:
    assert "names by en_ward_names 1.2.3: PERSON, LOCATION." in room.command("doctor").out


def _messages(room: LiveRoom, account: str) -> list[str]:
    pages = room.client("logs", account).get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    return [event["message"] for page in pages for event in page["events"]]
