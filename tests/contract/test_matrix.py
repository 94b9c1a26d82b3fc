"""Every operation, asked by every kind of caller: who is answered, and who is refused with what.

The operations are the service models' own, and no cell is missing. A caller is one of support.worlds.callers.CALLERS,
or nobody: a request without credentials. Of each caller's account there are users of every role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from contract.matrix import ALL, CELLS, EXPECTED, LETTERS, READ, READING, ROLE_CELLS, SEEN, named
from contract.wire.connection import MODEL_NAMES, Operations, application, client, deliver_to
from contract.wire.samples import sample
from support.shapes import botocore_session, service_model
from support.worlds.callers import CALLERS, PLANTED, a_room_of_callers
from support.worlds.every_request import REQUESTS
from support.worlds.everything import FullRoom
from whiteroom.answering import all_handlers
from whiteroom.base.callers import Principal, Role
from whiteroom.base.faults import Fault, NotAuthorized
from whiteroom.operations.registry import CLEANROOMS_ML, LOGS, MONITORING, STS
from whiteroom.store.sqlite import SqliteStore
from whiteroom.wire.calls import Call, NotImplementedOperation


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullRoom]:
    store = SqliteStore(tmp_path_factory.mktemp("callers") / "whiteroom.db")
    yield a_room_of_callers(store, tmp_path_factory.mktemp("logs"))
    store.close()


@pytest.mark.usefixtures("full")
def test_every_operation_that_is_answered_has_its_row_and_its_request() -> None:
    assert all_handlers().keys() == CELLS.keys() == REQUESTS.keys()
    assert sum(len(names) for rows in EXPECTED.values() for names in rows.values()) == len(CELLS)
    assert {len(cells) for cells in CELLS.values()} == {len(CALLERS)}


@pytest.mark.parametrize("operation", CELLS, ids=named)
def test_every_caller_gets_the_answer_of_its_cell(full: FullRoom, operation: tuple[str, str]) -> None:
    answers = {caller: full.attempt(CALLERS[caller], operation) for caller in CALLERS}
    seen = {caller: LETTERS[said.code] if isinstance(said, Fault) else "." for caller, said in answers.items()}
    assert seen == dict(zip(CALLERS, CELLS[operation], strict=True))


def test_every_operation_that_changes_anything_has_its_row_of_roles() -> None:
    assert {one for one in CELLS if not READING.match(one[1])} == set(ROLE_CELLS)


@pytest.mark.parametrize("operation", CELLS, ids=named)
def test_every_user_gets_the_answer_of_its_roles_cell(full: FullRoom, operation: tuple[str, str]) -> None:
    """Whoever the account is: a role that may not ask is told so, and one that may gets what its account gets."""
    for role, cell in zip(Role, ROLE_CELLS.get(operation, "..."), strict=True):
        for caller in CALLERS:
            said = full.attempt(CALLERS[caller], operation, Principal("sam", role, unique_id="AIDASAM"))
            assert isinstance(said, NotAuthorized) == (cell == "D"), (role, caller)
            if cell == "D":
                assert f"user/sam is not authorized to perform: {':'.join(operation)}." in said.message
                assert said.message.endswith("the operator gives roles.")
            else:
                own = full.attempt(CALLERS[caller], operation)
                assert (said.code if isinstance(said, Fault) else type(said)) == (
                    own.code if isinstance(own, Fault) else type(own)
                ), (role, caller)


@pytest.mark.parametrize("operation", ALL, ids=named)
def test_nobody_is_answered_anything_without_credentials(operation: tuple[str, str]) -> None:
    service, name = operation
    anonymous, behind = anonymous_client(service)
    older = "" if service == STS else "Exception"
    assert refusal(anonymous, service, name) == (403, f"MissingAuthenticationToken{older}")
    assert not behind.calls


UNSIGNED_BY_CLIENTS = {(STS, "AssumeRoleWithSAML"), (STS, "AssumeRoleWithWebIdentity")}
"""Clients send them without a signature, so they are refused as nobody's."""
NOT_BUILT = [one for one in ALL if one not in CELLS and one not in UNSIGNED_BY_CLIENTS]


@pytest.mark.parametrize("operation", NOT_BUILT, ids=named)
def test_an_operation_of_a_later_release_is_refused_by_name_whoever_asks(operation: tuple[str, str]) -> None:
    assert operation not in all_handlers()
    assert refusal(client_of_an_empty_house(operation[0]), *operation)[0] == 501


