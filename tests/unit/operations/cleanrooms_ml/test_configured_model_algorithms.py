from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, REGION, SERVER, TRAINER, role_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, Fault, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.quotas import Quota

KEY = f"arn:aws:kms:{REGION}:{CAROL}:key/1"
UNKNOWN = f"arn:aws:cleanrooms-ml:{REGION}:{CAROL}:configured-model-algorithm/ffffffff-ffff-4fff-8fff-ffffffffffff"


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


def refused(server: Server, fault: type[Fault], operation: str, /, **request: Any) -> str:
    with pytest.raises(fault) as caught:
        server.ml(CAROL, operation, **request)
    return caught.value.message


def a_request(**changes: Any) -> dict[str, Any]:
    return {"name": "forest", "roleArn": role_of(CAROL), "trainingContainerConfig": TRAINER, **changes}


def test_an_algorithm_is_answered_as_it_was_given(server: Server) -> None:
    training = {
        **TRAINER,
        "entrypoint": ["python", "train.py"],
        "arguments": ["--depth", "3"],
        "metricDefinitions": [{"name": "loss", "regex": "loss=([0-9.]+)"}],
    }
    request = a_request(
        trainingContainerConfig=training,
        inferenceContainerConfig=SERVER,
        description="A forest.",
        kmsKeyArn=KEY,
        tags={"team": "a"},
    )
    arn = server.ml(CAROL, "CreateConfiguredModelAlgorithm", **request)["configuredModelAlgorithmArn"]
    answer = server.ml(CAROL, "GetConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    assert {name: answer[name] for name in request} == request
    assert answer["createTime"] == answer["updateTime"]


def test_what_was_left_out_stays_out(server: Server) -> None:
    arn = server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request())["configuredModelAlgorithmArn"]
    answer = server.ml(CAROL, "GetConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    absent = ("inferenceContainerConfig", "description", "kmsKeyArn", "tags")
    assert {name for name in absent if answer[name] is not None} == set()


def test_an_algorithm_without_a_container_is_refused(server: Server) -> None:
    message = refused(server, ValidationFault, "CreateConfiguredModelAlgorithm", name="none", roleArn=role_of(CAROL))
    assert "neither a trainingContainerConfig nor an inferenceContainerConfig" in message


def test_a_role_of_another_account_is_refused(server: Server) -> None:
    refused(server, AccessDenied, "CreateConfiguredModelAlgorithm", **a_request(roleArn=role_of(BOB)))


@pytest.mark.parametrize(
    ("regex", "taken"),
    [
        ("loss=(.*)", True),
        ("(?<=loss=)([0-9]+)", True),
        (r"(a)\1", True),
        ("loss=(", False),
        ("*", False),
        ("a{2,1}", False),
        ("loss=.*", False),
    ],
)
def test_a_metric_is_read_by_an_expression_that_compiles(server: Server, regex: str, taken: bool) -> None:
    training = {**TRAINER, "metricDefinitions": [{"name": "loss", "regex": regex}]}
    request = a_request(trainingContainerConfig=training)
    if taken:
        server.ml(CAROL, "CreateConfiguredModelAlgorithm", **request)
    else:
        answer = refused(server, ValidationFault, "CreateConfiguredModelAlgorithm", **request)
        assert answer.startswith(f"The metric 'loss' has the regular expression {regex!r}, which cannot be used: ")


def test_names_are_unique_in_an_account(server: Server) -> None:
    server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request())
    server.ml(BOB, "CreateConfiguredModelAlgorithm", **a_request(roleArn=role_of(BOB)))
    assert "'forest'" in refused(server, Conflict, "CreateConfiguredModelAlgorithm", **a_request())


def test_the_quota_is_kept(server: Server) -> None:
    server.set_quota(Quota.ALGORITHMS_PER_ACCOUNT, 1)
    server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request())
    with pytest.raises(QuotaExceeded) as caught:
        server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request(name="other"))
    assert caught.value.members == {"quotaName": "configured-model-algorithms-per-account", "quotaValue": 1.0}


def test_tags_that_aws_reserves_are_refused(server: Server) -> None:
    refused(server, ValidationFault, "CreateConfiguredModelAlgorithm", **a_request(tags={"aws:team": "a"}))


@pytest.mark.parametrize("operation", ["GetConfiguredModelAlgorithm", "DeleteConfiguredModelAlgorithm"])
def test_an_algorithm_is_for_its_owner_alone(server: Server, operation: str) -> None:
    arn = server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request())["configuredModelAlgorithmArn"]
    with pytest.raises(AccessDenied):
        server.ml(ALICE, operation, configuredModelAlgorithmArn=arn)
    with pytest.raises(AccessDenied):  # and whether it exists is not told
        server.ml(ALICE, operation, configuredModelAlgorithmArn=UNKNOWN)
    with pytest.raises(ResourceNotFound):
        server.ml(CAROL, operation, configuredModelAlgorithmArn=UNKNOWN)


def test_algorithms_are_listed_newest_first_and_by_page(server: Server) -> None:
    for number in range(3):
        server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request(name=f"forest {number}"))
    server.ml(BOB, "CreateConfiguredModelAlgorithm", **a_request(roleArn=role_of(BOB)))
    first = server.ml(CAROL, "ListConfiguredModelAlgorithms", maxResults=2)
    rest = server.ml(CAROL, "ListConfiguredModelAlgorithms", maxResults=2, nextToken=first["nextToken"])
    names = [item["name"] for page in (first, rest) for item in page["configuredModelAlgorithms"]]
    assert names == ["forest 2", "forest 1", "forest 0"]
    assert rest["nextToken"] is None


def test_a_token_of_another_account_is_refused(server: Server) -> None:
    for number in range(2):
        server.ml(CAROL, "CreateConfiguredModelAlgorithm", **a_request(name=f"forest {number}"))
    token = server.ml(CAROL, "ListConfiguredModelAlgorithms", maxResults=1)["nextToken"]
    with pytest.raises(ValidationFault):
        server.ml(BOB, "ListConfiguredModelAlgorithms", nextToken=token)


def test_an_algorithm_is_deleted_when_nothing_uses_it(room: Room) -> None:
    server = room.server
    arn = room.algorithm_arn
    message = refused(server, Conflict, "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    assert room.association_arn in message
    room.call(
        "DeleteConfiguredModelAlgorithmAssociation",
        CAROL,
        configuredModelAlgorithmAssociationArn=room.association_arn,
    )
    server.ml(CAROL, "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    refused(server, ResourceNotFound, "GetConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    room.algorithm()  # the name is free again
