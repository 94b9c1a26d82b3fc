"""Whole or not at all, whatever dies when, and whoever else is at it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from unit.data.s3.conftest import Shelf, bucket_of, channel
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.data import S3Data
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.data import TookTooLong

Write = Callable[..., DataRef]
MODEL = DataRef(DataKind.ARTEFACT, "m", "model.tar.gz")
OUTPUT = DataRef(DataKind.ARTEFACT, "m", "output.tar.gz")
JOB = DataRef(DataKind.RUN_OUTPUT, "job")
CHECKPOINTS = DataRef(DataKind.CHECKPOINT, "m")
FILES = {"a": b"1", "b": b"2" * 100_000}


def contents(data: S3Data, ref: DataRef) -> dict[str, bytes]:
    root = Path(data.path(ref))
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def die_at(shelf: Shelf, point: str, act: Callable[[S3Data], Any]) -> None:
    """Do that in a process of its own, which is killed before it makes that call for the second time."""
    child = os.fork()
    if child == 0:
        data = shelf.data()
        bucket_of(data).claim()
        seen = []

        def look(params: Any, **_: Any) -> None:
            name = "PutObject of a manifest" if "manifests" in params["url_path"] else ""
            if point in {params.get("operation", ""), name} or (point == "PutObject" and not name):
                seen.append(1)
                if point != "PutObject" or len(seen) == 2:
                    os.kill(os.getpid(), signal.SIGKILL)

        operation = point.partition(" ")[0]
        if operation != "after":
            bucket_of(data)._connected().meta.events.register(f"before-call.s3.{operation}", look)
        act(data)
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("point", ["PutObject", "PutObject of a manifest", "after it"])
def test_a_server_that_is_killed_while_it_keeps_keeps_all_or_nothing_and_the_next_one_keeps_it(
    shelf: Shelf, write: Write, point: str
) -> None:
    ref = write(shelf.data(), "c", **FILES)
    die_at(shelf, point, lambda data: data.keep(ref))
    elsewhere = shelf.data("elsewhere")
    assert elsewhere.bring(ref) is (point == "after it")
    data = shelf.data()
    assert data.keep(ref)
    assert contents(data, ref) == FILES
    assert shelf.data("another").bring(ref)
    assert contents(shelf.data("another"), ref) == FILES


def test_a_server_that_is_killed_while_it_replaces_keeps_the_old_or_the_new(shelf: Shelf) -> None:
    data = shelf.data()
    folder = Path(data.path(CHECKPOINTS.at("algo-1")))
    folder.mkdir(parents=True)
    for name in ("same", "changed"):
        (folder / name).write_bytes(b"old")
    data.keep(CHECKPOINTS)
    (folder / "changed").write_bytes(b"new")
    for number, point in enumerate(("PutObject of a manifest", "after it")):
        die_at(shelf, point, lambda data: data.keep(CHECKPOINTS))
        elsewhere = shelf.data(f"elsewhere-{number}")
        assert elsewhere.bring(CHECKPOINTS)
        found = contents(elsewhere, CHECKPOINTS)
        assert found == {"algo-1/same": b"old", "algo-1/changed": b"new" if number else b"old"}


def test_a_server_that_is_killed_while_it_brings_leaves_nothing_in_part(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", **FILES)
    data.keep(ref)
    child = os.fork()
    if child == 0:
        there = shelf.data("elsewhere")
        bucket_of(there).claim()
        asked = []

        def look(params: Any, **_: Any) -> None:
            asked.append(params)
            if len(asked) == 3:  # the manifest, a file, and another one
                os.kill(os.getpid(), signal.SIGKILL)

        bucket_of(there)._connected().meta.events.register("before-call.s3.GetObject", look)
        there.bring(ref)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    elsewhere = shelf.data("elsewhere")
    assert not Path(elsewhere.path(ref)).exists()
    assert len(list((shelf.tmp / "elsewhere/cache/state/filling").iterdir())) == 1
    elsewhere.sweep()
    assert list((shelf.tmp / "elsewhere/cache/state/filling").iterdir()) == []
    assert elsewhere.bring(ref)
    assert contents(elsewhere, ref) == FILES


def test_erasing_that_is_cut_short_is_gone_for_readers_and_goes_on(shelf: Shelf, write: Write) -> None:
    ref = write(shelf.data(), "c", **FILES)
    shelf.data().keep(ref)
    shelf.store.fault = lambda request: "503" if "list-type=2" in request.path else ""
    with pytest.raises(Trouble, match="ListObjectsV2"):
        shelf.data().erase(ref)
    shelf.store.fault = lambda _request: ""
    assert not shelf.data("elsewhere").bring(ref)
    assert shelf.names("objects")
    shelf.data().erase(ref)
    assert shelf.names() == ["whiteroom.json"]


def test_what_many_bring_at_once_is_read_once(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", **FILES)
    data.keep(ref)
    shelf.store.asked.clear()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(0 if shelf.data("elsewhere").bring(ref) else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    assert shelf.store.count("GET", "/objects/") == len(FILES)
    assert contents(shelf.data("elsewhere"), ref) == FILES


def test_what_is_brought_is_known_from_then_on_and_not_read_again(shelf: Shelf, write: Write) -> None:
    ref = write(shelf.data(), "c", **FILES)
    shelf.data().keep(ref)
    elsewhere = shelf.data("elsewhere")
    elsewhere.bring(ref)
    shelf.store.asked.clear()
    assert elsewhere.bring(ref)
    assert shelf.store.count("GET", "/objects/") == 0
    assert elsewhere.keep(ref)
    assert shelf.store.count("PUT", "/") == 0


@pytest.mark.parametrize("harm", ["shorter", "gone", "more", "all"])
def test_what_somebody_has_changed_here_is_brought_again(shelf: Shelf, write: Write, harm: str) -> None:
    data = shelf.data()
    ref = write(data, "c", **FILES)
    data.keep(ref)
    folder = Path(data.path(ref))
    match harm:
        case "shorter":
            (folder / "b").write_bytes(b"2")
        case "gone":
            (folder / "a").unlink()
        case "more":
            (folder / "c").write_bytes(b"3")
        case "all":
            for file in folder.iterdir():
                file.unlink()
    assert data.bring(ref)
    assert contents(data, ref) == FILES


@pytest.mark.parametrize("harm", ["gone", "all"])
def test_what_is_kept_again_loses_nothing_that_is_not_here_any_more(shelf: Shelf, write: Write, harm: str) -> None:
    data = shelf.data()
    ref = write(data, "c", **FILES)
    data.keep(ref)
    for file in Path(data.path(ref)).iterdir():
        if harm == "all" or file.name == "a":
            file.unlink()
    assert data.keep(ref)
    assert data.bring(ref)
    assert contents(data, ref) == FILES


def test_rows_that_were_made_again_in_the_same_size_are_those_that_are_kept(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", a=b"noise 1")
    data.keep(ref)
    write(data, "c", a=b"noise 2")
    assert data.keep(ref)
    elsewhere = shelf.data("elsewhere")
    elsewhere.bring(ref)
    assert contents(elsewhere, ref) == {"a": b"noise 2"}
    assert len(shelf.names("objects")) == 1


def test_two_archives_of_one_model_that_are_kept_at_once_are_both_kept(shelf: Shelf) -> None:
    folder = Path(shelf.data().path(JOB))
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"w")
    machines = [shelf.data("here"), shelf.data("there")]
    there = Path(machines[1].path(JOB))
    there.mkdir(parents=True)
    (there / "weights").write_bytes(b"v")
    both = threading.Barrier(2)

    def pack(data: S3Data, target: DataRef) -> None:
        both.wait()
        for _ in range(3):
            data.pack({"algo-1": JOB}, target, None)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(pack, *one) for one in zip(machines, (MODEL, OUTPUT), strict=True)]:
            done.result()
    assert list(shelf.data("elsewhere").list(DataRef(MODEL.kind, MODEL.id))) == ["model.tar.gz", "output.tar.gz"]
    assert len(shelf.names("objects")) == 2


def test_what_takes_too_long_to_be_kept_is_not_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shelf.data()
    folder = Path(data.path(JOB))
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(os.urandom(20 << 20))
    now = [0.0]
    monkeypatch.setattr("whiteroom.data.walking.time.monotonic", lambda: now[0])
    shelf.store.fault = lambda request: now.__setitem__(0, 100.0) or ""
    with pytest.raises(TookTooLong):
        data.pack({"algo-1": JOB}, MODEL, None, 10.0)
    assert data.archive(MODEL) is None
    assert not Path(data.path(MODEL)).exists()
    assert shelf.names("manifests") == []
    assert shelf.uploads() == 0


def test_a_programs_checkpoints_are_kept_as_they_are_called_with_links_as_copies(shelf: Shelf) -> None:
    data = shelf.data()
    folder = Path(data.path(CHECKPOINTS.at("algo-1")))
    (folder / "step 1" / "ä+b").mkdir(parents=True)
    (folder / "step 1" / "ä+b" / "weights\N{SNOWMAN}").write_bytes(b"w")
    (folder / "latest").symlink_to("/opt/ml/checkpoints/step 1")
    (folder / "out").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    Path(data.path(CHECKPOINTS.at("algo-2"))).mkdir()
    assert data.keep(CHECKPOINTS)
    elsewhere = shelf.data("elsewhere")
    assert elsewhere.bring(CHECKPOINTS)
    weights = "ä+b/weights\N{SNOWMAN}"
    assert contents(elsewhere, CHECKPOINTS) == {
        f"algo-1/latest/{weights}": b"w", f"algo-1/step 1/{weights}": b"w"
    }  # fmt: skip


def test_checkpoints_that_have_grown_here_are_not_taken_back(shelf: Shelf) -> None:
    data = shelf.data()
    file = Path(data.path(CHECKPOINTS.at("algo-1/tick")))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"1")
    data.keep(CHECKPOINTS)
    file.write_bytes(b"2")
    assert data.bring(CHECKPOINTS)
    assert file.read_bytes() == b"2"


def test_permissions_are_kept(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    ref = write(data, "c", a=b"1")
    (Path(data.path(ref)) / "a").chmod(0o640)
    data.keep(ref)
    elsewhere = shelf.data("elsewhere")
    elsewhere.bring(ref)
    assert (Path(elsewhere.path(ref)) / "a").stat().st_mode & 0o777 == 0o640


def test_what_stays_on_the_machine_asks_nothing_of_the_store(shelf: Shelf) -> None:
    data = shelf.data()
    for kind in (DataKind.RUN_OUTPUT, DataKind.CONTAINER_OUTPUT, DataKind.ORIGINAL):
        ref = DataRef(kind, "x")
        Path(data.path(ref)).mkdir(parents=True)
        assert data.keep(ref)
        assert data.bring(ref)
        assert data.held(kind) == ["x"]
        assert list(data.list(ref)) == []
        data.erase(ref)
    assert shelf.store.asked == []
    assert not data.keep(channel("x"))
    assert shelf.store.asked
