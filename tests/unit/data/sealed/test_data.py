"""What is kept is sealed, and opens for whoever has its key, in its place, as it was, and in memory alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from contract.data.suite import fill
from support.sealing import KEY, Rig
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.drafts import UNFINISHED
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.cache import IDLE_SECONDS
from whiteroom.data.s3.data import OUTLIVING
from whiteroom.data.s3.sweeping import ORPHANED_AFTER, sweep_store
from whiteroom.data.sealed.data import SealedData
from whiteroom.data.sealed.shelf import Shelf
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.keys import KeyTakenAway

CANARY = b"canary-2b9d41,1970-01-01,hospital\n" * 40_000
CHANNEL, OTHER = DataRef(DataKind.CHANNEL, "c"), DataRef(DataKind.CHANNEL, "d")
FILES = {"a": CANARY, "b": b"22" * 1_000_000}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, Shelf(tmp_path / "data" / "sealed"))


def kept(rig: Rig, ref: DataRef = CHANNEL) -> SealedData:
    data = rig.data()
    fill(Path(data.path(ref)), **FILES)
    assert data.keep(ref)
    return data


def contents(data: SealedData, ref: DataRef = CHANNEL) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(data.path(ref)).iterdir()}


def in_plain(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and b"canary-2b9d41" in file.read_bytes()]


def objects(rig: Rig, ref: DataRef = CHANNEL) -> list[Path]:
    """The objects of an id, the larger one last."""
    files = (rig.root / "sealed" / "objects" / "channel" / ref.id).iterdir()
    return sorted(files, key=lambda file: file.stat().st_size)


def manifest(rig: Rig, ref: DataRef = CHANNEL) -> Path:
    return rig.root / "sealed" / "manifests" / "channel" / ref.id


@pytest.mark.parametrize("kind", sorted(OUTLIVING))
def test_rows_names_and_checksums_of_every_kind_are_in_no_byte_of_the_data_folder(rig: Rig, kind: DataKind) -> None:
    data, ref = rig.data(), DataRef(kind, "id", "algo-1" if kind is DataKind.CHECKPOINT else "")
    fill(Path(data.path(ref)), **{"canary-2b9d41": CANARY})
    assert in_plain(rig.memory)
    data.keep(DataRef(kind, "id"))
    assert in_plain(rig.root) == []
    assert not any(b"canary" in file.read_bytes() for file in rig.root.rglob("*") if file.is_file())
    data.bring(DataRef(kind, "id"))
    assert in_plain(rig.root) == []
    assert rig.anew().bring(DataRef(kind, "id"))
    assert in_plain(rig.memory)
    assert in_plain(rig.root) == []


def test_an_archive_is_packed_in_memory_and_kept_sealed(rig: Rig) -> None:
    data, left = rig.data(), DataRef(DataKind.RUN_OUTPUT, "run")
    fill(Path(data.path(left)), rows=CANARY)
    archive = DataRef(DataKind.ARTEFACT, "m", "model.tar.gz")
    told = data.pack({"algo-1": left}, archive, None)
    packed = Path(data.path(archive)).read_bytes()
    assert not any(packed[:64] in file.read_bytes() for file in rig.root.rglob("*") if file.is_file())
    assert rig.anew().archive(archive) == told


def test_a_key_that_was_taken_away_opens_nothing_at_the_next_use_even_what_is_open_already(rig: Rig) -> None:
    data = kept(rig)
    rig.take_away()
    for act in (data.bring, data.keep, data.list):
        with pytest.raises(KeyTakenAway, match=f"The key {KEY} was taken away"):
            act(CHANNEL)
    with pytest.raises(KeyTakenAway):
        rig.anew().bring(CHANNEL)
    fill(Path(data.path(OTHER)), a=CANARY)
    with pytest.raises(KeyTakenAway):
        data.keep(OTHER)
    assert in_plain(rig.root) == []
    assert data.held(DataKind.CHANNEL) == ["c", "d"]
    rig.take_away("")
    assert data.bring(CHANNEL)
    assert contents(data) == FILES


def test_erasing_takes_the_wrapped_key_along_first_and_needs_none(rig: Rig) -> None:
    data = kept(rig)
    rig.take_away()
    stolen = objects(rig)
    assert stolen
    data.erase(CHANNEL)
    assert not manifest(rig).exists()
    assert in_plain(rig.memory) == []
    assert not any((rig.root / "sealed").rglob("objects/*/*/*"))


def test_a_crash_in_an_erasing_leaves_no_key(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    data = kept(rig)
    monkeypatch.setattr(data.bucket, "objects", lambda _folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        data.erase(CHANNEL)
    assert not manifest(rig).exists()
    assert not rig.anew().bring(CHANNEL)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def swap(one: Path, other: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def swap_chunks(path: Path) -> None:
    data, chunk = path.read_bytes(), (1 << 20) + 16
    path.write_bytes(data[:36] + data[36 + chunk :] + data[36 : 36 + chunk])


SPOILT: dict[str, Callable[[Rig], Any]] = {
    "a bit": lambda rig: flip(objects(rig)[-1], 5_000),
    "the end": lambda rig: os.truncate(objects(rig)[-1], objects(rig)[-1].stat().st_size - 1),
    "a chunk at the end": lambda rig: os.truncate(objects(rig)[-1], 36 + (1 << 20) + 16),
    "chunks in another order": lambda rig: swap_chunks(objects(rig)[-1]),
    "more": lambda rig: objects(rig)[-1].write_bytes(objects(rig)[-1].read_bytes() + b"1"),
    "exchanged with another of its own": lambda rig: swap(*objects(rig)),
    "exchanged with another channel's": lambda rig: swap(objects(rig)[-1], objects(rig, OTHER)[-1]),
    "gone": lambda rig: objects(rig)[-1].unlink(),
    "in plain text": lambda rig: objects(rig)[-1].write_bytes(CANARY),
}


@pytest.mark.parametrize("how", SPOILT)
def test_an_object_that_was_changed_cut_reordered_or_moved_is_refused_and_named(rig: Rig, how: str) -> None:
    kept(rig)
    kept(rig, OTHER)
    names = {str(path) for path in objects(rig)}
    SPOILT[how](rig)
    data = rig.anew()
    with pytest.raises(Trouble, match=r"is gone|is not what was kept") as refused:
        data.bring(CHANNEL)
    assert any(name in str(refused.value) for name in names)
    assert not Path(data.path(CHANNEL)).exists()


def in_document(rig: Rig, **changes: Any) -> None:
    document = json.loads(manifest(rig).read_text())
    manifest(rig).write_text(json.dumps({**document, **changes}))


MISLED: dict[str, Callable[[Rig], Any]] = {
    "another channel's": lambda rig: shutil.copy(manifest(rig, OTHER), manifest(rig)),
    "a layout's": lambda rig: shutil.copy(rig.root / "sealed/manifests/layout/c", manifest(rig)),
    "a bit": lambda rig: flip(manifest(rig), manifest(rig).stat().st_size - 9),
    "another ARN": lambda rig: in_document(rig, arn="arn:aws:cleanrooms-ml:us-east-1:111122223333:d"),
    "no seal": lambda rig: in_document(rig, sealed="x"),
    "nothing": lambda rig: manifest(rig).write_text(""),
    "no end of brackets": lambda rig: manifest(rig).write_text("[" * 100_000),
    "one in plain text": lambda rig: manifest(rig).write_text('{"format": 1, "files": []}'),
}


@pytest.mark.parametrize("how", MISLED)
def test_a_manifest_that_was_changed_or_moved_is_refused_and_named(rig: Rig, how: str) -> None:
    for ref in (CHANNEL, OTHER, DataRef(DataKind.LAYOUT, "c")):
        kept(rig, ref)
    MISLED[how](rig)
    with pytest.raises(Trouble, match=rf"{manifest(rig)} cannot be used: it"):
        rig.anew().bring(CHANNEL)


def test_what_nothing_reads_leaves_memory_and_what_something_reads_stays(rig: Rig) -> None:
    data = kept(rig)
    data.cache.trim()
    assert contents(data) == FILES, "whoever has brought it reads it a moment later"
    long_ago = (datetime.now(UTC) - timedelta(seconds=2 * IDLE_SECONDS)).timestamp()
    (note,) = rig.memory.glob("state/notes/channel/*")
    os.utime(note, (long_ago, long_ago))
    rig.in_use.add("c")
    data.cache.trim()
    assert contents(data) == FILES
    rig.in_use.clear()
    data.cache.trim()
    assert in_plain(rig.memory) == []
    assert data.bring(CHANNEL)
    assert contents(data) == FILES


def test_what_memory_has_no_room_for_waits_with_a_sentence(rig: Rig) -> None:
    kept(rig)
    rig.starts += 1
    data = rig.data(cache_bytes=1_000_000)
    with pytest.raises(Trouble, match=r"the cache on this machine lacks [\d,]+: .*It waits until there is room"):
        data.bring(CHANNEL)


def die_at(rig: Rig, step: str, number: int, act: Callable[[SealedData], Any]) -> bool:
    """Do that in a process of its own, killed before that file system call's n-th time; whether it came to that."""
    child = os.fork()
    if child == 0:
        data, seen, real = rig.data(), [0], getattr(Path if step == "replace" else os, step)

        def counted(*args: Any, **named: Any) -> Any:
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        setattr(Path if step == "replace" else os, step, counted)
        act(data)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
