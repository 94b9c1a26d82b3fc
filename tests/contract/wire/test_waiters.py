"""Waiters for boto3 and the AWS CLI, which AWS ships none of: botocore runs them against what the wire answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import WaiterError

from contract.wire.connection import MODEL_NAMES, Operations, application, client
from contract.wire.samples import sample
from whiteroom.base.faults import Throttled
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.resources import (
    ml_input_channels,
    protected_queries,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.wire.models import OWN_MODELS, Operation, services

FILES = sorted(Path(OWN_MODELS).glob("*/*/waiters-2.json"))
DESCRIBED: Mapping[tuple[str, str], dict[str, Any]] = {
    (file.parts[-3], name): waiter for file in FILES for name, waiter in json.loads(file.read_text())["waiters"].items()
}
LIFECYCLES: Mapping[str, Lifecycle[Any]] = {
    "GetMLInputChannel": ml_input_channels.LIFECYCLE,
    "GetCollaborationMLInputChannel": ml_input_channels.LIFECYCLE,
    "GetTrainedModel": trained_models.LIFECYCLE,
    "GetCollaborationTrainedModel": trained_models.LIFECYCLE,
    "GetTrainedModelInferenceJob": trained_model_inference_jobs.LIFECYCLE,
    "GetProtectedQuery": protected_queries.LIFECYCLE,
}
THROTTLED = "throttled"
"""No status: the answer that says nothing of it, and to ask later."""
SERVICES = {botocore_name: service for service, botocore_name in MODEL_NAMES.items()}


@pytest.fixture(autouse=True)
def _as_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", OWN_MODELS)


def may_become(lifecycle: Lifecycle[Any], status: StrEnum, wanted: str) -> bool:
    """Whether it may be as wanted some time, without anybody asking anew for what has come to rest."""
    seen: set[StrEnum] = set()
    ahead = [status]
    while ahead:
        now = ahead.pop()
        if now.value == wanted:
            return True
        if now not in seen and not lifecycle.at_rest(now):
            seen.add(now)
            ahead += lifecycle.table[now].values()
    return False


CASES = [
    (service, name, status, outcome)
    for (service, name), waiter in DESCRIBED.items()
    for lifecycle in [LIFECYCLES[waiter["operation"]]]
    for wanted in [waiter["acceptors"][0]["expected"]]
    for status in lifecycle.table
    for outcome in ["met" if status.value == wanted else "awaited" if may_become(lifecycle, status, wanted) else "lost"]
]


def wait(service: str, name: str, *statuses: str) -> list[str]:
    """Wait while the wire answers with these statuses, one after the other; those that were asked for."""
    asked: list[str] = []
    waiter = DESCRIBED[service, name]
    operation: Operation = services()[SERVICES[service]].operations[waiter["operation"]]
    place = waiter["acceptors"][0]["argument"].split(".")

    def answer(_: Any) -> dict[str, Any]:
        asked.append(statuses[len(asked)])
        if asked[-1] == THROTTLED:
            raise Throttled("Ask later.")
        output: dict[str, Any] = sample(operation.output_shape)
        inner = output
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = asked[-1]
        return output

    made = client(application(Operations(answer)), SERVICES[service])
    shape = operation.input_shape
    assert shape is not None
    parameters = {member: sample(shape.members[member]) for member in shape.required_members}
    waiting = made.get_waiter(xform_name(name))
    waiting.wait(**parameters, WaiterConfig={"Delay": 0, "MaxAttempts": len(statuses)})
    return asked


@pytest.mark.parametrize(("service", "name", "status", "outcome"), CASES)
def test_a_waiter_ends_when_its_status_is_met_or_can_no_longer_come(
    service: str, name: str, status: StrEnum, outcome: str
) -> None:
    wanted = DESCRIBED[service, name]["acceptors"][0]["expected"]
    if outcome == "lost":
        with pytest.raises(WaiterError, match="terminal failure state") as raised:
            wait(service, name, status.value, wanted)
        assert raised.value.last_response["ResponseMetadata"]["HTTPStatusCode"] == 200
    else:
        told = [status.value] if outcome == "met" else [status.value, status.value, wanted]
        assert wait(service, name, *told) == told


@pytest.mark.parametrize(("service", "name"), DESCRIBED)
def test_a_waiter_asks_again_where_it_is_told_to_ask_later(service: str, name: str) -> None:
    """As while the ring of keys does not answer: that says nothing of the status."""
    wanted = DESCRIBED[service, name]["acceptors"][0]["expected"]
    assert wait(service, name, THROTTLED, THROTTLED, wanted) == [THROTTLED, THROTTLED, wanted]


@pytest.mark.parametrize(("service", "name"), DESCRIBED)
def test_a_waiter_waits_for_as_long_as_a_training_may_take(service: str, name: str) -> None:
    waiter = DESCRIBED[service, name]
    assert waiter["delay"] * waiter["maxAttempts"] == 12 * 3600


def test_every_resource_that_takes_time_and_can_be_read_has_a_waiter() -> None:
    assert {waiter["operation"] for waiter in DESCRIBED.values()} == set(LIFECYCLES)


def test_the_page_names_every_waiter() -> None:
    page = Path(__file__).parents[3].joinpath("docs", "waiting.md").read_text()
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == {xform_name(name) for _, name in DESCRIBED}
