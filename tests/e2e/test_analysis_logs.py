"""Analysis logs on a real server, through `logs`: one of each event, whatever kills the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room
from support.worlds.requests import ALICE, BOB

pytestmark = pytest.mark.slow

EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("analyses") / "data", WHITEROOM_STOP_GRACE_SECONDS="5") as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        yield room


def stages(room: LiveRoom, account: str, *terms: str) -> list[tuple[str, str]]:
    return [(event["logStage"], event["status"]) for event in room.analyses(account, *terms)]


BOTH = [("SUBMISSION", "SUBMITTED"), ("TERMINATION", "SUCCESS")]


def test_the_owner_of_a_table_reads_every_use_of_it_once_though_the_server_is_killed_at_each(room: LiveRoom) -> None:
    rows = room.channel("rows")
    room.restart()
    room.finished(rows)
    model = room.train("model", rows)
    room.restart()
    room.finished(model)
    job = room.infer("guess", model, rows)
    room.restart()
    room.finished(job)
    room.export("out", model)
    room.restart()
    assert room.exported("out", model)["status"] == "ACTIVE"
    for term in (rows, '"TRAINING"', job, '"EXPORT"'):
        words = [term.replace('"', '\\"')]
        for account in (ALICE, BOB):
            assert stages(room, account, *words) == BOTH, term
    told: list[dict[str, Any]] = room.analyses(BOB)
    assert all(event["configuredTableId"] for event in told)
    assert {table["access"] for event in told for table in event["tables"]} == {"NAMED", "READ"}


def test_a_channel_that_the_rules_refuse_is_told_with_its_reason_and_without_a_row(room: LiveRoom) -> None:
    arn = room.channel("weights", "SELECT weight FROM visits")
    reason = room.failed(arn, "QueryRefused")
    first, last = room.analyses(BOB, arn)
    assert (last["status"], last["errorMessage"]) == ("FAILED", reason)
    assert [table["access"] for table in last["tables"]] == ["NOT_READ"]
    assert first["queryText"] == "SELECT weight FROM visits"


def test_an_attempt_that_is_refused_at_once_is_an_event(room: LiveRoom) -> None:
    with pytest.raises(ClientError) as caught:
        room.client("cleanrooms", BOB).start_protected_query(
            type="SQL",
            **room.of(BOB),
            sqlParameters={"queryString": "SELECT patient FROM visits"},
        )
    (event,) = room.analyses(BOB, "REFUSED")
    assert event["errorMessage"] == caught.value.response["Error"]["Message"]
    assert (event["queryRunners"], event["queryText"]) == ([BOB], "SELECT patient FROM visits")
