"""FolderData, and the fake that is made of it, deliver to folders of this machine: what that adds to the contract."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Self

import pytest

from contract.data.suite import JOB, Place, fill
from contract.deliveries.suite import (
    ID,
    Delivered,
    DeliveredBytesContract,
    DeliveriesContract,
    KeptResultsContract,
    delivered_file,
    to,
)
from support.fake_data import RiggedData
from whiteroom.data.delivered import OpenedFile
from whiteroom.data.folder import FolderData
from whiteroom.ports.deliveries import DeliveryFailed, DeliveryGone


@pytest.fixture
def data(tmp_path: Path) -> FolderData:
    return FolderData(tmp_path)


@pytest.fixture
def deliveries(data: FolderData) -> FolderData:
    return data


@pytest.fixture
def place(data: FolderData) -> Place:
    return lambda ref: Path(data.path(ref))


@pytest.fixture
def delivered(tmp_path: Path) -> Delivered:
    def find() -> dict[str, bytes]:
        root = tmp_path / "objects"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    return find


class TestFolderData(DeliveriesContract, DeliveredBytesContract, KeptResultsContract):
    adapters = (FolderData, OpenedFile)


class TestRiggedData(DeliveriesContract, DeliveredBytesContract, KeptResultsContract):
    adapters = (RiggedData,)

    @pytest.fixture
    def data(self, tmp_path: Path) -> FolderData:
        return RiggedData(tmp_path)


def test_a_delivery_leaves_nothing_hidden_behind(data: FolderData, tmp_path: Path) -> None:
    fill(tmp_path / "runs/job", a=b"1")
    for _ in range(2):
        data.deliver(to("s3://abc/p"), ID, "x/y", [("a", JOB.at("a"))])
    assert [path.name for path in (tmp_path / "objects/abc/p/x").iterdir()] == ["y"]


def test_a_delivery_that_crashed_is_healed_by_its_repeat(data: FolderData, tmp_path: Path) -> None:
    fill(tmp_path / "runs/job", a=b"1", b=b"2")

    class CrashError(BaseException):
        pass

    def crashing() -> None:
        raise CrashError

    real = os.rename
    calls = []

    def rename(*args: object, **kwargs: object) -> None:
        calls.append(args)
        if len(calls) == 3:
            crashing()
        real(*args, **kwargs)  # type: ignore[arg-type]

    data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("b")), ("b", JOB.at("a"))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(CrashError):
            data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("a")), ("b", JOB.at("b"))])
    data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("a")), ("b", JOB.at("b"))])
    assert {path.name: path.read_bytes() for path in (tmp_path / "objects/abc/job").iterdir()} == {
        "a": b"1", "b": b"2"
    }  # fmt: skip
    assert [path.name for path in (tmp_path / "objects/abc").iterdir()] == ["job"]


def test_what_a_killed_delivery_gathered_is_nobodys_and_goes_with_the_next_server(
    data: FolderData, tmp_path: Path
) -> None:
    fill(tmp_path / "runs/job", a=b"1")
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        # Killed when all has been copied, and before it is judged again.
        def die(_: object) -> None:
            os.write(writer, b"copied")
            os.kill(os.getpid(), signal.SIGKILL)

        data.deliver(to("s3://abc/p"), ID, "x/job", [("a", JOB.at("a"))], die)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        assert said.read() == b"copied"
    os.waitpid(child, 0)
    (gathered,) = (tmp_path / "objects/abc/p/x").iterdir()
    assert gathered.name.startswith(".")
    assert gathered.stat().st_mode & 0o777 == 0o700
    FolderData(tmp_path).sweep()
    assert list((tmp_path / "objects/abc/p/x").iterdir()) == []
    assert list((tmp_path / "objects/+under-way").iterdir()) == []


def test_a_note_that_a_power_cut_left_empty_keeps_no_server_from_starting(data: FolderData, tmp_path: Path) -> None:
    fill(tmp_path / "objects/+under-way", cut=b"")
    FolderData(tmp_path).sweep()
    assert list((tmp_path / "objects/+under-way").iterdir()) == []


def test_a_delivery_under_way_is_left_alone_by_another_server(data: FolderData, tmp_path: Path) -> None:
    fill(tmp_path / "runs/job", a=b"1")

    def begin_another(_: object) -> None:
        FolderData(tmp_path).sweep()

    data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("a"))], begin_another)
    assert (tmp_path / "objects/abc/job/a").read_bytes() == b"1"
    assert (tmp_path / "objects/abc/job").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("link", ["abc", "abc/p", "abc/p/x", "abc/p/x/job"])
def test_a_delivery_follows_no_link_out_of_its_folder(data: FolderData, tmp_path: Path, link: str) -> None:
    outside = fill(tmp_path / "outside", keep=b"")
    at = tmp_path / "objects" / link
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(outside)
    fill(tmp_path / "runs/job", a=b"1")
    with pytest.raises(DeliveryFailed, match=r"^The receiver's location cannot be written to: [A-Za-z ]+\.$"):
        data.deliver(to("s3://abc/p"), ID, "x/job", [("a", JOB.at("a"))])
    assert [path.name for path in outside.iterdir()] == ["keep"]


@pytest.mark.parametrize("link", ["abc", "abc/p", "abc/p/job", "abc/p/job/a"])
def test_what_was_delivered_is_not_read_through_a_link(data: FolderData, tmp_path: Path, link: str) -> None:
    fill(tmp_path / "runs/job", a=b"1")
    data.deliver(to("s3://abc/p"), ID, "job", [("a", JOB.at("a"))])
    at = tmp_path / "objects" / link
    at.rename(tmp_path / "moved")
    at.symlink_to(tmp_path / "moved")
    with pytest.raises(DeliveryGone):
        data.open_delivered("s3://abc/p", "job", delivered_file("a", b"1"))


def test_a_file_that_is_cut_short_while_it_is_read_is_told(data: FolderData, tmp_path: Path) -> None:
    fill(tmp_path / "runs/job", a=b"12345")
    data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("a"))])
    opened = data.open_delivered("s3://abc", "job", delivered_file("a", b"12345"))
    assert opened.read(2) == b"12"
    os.truncate(tmp_path / "objects/abc/job/a", 2)
    with pytest.raises(DeliveryGone):
        opened.read(2)
    opened.close()


def test_what_a_disk_takes_in_parts_is_delivered_whole(
    data: FolderData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write may take less than it was given: where the disk fills up, or a quota is met."""
    fill(tmp_path / "runs/job", a=bytes(range(256)) * 20)
    real = os.fdopen

    def slow(fd: int, *args: object, **kwargs: object) -> object:
        file = real(fd, *args, **kwargs)  # type: ignore[call-overload]
        return Grudging(file) if args[:1] == ("wb",) else file

    monkeypatch.setattr("whiteroom.data.folder.os.fdopen", slow)
    data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("a"))])
    assert (tmp_path / "objects/abc/job/a").read_bytes() == bytes(range(256)) * 20


class Grudging:
    """A file that takes 100 bytes at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return int(self._file.fileno())

    def write(self, piece: memoryview) -> int:
        return int(self._file.write(piece[:100]))


def test_a_hard_linked_source_is_refused(data: FolderData, tmp_path: Path) -> None:
    folder = fill(tmp_path / "runs/job", a=b"1")
    (folder / "b").hardlink_to(folder / "a")
    with pytest.raises(Exception, match="hard link"):
        data.deliver(to("s3://abc"), ID, "job", [("a", JOB.at("a"))])
