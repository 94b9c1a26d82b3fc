"""Every event that an operation leaves names the user whose doing it was."""

from __future__ import annotations

import pytest

from support.cleanrooms import ALICE, CAROL, Office
from support.ml import Studio, a_studio
from whiteroom.base.callers import Principal, Role
from whiteroom.domain.observability.events import ResourceEvent

ZOE = Principal("zoe", Role.ANALYST, unique_id="AIDAZOE")
SESSION = Principal("zoe", Role.ANALYST, "nightly/monday", "AROANIGHTLY")


def trail(office: Office, arn: str) -> list[ResourceEvent]:
    """The events that were no controller's."""
    with office.store.reading() as tx:
        return [event for event in tx.events(arn) if event.actor != "controller"]


def everything(studio: Studio) -> dict[str, list[str]]:
    """Every operation that leaves an event, once; the ARNs by what was made, with the events expected of each."""
    office = studio.office
    channel = studio.active_channel()
    model = studio.active_model("model", channel)["trainedModelArn"]
    job = studio.inference_job("job", model, channel)
    studio.call("StartTrainedModelExportJob", **studio.export_request("export", model))
    cancelled = studio.model("cancelled", channel)["trainedModelArn"]
    studio.call("CancelTrainedModel", trainedModelArn=cancelled)
    studio.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    erased = studio.active_channel("erased")
    studio.call("DeleteMLInputChannelData", mlInputChannelArn=erased)
    gone = studio.active_model("gone", channel)["trainedModelArn"]
    studio.call("DeleteTrainedModelOutput", trainedModelArn=gone)
    query = office.cleanrooms(
        ALICE,
        "StartProtectedQuery",
        membershipIdentifier=studio.room.membership(ALICE),
        type="SQL",
        sqlParameters={"queryString": "SELECT age FROM patients"},
        resultConfiguration={
            "outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "results", "keyPrefix": "alice"}}
        },
    )["protectedQuery"]
    office.cleanrooms(
        ALICE,
        "UpdateProtectedQuery",
        membershipIdentifier=studio.room.membership(ALICE),
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
    office: Office, principal: Principal, arn: str
) -> None:
    studio = a_studio(office)
    studio.configure(CAROL)
    office.principal = principal
    for made, expected in everything(studio).items():
        events = trail(office, made)
        assert [event.event.value for event in events] == expected
        assert {(event.actor, event.user, event.principal) for event in events} == {(ALICE, "zoe", arn)}
