from __future__ import annotations

from pathlib import Path

import whiteroom as package
from support.command import whiteroom
from whiteroom.cli.ops import ledger
from whiteroom.operations.registry import handlers
from whiteroom.wire.models import all_operations


def test_the_ledger_has_every_operation_of_every_model() -> None:
    assert {(entry.service, entry.name) for entry in ledger()} == {
        (known.service, known.name) for known in all_operations()
    }


def test_an_operation_is_answered_exactly_where_a_handler_is_registered() -> None:
    answered = {(entry.service, entry.name) for entry in ledger() if entry.file}
    assert answered == {*handlers()}


def test_every_answer_is_found_at_its_file_and_line() -> None:
    for entry in ledger():
        if entry.file:
            lines = (Path(package.__file__).parent / entry.file).read_text().splitlines()
            assert f'"{entry.name}"' in lines[entry.line - 1]


def test_one_operation_is_told_with_path_function_and_errors() -> None:
    out = whiteroom("ops", "getcollaboration").out
    assert "GET /collaborations/{collaborationIdentifier}" in out
    assert "operations/cleanrooms/collaborations.py:" in out
    assert "AccessDenied 403" in out


def test_an_operation_that_nothing_answers_says_so() -> None:
    assert "nothing (HTTP 501)" in whiteroom("ops", "CreateAudienceModel").out


def test_an_unknown_operation_is_refused() -> None:
    answer = whiteroom("ops", "CreateWorld")
    assert answer.code == 1
    assert "CreateWorld" in answer.err


def test_the_ledger_is_a_table_and_json() -> None:
    rows = whiteroom("ops", "--json").json
    assert {row["operation"]: row["implemented"] for row in rows}["GetCollaboration"] is True
    assert len(whiteroom("ops").out.splitlines()) == len(rows) + 1
