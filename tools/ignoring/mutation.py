"""Has operations ignore a member of their requests: it is taken out of what came in before the operation sees it.

A member that the operation cannot do without is given another valid value in its place, which its caller did not
choose; where none can be made up, it is taken out all the same. One that is refused is taken out with the structure
that cannot do without it.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import botocore.session

VARIABLE = "WHITEROOM_TESTS_IGNORE"
"""A mutation as JSON, for the processes that a test starts."""

_NOTHING = object()
_MODELS = {
    "cleanrooms": "cleanrooms",
    "cleanrooms-ml": "cleanroomsml",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "sts": "sts",
}
"""botocore's names, by the signing names."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One member that is ignored."""

    service: str
    path: str
    """`a.b`, and `a[].b` of each in a list; empty: every member."""
    operations: tuple[str, ...]
    """Empty: every operation of the service."""
    seen: str
    """A file that is made once a request had the member."""
    refused: bool = False
    """Whether the member is one that is refused: where its structure cannot do without it, that is ignored whole."""

    def is_of(self, service: str, operation: str) -> bool:
        """Whether an operation ignores it."""
        return service == self.service and (not self.operations or operation in self.operations)


def in_force(mutation: Mutation) -> None:
    """Put a mutation in force: for operations that are registered in this process, and in processes that it starts."""
    os.environ[VARIABLE] = json.dumps(asdict(mutation))
    mutate_registered(mutation)


def inherited() -> Mutation | None:
    """The mutation that is in force in the process that started this one."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    found = json.loads(text)
    return Mutation(**(found | {"operations": tuple(found["operations"])}))


def mutate_registered(mutation: Mutation) -> None:
    """Have the operations that are in the ledger by now ignore the member."""
    from whiteroom.operations import registry  # noqa: PLC0415 -- in a process that starts, after it is known to be needed

    ledger: dict[tuple[str, str], Any] = registry._HANDLERS  # noqa: SLF001 -- the one place that all requests go through
    for (service, operation), handler in list(ledger.items()):
        if mutation.is_of(service, operation):
            ledger[service, operation] = _ignoring(mutation, operation, handler)


def _ignoring(mutation: Mutation, operation: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def ignoring(request: Mapping[str, Any], context: Any) -> Any:
        shape = _input_shape(mutation.service, operation)
        steps = mutation.path.replace("[]", ".[]").split(".") if mutation.path else []
        less = _without(request, shape, steps, whole=mutation.refused) if steps else {}
        less = {} if less is _NOTHING else less
        if less != request:
            Path(mutation.seen).touch()
        return handler(less, context)

    return ignoring


@functools.cache
def _input_shape(service: str, operation: str) -> Any:
    return botocore.session.Session().get_service_model(_MODELS[service]).operation_model(operation).input_shape


def _without(value: Any, shape: Any, steps: list[str], *, whole: bool, required: bool = False) -> Any:
    """The value with what the steps lead to taken out, or made another; _NOTHING where nothing stays of it."""
    if not steps:
        return _another(value, shape) if required and not whole else _NOTHING
    first, *rest = steps
    if value is None:
        return value
    if first == "[]":
        items = [_without(item, shape.member, rest, whole=whole, required=required) for item in value]
        return [item for item in items if item is not _NOTHING]
    return _without_member(value, shape, first, rest, whole=whole)


def _without_member(value: Any, shape: Any, first: str, rest: list[str], *, whole: bool) -> Any:
    """A structure likewise, where the steps lead through one of its members."""
    if first not in value or first not in shape.members:
        return value
    needed = first in shape.required_members
    changed = _without(value[first], shape.members[first], rest, whole=whole, required=needed)
    if changed is not _NOTHING:
        return {**value, first: changed}
    if whole and needed:
        return _NOTHING
    return {name: item for name, item in value.items() if name != first}


def _another(value: Any, shape: Any) -> Any:
    """Another value that the shape allows, as far as one can be made up."""
    bounds = shape.metadata
    if getattr(shape, "enum", ()):
        return next((one for one in shape.enum if one != value), _NOTHING)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if value + 1 <= bounds.get("max", value + 1) else value - 1
    if isinstance(value, str) and "pattern" not in bounds and len(value) < bounds.get("max", len(value) + 1):
        return value + "x"
    return _NOTHING
