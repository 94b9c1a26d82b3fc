"""The S3 that comes along with `whiteroom up --s3`: a bucket for each account, and nobody else's."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from support.command import CommandLine, whiteroom
from support.live import LiveRoom, live_room, once
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE, BOB
from whiteroom import notebook

pytestmark = pytest.mark.services

PORT = {"WHITEROOM_S3_PORT": "0"}
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}
DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


def s3_url(data: Path) -> str:
    return str(json.loads((data / "server.json").read_text())["s3"])


def s3(data: Path, key_id: str, secret: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=s3_url(data),
        region_name="eu-west-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"mode": "standard", "total_max_attempts": 5}, proxies={}),
    )


def refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("s3") / "data"
    for account in (ALICE, BOB):
        assert CommandLine(data)("accounts", "add", account).code == 0
    with running_server(data, "--s3", dev=False, environment=PORT) as server:
        yield server


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> CommandLine:
    return CommandLine(server.data)


def new_user(cli: CommandLine, account: str, name: str) -> tuple[str, str]:
    told = cli("users", "add", "--account", account, name, "--role", "administrator", "--json").json
    return told["accessKeyId"], told["secretAccessKey"]


def member(server: RunningServer, cli: CommandLine, account: str, name: str) -> Any:
    """A client with a key of a new user of an account's, once the S3 knows it."""
    client = s3(server.data, *new_user(cli, account, name))
    once(lambda seen: seen == [account], lambda: buckets_of(client))
    return client


def buckets_of(client: Any) -> list[str] | None:
    """None where the key is refused."""
    try:
        return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    except client.exceptions.ClientError as error:
        _assert_denied(error)
        return None


def _assert_denied(error: Any) -> None:
    if error.response["Error"]["Code"] not in DENIED:
        raise error


@pytest.fixture(scope="module")
def alice(server: RunningServer, cli: CommandLine) -> Any:
    return member(server, cli, ALICE, "ann")


@pytest.fixture(scope="module")
def bob(server: RunningServer, cli: CommandLine) -> Any:
    return member(server, cli, BOB, "ben")


