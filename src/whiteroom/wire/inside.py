"""Calls from inside the process, as the console makes them: held to the service models as those from the wire are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from whiteroom.base.callers import Caller
from whiteroom.base.faults import Fault, ValidationFault
from whiteroom.wire.calls import Call, Dispatch, NotImplementedOperation
from whiteroom.wire.downloads import Download, Downloads, Fetch
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
        fetch: opens files for those operations that answer with one.
    """

    def __init__(self, dispatch: Dispatch, literals: Literals | None = None, fetch: Fetch | None = None) -> None:
        self._dispatch = dispatch
        self._downloads = Downloads(dispatch, fetch)
        self._literals = literals or {}
        self._parsers: dict[Operation, StructureParser | None] = {}

    async def call(
        self, caller: Caller, service: str, name: str, request_id: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The answer, by the model's names: what a client would see of it, times as aware datetimes.

        Raises:
            Refused: it is refused, for a constraint of the model or by the operation.
            TypeError: the operation has no such parameter. On the wire it would be dropped, as AWS does; here it is
                a mistake of ours.
        """
        operation = services()[service].operations[name]
        with _refused(operation):
            checked = self._checked(operation, parameters)
            answer = await self._dispatch(Call(operation, caller, checked, request_id))
        shape = operation.output_shape
        return {} if shape is None else dict(_shower(shape)(answer or {}))

    async def download(self, caller: Caller, request_id: str, parameters: Mapping[str, Any]) -> Download:
        """A delivered file, all of it; whoever gets it sends it, which closes it.

        Raises:
            Refused: it is not the caller's to have, or cannot be had here.
        """
        operation = services()["whiteroom"].operations["GetResult"]
        with _refused(operation):
            checked = self._checked(operation, parameters)
            answer = await self._downloads.answer(Call(operation, caller, checked, request_id))
        assert isinstance(answer, Download)  # noqa: S101 - no condition and no range is asked for
        return answer

    def _checked(self, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation not in self._parsers:
            shape = operation.input_shape
            parser = None if shape is None else structure_parser(shape, shape.members, self._literals)
            self._parsers[operation] = parser
        known = operation.input_shape.members if operation.input_shape else {}
        if unknown := sorted(parameters.keys() - known.keys()):
            raise TypeError(f"{operation.name} has no parameter {', '.join(unknown)}.")
        parse = self._parsers[operation]
        if parse is None:
            return {}
        with Violations() as violations:
            return parse(dict(parameters), None, violations)


@contextmanager
def _refused(operation: Operation) -> Iterator[None]:
    """A refusal is what a client would have got.

    Raises:
        Refused: in the place of what says so within the server.
    """
    try:
        yield
    except Fault as fault:
        raise Refused(fault_refusal(fault, operation)) from None
    except ProtocolFault as fault:
        raise Refused(fault_refusal(ValidationFault(fault.message), operation)) from None
    except NotImplementedOperation:
        raise Refused(not_implemented_refusal(operation)) from None


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
