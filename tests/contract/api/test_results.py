"""Results over HTTP, from a real server: what is one's own, in every way that clients fetch, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from support.command import CommandLine
from support.server import running_server
from support.worlds.delivered import Delivered
from support.worlds.fetching import Members, key_of, path_of
from support.worlds.requests import ALICE, BOB
from whiteroom.data.folder import FolderData
from whiteroom.domain.resources.results import Result, ResultStatus
from whiteroom.store.sqlite import SqliteStore
from whiteroom.wire.models import OWN_MODELS

ROWS = bytes(range(256)) * 4_096
DIGEST = hashlib.sha256(ROWS)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Members]:
    with running_server(tmp_path_factory.mktemp("results") / "data", dev=False) as server:
        store = SqliteStore(server.data / "whiteroom.db")
        found = Members(server, CommandLine(server.data), Delivered(store, FolderData(server.data)))
        for account in (ALICE, BOB):
            found.join(account)
        yield found
        store.close()


@pytest.fixture(scope="module")
def alice(members: Members) -> Credentials:
    return members.keys[ALICE]


@pytest.fixture(scope="module")
def bob(members: Members) -> Credentials:
    return members.keys[BOB]


@pytest.fixture(scope="module")
def rows(members: Members) -> Result:
    """What BOB was given."""
    return members.delivered.to(BOB, {"rows.csv": ROWS, "empty.csv": b""}, "s3://results/für bob")


def test_a_file_is_fetched_whole_with_what_there_is_to_know_of_it(members: Members, bob: Any, rows: Result) -> None:
    said = members.ask(bob, path_of(rows))
    assert (said.status, said.body) == (200, ROWS)
    assert said.headers["etag"] == f'"{DIGEST.hexdigest()}"'
    assert base64.b64decode(said.headers["x-amz-checksum-sha256"]) == DIGEST.digest()
    assert said.headers["content-length"] == str(len(ROWS))
    assert said.headers["accept-ranges"] == "bytes"
    assert said.headers["content-disposition"] == 'attachment; filename="rows.csv"'
    assert said.headers["content-type"] == "application/octet-stream"
    assert said.headers["x-content-type-options"] == "nosniff"
    assert said.headers["x-whiteroom-location"] == f"s3://results/f%C3%BCr%20bob/{rows.job_id}/rows.csv"


def test_an_empty_file_is_fetched(members: Members, bob: Any, rows: Result) -> None:
    said = members.ask(bob, path_of(rows, "empty.csv"))
    assert (said.status, said.body, said.headers["content-length"]) == (200, b"", "0")


def test_head_tells_the_same_without_the_bytes(members: Members, bob: Any, rows: Result) -> None:
    head, whole = members.ask(bob, path_of(rows), method="HEAD"), members.ask(bob, path_of(rows))
    assert (head.status, head.body) == (200, b"")
    differs = {"x-amzn-requestid", "date"}
    assert {k: v for k, v in head.headers.items() if k not in differs} == {
        k: v for k, v in whole.headers.items() if k not in differs
    }


def test_a_part_of_a_file_is_fetched(members: Members, bob: Any, rows: Result) -> None:
    said = members.ask(bob, path_of(rows), Range="bytes=1000-1009")
    assert (said.status, said.body) == (206, ROWS[1000:1010])
    assert said.headers["content-range"] == f"bytes 1000-1009/{len(ROWS)}"
    assert "x-amz-checksum-sha256" not in said.headers
    said = members.ask(bob, path_of(rows), Range="bytes=-5", If_Range=f'"{DIGEST.hexdigest()}"')
    assert (said.status, said.body) == (206, ROWS[-5:])
    assert members.ask(bob, path_of(rows), Range="bytes=-5", If_Range='"another"').status == 200


def test_a_part_that_is_not_there_and_a_file_that_is_known_are_not_sent(
    members: Members, bob: Any, rows: Result
) -> None:
    before = members.events(rows)
    said = members.ask(bob, path_of(rows), Range=f"bytes={len(ROWS)}-")
    assert (said.status, said.headers["content-range"], said.error) == (416, f"bytes */{len(ROWS)}", "InvalidRange")
    said = members.ask(bob, path_of(rows), If_None_Match=f'"{DIGEST.hexdigest()}"')
    assert (said.status, said.body) == (304, b"")
    said = members.ask(bob, path_of(rows), If_Match='"another"')
    assert (said.status, said.error) == (412, "PreconditionFailed")
    assert members.events(rows) == before


def test_every_download_is_an_event_of_its_job_and_looking_is_none(members: Members, bob: Any) -> None:
    result = members.delivered.to(BOB, {"rows.csv": ROWS})
    members.ask(bob, path_of(result), method="HEAD")
    members.ask(bob, "/whiteroom/v1/results")
    assert members.events(result) == []
    members.ask(bob, path_of(result))
    members.ask(bob, path_of(result), Range="bytes=5-")
    assert members.events(result) == [
        f"downloads all of the 1,048,576 bytes of rows.csv (result {result.id})",
        f"downloads bytes 5-1048575 of the 1,048,576 bytes of rows.csv (result {result.id})",
    ]
    with members.delivered.store.reading() as tx:
        job = tx.protected_queries.get(result.job_id)
        assert job is not None
        (event, _) = (one for one in tx.events(job.arn) if one.record_id == job.id)
    assert (event.actor, event.user, event.principal) == (BOB, "admin", f"arn:aws:iam::{BOB}:user/admin")


def test_another_account_gets_nothing_and_is_not_told_that_there_is_something(
    members: Members, alice: Any, rows: Result
) -> None:
    nowhere = "00000000-0000-4000-8000-00000000ffff"
    theirs, nobodys = members.ask(alice, path_of(rows)), members.ask(alice, path_of(rows).replace(rows.id, nowhere))
    assert (theirs.status, theirs.error) == (nobodys.status, nobodys.error) == (404, "ResourceNotFoundException")
    assert theirs.message.replace(rows.id, nowhere) == nobodys.message
    assert members.ask(alice, path_of(rows), method="HEAD").status == 404
    listed = json.loads(members.ask(alice, "/whiteroom/v1/results").body)["results"]
    assert rows.id not in [one["resultIdentifier"] for one in listed]


@pytest.mark.parametrize(
    "name",
    [
        "..%2Frows.csv", "..", "%2e%2e", "../rows.csv", "./rows.csv", "rows.csv%00", "rows.csv%2F", "ROWS.CSV",
        "%2Fetc%2Fpasswd", "rows.csv/..", "%2e%2e%2f%2e%2e%2fwhiteroom.db", "..%252f..%252fwhiteroom.db", "x",
        "..%5c..%5cwhiteroom.db", "rows.csv%0d%0aSet-Cookie:%20a=b", "r%6Fws.csv%20", "%F0%9F%98%80", "a" * 1_000,
    ],
)  # fmt: skip
def test_no_way_of_writing_a_name_leads_to_another_file(members: Members, bob: Any, rows: Result, name: str) -> None:
    said = members.ask(bob, path_of(rows, name))
    assert said.status in (400, 403, 404), said.body
    assert "set-cookie" not in said.headers
    assert b"SQLite" not in said.body


def test_a_name_that_is_encoded_more_than_it_need_be_is_the_same_name(members: Members, bob: Any, rows: Result) -> None:
    assert members.ask(bob, path_of(rows, "r%6Fws%2Ecsv")).body == ROWS


def test_a_file_in_a_folder_is_fetched_by_the_path_that_is_listed(members: Members, bob: Any) -> None:
    result = members.delivered.to(BOB, {"deep/er/part.csv": b"1"})
    listed = json.loads(members.ask(bob, "/whiteroom/v1/results").body)["results"]
    (file,) = next(one for one in listed if one["resultIdentifier"] == result.id)["files"]
    said = members.ask(bob, file["path"])
    assert (said.body, said.headers["content-disposition"]) == (b"1", 'attachment; filename="part.csv"')


def test_what_is_under_way_can_be_neither_seen_nor_fetched(members: Members, bob: Any) -> None:
    result = members.delivered.to(BOB, {"rows.csv": ROWS}, whole=False)
    assert members.ask(bob, path_of(result)).status == 404
    listed = json.loads(members.ask(bob, "/whiteroom/v1/results").body)["results"]
    assert result.id not in [one["resultIdentifier"] for one in listed]


def test_what_its_own_location_refused_is_listed_to_the_receiver_alone(members: Members, alice: Any, bob: Any) -> None:
    result = members.delivered.to(BOB, {"rows.csv": ROWS}, whole=False)
    told = "s3:PutObject on the bucket bobs was refused."
    with members.delivered.store.transaction() as tx:
        tx.results.update(result, status=ResultStatus.REFUSED, reason=told, files=())
    (listed,) = json.loads(members.ask(bob, "/whiteroom/v1/results?status=REFUSED").body)["results"]
    assert (listed["resultIdentifier"], listed["reason"], listed["files"]) == (result.id, told, [])
    assert members.ask(bob, path_of(result)).status == 404
    for who, query in ((alice, "?status=REFUSED"), (bob, ""), (bob, "?status=DELIVERED")):
        others = json.loads(members.ask(who, f"/whiteroom/v1/results{query}").body)["results"]
        assert result.id not in [one["resultIdentifier"] for one in others]
    assert members.ask(bob, "/whiteroom/v1/results?status=REPLACED").status == 400


def test_who_has_named_a_folder_that_another_is_delivered_to_later_does_not_get_what_lies_there_then(
    members: Members, alice: Any, bob: Any
) -> None:
    mine = members.delivered.to(ALICE, {"rows.csv": b"mine"}, "s3://shared", path="job")
    assert members.ask(alice, path_of(mine)).body == b"mine"
    theirs = members.delivered.to(BOB, {"rows.csv": b"bobs"}, "s3://shared/", path="job", whole=False)
    for _ in range(2):
        said = members.ask(alice, path_of(mine))
        assert (said.status, "another delivery" in said.message) == (404, True)
        assert members.ask(bob, path_of(theirs)).status == 404


def test_a_link_that_stands_where_a_file_was_delivered_is_not_followed(members: Members, bob: Any) -> None:
    result = members.delivered.to(BOB, {"rows.csv": b"x" * 7})
    at = members.server.data / "objects/results/of" / result.job_id / "rows.csv"
    at.unlink()
    secret = members.server.data / "secret"
    secret.write_bytes(b"secret!")
    at.symlink_to(secret)
    said = members.ask(bob, path_of(result))
    assert (said.status, b"secret!" in said.body, "operator" in said.message) == (404, False, True)
    assert members.events(result) == []


def test_a_list_is_of_ones_own_page_by_page_and_by_collaboration(members: Members) -> None:
    members.join("777777777777")
    who = members.keys["777777777777"]
    room = "00000000-0000-4000-8000-0000000000aa"
    made = [
        members.delivered.to("777777777777", {"rows.csv": ROWS}, collaboration_id=room if number % 2 else None)
        for number in range(5)
    ]
    client = members.client(who)
    first = client.list_results(maxResults=2)
    rest = client.list_results(maxResults=100, nextToken=first["nextToken"])
    found = [*first["results"], *rest["results"]]
    assert [one["resultIdentifier"] for one in found] == [one.id for one in reversed(made)]
    assert "nextToken" not in rest
    (file,) = found[0]["files"]
    assert file == {
        "fileName": "rows.csv",
        "path": path_of(made[-1]),
        "sha256": DIGEST.hexdigest(),
        "sizeBytes": len(ROWS),
    }
    assert (found[0]["type"], found[0]["jobName"]) == ("PROTECTED_QUERY", made[-1].job_id)
    assert (found[0]["location"], found[0]["sizeBytes"]) == (f"s3://results/of/{made[-1].job_id}/", len(ROWS))
    assert (found[0]["requesterAccountId"], found[0]["deliveredTime"]) == (ALICE, made[-1].delivered_at)
    there = client.list_results(collaborationIdentifier=room)["results"]
    assert [one["resultIdentifier"] for one in there] == [made[3].id, made[1].id]
    client.close()


def test_botocores_own_client_fetches_by_the_model_that_comes_along(members: Members, bob: Any, rows: Result) -> None:
    client = members.client(bob)
    asked = {"resultIdentifier": rows.id, "fileName": "rows.csv"}
    said = client.get_result(**asked)
    assert said["body"].read() == ROWS
    assert (said["eTag"], said["contentLength"]) == (f'"{DIGEST.hexdigest()}"', len(ROWS))
    assert client.get_result(**asked, range="bytes=0-1")["body"].read() == ROWS[:2]
    assert client.head_result(**asked)["checksumSHA256"] == base64.b64encode(DIGEST.digest()).decode()
    with pytest.raises(ClientError) as caught:
        client.get_result(**{**asked, "fileName": "other"})
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    url = client.generate_presigned_url("get_result", asked, ExpiresIn=60)
    assert members.send("GET", url.removeprefix(members.server.url)).body == ROWS
    client.close()


PAGE = (Path(__file__).parents[3] / "docs/results.md").read_text()
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def as_the_page_says(members: Members, who: Credentials, folder: Path, *command: str) -> str:
    """What a member's command prints, run in a folder."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": members.server.url,
        "AWS_ACCESS_KEY_ID": str(who.access_key),
        "AWS_SECRET_ACCESS_KEY": str(who.secret_key),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_DATA_PATH": OWN_MODELS,
        "NO_PROXY": "*",
    }
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_pages_curl_lists_what_there_is_and_goes_on_where_a_download_was_cut_short(
    members: Members, tmp_path: Path
) -> None:
    members.join("888888888888")
    who = members.keys["888888888888"]
    result = members.delivered.to("888888888888", {"model.tar.gz": ROWS})
    shell = next(block for kind, block in BLOCKS if kind == "sh")
    listing, fetching, summing = shell.replace("RESULT", result.id).replace("curl ", "curl --silent ").split("\n\n")
    listed = json.loads(as_the_page_says(members, who, tmp_path, "sh", "-c", listing))["results"]
    assert [one["resultIdentifier"] for one in listed] == [result.id]
    as_the_page_says(members, who, tmp_path, "sh", "-c", fetching)
    fetched = tmp_path / result.id / "model.tar.gz"
    assert fetched.read_bytes() == ROWS
    fetched.write_bytes(ROWS[:1000])
    going_on = fetching.replace("--fail", "--continue-at - --fail")
    assert "`--continue-at -`" in PAGE
    as_the_page_says(members, who, tmp_path, "sh", "-c", going_on)
    assert fetched.read_bytes() == ROWS
    assert as_the_page_says(members, who, tmp_path, "sh", "-c", summing).split()[0] == listed[0]["files"][0]["sha256"]
    assert members.events(result)[-1].startswith("downloads bytes 1000-1048575 of")


