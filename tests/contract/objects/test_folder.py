"""FolderObjects keeps to the contract, and to what a folder of this machine adds to it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from contract.objects.suite import KEY, Delivered, ObjectStoreContract, fill
from whiteroom.objects.folder import FolderObjects
from whiteroom.ports import DeliveryFailed


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "artefacts", tmp_path / "deliveries")


@pytest.fixture
def delivered(tmp_path: Path) -> Delivered:
    def find() -> dict[str, bytes]:
        root = tmp_path / "deliveries"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    return find


class TestFolderObjects(ObjectStoreContract):
    pass


def test_nothing_but_the_artefact_is_left_in_the_folder(store: FolderObjects, tmp_path: Path) -> None:
    folder = fill(tmp_path / "job", a=b"1")
    store.pack({"algo-1": folder}, KEY, None)
    (folder / "fifo").touch()
    (folder / "fifo").unlink()
    os.mkfifo(folder / "fifo")
    with pytest.raises(Exception, match="is a FIFO"):
        store.pack({"algo-1": folder}, KEY, None)
    assert [path.name for path in (tmp_path / "artefacts").rglob("*") if path.is_file()] == ["model.tar.gz"]
    store.delete(KEY)
    assert list((tmp_path / "artefacts").iterdir()) == []


def test_a_delivery_leaves_nothing_hidden_behind(store: FolderObjects, tmp_path: Path) -> None:
    folder = fill(tmp_path / "job", a=b"1")
    for _ in range(2):
        store.deliver("s3://abc/p", "x/y", [("a", folder / "a")])
    assert [path.name for path in (tmp_path / "deliveries/abc/p/x").iterdir()] == ["y"]


def test_a_delivery_that_crashed_is_healed_by_its_repeat(store: FolderObjects, tmp_path: Path) -> None:
    folder = fill(tmp_path / "job", a=b"1", b=b"2")

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

    store.deliver("s3://abc", "job", [("a", folder / "b"), ("b", folder / "a")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(CrashError):
            store.deliver("s3://abc", "job", [("a", folder / "a"), ("b", folder / "b")])
    store.deliver("s3://abc", "job", [("a", folder / "a"), ("b", folder / "b")])
    assert {path.name: path.read_bytes() for path in (tmp_path / "deliveries/abc/job").iterdir()} == {
        "a": b"1", "b": b"2"
    }  # fmt: skip
    assert [path.name for path in (tmp_path / "deliveries/abc").iterdir()] == ["job"]


def test_what_a_killed_delivery_gathered_is_nobodys_and_goes_with_the_next_server(
    store: FolderObjects, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "job", a=b"1")
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        # Killed when all has been copied, and before it is judged again.
        def die() -> None:
            os.write(writer, b"copied")
            os.kill(os.getpid(), signal.SIGKILL)

        store.deliver("s3://abc/p", "x/job", [("a", folder / "a")], die)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        assert said.read() == b"copied"
    os.waitpid(child, 0)
    (gathered,) = (tmp_path / "deliveries/abc/p/x").iterdir()
    assert gathered.name.startswith(".")
    assert gathered.stat().st_mode & 0o777 == 0o700
    FolderObjects(tmp_path / "artefacts", tmp_path / "deliveries")
    assert list((tmp_path / "deliveries/abc/p/x").iterdir()) == []
    assert list((tmp_path / "deliveries/+under-way").iterdir()) == []


def test_a_note_that_a_power_cut_left_empty_keeps_no_server_from_starting(store: FolderObjects, tmp_path: Path) -> None:
    (tmp_path / "deliveries/+under-way/cut").touch()
    FolderObjects(tmp_path / "artefacts", tmp_path / "deliveries")
    assert list((tmp_path / "deliveries/+under-way").iterdir()) == []


def test_a_delivery_under_way_is_left_alone_by_another_server(store: FolderObjects, tmp_path: Path) -> None:
    folder = fill(tmp_path / "job", a=b"1")

    def begin_another() -> None:
        FolderObjects(tmp_path / "artefacts", tmp_path / "deliveries")

    store.deliver("s3://abc", "job", [("a", folder / "a")], begin_another)
    assert (tmp_path / "deliveries/abc/job/a").read_bytes() == b"1"
    assert (tmp_path / "deliveries/abc/job").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("link", ["abc", "abc/p", "abc/p/x", "abc/p/x/job"])
def test_a_delivery_follows_no_link_out_of_its_folder(store: FolderObjects, tmp_path: Path, link: str) -> None:
    outside = fill(tmp_path / "outside", keep=b"")
    at = tmp_path / "deliveries" / link
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(outside)
    with pytest.raises(DeliveryFailed, match=r"^The receiver's location cannot be written to: [A-Za-z ]+\.$"):
        store.deliver("s3://abc/p", "x/job", [("a", fill(tmp_path / "job", a=b"1") / "a")])
    assert [path.name for path in outside.iterdir()] == ["keep"]


def test_a_hard_linked_source_is_refused(store: FolderObjects, tmp_path: Path) -> None:
    folder = fill(tmp_path / "job", a=b"1")
    (folder / "b").hardlink_to(folder / "a")
    with pytest.raises(Exception, match="hard link"):
        store.deliver("s3://abc", "job", [("a", folder / "a")])
