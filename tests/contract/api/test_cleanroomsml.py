"""Every custom-modelling operation of `cleanroomsml` through boto3 and HTTP: its answer, and each error it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import RunningServer, running_server
from support.shapes import service_model
from support.worlds.requests import ALICE, BOB, CAROL, DAVE, REGION, arn_of, filled, output_location, role_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import a_server
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.quotas import Quota
from whiteroom.settings_loading import QUOTA_PREFIX
from whiteroom.store.sqlite import SqliteStore

MODEL = service_model("cleanrooms-ml")
LATER = ("Audience", "TrainingDataset")
"""Lookalike modelling: no part of this release."""
OPERATIONS: list[str] = [name for name in MODEL.operation_names if not any(word in name for word in LATER)]

HAPPY = "answers"
VALIDATION = "ValidationException"
DENIED = "AccessDeniedException"
NOT_FOUND = "ResourceNotFoundException"
CONFLICT = "ConflictException"
QUOTA = "ServiceQuotaExceededException"
ELSEWHERE = {"ThrottlingException", "InternalServiceException"}
"""Of the server, whatever the operation."""
NEVER = {("ListConfiguredModelAlgorithms", DENIED)}
"""An account's own list is always its own."""

QUOTAS = (
    Quota.ALGORITHMS_PER_ACCOUNT,
    Quota.ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP,
    Quota.ACTIVE_CHANNELS_PER_MEMBERSHIP,
    Quota.WORKING_TRAININGS_PER_MEMBERSHIP,
    Quota.WORKING_INFERENCES_PER_MEMBERSHIP,
)


@dataclass
class AtRest:
    """A room with everything at rest, so that no controller changes it, and the names of what is in it."""

    room: Room
    names: dict[str, str]


def a_room_at_rest(data: Path) -> AtRest:
    """What was there before the server started."""
    data.mkdir()
    store = SqliteStore(data / "whiteroom.db")
    room = a_furnished_room(a_server(store))
    room.configure(ALICE)
    room.configure(CAROL)
    names = {name: room.active_channel(name) for name in ("rows", "old_rows", "gone_rows")}
    room.advance("ml_input_channels", names["gone_rows"], Event.DELETE, Event.ERASING, Event.ERASED)
    rows = names["rows"]
    forest = room.active_model("forest", rows, tags={"team": "a"})
    model = forest["trainedModelArn"]
    second = room.version("second", forest, rows)
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    stuck = room.model("stuck", rows)
    cancelled = (Event.STARTED, Event.CANCEL, Event.STOPPING, Event.FAILED)
    room.advance_model(stuck, *cancelled)
    jobs = {name: room.inference_job(name, model, rows) for name in ("scores", "stuck")}
    room.advance("trained_model_inference_jobs", jobs["scores"], Event.STARTED, Event.SUCCEEDED)
    room.advance("trained_model_inference_jobs", jobs["stuck"], *cancelled)
    room.export("out", model)
    with store.reading() as tx:
        (export,) = tx.trained_model_export_jobs.working()
    room.server.advance("trained_model_export_jobs", export.id, Event.STARTED, Event.SUCCEEDED)
    names |= {
        "model": model,
        "second": second["versionIdentifier"],
        "old_model": room.active_model("old", rows)["trainedModelArn"],
        "stuck_model": stuck["trainedModelArn"],
        "job": jobs["scores"],
        "stuck_job": jobs["stuck"],
        "algorithm": room.algorithm_arn,
        "association": room.association_arn,
        "spare_algorithm": room.algorithm(name="spare"),
        "spare_association": room.association(name="spare"),
    }
    store.close()
    return AtRest(room, names)