def test_a_member_puts_and_fetches_in_its_own_bucket_with_its_access_key(alice: Any, tmp_path: Path) -> None:
    contents = os.urandom(20_000_000)
    (tmp_path / "table.parquet").write_bytes(contents)
    alice.upload_file(str(tmp_path / "table.parquet"), ALICE, "tables/table.parquet")
    alice.download_file(ALICE, "tables/table.parquet", str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == contents
    assert [one["Key"] for one in alice.list_objects_v2(Bucket=ALICE)["Contents"]] == ["tables/table.parquet"]


def test_a_bucket_takes_one_file_of_the_disk_and_not_seven(server: RunningServer, alice: Any) -> None:
    """SeaweedFS counts how many files of a gigabyte the disk can have, and gives a bucket seven of them at once."""
    alice.put_object(Bucket=ALICE, Key="small", Body=b"1")
    assert len(list((server.data / "s3" / "objects").glob(f"{ALICE}_*.dat"))) == 1


def test_nobody_reaches_anothers_bucket(alice: Any, bob: Any, server: RunningServer) -> None:
    alice.put_object(Bucket=ALICE, Key="secret", Body=b"1")
    for call, request in (
        (bob.get_object, {"Bucket": ALICE, "Key": "secret"}),
        (bob.head_object, {"Bucket": ALICE, "Key": "secret"}),
        (bob.list_objects_v2, {"Bucket": ALICE}),
        (bob.put_object, {"Bucket": ALICE, "Key": "mine", "Body": b"2"}),
        (bob.delete_object, {"Bucket": ALICE, "Key": "secret"}),
        (bob.copy_object, {"Bucket": BOB, "Key": "stolen", "CopySource": f"{ALICE}/secret"}),
        (bob.create_multipart_upload, {"Bucket": ALICE, "Key": "mine"}),
        (bob.create_bucket, {"Bucket": "another"}),
        (bob.delete_bucket, {"Bucket": BOB}),
        (bob.put_bucket_acl, {"Bucket": BOB, "ACL": "public-read"}),
        (bob.get_object, {"Bucket": "whiteroom", "Key": "ready"}),
        (s3(server.data, "nobody", "nothing").list_buckets, {}),
    ):
        assert refused(call, **request) in {*DENIED, "403"}
    for key in (f"../{ALICE}/secret", f"x/../../{ALICE}/secret"):
        with pytest.raises((ClientError, BotoCoreError)):
            bob.get_object(Bucket=BOB, Key=key)
    assert alice.get_object(Bucket=ALICE, Key="secret")["Body"].read() == b"1"
    assert buckets_of(bob) == [BOB]


def test_nothing_but_s3_itself_is_there_to_connect_to(server: RunningServer) -> None:
    """SeaweedFS's other ports trust whoever reaches them."""
    ours = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    here = Path("/proc/self/ns/net").readlink()
    ports = {
        connection.laddr.port
        for process in ours
        if Path(f"/proc/{process.pid}/ns/net").readlink() == here
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports == {int(url.rsplit(":", 1)[1]) for url in (server.url, s3_url(server.data))}
    assert [process for process in ours if process.name() == "weed"]
    assert (server.data / "s3").stat().st_mode & 0o777 == 0o700


def test_no_key_lies_in_any_file(server: RunningServer, cli: CommandLine, alice: Any) -> None:
    key_id, secret = new_user(cli, ALICE, "zed")
    once(lambda seen: seen == [ALICE], lambda: buckets_of(s3(server.data, key_id, secret)))
    files = [path for path in (server.data / "s3").rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def weed_of(server: RunningServer) -> psutil.Process:
    (weed,) = (one for one in psutil.Process(server.process.pid).children(recursive=True) if one.name() == "weed")
    return weed


def test_it_is_started_again_when_it_dies_with_all_that_it_kept(server: RunningServer, alice: Any) -> None:
    alice.put_object(Bucket=ALICE, Key="kept", Body=b"kept" * 1_000_000)
    weed = weed_of(server)
    weed.send_signal(signal.SIGKILL)
    assert alice.get_object(Bucket=ALICE, Key="kept")["Body"].read() == b"kept" * 1_000_000
    assert weed_of(server).pid != weed.pid


def test_a_key_that_signs_no_more_opens_nothing_and_others_go_on(
    server: RunningServer, cli: CommandLine, alice: Any
) -> None:
    gone = member(server, cli, ALICE, "gil")
    alice.put_object(Bucket=ALICE, Key="there", Body=b"1")
    assert cli("users", "disable", "--account", ALICE, "gil").code == 0
    once(lambda seen: seen is None, lambda: buckets_of(gone))
    assert alice.get_object(Bucket=ALICE, Key="there")["Body"].read() == b"1"


def test_doctor_tells_where_it_is(server: RunningServer, cli: CommandLine) -> None:
    (about,) = (one for one in cli("doctor", "--json").json["findings"] if one["name"] == "S3 beside the server")
    assert about["ok"]
    assert s3_url(server.data) in about["detail"]


def test_it_dies_with_the_server_however_that_dies(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", "--s3", environment=PORT) as server:
        children = psutil.Process(server.process.pid).children(recursive=True)
        assert {"weed"} <= {process.name() for process in children}
        server.stop(signal.SIGKILL)
        _, alive = psutil.wait_procs(
            [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE], 30
        )
        assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    with running_server(tmp_path / "data", "--s3", environment=PORT):
        assert s3_url(tmp_path / "data")


def test_a_backup_while_it_is_written_to_holds_all_of_one_moment_and_a_server_on_it_goes_on(tmp_path: Path) -> None:
    """Every object that was there when the backup began is there after it, whole, and of later ones a beginning."""
    body = os.urandom(300_000)
    with running_server(tmp_path / "data", "--s3", dev=False, environment=PORT) as first:
        cli = CommandLine(tmp_path / "data")
        assert cli("accounts", "add", ALICE).code == 0
        key = new_user(cli, ALICE, "ann")
        mine = s3(first.data, *key)
        once(lambda seen: seen == [ALICE], lambda: buckets_of(mine))
        put, stop = itertools.count(), threading.Event()
        written: list[int] = []

        def write() -> None:
            while not stop.is_set():
                number = next(put)
                mine.put_object(Bucket=ALICE, Key=f"rows/{number:06}", Body=number.to_bytes(8) + body)
                written.append(number)

        with ThreadPoolExecutor(2) as writers:
            running = [writers.submit(write) for _ in range(2)]
            once(lambda seen: seen > 20, lambda: len(written))
            before = set(written)
            told = cli("backup", str(tmp_path / "copy"), "--json").json
            after = next(put)
            stop.set()
            for one in running:
                one.result()
        assert (told["lost"], told["elsewhere"]) == ([], [])
        assert max(written) > max(before), "it went on"
    assert whiteroom("restore", str(tmp_path / "copy"), str(tmp_path / "new")).code == 0
    with running_server(tmp_path / "new", "--s3", dev=False, environment=PORT) as second:
        again = s3(second.data, *key)
        listed = again.get_paginator("list_objects_v2").paginate(Bucket=ALICE)
        found = {int(one["Key"].partition("/")[2]) for page in listed for one in page.get("Contents", ())}
        assert before <= found <= set(range(after))
        for number in found:
            kept = again.get_object(Bucket=ALICE, Key=f"rows/{number:06}")["Body"].read()
            assert kept == number.to_bytes(8) + body
        again.put_object(Bucket=ALICE, Key="more", Body=b"1")
        assert again.get_object(Bucket=ALICE, Key="more")["Body"].read() == b"1"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("s3-room") / "data", "--s3", **PORT) as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        yield room


def test_results_are_delivered_into_it_and_to_nobody_elses_bucket(room: LiveRoom, tmp_path: Path) -> None:
    rows = room.channel("rows")
    room.finished(rows)
    model = room.train("model", rows)
    room.finished(model)
    room.configure(ALICE, f"s3://{ALICE}/results")
    room.export("export", model)
    assert room.exported("export", model)["status"] == "ACTIVE"
    mine = s3(room.data, ALICE, "any")
    folder = f"results/{room.collaboration_id}/model/{ALICE}/export/"
    found = {one["Key"]: one["Size"] for one in mine.list_objects_v2(Bucket=ALICE, Prefix=folder)["Contents"]}
    assert set(found) == {f"{folder}model.tar.gz", f"{folder}_SUCCESS"}
    (result,) = room.client("whiteroom").list_results()["results"]
    assert result["location"] == f"s3://{ALICE}/{folder}"
    assert result["files"][0]["sizeBytes"] == found[f"{folder}model.tar.gz"]
    with pytest.raises(ClientError, match=f"bucket {ALICE} of the S3 beside this server, at http://.*: fetch it there"):
        room.client("whiteroom").get_result(resultIdentifier=result["resultIdentifier"], fileName="model.tar.gz")
    member = notebook.connect(room.server.url, account=ALICE, region=room.server.region)
    (fetched,) = member.fetch(result, to=tmp_path, s3=mine)
    assert fetched.stat().st_size == result["files"][0]["sizeBytes"]
    member.close()
    room.configure(ALICE, f"s3://{BOB}/results")
    room.export("stolen", model)
    refused_job = room.exported("stolen", model)
    assert (refused_job["status"], refused_job["statusDetails"]["statusCode"]) == ("CREATE_FAILED", "DeliveryFailed")
    (refusal,) = room.client("whiteroom").list_results(status="REFUSED")["results"]
    assert f"Set a location in s3://{ALICE}/" in refusal["reason"]
    assert "Contents" not in s3(room.data, BOB, "any").list_objects_v2(Bucket=BOB)