@pytest.mark.parametrize("number", [1, 2, 4, 7, 11])
def test_whatever_moment_a_keeper_dies_at_all_or_nothing_is_kept_and_a_repeat_keeps_all(
    rig: Rig, step: str, number: int
) -> None:
    fill(Path(rig.data().path(CHANNEL)), **FILES)
    died = die_at(rig, step, number, lambda data: data.keep(CHANNEL))
    first = rig.memory
    elsewhere = rig.anew()
    if elsewhere.bring(CHANNEL):
        assert contents(elsewhere) == FILES
    else:
        assert died
    shutil.rmtree(rig.memory)
    first.rename(rig.memory)
    assert rig.data().keep(CHANNEL)
    again = rig.anew()
    assert again.bring(CHANNEL)
    assert contents(again) == FILES
    sweep_store(again, datetime.now(UTC) + 2 * ORPHANED_AFTER)
    assert len(objects(rig)) == 2
    assert in_plain(rig.root) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_whatever_moment_who_opens_dies_at_nothing_half_is_found(rig: Rig, step: str, number: int) -> None:
    kept(rig)
    rig.starts += 1
    rig.data()
    die_at(rig, step, number, lambda data: data.bring(CHANNEL))
    data = rig.data()
    data.sweep()
    assert data.bring(CHANNEL)
    assert contents(data) == FILES


