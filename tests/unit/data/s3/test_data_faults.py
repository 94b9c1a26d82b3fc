"""What the store does wrong: nothing is lost, nothing is kept or brought in part, and the operator is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.disks import needs_root, small_disk
from support.faulty import SLOW_SECONDS, Request
from unit.data.s3.conftest import Shelf, bucket_of
from whiteroom.base.machine_errors import Trouble, machine_error_of
from whiteroom.data.s3.data import S3Data
from whiteroom.domain.execution.data import DataKind, DataRef

Write = Callable[..., DataRef]
LARGE = os.urandom(40 << 20)
"""Three parts."""


def contents(data: S3Data, ref: DataRef) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(data.path(ref)).iterdir()}


def part(request: Request) -> bool:
    return request.method == "PUT" and "partNumber=2" in request.path


@pytest.mark.parametrize(
    ("fault", "told"), [("503", "ServiceUnavailable"), ("cut", "got no answer"), ("slow", "got no answer")]
)
def test_a_store_that_does_not_answer_keeps_nothing_and_the_same_is_kept_later(
    shelf: Shelf, write: Write, fault: str, told: str
) -> None:
    shelf.patience_seconds = SLOW_SECONDS / 2 if fault == "slow" else shelf.patience_seconds
    data = shelf.data()
    ref = write(data, "c", a=b"1", b=b"2")
    bucket_of(data).claim()
    shelf.store.fault = lambda request: fault if "objects/" in request.path else ""
    with pytest.raises(Trouble, match=rf"^What the server keeps in S3 cannot be used: s3:PutObject on s3://.*{told}"):
        data.keep(ref)
    assert shelf.names("manifests") == []
    assert contents(data, ref) == {"a": b"1", "b": b"2"}
    shelf.store.fault = lambda _request: ""
    assert data.keep(ref)
    elsewhere = shelf.data("elsewhere")
    shelf.store.fault = lambda request: fault if "objects/" in request.path else ""
    with pytest.raises(Trouble, match=f"s3:GetObject on s3://.*{told}"):
        elsewhere.bring(ref)
    assert not Path(elsewhere.path(ref)).exists()
    shelf.store.fault = lambda _request: ""
    assert elsewhere.bring(ref)
    assert contents(elsewhere, ref) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("fault", ["503", "cut", "slow", "cut answer"])
def test_what_fails_once_is_asked_again(shelf: Shelf, write: Write, fault: str) -> None:
    shelf.patience_seconds = SLOW_SECONDS / 2 if fault == "slow" else shelf.patience_seconds
    data, elsewhere = shelf.data(), shelf.data("elsewhere")
    ref = write(data, "c", a=LARGE)
    shelf.store.times(1, fault, part)
    assert data.keep(ref)
    shelf.store.times(1, fault, lambda request: request.method == "GET" and "objects/" in request.path)
    assert elsewhere.bring(ref)
    assert contents(elsewhere, ref) == {"a": LARGE}


def test_a_connection_that_is_cut_in_every_part_leaves_no_object_and_no_upload(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", a=LARGE)
    shelf.store.fault = lambda request: "cut" if part(request) else ""
    with pytest.raises(Trouble, match="got no answer"):
        data.keep(ref)
    assert shelf.names() == ["whiteroom.json"]
    assert shelf.uploads() == 0
    assert contents(data, ref) == {"a": LARGE}


def test_a_bucket_that_is_gone_is_told_and_what_is_here_stays(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref, kept = write(data, "c", a=b"1"), write(data, "kept", a=b"2")
    data.keep(kept)
    for key in shelf.names():
        shelf.real.delete_object(Bucket=shelf.name, Key=f"own/{key}")
    shelf.real.delete_bucket(Bucket=shelf.name)
    for act in (data.keep, data.bring, data.list, data.erase):
        with pytest.raises(Trouble, match=r"\(NoSuchBucket\)"):
            act(ref)
    with pytest.raises(Trouble, match=r"\(NoSuchBucket\)"):
        data.held(DataKind.CHANNEL)
    assert contents(data, kept) == {"a": b"2"}


@pytest.mark.parametrize("altered", [b"another 12345", b"short", b"longer than what was kept there", b""])
def test_an_object_that_was_altered_is_not_used(shelf: Shelf, write: Write, altered: bytes) -> None:
    data, elsewhere = shelf.data(), shelf.data("elsewhere")
    ref = write(data, "c", a=b"written 12345", b=b"2")
    data.keep(ref)
    sizes = {item["Key"]: item["Size"] for item in shelf.real.list_objects_v2(Bucket=shelf.name)["Contents"]}
    (key,) = (key for key, size in sizes.items() if "objects" in key and size == 13)
    shelf.real.put_object(Bucket=shelf.name, Key=key, Body=altered)
    with pytest.raises(Trouble, match=r"is not what was kept of the file a \(13 bytes, SHA-256 .*Restore it from a"):
        elsewhere.bring(ref)
    assert not Path(elsewhere.path(ref)).exists()
    shelf.real.put_object(Bucket=shelf.name, Key=key, Body=b"written 12345")
    assert elsewhere.bring(ref)


@pytest.mark.parametrize("content", [b"1", LARGE], ids=["small", "large"])
def test_an_object_that_is_gone_is_told(shelf: Shelf, write: Write, content: bytes) -> None:
    data, elsewhere = shelf.data(), shelf.data("elsewhere")
    ref = write(data, "c", a=content)
    data.keep(ref)
    (key,) = shelf.names("objects")
    shelf.real.delete_object(Bucket=shelf.name, Key=f"own/{key}")
    with pytest.raises(Trouble, match=rf"s3://{shelf.name}/own/{key} is gone, which holds the file a"):
        elsewhere.bring(ref)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is not as it was written"),
        (b"[]", "it is not as it was written"),
        (b'{"format": 3, "files": []}', "it has the format 3, and this release knows 1"),
        (b'{"format": 2, "arn": "", "sealed": ""}', 'it is sealed: set files to "sealed"'),
        ("../../outside", "it names a file that would lie elsewhere"),
        ("/etc/passwd", "it names a file that would lie elsewhere"),
        ("a\0b", "it names a file that would lie elsewhere"),
    ],
)
def test_a_manifest_that_was_altered_is_not_believed(
    shelf: Shelf, write: Write, tmp_path: Path, body: bytes | str, told: str
) -> None:
    data = shelf.data()
    ref = write(data, "c", a=b"1")
    data.keep(ref)
    if isinstance(body, str):
        found = json.loads(shelf.real.get_object(Bucket=shelf.name, Key="own/manifests/channel/c")["Body"].read())
        found["files"][0]["name"] = body
        body = json.dumps(found).encode()
    shelf.real.put_object(Bucket=shelf.name, Key="own/manifests/channel/c", Body=body)
    with pytest.raises(Trouble, match=rf"manifests/channel/c cannot be used: {told}\. Restore it"):
        shelf.data("elsewhere").bring(ref)
    assert not (tmp_path / "outside").exists()


@needs_root
def test_a_full_disk_under_the_cache_leaves_nothing_in_part_and_is_told(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", a=b"1" * 3_000_000, b=b"2" * 3_000_000)
    data.keep(ref)
    with small_disk(shelf.tmp / "small", megabytes=8) as disk:
        here = shelf.data("small")
        disk.fill()
        disk.leave(4)
        with pytest.raises(Trouble, match=r"for which the cache on this machine lacks [\d,]+: .*or the disk is full"):
            here.bring(ref)
        disk.make_room()
        (disk.path / "other").write_bytes(b"x" * 1_000_000)
        assert here.bring(ref)
        assert contents(here, ref) == {"a": b"1" * 3_000_000, "b": b"2" * 3_000_000}


@needs_root
def test_a_disk_that_fills_up_while_something_is_brought_leaves_nothing_in_part(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", a=b"1" * 3_000_000, b=b"2" * 3_000_000)
    data.keep(ref)
    with small_disk(shelf.tmp / "small", megabytes=8) as disk:
        here = shelf.data("small")

        def fill(request: Request) -> str:
            if request.method == "GET" and "objects/" in request.path and not disk._ballast.exists():
                disk.fill()
            return ""

        shelf.store.fault = fill
        with pytest.raises(OSError, match="No space left") as caught:
            here.bring(ref)
        assert "Make room" in str(machine_error_of(caught.value))
        assert not Path(here.path(ref)).exists()
        shelf.store.fault = lambda _request: ""
        disk.make_room()
        assert here.bring(ref)
