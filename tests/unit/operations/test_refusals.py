"""Attempts that are refused: what members read of them in their analysis logs."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.revoking import WAYS, Owner
from support.worlds.requests import ALICE, BOB, CAROL, DAVE, NOW, REGION, SQL
from support.worlds.rooms import Room
from support.worlds.servers import Server
from unit.operations.logged_room import a_logged_room, ask, log_of
from whiteroom.base.faults import AccessDenied, Conflict, Fault, ResourceNotFound, ValidationFault
from whiteroom.domain.observability.analysis_logs import REFUSED_TO_ANOTHER
from whiteroom.operations.refusals import A_MINUTE, RefusalCount


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Room:
    return a_logged_room(server, tmp_path)


def test_a_query_that_is_refused_at_once_is_an_event_for_the_tables_owner(room: Room) -> None:
    with pytest.raises(AccessDenied) as caught:
        ask(room, account=CAROL)
    (event,) = log_of(room, BOB)
    assert (event["logStage"], event["status"], event["queryRunners"]) == ("SUBMISSION", "REFUSED", [CAROL])
    assert event["errorCode"] == "AccessDeniedException"
    assert event["queryValidationErrors"] == [event["errorMessage"]] == [caught.value.message]
    assert [table["access"] for table in event["tables"]] == ["NOT_READ"]
    assert event["queryText"] == SQL


def test_a_query_over_a_spent_budget_is_an_event_and_leaves_no_query(room: Room) -> None:
    server = room.server
    place = f"membership/{room.membership(BOB)}/configuredtableassociation/{room.table.association_id}"
    budget = {
        "budgetParameters": [{"type": "LIFETIME", "budget": 1}],
        "resourceArn": f"arn:aws:cleanrooms:{REGION}:{BOB}:{place}",
    }
    here = {"membershipIdentifier": room.membership(BOB), "privacyBudgetType": "ACCESS_BUDGET"}
    server.cleanrooms(BOB, "CreatePrivacyBudgetTemplate", **here, parameters={"accessBudget": budget})
    ask(room)
    with pytest.raises(AccessDenied):
        ask(room)
    assert [event["status"] for event in log_of(room, BOB)] == ["SUBMITTED", "REFUSED"]
    with server.store.reading() as tx:
        assert tx.protected_queries.count(9, membership_id=room.membership(ALICE)) == 1


@pytest.mark.parametrize("operation", ["CreateMLInputChannel", "CreateTrainedModel", "StartTrainedModelInferenceJob"])
def test_channels_and_jobs_that_are_refused_are_events(room: Room, operation: str) -> None:
    channel = room.active_channel()
    model = room.active_model("trial", channel)["trainedModelArn"]
    requests = {
        "CreateMLInputChannel": room.channel_request("mine"),
        "CreateTrainedModel": room.training_request("mine", channel),
        "StartTrainedModelInferenceJob": room.inference_request("mine", model, channel),
    }
    before = len(log_of(room, BOB))
    room.refused(AccessDenied, operation, CAROL, **requests[operation])
    *rest, event = log_of(room, BOB)
    assert len(rest) == before
    assert (event["status"], event["memberDisplayNames"][CAROL]) == ("REFUSED", "Carol")
    assert event["configuredTableId"] == room.table.configured_table_id


def test_an_export_that_is_refused_is_an_event(room: Room) -> None:
    model = room.active_model("trial", room.active_channel())["trainedModelArn"]
    room.refused(AccessDenied, "StartTrainedModelExportJob", CAROL, **room.export_request("out", model))
    *_, event = log_of(room, BOB)
    assert (event["analysisCategory"], event["status"], event["trainedModelArn"]) == ("EXPORT", "REFUSED", model)


def test_attempts_of_an_incremental_training_that_is_refused_name_the_tables_of_its_base(room: Room) -> None:
    base = room.active_model("base", room.active_channel())
    request = room.training_request("base", arn_of_no_channel(room))
    incremental = [{"trainedModelArn": base["trainedModelArn"], "channelName": "base"}]
    room.refused(ResourceNotFound, "CreateTrainedModel", ALICE, **request, incrementalTrainingDataChannels=incremental)
    *_, event = log_of(room, BOB)
    assert (event["status"], event["errorCode"]) == ("REFUSED", "ResourceNotFoundException")


@pytest.mark.parametrize(
    "operation", ["CreateTrainedModel", "StartTrainedModelInferenceJob", "StartTrainedModelExportJob"]
)
def test_a_refused_attempt_does_not_tell_who_made_it_which_tables_lie_behind_what_is_anothers(
    room: Room, operation: str
) -> None:
    channel = room.active_channel()
    model = room.active_model("trial", channel)["trainedModelArn"]
    requests = {
        "CreateTrainedModel": room.training_request("mine", channel),
        "StartTrainedModelInferenceJob": room.inference_request("mine", model, channel),
        "StartTrainedModelExportJob": room.export_request("mine", model),
    }
    room.refused(AccessDenied, operation, CAROL, **requests[operation])
    *_, told = log_of(room, CAROL)
    assert (told["status"], told["tables"], told["memberSchemaMapping"]) == ("REFUSED", [], {})
    assert told["memberDisplayNames"] == {CAROL: "Carol"}
    assert "patients" not in json.dumps(told)
    *_, owners = log_of(room, BOB)
    assert (owners["status"], owners["schemaName"]) == ("REFUSED", "patients")


def test_a_refused_attempt_tells_who_made_it_the_tables_behind_its_own_channels_and_models(room: Room) -> None:
    model = room.active_model("trial", room.active_channel())["trainedModelArn"]
    room.refused(AccessDenied, "StartTrainedModelExportJob", **room.export_request("out", model, BOB))
    *_, told = log_of(room, ALICE)
    assert (told["status"], told["memberSchemaMapping"]) == ("REFUSED", {BOB: ["patients"]})


@pytest.mark.parametrize("way", ["the rule is deleted", "a column is not shown any more"])
def test_why_a_job_was_refused_is_told_to_who_asked_alone(room: Room, way: str) -> None:
    channel = room.active_channel("secret-study")
    WAYS[way](Owner(room))
    said = room.refused(AccessDenied, "CreateTrainedModel", **room.training_request("mine", channel))
    assert "secret-study" in said
    messages = {account: log_of(room, account)[-1]["errorMessage"] for account in (ALICE, BOB)}
    assert messages == {ALICE: said, BOB: REFUSED_TO_ANOTHER}


def arn_of_no_channel(room: Room) -> str:
    membership = room.membership(ALICE)
    return f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:membership/{membership}/ml-input-channel/{membership}"


def test_whoever_asks_in_the_name_of_another_leaves_no_event_in_anybodys_log(room: Room) -> None:
    with pytest.raises(AccessDenied):
        room.server.cleanrooms(
            DAVE,
            "StartProtectedQuery",
            type="SQL",
            membershipIdentifier=room.membership(ALICE),
            sqlParameters={"queryString": SQL},
        )
    for account in (ALICE, BOB, CAROL):
        assert log_of(room, account) == []


NO_TEMPLATE = f"arn:aws:cleanrooms:{REGION}:{ALICE}:membership/{'0' * 8}-0000-0000-0000-{'0' * 12}/analysistemplate/x"


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        (ValidationFault, {"queryString": SQL, "parameters": {"a": "1"}}),
        (ResourceNotFound, {"analysisTemplateArn": NO_TEMPLATE}),
        (ValidationFault, {}),
    ],
)
def test_requests_that_make_no_sense_are_refused_and_logged(
    room: Room, fault: type[Fault], parameters: dict[str, Any]
) -> None:
    with pytest.raises(fault):
        ask(room, sqlParameters=parameters)
    assert [event["status"] for event in log_of(room, ALICE)] == ["REFUSED"]


def test_the_text_of_a_refused_attempt_is_cut_and_its_digest_is_of_the_whole(room: Room) -> None:
    text = f"SELECT age FROM patients -- {'x' * 100_000}"
    with pytest.raises(AccessDenied):
        ask(room, text, account=CAROL)
    ask(room, text)
    refused, started = log_of(room, BOB)
    assert (len(refused["queryText"]), refused["queryTextCut"]) == (4_096, True)
    assert refused["queryTextSha256"] == started["queryTextSha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (started["queryText"], started.get("queryTextCut")) == (text, None)


def test_endless_refused_attempts_of_one_account_do_not_fill_the_logs() -> None:
    count, now = RefusalCount(), NOW
    assert [count.one_more(ALICE, now) for _ in range(A_MINUTE + 2)] == [True] * A_MINUTE + [False, False]
    assert count.one_more(BOB, now)
    assert count.one_more(ALICE, now + timedelta(minutes=1))


def test_a_conflict_is_a_refusal_too(room: Room) -> None:
    channel = room.channel("rows")
    room.refused(Conflict, "CreateTrainedModel", ALICE, **room.training_request("trial", channel))
    *_, event = log_of(room, ALICE)
    assert (event["status"], event["errorCode"]) == ("REFUSED", "ConflictException")