# -- what lay in plain text before ------------------------------------------------------------


def left_plain(rig: Rig, *kinds: DataKind) -> None:
    earlier = FolderData(rig.root)
    for kind in kinds:
        part = "algo-1" if kind is DataKind.CHECKPOINT else ""
        fill(Path(earlier.path(DataRef(kind, "c", part))), **FILES)


def test_what_lay_in_plain_text_is_read_listed_counted_and_sealed(rig: Rig) -> None:
    left_plain(rig, *OUTLIVING)
    data = rig.data()
    assert {ref.kind for ref in data.unsealed()} == OUTLIVING
    assert data.held(DataKind.CHANNEL) == ["c"]
    assert list(data.list(CHANNEL)) == ["a", "b"]
    assert data.bring(CHANNEL)
    assert contents(data) == FILES
    assert {ref.kind for ref in data.unsealed()} == OUTLIVING - {DataKind.CHANNEL}
    data.adopt_all()
    assert data.unsealed() == ()
    assert in_plain(rig.root) == []
    again = rig.anew()
    for kind in OUTLIVING:
        assert again.bring(DataRef(kind, "c"))
    checkpoint = DataRef(DataKind.CHECKPOINT, "c", "algo-1")
    assert contents(again, checkpoint) == FILES


def test_what_a_plain_server_was_writing_when_it_died_is_not_sealed_and_goes(rig: Rig) -> None:
    left_plain(rig, *(OUTLIVING - {DataKind.CHECKPOINT}))
    for kind in OUTLIVING - {DataKind.CHECKPOINT}:
        fill(Path(FolderData(rig.root).path(DataRef(kind, "c"))), **{f"{UNFINISHED}a-x1": CANARY})
    data = rig.data()
    data.adopt_all()
    assert in_plain(rig.root) == []
    for kind in OUTLIVING - {DataKind.CHECKPOINT}:
        assert list(data.list(DataRef(kind, "c"))) == ["a", "b"]
        assert len(data.kept_objects(DataRef(kind, "c"))) == 2


@pytest.mark.parametrize("step", ["fsync", "replace", "unlink", "rmdir"])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_whatever_moment_who_seals_dies_at_nothing_is_lost(rig: Rig, step: str, number: int) -> None:
    left_plain(rig, DataKind.CHANNEL)
    die_at(rig, step, number, lambda data: data.adopt_all())
    data = rig.data()
    data.adopt_all()
    assert data.bring(CHANNEL)
    assert contents(data) == FILES
    assert in_plain(rig.root) == []


@pytest.mark.parametrize("place", ["folder", "objects"])
def test_what_is_erased_while_a_folder_is_being_sealed_stays_erased(
    rig: Rig, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_plain(rig, DataKind.CHANNEL)
    data, sealing = rig.data(), Thread(target=rig.data().adopt_all)
    of, name = (FolderData, "erase") if place == "folder" else (data.bucket, "delete")
    erase = getattr(of, name)

    def as_it_is_sealed(*asked: Any) -> None:
        if sealing.ident is None:
            sealing.start()
            sealing.join(0.2)  # it waits for the lock, or is done
        erase(*asked)

    monkeypatch.setattr(of, name, as_it_is_sealed)
    data.erase(CHANNEL)
    sealing.join()
    assert list(data.held(DataKind.CHANNEL)) == []
    assert not any((rig.root / "sealed").rglob("objects/*/*/*"))


def test_what_cannot_be_sealed_now_stays_and_is_told_of(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    kept(rig, OTHER)  # there is a master key
    left_plain(rig, DataKind.CHANNEL)
    rig.take_away()
    data = rig.data()
    data.adopt_all()
    assert f"channel c stays in plain text: The key {KEY} was taken away" in caplog.text
    with pytest.raises(KeyTakenAway):
        data.bring(CHANNEL)
    data.erase(CHANNEL)
    assert in_plain(rig.root) == []
    assert data.unsealed() == ()