def test_the_pages_python_fetches_everything_and_makes_a_url_for_a_browser(members: Members, tmp_path: Path) -> None:
    members.join("999999999999")
    who = members.keys["999999999999"]
    first = members.delivered.to("999999999999", {"rows.csv": ROWS})
    second = members.delivered.to("999999999999", {"rows.csv": ROWS[:5]})
    fetching, presigning = (block for kind, block in BLOCKS if kind == "python")
    as_the_page_says(members, who, tmp_path, sys.executable, "-c", fetching)
    assert (tmp_path / first.id / "rows.csv").read_bytes() == ROWS
    assert (tmp_path / second.id / "rows.csv").read_bytes() == ROWS[:5]
    url = as_the_page_says(members, who, tmp_path, sys.executable, "-c", presigning).strip()
    said = members.send("GET", url.removeprefix(members.server.url))
    assert (said.body, said.headers["content-disposition"]) == (ROWS[:5], 'attachment; filename="rows.csv"')


def test_a_presigned_url_fetches_a_file_without_a_key(members: Members, bob: Any, rows: Result) -> None:
    target = members.presigned(bob, path_of(rows))
    assert members.send("GET", target).body == ROWS
    assert members.send("GET", target, {"Range": "bytes=0-9"}).body == ROWS[:10]
    assert members.send("HEAD", members.presigned(bob, path_of(rows), method="HEAD")).status == 200


