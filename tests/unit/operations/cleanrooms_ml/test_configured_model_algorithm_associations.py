from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, Office
from support.ml import EXPORTS, Studio, a_studio, arn_of
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.quotas import Quota

CREATE = "CreateConfiguredModelAlgorithmAssociation"
DELETE = "DeleteConfiguredModelAlgorithmAssociation"
GET = "GetConfiguredModelAlgorithmAssociation"
GET_SHARED = "GetCollaborationConfiguredModelAlgorithmAssociation"
LIST_SHARED = "ListCollaborationConfiguredModelAlgorithmAssociations"


@pytest.fixture
def studio(office: Office) -> Studio:
    return a_studio(office)


def test_its_owner_reads_an_association_as_it_was_given(studio: Studio) -> None:
    arn = studio.association(name="tree", policies=EXPORTS, description="A tree.", tags={"team": "a"})
    answer = studio.call(GET, CAROL, configuredModelAlgorithmAssociationArn=arn)
    assert answer["name"] == "tree"
    assert answer["description"] == "A tree."
    assert answer["configuredModelAlgorithmArn"] == studio.algorithm_arn
    assert answer["membershipIdentifier"] == studio.room.membership(CAROL)
    assert answer["privacyConfiguration"] == {"policies": EXPORTS}
    assert answer["tags"] == {"team": "a"}
    assert f":{CAROL}:membership/{studio.room.membership(CAROL)}/configured-model-algorithm-association/" in arn


def test_every_member_reads_the_policy_and_nobody_else_the_tags(studio: Studio) -> None:
    arn = studio.association(name="tree", policies=EXPORTS, tags={"team": "a"})
    for account_id in (ALICE, BOB, CAROL):
        answer = studio.call(GET_SHARED, account_id, configuredModelAlgorithmAssociationArn=arn)
        assert answer["privacyConfiguration"] == {"policies": EXPORTS}
        assert answer["creatorAccountId"] == CAROL
        assert "tags" not in answer
        names = [
            item["name"]
            for item in studio.call(LIST_SHARED, account_id)["collaborationConfiguredModelAlgorithmAssociations"]
        ]
        assert names == ["tree", "forest"]


def test_another_member_does_not_find_it_in_its_own_membership(studio: Studio) -> None:
    arn = studio.association_arn
    studio.refused(ResourceNotFound, GET, ALICE, configuredModelAlgorithmAssociationArn=arn)
    studio.refused(ResourceNotFound, DELETE, ALICE, configuredModelAlgorithmAssociationArn=arn)
    assert studio.call("ListConfiguredModelAlgorithmAssociations", ALICE) == {
        "configuredModelAlgorithmAssociations": [],
        "nextToken": None,
    }


@pytest.mark.parametrize("operation", [GET, DELETE, "ListConfiguredModelAlgorithmAssociations", CREATE])
def test_another_accounts_membership_is_denied(studio: Studio, operation: str) -> None:
    request: dict[str, Any] = {"membershipIdentifier": studio.room.membership(CAROL)}
    if operation == CREATE:
        request |= {"name": "x", "configuredModelAlgorithmArn": studio.algorithm_arn}
    elif not operation.startswith("List"):
        request["configuredModelAlgorithmAssociationArn"] = studio.association_arn
    studio.refused(AccessDenied, operation, BOB, **request)


@pytest.mark.parametrize("operation", [GET_SHARED, LIST_SHARED])
def test_a_stranger_sees_nothing_of_the_collaboration(studio: Studio, operation: str) -> None:
    request = {} if operation == LIST_SHARED else {"configuredModelAlgorithmAssociationArn": studio.association_arn}
    studio.refused(AccessDenied, operation, DAVE, **request)


def test_an_association_that_is_not_there_is_not_found(studio: Studio) -> None:
    unknown = arn_of("configured-model-algorithm-association", studio.room.membership(CAROL), CAROL)
    for operation in (GET, DELETE, GET_SHARED):
        studio.refused(ResourceNotFound, operation, CAROL, configuredModelAlgorithmAssociationArn=unknown)


def test_only_its_owner_associates_an_algorithm(studio: Studio) -> None:
    studio.refused(AccessDenied, CREATE, ALICE, name="mine", configuredModelAlgorithmArn=studio.algorithm_arn)


def test_an_algorithm_that_is_not_there_is_not_found(studio: Studio) -> None:
    unknown = studio.algorithm_arn[:-12] + "ffffffffffff"
    studio.refused(ResourceNotFound, CREATE, CAROL, name="x", configuredModelAlgorithmArn=unknown)


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
def test_a_policy_that_does_not_hold_together_is_refused(studio: Studio, logs: Any, reason: str) -> None:
    policies = {"trainedModels": {"containerLogs": [logs]}}
    request = {"name": "x", "configuredModelAlgorithmArn": studio.algorithm_arn}
    privacy = {"policies": policies}
    assert reason in studio.refused(ValidationFault, CREATE, CAROL, privacyConfiguration=privacy, **request)


def test_names_are_unique_in_a_membership(studio: Studio) -> None:
    request = {"name": "forest", "configuredModelAlgorithmArn": studio.algorithm_arn}
    studio.refused(Conflict, CREATE, CAROL, **request)
    mine = studio.algorithm(ALICE)
    studio.association(ALICE, "forest", mine)


def test_the_quota_is_kept(studio: Studio) -> None:
    studio.office.set_quota(Quota.ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP, 1)
    request = {"name": "tree", "configuredModelAlgorithmArn": studio.algorithm_arn}
    studio.refused(QuotaExceeded, CREATE, CAROL, **request)


def test_an_association_is_held_by_a_live_channel_and_model(studio: Studio) -> None:
    arn = studio.association_arn
    channel = studio.active_channel()
    assert channel in studio.refused(Conflict, DELETE, CAROL, configuredModelAlgorithmAssociationArn=arn)
    model = studio.active_model("m", channel)
    studio.call("DeleteMLInputChannelData", mlInputChannelArn=channel)
    message = studio.refused(Conflict, DELETE, CAROL, configuredModelAlgorithmAssociationArn=arn)
    assert model["trainedModelArn"] in message


def test_all_is_taken_down_in_one_go_without_waiting(studio: Studio) -> None:
    """The order of AWS's sample: jobs, models, channels, association, algorithm."""
    studio.configure(CAROL)
    channel = studio.active_channel()
    model = studio.active_model("done", channel)["trainedModelArn"]
    running = studio.model("running", channel)
    studio.advance_model(running, Event.STARTED)
    job = studio.inference_job("job", model, channel)
    studio.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    studio.call("CancelTrainedModel", trainedModelArn=running["trainedModelArn"])
    studio.call("DeleteTrainedModelOutput", trainedModelArn=model)
    studio.call("DeleteMLInputChannelData", mlInputChannelArn=channel)
    studio.call(DELETE, CAROL, configuredModelAlgorithmAssociationArn=studio.association_arn)
    studio.office.ml(CAROL, "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=studio.algorithm_arn)
    answer = studio.call("GetTrainedModel", trainedModelArn=model)
    assert (answer["status"], answer["configuredModelAlgorithmAssociationArn"]) == (
        "DELETE_PENDING",
        studio.association_arn,
    )