@cache
def anonymous_client(service: str) -> tuple[Any, Operations]:
    """A client that signs nothing, and what hears of it."""
    behind = Operations()
    made = botocore_session().create_client(
        MODEL_NAMES[service],
        region_name="eu-west-1",
        endpoint_url="http://localhost:8080",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    deliver_to(made, application(behind))
    return made, behind


@cache
def client_of_an_empty_house(service: str) -> Any:
    """A client of a server that answers no operation."""

    def not_built(_: Call) -> None:
        raise NotImplementedOperation

    return client(application(Operations(not_built)), service)


def refusal(asking: Any, service: str, name: str) -> tuple[int, str]:
    """The status and the code of what the operation answers."""
    shape = service_model(service).operation_model(name).input_shape
    with pytest.raises(ClientError) as caught:
        asking._make_api_call(name, sample(shape))
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_every_caller_sees_the_metrics_of_its_cell(full: FullRoom) -> None:
    seen = {caller: full.attempt(CALLERS[caller], (MONITORING, "ListMetrics"))["Metrics"] for caller in CALLERS}
    assert {caller: [metric["MetricName"] for metric in metrics] for caller, metrics in seen.items()} == {
        caller: SEEN.get(caller, []) for caller in CALLERS
    }
    for caller in CALLERS:
        (result,) = full.attempt(CALLERS[caller], (MONITORING, "GetMetricData"))["MetricDataResults"]
        datapoints = full.attempt(CALLERS[caller], (MONITORING, "GetMetricStatistics"))["Datapoints"]
        assert len(result["Values"]) == len(datapoints) == len(SEEN.get(caller, []))


def test_every_caller_reads_the_log_lines_of_its_cell(full: FullRoom) -> None:
    for caller in CALLERS:
        lines = READ.get(caller, [])
        events = full.attempt(CALLERS[caller], (LOGS, "FilterLogEvents"))["events"]
        assert [event["message"] for event in events] == lines
        assert len(full.attempt(CALLERS[caller], (LOGS, "DescribeLogStreams"))["logStreams"]) == len(lines)
        if lines:
            page = full.attempt(CALLERS[caller], (LOGS, "GetLogEvents"))
            assert [event["message"] for event in page["events"]] == lines


def is_view(name: str) -> bool:
    """Whether an operation shows what others have brought into the collaboration."""
    return name.startswith(("GetCollaboration", "ListCollaboration", "BatchGetCollaboration")) or "Schema" in name


VIEWS = [one for one in CELLS if is_view(one[1])]
HIDDEN = {"kmsKeyArn", "tags", "environment", "hyperparameters"}


def fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field of an answer that has a value, however deep it lies."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if item is not None:
                yield name, item
                yield from fields(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from fields(item)


@pytest.mark.parametrize("operation", VIEWS, ids=named)
def test_a_view_of_the_collaboration_never_shows_what_is_its_makers_own(
    full: FullRoom, operation: tuple[str, str]
) -> None:
    for caller in CALLERS:
        answer = full.attempt(CALLERS[caller], operation)
        assert not {name for name, _ in fields(answer)} & {*HIDDEN, "roleArn"}, caller
        assert PLANTED not in repr(answer), caller
    output = service_model(operation[0]).operation_model(operation[1]).output_shape
    assert not HIDDEN & set(names_in(output))


def names_in(shape: Any, within: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all members of a shape, however deep they lie."""
    if shape.name in within:
        return
    inside = (*within, shape.name)
    for name, member in getattr(shape, "members", {}).items():
        yield name
        yield from names_in(member, inside)
    for part in ("member", "key", "value"):
        if shape.type_name in ("list", "map") and hasattr(shape, part):
            yield from names_in(getattr(shape, part), inside)


@pytest.mark.parametrize("operation", CELLS, ids=named)
def test_keys_tags_environment_and_hyperparameters_are_told_to_their_maker_alone(
    full: FullRoom, operation: tuple[str, str]
) -> None:
    for caller in CALLERS:
        said = full.attempt(CALLERS[caller], operation)
        told = f"{said.message} {said.members}" if isinstance(said, Fault) else repr(said)
        assert set(re.findall(rf"{PLANTED}(\w+)", told)) <= {caller}


@pytest.mark.parametrize(
    ("caller", "name", "planted"),
    [
        ("querier", "GetTrainedModel", {"kmsKeyArn", "tags", "environment", "hyperparameters"}),
        ("querier", "GetTrainedModelInferenceJob", {"kmsKeyArn", "tags", "environment"}),
        ("querier", "GetMLInputChannel", {"kmsKeyArn", "tags"}),
        ("author", "GetConfiguredModelAlgorithm", {"kmsKeyArn", "tags"}),
        ("author", "GetConfiguredModelAlgorithmAssociation", {"tags"}),
    ],
)
def test_their_maker_sees_them(full: FullRoom, caller: str, name: str, planted: set[str]) -> None:
    answer = full.attempt(CALLERS[caller], (CLEANROOMS_ML, name))
    assert {field for field in planted if PLANTED in repr(answer[field])} == planted