def test_a_presigned_url_is_for_what_it_was_signed_for_and_for_downloads_alone(
    members: Members, alice: Any, bob: Any, rows: Result
) -> None:
    target = members.presigned(bob, path_of(rows))
    assert members.send("HEAD", target).status == 403
    assert members.send("GET", target.replace("rows.csv", "empty.csv")).status == 403
    assert members.send("GET", target.replace("X-Amz-Expires=900", "X-Amz-Expires=899")).status == 403
    assert members.send("GET", members.presigned(alice, path_of(rows))).status == 404
    for path, service in (("/whiteroom/v1/results", "whiteroom"), ("/memberships", "cleanrooms")):
        said = members.send("GET", members.presigned(bob, path, service=service))
        assert (said.status, said.error) == (403, "IncompleteSignatureException")
        assert "downloads of results alone" in said.message


@pytest.mark.parametrize("seconds", [901, 604_800, 0, -1])
def test_a_presigned_url_that_is_to_live_longer_than_15_minutes_or_not_at_all_is_refused(
    members: Members, bob: Any, rows: Result, seconds: int
) -> None:
    said = members.send("GET", members.presigned(bob, path_of(rows), seconds=seconds))
    assert (said.status, said.error) == (403, "IncompleteSignatureException")
    assert "15 minutes" in said.message


def test_temporary_credentials_fetch_and_presign_until_they_end(members: Members, rows: Result) -> None:
    added = members.cli("users", "add", "--account", BOB, "tim", "--role", "privacy-officer", "--json").json
    own = key_of(added)
    sts = members.server.client("sts", own.access_key, own.secret_key)
    given = sts.get_session_token(DurationSeconds=900)["Credentials"]
    who = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    target = members.presigned(who, path_of(rows))
    assert members.ask(who, path_of(rows)).body == ROWS
    assert members.send("GET", target).body == ROWS
    assert members.cli("users", "disable", "--account", BOB, "tim").code == 0
    assert members.ask(who, path_of(rows)).status == 403
    assert members.send("GET", target).status == 403


def test_a_result_stays_its_receivers_though_it_has_left_the_collaboration(members: Members, bob: Any) -> None:
    """Here there is not even a collaboration: what was delivered is looked for in nothing but its own record."""
    result = members.delivered.to(BOB, {"rows.csv": b"1"}, collaboration_id="00000000-0000-4000-8000-0000000000bb")
    assert members.ask(bob, path_of(result)).body == b"1"
