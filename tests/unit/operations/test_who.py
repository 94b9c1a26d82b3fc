"""Every event that an operation leaves names the user whose doing it was."""

from __future__ import annotations

import pytest

from support.worlds.requests import ALICE, CAROL
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.callers import Principal, Role
from whiteroom.domain.observability.events import ResourceEvent

ZOE = Principal("zoe", Role.ANALYST, unique_id="AIDAZOE")
SESSION = Principal("zoe", Role.ANALYST, "nightly/monday", "AROANIGHTLY")


def trail(server: Server, arn: str) -> list[ResourceEvent]:
    """The events that were no controller's."""
    with server.store.reading() as tx:
        return [event for event in tx.events(arn) if event.actor != "controller"]


def everything(room: Room) -> dict[str, list[str]]:
    """Every operation that leaves an event, once; the ARNs by what was made, with the events expected of each."""
    server = room.server
    channel = room.active_channel()
    model = room.active_model("model", channel)["trainedModelArn"]
    job = room.inference_job("job", model, channel)
    room.call("StartTrainedModelExportJob", **room.export_request("export", model))
    cancelled = room.model("cancelled", channel)["trainedModelArn"]
    room.call("CancelTrainedModel", trainedModelArn=cancelled)
    room.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    erased = room.active_channel("erased")
    room.call("DeleteMLInputChannelData", mlInputChannelArn=erased)
    gone = room.active_model("gone", channel)["trainedModelArn"]
    room.call("DeleteTrainedModelOutput", trainedModelArn=gone)
    query = server.cleanrooms(
        ALICE,
        "StartProtectedQuery",
        membershipIdentifier=room.membership(ALICE),
        type="SQL",
        sqlParameters={"queryString": "SELECT age FROM patients"},
        resultConfiguration={
            "outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "results", "keyPrefix": "alice"}}
        },
    )["protectedQuery"]
    server.cleanrooms(
        ALICE,
        "UpdateProtectedQuery",
        membershipIdentifier=room.membership(ALICE),
        protectedQueryIdentifier=query["id"],
        targetStatus="CANCELLED",
    )
    query_arn = f"{query['membershipArn']}/protectedquery/{query['id']}"
    return {
        channel: ["created"],
        model: ["created", "created"],  # it, and its export
        job: ["created", "cancel"],
        cancelled: ["created", "cancel"],
        erased: ["created", "delete"],
        gone: ["created", "delete"],
        query_arn: ["created", "cancel"],
    }


@pytest.mark.parametrize(
    ("principal", "arn"),
    [
        (ZOE, f"arn:aws:iam::{ALICE}:user/zoe"),
        (SESSION, f"arn:aws:sts::{ALICE}:assumed-role/nightly/monday"),
    ],
)
def test_every_event_names_the_user_also_where_it_has_assumed_a_role(
    server: Server, principal: Principal, arn: str
) -> None:
    room = a_furnished_room(server)
    room.configure(CAROL)
    server.principal = principal
    for made, expected in everything(room).items():
        events = trail(server, made)
        assert [event.event.value for event in events] == expected
        assert {(event.actor, event.user, event.principal) for event in events} == {(ALICE, "zoe", arn)}
