"""Calls from inside the process, as the console makes them: held to the service models as those from the wire are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from whiteroom.base.callers import Caller
from whiteroom.base.faults import Fault, ValidationFault
from whiteroom.wire.calls import Call, Dispatch, NotImplementedOperation
from whiteroom.wire.faults import Refusal, fault_refusal, not_implemented_refusal
from whiteroom.wire.models import Operation, services
from whiteroom.wire.parsers import Literals, StructureParser, structure_parser
from whiteroom.wire.protocol import ProtocolFault
from whiteroom.wire.violations import Violations


class Refused(Exception):
    """What a client would have got in the place of an answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal.members["message"]))
        self.status = refusal.status
        self.code = refusal.code
        self.message = str(refusal.members["message"])


class InsideCalls:
    """Asks operations as a caller, without HTTP and without a signature: whoever uses it has seen to who that is.

    Args:
        dispatch: does what a call asks.
        literals: by member name: strings accepted there although the model's constraint forbids them.
    """

    def __init__(self, dispatch: Dispatch, literals: Literals | None = None) -> None:
        self._dispatch = dispatch
        self._literals = literals or {}
        self._parsers: dict[Operation, StructureParser | None] = {}

    async def call(
        self, caller: Caller, service: str, name: str, request_id: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The answer, by the model's names: what a client would see of it, times as aware datetimes.

        Raises:
            Refused: it is refused, for a constraint of the model or by the operation.
        """
        operation = services()[service].operations[name]
        try:
            checked = self._checked(operation, parameters)
            answer = await self._dispatch(Call(operation, caller, checked, request_id))
        except Fault as fault:
            raise Refused(fault_refusal(fault, operation)) from None
        except ProtocolFault as fault:
            raise Refused(fault_refusal(ValidationFault(fault.message), operation)) from None
        except NotImplementedOperation:
            raise Refused(not_implemented_refusal(operation)) from None
        shape = operation.output_shape
        return {} if shape is None else dict(_shower(shape)(answer or {}))

    def _checked(self, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation not in self._parsers:
            shape = operation.input_shape
            parser = None if shape is None else structure_parser(shape, shape.members, self._literals)
            self._parsers[operation] = parser
        parse = self._parsers[operation]
        if parse is None:
            return {}
        with Violations() as violations:
            return parse(dict(parameters), None, violations)


@functools.cache
def _shower(shape: Shape) -> Callable[[Any], Any]:
    """Leaves out what the model does not have, and what is None, as serialising does."""
    match shape:
        case StructureShape():
            members = {name: _shower(member) for name, member in shape.members.items()}
            return lambda value: {
                name: show(value[name]) for name, show in members.items() if value.get(name) is not None
            }
        case ListShape():
            item = _shower(shape.member)
            return lambda values: [item(value) for value in values]
        case MapShape():
            of_value = _shower(shape.value)
            return lambda values: {key: of_value(value) for key, value in values.items()}
    return lambda value: value
