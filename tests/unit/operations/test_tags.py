from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, REGION, arn_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Fault, ResourceNotFound, ValidationFault

KINDS_ML = ("algorithm", "association", "channel", "model", "job")
KINDS = ("collaboration", "membership", "configuredtable", "configuredtableassociation", "analysistemplate")


@pytest.fixture
def room(server: Server) -> Room:
    room = a_furnished_room(server)
    room.configure(CAROL)
    return room


def ml_resource(room: Room, kind: str) -> tuple[str, str]:
    """Owner and ARN of something of `cleanrooms-ml`."""
    if kind == "algorithm":
        return CAROL, room.algorithm_arn
    if kind == "association":
        return CAROL, room.association_arn
    channel = room.active_channel()
    if kind == "channel":
        return ALICE, channel
    model = room.active_model("forest", channel)["trainedModelArn"]
    return ALICE, model if kind == "model" else room.inference_job("scores", model, channel)


def resource(room: Room, kind: str) -> tuple[str, str]:
    """Owner and ARN of something of `cleanrooms`."""
    server = room.server
    bob = f"arn:aws:cleanrooms:{REGION}:{BOB}"
    match kind:
        case "collaboration":
            return ALICE, f"arn:aws:cleanrooms:{REGION}:{ALICE}:collaboration/{room.collaboration_id}"
        case "membership":
            return BOB, f"{bob}:membership/{room.membership(BOB)}"
        case "configuredtable":
            return BOB, f"{bob}:configuredtable/{room.table.configured_table_id}"
        case "configuredtableassociation":
            return BOB, f"{bob}:configuredtableassociation/{room.membership(BOB)}/{room.table.association_id}"
    answer = server.cleanrooms(
        BOB,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(BOB),
        name="template",
        format="SQL",
        source={"text": "SELECT age FROM patients"},
    )
    return BOB, answer["analysisTemplate"]["arn"]


def tags_of(room: Room, account_id: str, arn: str) -> Any:
    return room.server.ml(account_id, "ListTagsForResource", resourceArn=arn)["tags"]


@pytest.mark.parametrize("kind", KINDS_ML)
def test_tags_are_added_replaced_and_removed(room: Room, kind: str) -> None:
    owner, arn = ml_resource(room, kind)
    server = room.server
    assert tags_of(room, owner, arn) == {}
    server.ml(owner, "TagResource", resourceArn=arn, tags={"team": "a", "stage": "test"})
    server.ml(owner, "TagResource", resourceArn=arn, tags={"team": "b", "Team": "c"})
    assert tags_of(room, owner, arn) == {"team": "b", "Team": "c", "stage": "test"}
    server.ml(owner, "UntagResource", resourceArn=arn, tagKeys=["team", "unknown"])
    assert tags_of(room, owner, arn) == {"Team": "c", "stage": "test"}


@pytest.mark.parametrize("kind", KINDS_ML)
def test_tags_are_for_the_owner(room: Room, kind: str) -> None:
    _, arn = ml_resource(room, kind)
    for operation, request in (
        ("ListTagsForResource", {}),
        ("TagResource", {"tags": {"a": "b"}}),
        ("UntagResource", {"tagKeys": ["a"]}),
    ):
        with pytest.raises(AccessDenied):
            room.server.ml(BOB, operation, resourceArn=arn, **request)


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_service_tags_its_resources_likewise(room: Room, kind: str) -> None:
    owner, arn = resource(room, kind)
    call = room.server.cleanrooms
    call(owner, "TagResource", resourceArn=arn, tags={"team": "a", "stage": "b"})
    call(owner, "UntagResource", resourceArn=arn, tagKeys=["stage"])
    assert call(owner, "ListTagsForResource", resourceArn=arn)["tags"] == {"team": "a"}
    room.server.refused(ResourceNotFound, CAROL, "ListTagsForResource", resourceArn=arn)


def test_a_resource_that_is_not_there_is_not_found(room: Room) -> None:
    for arn in (
        arn_of("ml-input-channel", room.membership(ALICE)),
        f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:training-dataset/ffffffff-ffff-4fff-8fff-ffffffffffff",
    ):
        with pytest.raises(ResourceNotFound):
            tags_of(room, ALICE, arn)


@pytest.mark.parametrize("tags", [{"aws:x": "1"}, {"AWS:x": "1"}, {f"key {number}": "" for number in range(50)}])
def test_what_aws_does_not_take_is_refused_and_nothing_changes(room: Room, tags: dict[str, str]) -> None:
    arn = room.algorithm_arn
    room.server.ml(CAROL, "TagResource", resourceArn=arn, tags={"team": "a"})
    fault: type[Fault] = ValidationFault
    with pytest.raises(fault):
        room.server.ml(CAROL, "TagResource", resourceArn=arn, tags=tags)
    assert tags_of(room, CAROL, arn) == {"team": "a"}


def test_tags_go_with_their_resource(room: Room) -> None:
    arn = room.algorithm(name="other", tags={"team": "a"})
    room.server.ml(CAROL, "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    with room.server.store.reading() as tx:
        assert tx.tags.get(arn) == {}
