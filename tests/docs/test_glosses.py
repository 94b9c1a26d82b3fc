"""An enumeration's members say what they mean, where they stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from whiteroom.domain.execution.failures import MEANING, StatusCode

SOURCES = Path(__file__).parents[2] / "src" / "whiteroom"
IN_A_TABLE = {"StatusCode"}
"""Whose members' meanings are a table, since members of collaborations are told them."""


def _unexplained() -> Iterator[str]:
    for file in sorted(SOURCES.rglob("*.py")):
        for found in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(found, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in found.bases):
                for member, after in zip(found.body, [*found.body[1:], None], strict=True):
                    if isinstance(member, ast.Assign) and not isinstance(after, ast.Expr):
                        yield f"{found.name}.{ast.unparse(member.targets[0])}"


def test_every_member_of_an_enumeration_says_what_it_means() -> None:
    assert [member for member in _unexplained() if member.split(".")[0] not in IN_A_TABLE] == []


def test_every_status_code_has_its_meaning_in_the_table() -> None:
    assert set(MEANING) == set(StatusCode)
