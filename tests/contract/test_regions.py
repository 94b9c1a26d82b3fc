"""One server is one place, whichever region a request is signed for: what was made keeps the ARN that it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.worlds.callers import CALLERS, a_room_of_callers
from support.worlds.every_request import REQUESTS
from support.worlds.everything import FullRoom
from support.worlds.requests import REGION
from whiteroom.base.faults import Fault
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, LOGS
from whiteroom.store.sqlite import SqliteStore

ELSEWHERE = "ap-south-1"
BEGINNINGS = {
    (CLEANROOMS, "CreateCollaboration"),
    (CLEANROOMS, "CreateConfiguredTable"),
    (CLEANROOMS_ML, "CreateConfiguredModelAlgorithm"),
}
"""What stands in nothing else is made where its request is signed for."""
SHOWING = [one for one in REQUESTS if one[1].startswith(("BatchGet", "Describe", "Filter", "Get", "List", "Preview"))]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullRoom]:
    store = SqliteStore(tmp_path_factory.mktemp("callers") / "whiteroom.db")
    yield a_room_of_callers(store, tmp_path_factory.mktemp("logs"))
    store.close()


@pytest.fixture
def elsewhere(full: FullRoom) -> Iterator[FullRoom]:
    """The same room, asked from another region."""
    full.room.server.region = ELSEWHERE
    yield full
    full.room.server.region = REGION


def named(operation: tuple[str, str]) -> str:
    return " ".join(operation)


@pytest.mark.parametrize("operation", [one for one in SHOWING if one != ("sts", "GetSessionToken")], ids=named)
def test_what_is_shown_is_the_same_in_every_region(elsewhere: FullRoom, operation: tuple[str, str]) -> None:
    for caller in CALLERS:
        elsewhere.room.server.region = ELSEWHERE
        there = elsewhere.attempt(CALLERS[caller], operation)
        elsewhere.room.server.region = REGION
        here = elsewhere.attempt(CALLERS[caller], operation)
        if isinstance(here, Fault):
            assert (there.code, there.message) == (here.code, here.message), caller
        else:
            assert there == here, caller
            assert ELSEWHERE not in repr(there), caller


@pytest.mark.parametrize("operation", REQUESTS, ids=named)
def test_what_is_made_inside_of_something_is_made_in_its_region(
    elsewhere: FullRoom, operation: tuple[str, str]
) -> None:
    told = {caller: elsewhere.attempt(CALLERS[caller], operation) for caller in CALLERS}
    made = {caller for caller, said in told.items() if ELSEWHERE in repr(said)}
    assert made == (set(CALLERS) if operation in BEGINNINGS else set())


def moved(value: Any) -> Any:
    """A request with the region of every ARN of the room's replaced."""
    if isinstance(value, dict):
        return {key: moved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [moved(item) for item in value]
    if isinstance(value, str) and value.startswith("arn:aws:cleanrooms"):
        return value.replace(f":{REGION}:", f":{ELSEWHERE}:")
    return value


OF_PATTERNS = ("CreateConfiguredTableAssociationAnalysisRule", "UpdateConfiguredTableAssociationAnalysisRule")
"""A rule holds patterns of ARNs, and asks for none of them."""
OF_THE_ROOM = [one for one in REQUESTS if one[0] in (CLEANROOMS, CLEANROOMS_ML) and one[1] not in OF_PATTERNS]


@pytest.mark.parametrize("operation", OF_THE_ROOM, ids=named)
def test_an_arn_of_another_region_names_nothing(full: FullRoom, operation: tuple[str, str]) -> None:
    """Whoever is answered by the right one is refused; a list that is filtered by it is empty."""
    for caller in CALLERS:
        request = full.request(CALLERS[caller], operation)
        other = moved(request)
        if other == request or isinstance(full.attempt(CALLERS[caller], operation), Fault):
            continue
        said = full.room.server.attempt(CALLERS[caller], operation, other)
        if not isinstance(said, Fault):
            lists = [value for value in said.values() if isinstance(value, list | tuple)]
            assert (lists and not any(lists)) or said.get("errors"), (caller, said)


@pytest.mark.parametrize("region", [REGION, ELSEWHERE, "us-east-1"])
def test_a_log_group_is_in_the_servers_region_and_found_by_the_arn_that_a_script_writes(
    full: FullRoom, region: str
) -> None:
    account = CALLERS["receiver"]
    group = "/aws/cleanroomsml/TrainedModels"
    request = {"logGroupIdentifiers": [f"arn:aws:logs:{region}:{account}:log-group:{group}:*"]}
    (found,) = full.room.server.attempt(account, (LOGS, "DescribeLogGroups"), request)["logGroups"]
    assert found["logGroupArn"] == f"arn:aws:logs:us-east-1:{account}:log-group:{group}"
