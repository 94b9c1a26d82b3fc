"""From method and raw path to the operation and its labels; in the protocols that name an operation, from its name.

The path is taken apart before it is decoded: an ARN in it carries encoded slashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from whiteroom.wire.models import Operation, Service
from whiteroom.wire.protocol import ProtocolError, ProtocolFault, malformed


@dataclass(slots=True)
class _Node:
    """What may follow one part of a path: a literal part, or any part as a label."""

    literals: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    operation: Operation | None = None


class Router:
    """The routes of one service."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._roots: dict[str, _Node] = {}
        self._label_names: dict[Operation, tuple[tuple[int, str], ...]] = {}
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        node = self._roots.setdefault(operation.method, _Node())
        parts = operation.uri.split("/")
        names = []
        for place, part in enumerate(parts):
            if part.startswith("{"):
                names.append((place, part.strip("{}")))
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.literals.setdefault(part, _Node())
        if node.operation is not None:
            raise ValueError(f"{operation.name} and {node.operation.name} have the same method and path.")
        node.operation = operation
        self._label_names[operation] = tuple(names)

    def route(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation of that method and raw path, and its labels decoded; None where there is none.

        Raises:
            ProtocolFault: a label is not UTF-8.
        """
        root = self._roots.get(method)
        if root is None:
            return None
        parts = path.split("/")
        operation = _find(root, parts)
        if operation is None:
            return None
        return operation, {name: _decoded(parts[place]) for place, name in self._label_names[operation]}


def named(service: Service, name: str) -> Operation | None:
    """The operation of that name, in the protocols that name one; None where there is none.

    Raises:
        ProtocolFault: the service has it, and it is not implemented here.
    """
    if name in service.others:
        raise ProtocolFault(
            ProtocolError.NOT_IMPLEMENTED, f"Whiteroom does not implement {service.signing_name}:{name}."
        )
    return service.operations.get(name)


def unknown(service: Service, asked: str) -> ProtocolFault:
    """The service has no operation that `asked` would name."""
    return ProtocolFault(ProtocolError.UNKNOWN_OPERATION, f"{service.signing_name} has no operation {asked}.")


def _find(root: _Node, parts: Sequence[str]) -> Operation | None:
    """A literal part wins over a label, which is tried where the literal leads nowhere."""
    branches = [(root, 0)]
    while branches:
        node, place = branches.pop()
        for part in parts[place:]:
            place += 1
            label = node.label if part else None
            following = node.literals.get(part)
            if following is None:
                following = label
            elif label is not None:
                branches.append((label, place))
            if following is None:
                break
            node = following
        else:
            if node.operation is not None:
                return node.operation
    return None


def _decoded(part: str) -> str:
    if not part.isascii():
        raise malformed("The path has characters that must be percent-encoded.")
    if "%" not in part:
        return part
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise malformed("The path is not UTF-8.") from None
