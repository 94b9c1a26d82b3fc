"""Who may fetch what: from records alone, and without a word of what is another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.resources.results import (
    Result,
    ResultKind,
    ResultStatus,
    fetchable,
    file_documents,
    file_in,
    files_of,
)
from whiteroom.domain.verdicts import Denied

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE, BOB = "111111111111", "222222222222"
FILES = (DeliveredFile("model.tar.gz", 10, "a" * 64), DeliveredFile("sub/output.tar.gz", 0, "b" * 64))
RESULT = Result(
    id="result",
    account_id=BOB,
    collaboration_id="room",
    kind=ResultKind.EXPORT_JOB,
    job_id="job",
    job_name="export",
    asked_by=ALICE,
    location="s3://bob/results",
    path="room/model/111111111111/export",
    place="s3://bob/results/room/model/111111111111/export",
    files=file_documents(FILES),
    status=ResultStatus.DELIVERED,
    reason=None,
    created_at=NOON,
    delivered_at=NOON,
)


def reason(answer: Result | DeliveredFile | Denied) -> str:
    assert isinstance(answer, Denied)
    assert answer.reason.endswith(".")
    return answer.reason


def test_its_receiver_may_fetch_what_was_delivered() -> None:
    assert fetchable(RESULT, "result", BOB) is RESULT


@pytest.mark.parametrize("status", ResultStatus)
def test_to_anybody_else_it_is_as_if_it_were_not_there(status: ResultStatus) -> None:
    nothing = reason(fetchable(None, "result", ALICE))
    assert reason(fetchable(replace(RESULT, status=status), "result", ALICE)) == nothing
    assert BOB not in nothing


def test_what_is_under_way_is_not_there_yet_for_its_receiver_either() -> None:
    under_way = replace(RESULT, status=ResultStatus.UNDER_WAY)
    assert reason(fetchable(under_way, "result", BOB)) == reason(fetchable(None, "result", BOB))


def test_what_was_replaced_is_not_given_and_its_receiver_is_told_why() -> None:
    assert "another delivery" in reason(fetchable(replace(RESULT, status=ResultStatus.REPLACED), "result", BOB))


def test_files_are_told_as_they_were_delivered() -> None:
    assert files_of(RESULT) == FILES
    assert RESULT.size_bytes == 10


def test_a_file_is_found_by_exactly_its_name() -> None:
    assert [file_in(RESULT, one.name) for one in FILES] == list(FILES)
    for name in (
        "",
        "MODEL.TAR.GZ",
        "output.tar.gz",
        "sub",
        "sub/",
        "./model.tar.gz",
        "model.tar.gz/",
        "../model.tar.gz",
    ):
        assert "model.tar.gz, sub/output.tar.gz" in reason(file_in(RESULT, name))


def test_of_many_files_a_refusal_names_some() -> None:
    many = replace(RESULT, files=file_documents(DeliveredFile(f"{n}.out", 1, "") for n in range(1_000)))
    assert "0.out, 1.out, 2.out, 3.out, 4.out and others." in reason(file_in(many, "x"))
