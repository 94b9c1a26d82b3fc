"""botocore is the oracle: what it writes we read, what we write it reads."""

from __future__ import annotations

from typing import Any

import pytest

from contract.wire.connection import ACCOUNT, Operations, application, client
from contract.wire.samples import sample
from whiteroom.wire.models import Operation, all_operations

OPERATIONS = {
    f"{operation.service}:{operation.name}": operation for operation in all_operations() if not operation.is_download
}
"""Those that answer with a file have their own (test_downloads.py)."""
OTHER_SIDE = Operations()
APPLICATION = application(OTHER_SIDE)


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    return {
        service: client(APPLICATION, service)
        for service in ("cleanrooms-ml", "cleanrooms", "logs", "monitoring", "sts", "whiteroom")
    }


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("variant", [0, 1, 2])
def test_what_botocore_sends_arrives_and_what_is_answered_comes_back(
    clients: dict[str, Any], operation: Operation, variant: int
) -> None:
    parameters = sample(operation.input_shape, variant)
    output = sample(operation.output_shape, variant)
    OTHER_SIDE.answer = lambda call: output
    OTHER_SIDE.calls.clear()

    response = getattr(clients[operation.service], operation.snake_name)(**parameters)

    (call,) = OTHER_SIDE.calls
    assert call.operation is operation
    assert call.parameters == parameters
    assert (call.caller.account_id, call.caller.region) == (ACCOUNT, "eu-west-1")
    metadata = response.pop("ResponseMetadata")
    assert response == output
    assert metadata["HTTPStatusCode"] == operation.success_status
    assert metadata["RequestId"] == call.request_id


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_only_the_required_members_are_enough(clients: dict[str, Any], operation: Operation) -> None:
    shape = operation.input_shape
    assert shape is not None
    parameters = {name: sample(shape.members[name]) for name in shape.required_members}
    OTHER_SIDE.answer = lambda call: None
    OTHER_SIDE.calls.clear()
    getattr(clients[operation.service], operation.snake_name)(**parameters)
    assert OTHER_SIDE.calls[0].parameters == parameters


def test_the_services_have_their_operations() -> None:
    named = [operation.service for operation in all_operations()]
    counts = {service: named.count(service) for service in named}
    assert counts == {"cleanrooms-ml": 59, "cleanrooms": 103, "logs": 4, "monitoring": 3, "sts": 3, "whiteroom": 3}
