"""Why a receiver's own location took nothing, as each member reads of the job: the receiver alone is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL
from support.worlds.rooms import Room
from support.worlds.servers import a_server
from unit.operations.logged_room import BOTH, a_logged_room, ask, end, log_of
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus
from whiteroom.store.sqlite import SqliteStore

PUBLIC = "The receiver's location took nothing."
TOLD = "s3:PutObject on the bucket carols-results was refused to the role of hers."
FAILED = {"status_code": "DeliveryFailed", "status_message": PUBLIC}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield a_logged_room(a_server(store), tmp_path)
    store.close()


def refuse(room: Room, job_id: str, account_id: str) -> None:
    """As a handover writes it down."""
    with room.server.store.transaction() as tx:
        tx.results.add(
            Result(
                id=f"result-{job_id}",
                account_id=account_id,
                collaboration_id=room.collaboration_id,
                kind=ResultKind.PROTECTED_QUERY,
                job_id=job_id,
                job_name=job_id,
                asked_by=ALICE,
                location="s3://carols-results",
                path=job_id,
                place=f"s3://carols-results/{job_id}",
                files=(),
                status=ResultStatus.REFUSED,
                reason=TOLD,
                created_at=room.server.now,
                delivered_at=None,
            )
        )


def failed_query(room: Room, receiver: str) -> Any:
    query = ask(room, BOTH)
    refuse(room, query, receiver)
    end(room, "protected_queries", query, Event.STARTED, Event.FAILED, **FAILED)
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query}
    return room.server.cleanrooms(ALICE, "GetProtectedQuery", **here)["protectedQuery"]["error"]["message"]


def test_who_runs_a_query_and_receives_it_reads_why_it_did_not_arrive(room: Room) -> None:
    assert failed_query(room, ALICE) == TOLD


def test_who_runs_a_query_for_others_reads_that_it_did_not_arrive(room: Room) -> None:
    assert failed_query(room, CAROL) == PUBLIC


def test_the_analysis_log_of_the_receiver_alone_says_why(room: Room) -> None:
    failed_query(room, CAROL)
    said = {account: log_of(room, account)[-1]["errorMessage"] for account in (ALICE, BOB, CAROL)}
    assert said == {ALICE: PUBLIC, BOB: PUBLIC, CAROL: TOLD}


def test_the_receiver_of_an_export_reads_why_in_the_list_that_all_members_read(room: Room) -> None:
    room.configure(CAROL)
    model = room.active_model("forest", room.active_channel())
    room.call("StartTrainedModelExportJob", **room.export_request("out", model["trainedModelArn"]))
    with room.server.store.reading() as tx:
        (job,) = tx.trained_model_export_jobs.working()
    refuse(room, job.id, CAROL)
    end(room, "trained_model_export_jobs", job.id, Event.FAILED, **FAILED)
    said = {}
    for account in (ALICE, BOB, CAROL):
        answer = room.call("ListCollaborationTrainedModelExportJobs", account, trainedModelArn=model["trainedModelArn"])
        (item,) = answer["collaborationTrainedModelExportJobs"]
        said[account] = item["statusDetails"]["message"]
    assert said == {ALICE: PUBLIC, BOB: PUBLIC, CAROL: TOLD}


@pytest.mark.parametrize(("receiver", "message"), [(ALICE, TOLD), (CAROL, PUBLIC)])
def test_who_runs_an_inference_job_reads_why_where_it_is_the_receiver(room: Room, receiver: str, message: str) -> None:
    room.configure(CAROL)
    channel = room.active_channel()
    model = room.active_model("forest", channel)
    job = room.inference_job("scores", model["trainedModelArn"], channel)
    job_id = job.rpartition("/")[2]
    refuse(room, job_id, receiver)
    end(room, "trained_model_inference_jobs", job_id, Event.STARTED, Event.FAILED, **FAILED)
    answer = room.call("GetTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    assert answer["statusDetails"]["message"] == message