@dataclass
class Site:
    """A server over a world, and calls that are held to the service model."""

    server: RunningServer
    world: AtRest

    def __post_init__(self) -> None:
        # What the client would let through unchecked is the server's to answer.
        self.server.parameter_validation = False

    def __call__(self, operation: str, account_id: str, request: dict[str, Any]) -> Any:
        return self.server.ml(account_id, operation, **request)

    def refused(self, code: str, operation: str, account_id: str, request: dict[str, Any]) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            self(operation, account_id, request)
        response: dict[str, Any] = dict(caught.value.response)
        assert response["Error"]["Code"] == code, response["Error"]
        return response


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("ml")
    world = a_room_at_rest(folder / "data")
    with running_server(folder / "data") as server:
        yield Site(server, world)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that allows nothing more."""
    folder = tmp_path_factory.mktemp("strict")
    world = a_room_at_rest(folder / "data")
    limits = {QUOTA_PREFIX + quota.value.upper().replace("-", "_"): "0" for quota in QUOTAS}
    with running_server(folder / "data", environment=limits) as server:
        yield Site(server, world)


Case = tuple[str, dict[str, Any]]
"""Who calls, with what."""


def in_room(account_id: str = ALICE, **request: Any) -> Callable[[AtRest], Case]:
    return lambda world: (account_id, {**world.room.of(account_id), **filled(request, world.names)})


def shared(account_id: str = BOB, **request: Any) -> Callable[[AtRest], Case]:
    return lambda world: (account_id, {**world.room.here, **filled(request, world.names)})


def of_account(account_id: str, **request: Any) -> Callable[[AtRest], Case]:
    return lambda world: (account_id, filled(request, world.names))


def requested(make: Callable[[AtRest], dict[str, Any]]) -> Callable[[AtRest], Case]:
    """What ALICE asks for in the words of the room's builder."""
    return lambda world: (ALICE, {**world.room.of(ALICE), **make(world)})


def happy(operation: str, world: AtRest) -> Case:
    """A request that is answered, each on things of its own where it changes them."""
    return HAPPY_CASES[operation](world)


ALGORITHM = {"roleArn": role_of(CAROL), "trainingContainerConfig": {"imageUri": "nowhere/trainer:1"}}

HAPPY_CASES: dict[str, Callable[[AtRest], Case]] = {
    "CreateConfiguredModelAlgorithm": of_account(CAROL, name="new", **ALGORITHM),
    "GetConfiguredModelAlgorithm": of_account(CAROL, configuredModelAlgorithmArn="@spare_algorithm"),
    "ListConfiguredModelAlgorithms": of_account(CAROL),
    "DeleteConfiguredModelAlgorithm": of_account(CAROL, configuredModelAlgorithmArn="@spare_algorithm"),
    "CreateConfiguredModelAlgorithmAssociation": in_room(CAROL, name="new", configuredModelAlgorithmArn="@algorithm"),
    "GetConfiguredModelAlgorithmAssociation": in_room(CAROL, configuredModelAlgorithmAssociationArn="@association"),
    "ListConfiguredModelAlgorithmAssociations": in_room(CAROL),
    "DeleteConfiguredModelAlgorithmAssociation": in_room(
        CAROL, configuredModelAlgorithmAssociationArn="@spare_association"
    ),
    "GetCollaborationConfiguredModelAlgorithmAssociation": shared(
        configuredModelAlgorithmAssociationArn="@association"
    ),
    "ListCollaborationConfiguredModelAlgorithmAssociations": shared(),
    "PutMLConfiguration": in_room(
        CAROL,
        defaultOutputLocation=output_location(CAROL, "s3://results/carol"),
    ),
    "GetMLConfiguration": in_room(CAROL),
    "DeleteMLConfiguration": in_room(ALICE),
    "CreateMLInputChannel": requested(lambda world: world.room.channel_request("new")),
    "GetMLInputChannel": in_room(mlInputChannelArn="@rows"),
    "ListMLInputChannels": in_room(),
    "GetCollaborationMLInputChannel": shared(mlInputChannelArn="@rows"),
    "ListCollaborationMLInputChannels": shared(),
    "DeleteMLInputChannelData": in_room(mlInputChannelArn="@old_rows"),
    "CreateTrainedModel": requested(lambda world: world.room.training_request("new", world.names["rows"])),
    "GetTrainedModel": in_room(trainedModelArn="@model"),
    "ListTrainedModels": in_room(),
    "ListTrainedModelVersions": in_room(trainedModelArn="@model", status="ACTIVE"),
    "GetCollaborationTrainedModel": shared(trainedModelArn="@model"),
    "ListCollaborationTrainedModels": shared(),
    "CancelTrainedModel": in_room(trainedModelArn="@stuck_model"),
    "DeleteTrainedModelOutput": in_room(trainedModelArn="@old_model"),
    "StartTrainedModelInferenceJob": requested(
        lambda world: world.room.inference_request("new", world.names["model"], world.names["rows"])
    ),
    "GetTrainedModelInferenceJob": in_room(trainedModelInferenceJobArn="@job"),
    "ListTrainedModelInferenceJobs": in_room(trainedModelArn="@model"),
    "ListCollaborationTrainedModelInferenceJobs": shared(trainedModelArn="@model"),
    "CancelTrainedModelInferenceJob": in_room(trainedModelInferenceJobArn="@stuck_job"),
    "StartTrainedModelExportJob": requested(lambda world: world.room.export_request("new", world.names["model"])),
    "ListCollaborationTrainedModelExportJobs": shared(trainedModelArn="@model"),
    "TagResource": of_account(ALICE, resourceArn="@model", tags={"stage": "test"}),
    "ListTagsForResource": of_account(ALICE, resourceArn="@model"),
    "UntagResource": of_account(ALICE, resourceArn="@model", tagKeys=["stage"]),
}

