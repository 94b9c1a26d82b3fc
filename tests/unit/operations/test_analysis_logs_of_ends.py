"""Analysis logs: what each member reads of how an analysis ended, and of what it had read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.worlds.requests import ALICE, BOB, CAROL
from support.worlds.rooms import Room
from support.worlds.servers import Server
from unit.operations.logged_room import BOTH, a_logged_room, ask, end, log_of
from whiteroom.domain.execution.lifecycle import Event


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Room:
    return a_logged_room(server, tmp_path)


def test_an_ended_query_tells_what_it_read(room: Room) -> None:
    query = ask(room, BOTH)
    read = (room.table.association_id,)
    end(room, "protected_queries", query, Event.STARTED, Event.SUCCEEDED, read_associations=read)
    for account in (ALICE, BOB, CAROL):
        first, last = log_of(room, account)
        assert (first["logStage"], last["logStage"], last["status"]) == ("SUBMISSION", "TERMINATION", "SUCCESS")
        assert first["eventId"] != last["eventId"]
        assert first["eventTimestamp"] < last["eventTimestamp"]
        assert {table["schemaName"]: table["access"] for table in first["tables"]} == dict.fromkeys(
            ("patients", "visits"), "NAMED"
        )
        assert {table["schemaName"]: table["access"] for table in last["tables"]} == {
            "patients": "READ",
            "visits": "NOT_READ",
        }


def test_a_query_that_the_rules_refuse_ends_as_failed_having_read_nothing(room: Room) -> None:
    query = ask(room)
    why = {"status_code": "QueryRefused", "status_message": "Table 'patients' allows no such query."}
    end(room, "protected_queries", query, Event.STARTED, Event.FAILED, **why)
    *_, last = log_of(room, BOB)
    assert (last["status"], last["errorCode"], last["errorMessage"]) == ("FAILED", *why.values())
    assert [table["access"] for table in last["tables"]] == ["NOT_READ"]


def test_a_query_that_was_cancelled_before_it_began_has_read_nothing_and_one_that_had_begun_may_have(
    room: Room,
) -> None:
    first, second = ask(room), ask(room)
    end(room, "protected_queries", second, Event.STARTED)
    access = {}
    for query in (first, second):
        here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query}
        room.server.cleanrooms(ALICE, "UpdateProtectedQuery", **here, targetStatus="CANCELLED")
        end(room, "protected_queries", query, Event.STOPPED)
        *_, last = log_of(room, BOB, query)
        assert last["status"] == "CANCELLED"
        access[query] = last["tables"][0]["access"]
    assert access == {first: "NOT_READ", second: "MAY_HAVE_BEEN_READ"}


def test_what_a_failed_program_said_is_in_no_log(room: Room) -> None:
    model = room.model("trial", room.active_channel())["trainedModelArn"].rpartition("/")[2]
    why = {
        "status_code": "AlgorithmError",
        "status_message": "ValueError: patient 4711",
        "run_started_at": room.server.now,
    }
    end(room, "trained_models", model, Event.STARTED, Event.FAILED, **why)
    for account in (ALICE, BOB):
        *_, last = log_of(room, account, "TRAINING")
        assert (last["logStage"], last["status"], last["errorCode"]) == ("TERMINATION", "FAILED", "AlgorithmError")
        assert "4711" not in json.dumps(last)


def test_the_end_of_a_training_is_told_once_though_its_model_is_deleted_later(room: Room) -> None:
    model = room.model("trial", room.active_channel())["trainedModelArn"].rpartition("/")[2]
    end(room, "trained_models", model, Event.STARTED, Event.SUCCEEDED, run_started_at=room.server.now)
    end(room, "trained_models", model, Event.DELETE, Event.ERASING, Event.ERASED)
    stages = [(event["logStage"], event["status"]) for event in log_of(room, BOB, "TRAINING")]
    assert stages == [("SUBMISSION", "SUBMITTED"), ("TERMINATION", "SUCCESS")]


def test_the_end_reaches_an_owner_that_has_left_meanwhile(room: Room) -> None:
    query = ask(room)
    room.server.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=room.collaboration_id, accountId=BOB)
    end(room, "protected_queries", query, Event.STARTED, Event.FAILED, status_code="DataError", status_message="Gone.")
    assert [event["logStage"] for event in log_of(room, BOB)] == ["SUBMISSION", "TERMINATION"]
