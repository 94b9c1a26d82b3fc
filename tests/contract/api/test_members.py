"""Nothing that a request can hold is taken and ignored: members/ says of each what it does, and what shows it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from contract.api.members import ROWS, Echo, Refused, Row, Seen
from support.shapes import service_model
from whiteroom.answering import all_handlers

TESTS = Path(__file__).parents[2]


def leaves(shape: Any, prefix: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of an input's members that are no structures themselves: `a.b`, `a[].b` of each in a list."""
    if shape.type_name == "structure" and shape.members and shape.name not in above:
        for name, member in shape.members.items():
            yield from leaves(member, f"{prefix}.{name}" if prefix else name, (*above, shape.name))
    elif shape.type_name == "list" and shape.member.type_name in {"structure", "list"}:
        yield from leaves(shape.member, f"{prefix}[]", above)
    else:
        yield prefix


@cache
def members() -> dict[tuple[str, str], tuple[str, ...]]:
    """The members of every operation that has an answer."""
    found = {}
    for service, operation in all_handlers():
        shape = service_model(service).operation_model(operation).input_shape
        found[service, operation] = () if shape is None else tuple(leaves(shape))
    return found


def says(row: Row, operation: str) -> bool:
    """Whether a row is about that operation: one of those that it names, or any."""
    return not row.operations or operation in row.operations


def test_every_member_of_every_request_has_its_one_row() -> None:
    missing: list[str] = []
    twice: list[str] = []
    by_path: dict[tuple[str, str], list[Row]] = {}
    for row in ROWS:
        by_path.setdefault((row.service, row.path), []).append(row)
    for (service, operation), paths in members().items():
        for path in paths:
            found = [row for row in by_path.get((service, path), ()) if says(row, operation)]
            if len(found) != 1:
                (twice if found else missing).append(f"{service} {operation} {path}")
    assert missing == []
    assert twice == []


def test_no_row_is_about_a_member_that_no_request_has() -> None:
    there: dict[tuple[str, str], set[str]] = {}
    for (service, operation), paths in members().items():
        for path in paths:
            there.setdefault((service, path), set()).add(operation)
    surplus = [
        f"{row.service} {row.path} {operation}"
        for row in ROWS
        for operation in row.operations or ("",)
        if (row.service, row.path) not in there or (operation and operation not in there[row.service, row.path])
    ]
    assert surplus == []
    assert [row for row, times in Counter(ROWS).items() if times > 1] == []


def test_what_a_row_names_is_there_a_test_or_a_reason() -> None:
    defined = {
        node.name
        for file in TESTS.rglob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    named = {row.effect.test for row in ROWS if isinstance(row.effect, Seen | Refused)}
    named |= {row.effect.through for row in ROWS if isinstance(row.effect, Seen) and row.effect.through}
    assert sorted(named - defined) == []
    assert all(row.effect.reason.endswith(".") for row in ROWS if isinstance(row.effect, Echo))