CONFLICTS: dict[str, dict[str, str]] = {
    "CreateConfiguredModelAlgorithm": {"name": "forest"},
    "CreateConfiguredModelAlgorithmAssociation": {"name": "forest"},
    "CreateMLInputChannel": {"name": "rows"},
    "CreateTrainedModel": {"name": "forest"},
    "StartTrainedModelInferenceJob": {"name": "scores"},
    "StartTrainedModelExportJob": {"name": "out"},
    "DeleteConfiguredModelAlgorithm": {"configuredModelAlgorithmArn": "@algorithm"},
    "DeleteConfiguredModelAlgorithmAssociation": {"configuredModelAlgorithmAssociationArn": "@association"},
    "DeleteMLInputChannelData": {"mlInputChannelArn": "@gone_rows"},
    "CancelTrainedModel": {"trainedModelArn": "@model"},
    "DeleteTrainedModelOutput": {"trainedModelArn": "@stuck_model"},
    "CancelTrainedModelInferenceJob": {"trainedModelInferenceJobArn": "@job"},
}
"""What of the happy request changes so that something that is there stands against it."""

ARNS = (
    # The most specific first: it is the one that is replaced by one that is not there.
    ("mlInputChannelArn", "ml-input-channel", ALICE),
    ("trainedModelInferenceJobArn", "trained-model-inference-job", ALICE),
    ("trainedModelArn", "trained-model", ALICE),
    ("configuredModelAlgorithmAssociationArn", "configured-model-algorithm-association", CAROL),
    ("resourceArn", "trained-model", ALICE),
)


def unknown(operation: str, world: AtRest) -> Case:
    """The happy request, of something that is not there."""
    account_id, request = happy(operation, world)
    if operation in ("GetMLConfiguration", "DeleteMLConfiguration"):
        return in_room(BOB)(world)
    if "configuredModelAlgorithmArn" in request:
        return account_id, {**request, "configuredModelAlgorithmArn": world.names["algorithm"][:-12] + "f" * 12}
    if operation == "CreateMLInputChannel":
        missing = arn_of(ARNS[3][1], world.room.memberships[CAROL], CAROL)
        return account_id, {**request, "configuredModelAlgorithmAssociations": [missing]}
    name, kind, owner = next(entry for entry in ARNS if entry[0] in request)
    return account_id, {**request, name: arn_of(kind, world.room.memberships[owner], owner)}


def denied(operation: str, world: AtRest) -> Case:
    """The happy request, by an account that may not make it."""
    account_id, request = happy(operation, world)
    if operation == "CreateConfiguredModelAlgorithm":
        return account_id, {**request, "roleArn": role_of(BOB)}
    return (DAVE if "collaborationIdentifier" in request else BOB), request


