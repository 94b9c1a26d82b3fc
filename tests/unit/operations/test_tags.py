from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, REGION, Office
from support.ml import Studio, a_studio, arn_of
from whiteroom.base.faults import AccessDenied, Fault, ResourceNotFound, ValidationFault

KINDS_ML = ("algorithm", "association", "channel", "model", "job")
KINDS = ("collaboration", "membership", "configuredtable", "configuredtableassociation", "analysistemplate")


@pytest.fixture
def studio(office: Office) -> Studio:
    studio = a_studio(office)
    studio.configure(CAROL)
    return studio


def ml_resource(studio: Studio, kind: str) -> tuple[str, str]:
    """Owner and ARN of something of `cleanrooms-ml`."""
    if kind == "algorithm":
        return CAROL, studio.algorithm_arn
    if kind == "association":
        return CAROL, studio.association_arn
    channel = studio.active_channel()
    if kind == "channel":
        return ALICE, channel
    model = studio.active_model("forest", channel)["trainedModelArn"]
    return ALICE, model if kind == "model" else studio.inference_job("scores", model, channel)


def resource(studio: Studio, kind: str) -> tuple[str, str]:
    """Owner and ARN of something of `cleanrooms`."""
    room, office = studio.room, studio.office
    bob = f"arn:aws:cleanrooms:{REGION}:{BOB}"
    match kind:
        case "collaboration":
            return ALICE, f"arn:aws:cleanrooms:{REGION}:{ALICE}:collaboration/{room.collaboration_id}"
        case "membership":
            return BOB, f"{bob}:membership/{room.membership(BOB)}"
        case "configuredtable":
            return BOB, f"{bob}:configuredtable/{studio.table.configured_table_id}"
        case "configuredtableassociation":
            return BOB, f"{bob}:configuredtableassociation/{room.membership(BOB)}/{studio.table.association_id}"
    answer = office.cleanrooms(
        BOB,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(BOB),
        name="template",
        format="SQL",
        source={"text": "SELECT age FROM patients"},
    )
    return BOB, answer["analysisTemplate"]["arn"]


def tags_of(studio: Studio, account_id: str, arn: str) -> Any:
    return studio.office.ml(account_id, "ListTagsForResource", resourceArn=arn)["tags"]


@pytest.mark.parametrize("kind", KINDS_ML)
def test_tags_are_added_replaced_and_removed(studio: Studio, kind: str) -> None:
    owner, arn = ml_resource(studio, kind)
    office = studio.office
    assert tags_of(studio, owner, arn) == {}
    office.ml(owner, "TagResource", resourceArn=arn, tags={"team": "a", "stage": "test"})
    office.ml(owner, "TagResource", resourceArn=arn, tags={"team": "b", "Team": "c"})
    assert tags_of(studio, owner, arn) == {"team": "b", "Team": "c", "stage": "test"}
    office.ml(owner, "UntagResource", resourceArn=arn, tagKeys=["team", "unknown"])
    assert tags_of(studio, owner, arn) == {"Team": "c", "stage": "test"}


@pytest.mark.parametrize("kind", KINDS_ML)
def test_tags_are_for_the_owner(studio: Studio, kind: str) -> None:
    _, arn = ml_resource(studio, kind)
    for operation, request in (
        ("ListTagsForResource", {}),
        ("TagResource", {"tags": {"a": "b"}}),
        ("UntagResource", {"tagKeys": ["a"]}),
    ):
        with pytest.raises(AccessDenied):
            studio.office.ml(BOB, operation, resourceArn=arn, **request)


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_service_tags_its_resources_likewise(studio: Studio, kind: str) -> None:
    owner, arn = resource(studio, kind)
    call = studio.office.cleanrooms
    call(owner, "TagResource", resourceArn=arn, tags={"team": "a", "stage": "b"})
    call(owner, "UntagResource", resourceArn=arn, tagKeys=["stage"])
    assert call(owner, "ListTagsForResource", resourceArn=arn)["tags"] == {"team": "a"}
    studio.office.refused(ResourceNotFound, CAROL, "ListTagsForResource", resourceArn=arn)


def test_a_resource_that_is_not_there_is_not_found(studio: Studio) -> None:
    for arn in (
        arn_of("ml-input-channel", studio.room.membership(ALICE)),
        f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:training-dataset/ffffffff-ffff-4fff-8fff-ffffffffffff",
    ):
        with pytest.raises(ResourceNotFound):
            tags_of(studio, ALICE, arn)


@pytest.mark.parametrize("tags", [{"aws:x": "1"}, {"AWS:x": "1"}, {f"key {number}": "" for number in range(50)}])
def test_what_aws_does_not_take_is_refused_and_nothing_changes(studio: Studio, tags: dict[str, str]) -> None:
    arn = studio.algorithm_arn
    studio.office.ml(CAROL, "TagResource", resourceArn=arn, tags={"team": "a"})
    fault: type[Fault] = ValidationFault
    with pytest.raises(fault):
        studio.office.ml(CAROL, "TagResource", resourceArn=arn, tags=tags)
    assert tags_of(studio, CAROL, arn) == {"team": "a"}


def test_tags_go_with_their_resource(studio: Studio) -> None:
    arn = studio.algorithm(name="other", tags={"team": "a"})
    studio.office.ml(CAROL, "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    with studio.office.store.reading() as tx:
        assert tx.tags.get(arn) == {}
