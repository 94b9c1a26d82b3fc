from __future__ import annotations

import asyncio
from typing import Any

import pytest

from whiteroom.base.callers import Caller
from whiteroom.base.faults import AccessDenied, NotAuthorized
from whiteroom.wire.calls import Call, NotImplementedOperation
from whiteroom.wire.inside import InsideCalls, Refused, _shower
from whiteroom.wire.models import all_operations

CALLER = Caller("111122223333", "us-east-1")


def asked(dispatch: Any, name: str, **parameters: Any) -> dict[str, Any]:
    return asyncio.run(InsideCalls(dispatch).call(CALLER, "cleanrooms", name, "id", parameters))


def test_what_breaks_a_constraint_of_the_model_is_refused_before_anybody_is_asked() -> None:
    async def dispatch(_: Call) -> None:
        raise AssertionError("asked")

    with pytest.raises(Refused, match="collaborationIdentifier") as refused:
        asked(dispatch, "GetCollaboration", collaborationIdentifier="no uuid")
    assert (refused.value.status, refused.value.code) == (400, "ValidationException")
    with pytest.raises(Refused, match="must not be null"):
        asked(dispatch, "GetCollaboration")
    with pytest.raises(Refused):
        asked(dispatch, "GetCollaboration", collaborationIdentifier={"a": 1})


def test_an_answer_holds_what_a_client_would_see_and_no_more() -> None:
    async def dispatch(call: Call) -> dict[str, Any]:
        assert call.caller == CALLER
        assert call.parameters == {"maxResults": 5}
        return {"nextToken": None, "collaborationList": [{"name": "a", "internal": "b"}], "other": 1}

    assert asked(dispatch, "ListCollaborations", maxResults=5) == {"collaborationList": [{"name": "a"}]}


def test_a_parameter_that_the_operation_has_not_is_a_mistake_of_ours() -> None:
    async def dispatch(_: Call) -> None:
        raise AssertionError("asked")

    with pytest.raises(TypeError, match="ListCollaborations has no parameter unknown"):
        asked(dispatch, "ListCollaborations", maxResults=5, unknown=1)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AccessDenied("Not yours."), 403, "AccessDeniedException"),
        (NotAuthorized("Not your role."), 403, "AccessDeniedException"),
        (NotImplementedOperation(), 501, "NotImplemented"),
    ],
)
def test_a_refusal_is_the_one_that_a_client_would_get(error: Exception, status: int, code: str) -> None:
    async def dispatch(_: Call) -> None:
        raise error

    with pytest.raises(Refused) as refused:
        asked(dispatch, "ListCollaborations")
    assert refused.value.status == status
    assert code in refused.value.code


def test_every_operations_answer_can_be_shown() -> None:
    for operation in all_operations():
        if operation.output_shape is not None:
            assert _shower(operation.output_shape)({}) == {}
