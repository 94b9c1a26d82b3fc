"""Results: whole or not at all, as they were delivered, and in the folder that was named."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody

from unit.notebook.members import ACCOUNT, COLLABORATION, JOB, MEMBERSHIP, MODEL, SECOND, membership, stubbed
from whiteroom import notebook

RESULT = "00000000-0000-4000-8000-0000000000aa"
CONTENT = b"1,2\n3,4\n"
OTHER = "222222222222"
OF_MEMBERSHIP = {"membershipIdentifier": MEMBERSHIP}


def summary(
    name: str = "rows.csv",
    content: bytes = CONTENT,
    kind: str = "TRAINED_MODEL_INFERENCE_JOB",
    job: str = "scores",
    result: str = RESULT,
    account: str = ACCOUNT,
) -> dict[str, Any]:
    return {
        "collaborationIdentifier": COLLABORATION,
        "files": [
            {"fileName": name, "path": "/", "sha256": hashlib.sha256(content).hexdigest(), "sizeBytes": len(content)}
        ],
        "jobName": job,
        "location": "s3://a/results/of this/",
        "requesterAccountId": account,
        "resultIdentifier": result,
        "sizeBytes": len(content),
        "type": kind,
    }


def body(content: bytes) -> dict[str, Any]:
    return {"body": StreamingBody(io.BytesIO(content), len(content)), "contentLength": len(content)}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_file_is_fetched_into_the_results_own_folder_and_not_again(tmp_path: Path) -> None:
    asked = {"resultIdentifier": RESULT, "fileName": "rows.csv"}
    with stubbed("whiteroom") as (member, stubs):
        stubs["whiteroom"].add_response("get_result", body(CONTENT), asked)
        (file,) = member.fetch(summary(), to=tmp_path)
        assert member.fetch(summary(), to=str(tmp_path)) == [file]
        file.write_bytes(b"spoilt")
        stubs["whiteroom"].add_response("get_result", body(CONTENT), asked)
        assert member.fetch(summary(), to=tmp_path) == [file]
    assert files_in(tmp_path) == {f"{RESULT}/rows.csv": CONTENT}


@pytest.mark.parametrize("arrived", [CONTENT[:-1], CONTENT + b"5", b""])
def test_what_did_not_arrive_as_it_was_delivered_is_not_there(tmp_path: Path, arrived: bytes) -> None:
    with stubbed("whiteroom") as (member, stubs):
        stubs["whiteroom"].add_response("get_result", body(arrived))
        with pytest.raises(ValueError, match=r"'rows\.csv' did not arrive as it was delivered"):
            member.fetch(summary(), to=tmp_path)
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/etc/out", "..", "a/..", "", ".", "..\\out", "C:\\out", "a\0b"]
)
def test_a_name_that_leads_out_of_the_folder_is_refused_before_anything_is_fetched(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inside"
    with stubbed("whiteroom") as (member, _):
        for hostile in (summary(name), {**summary(), "resultIdentifier": name}):
            with pytest.raises(ValueError, match="is no name of a file to write here"):
                member.fetch(hostile, to=folder)
    assert files_in(tmp_path) == {}


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    folder = tmp_path / "inside" / RESULT
    folder.mkdir(parents=True)
    (folder / "rows.csv").symlink_to(outside)
    with stubbed("whiteroom") as (member, stubs):
        stubs["whiteroom"].add_response("get_result", body(CONTENT))
        (file,) = member.fetch(summary(), to=tmp_path / "inside")
    assert outside.read_bytes() == b"mine"
    assert not file.is_symlink()


EXPORT = {
    "name": "scores",
    "membershipIdentifier": MEMBERSHIP,
    "trainedModelArn": MODEL,
    "outputConfiguration": {"members": [{"accountId": ACCOUNT}]},
}
INFERENCE = {"trainedModelInferenceJobArn": JOB, "name": "scores", "membershipIdentifier": MEMBERSHIP}
OF_ANOTHER = {**INFERENCE, "collaborationIdentifier": COLLABORATION, "creatorAccountId": OTHER}
QUERY = {"protectedQuery": {"id": SECOND, "membershipId": MEMBERSHIP}}
ASKED_BY_ID = {"protectedQueryIdentifier": SECOND, "membershipIdentifier": MEMBERSHIP}
KINDS = ("TRAINED_MODEL_INFERENCE_JOB", "TRAINED_MODEL_EXPORT_JOB", "PROTECTED_QUERY")


@pytest.mark.parametrize(
    ("answer", "kind", "job", "account"),
    [
        (INFERENCE, "TRAINED_MODEL_INFERENCE_JOB", "scores", ACCOUNT),
        (OF_ANOTHER, "TRAINED_MODEL_INFERENCE_JOB", "scores", OTHER),
        (EXPORT, "TRAINED_MODEL_EXPORT_JOB", "scores", ACCOUNT),
        (QUERY, "PROTECTED_QUERY", SECOND, ACCOUNT),
        (ASKED_BY_ID, "PROTECTED_QUERY", SECOND, ACCOUNT),
    ],
)
def test_the_results_of_a_job_are_those_of_its_kind_and_name_and_account_in_its_collaboration(
    answer: dict[str, Any], kind: str, job: str, account: str
) -> None:
    others = [
        summary(kind=one, job=name, account=who)
        for one in KINDS
        for name in ("scores", SECOND)
        for who in (ACCOUNT, OTHER)
        if (one, name, who) != (kind, job, account) and (one, name) != ("PROTECTED_QUERY", job)
    ]
    newest, older = (summary(kind=kind, job=job, account=account, result=result) for result in (RESULT, SECOND))
    asked: dict[str, Any] = {"maxResults": 100}
    if kind != "PROTECTED_QUERY":
        asked["collaborationIdentifier"] = COLLABORATION
    with stubbed("whiteroom", "cleanrooms") as (member, stubs):
        if answer in (INFERENCE, EXPORT):
            stubs["cleanrooms"].add_response("get_membership", {"membership": membership()}, OF_MEMBERSHIP)
        first = {"results": [*others, newest], "nextToken": "t"}
        stubs["whiteroom"].add_response("list_results", first, asked)
        stubs["whiteroom"].add_response("list_results", {"results": [older]}, {**asked, "nextToken": "t"})
        found = member.results(answer)
    assert isinstance(found, notebook.Rows)
    assert found == [newest, older]


def test_a_result_in_a_bucket_is_fetched_from_there_and_compared_too(tmp_path: Path) -> None:
    asked = {"Bucket": "a", "Key": "results/of this/rows.csv"}
    with stubbed("s3") as (member, stubs):
        s3 = member.client("s3")
        for content in (CONTENT[:-1], CONTENT):
            stubs["s3"].add_response("get_object", {"Body": body(content)["body"]}, asked)
        with pytest.raises(ValueError, match="did not arrive as it was delivered"):
            member.fetch(summary(), to=tmp_path, s3=s3)
        member.fetch(summary(), to=tmp_path, s3=s3)
    assert files_in(tmp_path) == {f"{RESULT}/rows.csv": CONTENT}


def test_all_results_are_listed_with_the_requests_own_members() -> None:
    asked = {"maxResults": 100, "collaborationIdentifier": COLLABORATION, "status": "REFUSED"}
    with stubbed("whiteroom") as (member, stubs):
        stubs["whiteroom"].add_response("list_results", {"results": [summary()]}, asked)
        assert member.results(collaborationIdentifier=COLLABORATION, status="REFUSED") == [summary()]


def test_where_nothing_was_delivered_that_is_said(tmp_path: Path) -> None:
    with stubbed("whiteroom", "cleanrooms") as (member, stubs):
        stubs["cleanrooms"].add_response("get_membership", {"membership": membership()})
        stubs["whiteroom"].add_response("list_results", {"results": []})
        with pytest.raises(LookupError, match="Nothing was delivered to this account"):
            member.fetch(EXPORT, to=tmp_path)
        with pytest.raises(ValueError, match="Wait for the inference job first"):
            member.fetch(trainedModelInferenceJobArn=JOB, to=tmp_path)
