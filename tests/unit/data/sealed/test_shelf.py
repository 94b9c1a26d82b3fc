"""A folder as a bucket: each object whole or not there, small ones replaced by whoever has seen what they replace."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.sealed.shelf import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "sealed")


def put(shelf: Shelf, name: str, data: bytes) -> None:
    shelf.upload(name, io.BytesIO(data), len(data))


def got(shelf: Shelf, name: str) -> bytes:
    out = io.BytesIO()
    shelf.download(name, out, 0)
    return out.getvalue()


def test_objects_are_found_by_folder_and_gone_when_they_are_deleted(shelf: Shelf, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    for name in ("objects/channel/c/1", "objects/channel/c/2", "objects/channel/d/1", "manifests/channel/c"):
        put(shelf, name, data)
    assert got(shelf, "objects/channel/c/1") == data
    assert list(shelf.names("objects/channel/")) == ["c", "d"]
    assert [one.name for one in shelf.objects("objects/channel/c/")] == ["objects/channel/c/1", "objects/channel/c/2"]
    for _ in range(2):
        shelf.delete([one.name for one in shelf.objects("objects/channel/c/")])
    assert list(shelf.names("objects/channel/")) == ["d"]
    with pytest.raises(FileNotFoundError):
        got(shelf, "objects/channel/c/1")
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("sealed/**/*")} == {0}, "for its owner alone"


def test_nothing_is_found_where_nothing_was_written(shelf: Shelf) -> None:
    assert shelf.read("manifests/channel/c") is None
    assert [*shelf.names("a/"), *shelf.objects("a/"), *shelf.uploads("a/")] == []


@pytest.mark.parametrize("put_there", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_refused_at_once(shelf: Shelf, tmp_path: Path, put_there: Callable[[Path], object]) -> None:
    put(shelf, "objects/channel/c/1", b"1")
    there = tmp_path / "sealed" / "objects" / "channel" / "c" / "1"
    there.unlink()
    put_there(there)
    for read in (got, Shelf.read):
        with pytest.raises(Trouble, match=f"{there} is no file: somebody"):
            read(shelf, "objects/channel/c/1")


def test_a_small_object_is_replaced_by_whoever_has_seen_the_one_that_is_there(shelf: Shelf) -> None:
    assert shelf.write("m", b"1", None)
    assert not shelf.write("m", b"2", None)
    first = shelf.read("m")
    assert first is not None
    assert shelf.write("m", b"2", first[1])
    assert not shelf.write("m", b"3", first[1])
    assert (shelf.read("m") or (b"",))[0] == b"2"
    shelf.delete(["m"])
    assert not shelf.write("m", b"3", first[1])


def test_of_many_at_once_one_writes(shelf: Shelf) -> None:
    with ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(lambda number: shelf.write("m", b"%d" % number, None), range(16)))
    assert wrote.count(True) == 1
    assert (shelf.read("m") or (b"",))[0] == b"%d" % wrote.index(True)


def test_what_is_cut_short_is_no_object_and_is_found_as_an_upload(shelf: Shelf) -> None:
    with pytest.raises(Trouble, match="10 bytes, and 3 did not come"):
        shelf.upload("objects/c/1", io.BytesIO(b"1234567"), 10)
    assert [*shelf.objects("objects/"), *shelf.uploads("objects/")] == []

    class Killing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size) or os.kill(os.getpid(), signal.SIGKILL) or b""  # type: ignore[func-returns-value]

    child = os.fork()
    if child == 0:
        shelf.upload("objects/c/1", Killing(b"1234567"), 7)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert list(shelf.objects("objects/")) == []
    assert list(shelf.names("objects/c/")) == []
    (upload,) = shelf.uploads("objects/")
    shelf.abort(upload)
    shelf.abort(upload)
    assert list(shelf.uploads("objects/")) == []
