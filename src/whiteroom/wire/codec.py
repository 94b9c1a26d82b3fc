"""One operation's requests and responses: from path, query, headers and body to parameters, from output to JSON.

Compiled once for each operation from the service model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.model import ListShape, Shape

from whiteroom.wire.models import Operation
from whiteroom.wire.parsers import NOT_NULL, Literals, Parser, parser, structure_parser
from whiteroom.wire.protocol import malformed
from whiteroom.wire.serialisers import Serialiser, serialiser
from whiteroom.wire.violations import Violations

QueryPairs = Sequence[tuple[bytes, bytes]]
"""A query string, percent-decoded, in order."""


@dataclass(frozen=True, slots=True)
class _QueryMember:
    name: str
    read: Callable[[Sequence[str]], Any]
    """From every text that the query gives it to one plain value, which the shape's parser then checks."""
    parse: Parser


class Codec:
    """Reads requests for one operation and writes its responses."""

    def __init__(self, operation: Operation, literals: Literals | None = None) -> None:
        literals = literals or {}
        shape = operation.input_shape
        members: Mapping[str, Shape] = shape.members if shape else {}
        self._labels: dict[str, tuple[str, Parser]] = {}
        self._query: dict[str, _QueryMember] = {}
        self._headers: dict[bytes, tuple[str, Parser]] = {}
        body: dict[str, Shape] = {}
        for name, member in members.items():
            wire_name = member.serialization.get("name", name)
            match member.serialization.get("location"):
                case "uri":
                    self._labels[wire_name] = (name, parser(member, literals, name=name))
                case "querystring":
                    parse = parser(member, literals, name=name)
                    self._query[wire_name] = _QueryMember(name, _query_reader(name, member), parse)
                case "header":
                    self._headers[wire_name.lower().encode()] = (name, parser(member, literals, name=name))
                case _:
                    body[name] = member
        self._required_in_query = [
            member.name for member in self._query.values() if shape and member.name in shape.required_members
        ]
        self._parse_body = structure_parser(shape, body, literals) if shape and body else None
        self._serialise = _output_serialiser(operation)

    @property
    def takes_body(self) -> bool:
        """Whether the operation has members in a JSON body. The body of any other is ignored, as AWS does."""
        return self._parse_body is not None

    def parse(
        self, labels: Mapping[str, str], query: QueryPairs, body: bytes, headers: Mapping[bytes, bytes] | None = None
    ) -> dict[str, Any]:
        """The operation's parameters, by their names in the model.

        Raises:
            ProtocolFault: the request cannot be read (`SerializationException`).
            ValidationFault: it breaks constraints of the model; all of them are named.
        """
        with Violations() as violations:
            parameters = self._parse(labels, query, body, violations)
            if self._headers and headers is not None:
                for wire_name, (name, parse) in self._headers.items():
                    if wire_name in headers:
                        parameters[name] = parse(headers[wire_name].decode("latin-1").strip(), (None, name), violations)
            return parameters

    def _parse(
        self, labels: Mapping[str, str], query: QueryPairs, body: bytes, violations: Violations
    ) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        for wire_name, text in labels.items():
            name, parse = self._labels[wire_name]
            parameters[name] = parse(text, (None, name), violations)
        if self._query:
            if query:
                self._parse_query(query, parameters, violations)
            for name in self._required_in_query:
                if name not in parameters:
                    violations.add((None, name), None, NOT_NULL)
        if self._parse_body is not None:
            document = decode_json(body) if body else {}
            parameters.update(self._parse_body(document, None, violations))
        return parameters

    def _parse_query(self, query: QueryPairs, parameters: dict[str, Any], violations: Violations) -> None:
        texts: dict[str, list[str]] = {}
        try:
            for key, value in query:
                texts.setdefault(key.decode(), []).append(value.decode())
        except UnicodeDecodeError:
            raise malformed("The query string is not UTF-8.") from None
        for wire_name, values in texts.items():
            member = self._query.get(wire_name)
            if member is not None:
                parameters[member.name] = member.parse(member.read(values), (None, member.name), violations)

    def serialise(self, output: Mapping[str, Any] | None) -> bytes:
        """The response's body. Members that the model does not have, and those that are None, are left out."""
        return self._serialise(output or {})


def decode_json(body: bytes) -> Any:
    """A JSON document, from anyone.

    Raises:
        ProtocolFault: it is not JSON in UTF-8, or nested or numbered beyond all reason.
    """
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise malformed("The body is nested too deeply.") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise malformed(f"The body is not JSON: {error}.") from None


def _query_reader(name: str, shape: Shape) -> Callable[[Sequence[str]], Any]:
    if isinstance(shape, ListShape):
        read_item = _text_reader(name, shape.member)
        return lambda texts: [read_item(text) for text in texts]
    read = _text_reader(name, shape)
    return lambda texts: read(texts[-1])


def _text_reader(name: str, shape: Shape) -> Callable[[str], Any]:
    """Texts of a query as JSON would have brought them; the shape's parser does the rest."""
    match shape.type_name:
        case "string":
            return str
        case "integer" | "long":
            return lambda text: _integer_text(name, text)
    raise TypeError(f"{shape.name} is of the type {shape.type_name}, which no query of these models has.")


def _integer_text(name: str, text: str) -> int:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 20:
        return int(text)
    raise malformed(f"STRING_VALUE at '{name}' can not be converted to Integer")


def _output_serialiser(operation: Operation) -> Callable[[Mapping[str, Any]], bytes]:
    """No output is no body; a modelled output without members is `{}`, as AWS's own servers write it."""
    shape = operation.output_shape
    if shape is None or operation.success_status == 204:
        return lambda _: b""
    serialise: Serialiser = serialiser(shape)
    encode = msgspec.json.Encoder().encode
    return lambda output: encode(serialise(output))
