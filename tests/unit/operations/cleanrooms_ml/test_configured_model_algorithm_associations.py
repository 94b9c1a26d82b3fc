from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, EXPORTS, arn_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.quotas import Quota

CREATE = "CreateConfiguredModelAlgorithmAssociation"
DELETE = "DeleteConfiguredModelAlgorithmAssociation"
GET = "GetConfiguredModelAlgorithmAssociation"
GET_SHARED = "GetCollaborationConfiguredModelAlgorithmAssociation"
LIST_SHARED = "ListCollaborationConfiguredModelAlgorithmAssociations"


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


def test_its_owner_reads_an_association_as_it_was_given(room: Room) -> None:
    arn = room.association(name="tree", policies=EXPORTS, description="A tree.", tags={"team": "a"})
    answer = room.call(GET, CAROL, configuredModelAlgorithmAssociationArn=arn)
    assert answer["name"] == "tree"
    assert answer["description"] == "A tree."
    assert answer["configuredModelAlgorithmArn"] == room.algorithm_arn
    assert answer["membershipIdentifier"] == room.membership(CAROL)
    assert answer["privacyConfiguration"] == {"policies": EXPORTS}
    assert answer["tags"] == {"team": "a"}
    assert f":{CAROL}:membership/{room.membership(CAROL)}/configured-model-algorithm-association/" in arn


def test_every_member_reads_the_policy_and_nobody_else_the_tags(room: Room) -> None:
    arn = room.association(name="tree", policies=EXPORTS, tags={"team": "a"})
    for account_id in (ALICE, BOB, CAROL):
        answer = room.call(GET_SHARED, account_id, configuredModelAlgorithmAssociationArn=arn)
        assert answer["privacyConfiguration"] == {"policies": EXPORTS}
        assert answer["creatorAccountId"] == CAROL
        assert "tags" not in answer
        names = [
            item["name"]
            for item in room.call(LIST_SHARED, account_id)["collaborationConfiguredModelAlgorithmAssociations"]
        ]
        assert names == ["tree", "forest"]


def test_another_member_does_not_find_it_in_its_own_membership(room: Room) -> None:
    arn = room.association_arn
    room.refused(ResourceNotFound, GET, ALICE, configuredModelAlgorithmAssociationArn=arn)
    room.refused(ResourceNotFound, DELETE, ALICE, configuredModelAlgorithmAssociationArn=arn)
    assert room.call("ListConfiguredModelAlgorithmAssociations", ALICE) == {
        "configuredModelAlgorithmAssociations": [],
        "nextToken": None,
    }


@pytest.mark.parametrize("operation", [GET, DELETE, "ListConfiguredModelAlgorithmAssociations", CREATE])
def test_another_accounts_membership_is_denied(room: Room, operation: str) -> None:
    request: dict[str, Any] = {"membershipIdentifier": room.membership(CAROL)}
    if operation == CREATE:
        request |= {"name": "x", "configuredModelAlgorithmArn": room.algorithm_arn}
    elif not operation.startswith("List"):
        request["configuredModelAlgorithmAssociationArn"] = room.association_arn
    room.refused(AccessDenied, operation, BOB, **request)


@pytest.mark.parametrize("operation", [GET_SHARED, LIST_SHARED])
def test_a_stranger_sees_nothing_of_the_collaboration(room: Room, operation: str) -> None:
    request = {} if operation == LIST_SHARED else {"configuredModelAlgorithmAssociationArn": room.association_arn}
    room.refused(AccessDenied, operation, DAVE, **request)


def test_an_association_that_is_not_there_is_not_found(room: Room) -> None:
    unknown = arn_of("configured-model-algorithm-association", room.membership(CAROL), CAROL)
    for operation in (GET, DELETE, GET_SHARED):
        room.refused(ResourceNotFound, operation, CAROL, configuredModelAlgorithmAssociationArn=unknown)


def test_only_its_owner_associates_an_algorithm(room: Room) -> None:
    room.refused(AccessDenied, CREATE, ALICE, name="mine", configuredModelAlgorithmArn=room.algorithm_arn)


def test_an_algorithm_that_is_not_there_is_not_found(room: Room) -> None:
    unknown = room.algorithm_arn[:-12] + "ffffffffffff"
    room.refused(ResourceNotFound, CREATE, CAROL, name="x", configuredModelAlgorithmArn=unknown)


@pytest.mark.parametrize(
    ("logs", "reason"),
    [
        ({"allowedAccountIds": [DAVE]}, DAVE),
        ({"allowedAccountIds": [ALICE], "filterPattern": "["}, "does not compile"),
        ({"allowedAccountIds": [ALICE], "logRedactionConfiguration": {"entitiesToRedact": ["CUSTOM"]}}, "CUSTOM"),
        (
            {
                "allowedAccountIds": [ALICE],
                "logRedactionConfiguration": {
                    "entitiesToRedact": ["CUSTOM"],
                    "customEntityConfig": {"customDataIdentifiers": ["(a+"]},
                },
            },
            "(a+",
        ),
    ],
)
def test_a_policy_that_does_not_hold_together_is_refused(room: Room, logs: Any, reason: str) -> None:
    policies = {"trainedModels": {"containerLogs": [logs]}}
    request = {"name": "x", "configuredModelAlgorithmArn": room.algorithm_arn}
    privacy = {"policies": policies}
    assert reason in room.refused(ValidationFault, CREATE, CAROL, privacyConfiguration=privacy, **request)


def test_names_are_unique_in_a_membership(room: Room) -> None:
    request = {"name": "forest", "configuredModelAlgorithmArn": room.algorithm_arn}
    room.refused(Conflict, CREATE, CAROL, **request)
    mine = room.algorithm(ALICE)
    room.association(ALICE, "forest", mine)


def test_the_quota_is_kept(room: Room) -> None:
    room.server.set_quota(Quota.ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP, 1)
    request = {"name": "tree", "configuredModelAlgorithmArn": room.algorithm_arn}
    room.refused(QuotaExceeded, CREATE, CAROL, **request)


def test_an_association_is_held_by_a_live_channel_and_model(room: Room) -> None:
    arn = room.association_arn
    channel = room.active_channel()
    assert channel in room.refused(Conflict, DELETE, CAROL, configuredModelAlgorithmAssociationArn=arn)
    model = room.active_model("m", channel)
    room.call("DeleteMLInputChannelData", mlInputChannelArn=channel)
    message = room.refused(Conflict, DELETE, CAROL, configuredModelAlgorithmAssociationArn=arn)
    assert model["trainedModelArn"] in message


def test_all_is_taken_down_in_one_go_without_waiting(room: Room) -> None:
    """The order of AWS's sample: jobs, models, channels, association, algorithm."""
    room.configure(CAROL)
    channel = room.active_channel()
    model = room.active_model("done", channel)["trainedModelArn"]
    running = room.model("running", channel)
    room.advance_model(running, Event.STARTED)
    job = room.inference_job("job", model, channel)
    room.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    room.call("CancelTrainedModel", trainedModelArn=running["trainedModelArn"])
    room.call("DeleteTrainedModelOutput", trainedModelArn=model)
    room.call("DeleteMLInputChannelData", mlInputChannelArn=channel)
    room.call(DELETE, CAROL, configuredModelAlgorithmAssociationArn=room.association_arn)
    room.server.ml(CAROL, "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=room.algorithm_arn)
    answer = room.call("GetTrainedModel", trainedModelArn=model)
    assert (answer["status"], answer["configuredModelAlgorithmAssociationArn"]) == (
        "DELETE_PENDING",
        room.association_arn,
    )