def invalid(operation: str, world: AtRest) -> Case:
    """The happy request with something that the service model forbids and the client sends all the same."""
    account_id, request = happy(operation, world)
    for name in ("membershipIdentifier", "collaborationIdentifier"):
        if name in request:
            return account_id, {**request, name: "Z" * 36}
    if operation.startswith("List") and operation != "ListTagsForResource":
        return account_id, {**request, "maxResults": 1000}
    name = next(name for name in ("name", "configuredModelAlgorithmArn", "resourceArn") if name in request)
    return account_id, {**request, name: "n" * 64}


def errors_of(operation: str) -> set[str]:
    return {shape.name for shape in MODEL.operation_model(operation).error_shapes} - ELSEWHERE


def cases(code: str) -> list[str]:
    return [name for name in OPERATIONS if code in errors_of(name) and (name, code) not in NEVER]


def test_every_operation_and_every_declared_error_has_its_case() -> None:
    assert set(HAPPY_CASES) == set(OPERATIONS)
    assert set(CONFLICTS) == set(cases(CONFLICT))
    known = {VALIDATION, DENIED, NOT_FOUND, CONFLICT, QUOTA}
    assert set().union(*map(errors_of, OPERATIONS)) == known


@pytest.mark.parametrize("operation", cases(VALIDATION))
def test_what_the_service_model_forbids_is_refused(site: Site, operation: str) -> None:
    error = site.refused(VALIDATION, operation, *invalid(operation, site.world))["Error"]
    assert "validation error detected" in error["Message"]


@pytest.mark.parametrize("operation", cases(DENIED))
def test_who_may_not_is_denied(site: Site, operation: str) -> None:
    site.refused(DENIED, operation, *denied(operation, site.world))


@pytest.mark.parametrize("operation", cases(NOT_FOUND))
def test_what_is_not_there_is_not_found(site: Site, operation: str) -> None:
    site.refused(NOT_FOUND, operation, *unknown(operation, site.world))


@pytest.mark.parametrize("operation", cases(CONFLICT))
def test_what_stands_against_it_is_a_conflict(site: Site, operation: str) -> None:
    account_id, request = happy(operation, site.world)
    site.refused(CONFLICT, operation, account_id, {**request, **filled(CONFLICTS[operation], site.world.names)})


@pytest.mark.parametrize("operation", cases(QUOTA))
def test_a_quota_is_answered_with_its_name_and_value(strict: Site, operation: str) -> None:
    error = strict.refused(QUOTA, operation, *happy(operation, strict.world))
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert error["quotaValue"] == 0
    assert error["quotaName"] in {quota.value for quota in QUOTAS}


# Last, since some of them take away what the others name.
@pytest.mark.parametrize("operation", sorted(OPERATIONS, key=lambda name: str(name).startswith(("Cancel", "Delete"))))
def test_every_operation_answers_what_its_model_says(site: Site, operation: str) -> None:
    site(operation, *happy(operation, site.world))


def test_null_names_the_base_version_on_the_wire(site: Site) -> None:
    world = site.world
    place = {"membershipIdentifier": world.room.memberships[ALICE], "trainedModelArn": world.names["model"]}
    base = site("GetTrainedModel", ALICE, {**place, "versionIdentifier": "NULL"})
    assert (base["name"], base["versionIdentifier"], base["tags"]["team"]) == ("forest", "NULL", "a")
    latest = site("GetTrainedModel", ALICE, place)
    assert (latest["name"], latest["versionIdentifier"]) == ("second", world.names["second"])


def test_lists_are_paged_by_botocores_own_paginators(site: Site) -> None:
    client = site.server.client("cleanroomsml", ALICE)
    place = {"membershipIdentifier": site.world.room.memberships[ALICE]}
    pages = client.get_paginator("list_trained_models").paginate(**place, PaginationConfig={"PageSize": 1})
    names = [item["name"] for page in pages for item in page["trainedModels"]]
    assert {"second", "stuck", "old"} <= set(names)
    assert len(names) == len(set(names))


def test_an_arn_of_another_region_is_answered_all_the_same(site: Site) -> None:
    assert f":{REGION}:" in site.world.names["model"]
    assert site.server.region != REGION
    answer = site("GetTrainedModel", *happy("GetTrainedModel", site.world))
    assert answer["trainedModelArn"] == site.world.names["model"]
