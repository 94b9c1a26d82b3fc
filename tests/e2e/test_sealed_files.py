"""On a running server with sealed files: rows lie in no byte of the data folder, in no state of what is done to them.

The canary is a value of the table, which stands beside the data folder: whoever has that value elsewhere has the rows.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from support.command import whiteroom
from support.disks import needs_root, small_disk
from support.live import LiveRoom, begun, live_room, once
from support.worlds.requests import ALICE, REGION
from whiteroom.data.sealed.memory import problem_of

pytestmark = pytest.mark.slow

CANARY = "canary-7f31ab"
KEY = f"arn:aws:kms:{REGION}:{ALICE}:key/rows"
SQL = "SELECT patient, age, city FROM people"
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}
NOT_THE_SERVERS = {"objects", "catalog", "images"}
"""What has left the server, and what it was given."""


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in this machine's memory."""
    folder = Path(tempfile.mkdtemp(prefix="whiteroom-test-", dir="/dev/shm"))
    if problem := problem_of(folder):
        folder.rmdir()
        pytest.skip(problem)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Of the server, and of the commands beside it."""
    monkeypatch.setenv("WHITEROOM_FILES", "sealed")
    monkeypatch.setenv("WHITEROOM_MEMORY_FOLDER", str(memory))
    monkeypatch.setenv("WHITEROOM_MASTER_KEY", str(tmp_path / "state" / "master.key"))
    return monkeypatch


def share_people(room: LiveRoom) -> None:
    people = room.data.parent / "people.csv"
    people.write_text("patient,age,city\n" + "".join(f"{number},{number % 90},{CANARY}\n" for number in range(400)))
    room.table = room.share("people", people, ["patient", "age", "city"])
    room.association_arn = room.association(name="exportable", policies=EXPORTS)


@pytest.fixture
def room(settings: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LiveRoom]:
    del settings
    with live_room(tmp_path / "data") as room:
        share_people(room)
        yield room


def plain_in(room: LiveRoom) -> list[str]:
    """The files of the data folder in which the canary stands."""
    found = []
    for file in sorted(room.data.rglob("*")):
        if file.relative_to(room.data).parts[0] not in NOT_THE_SERVERS and file.is_file():
            try:
                found += [str(file.relative_to(room.data))] if CANARY.encode() in file.read_bytes() else []
            except FileNotFoundError:
                continue
    return found


def canaries_in(folder: Path) -> int:
    return sum(CANARY.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_no_state_of_rows_models_and_results_leaves_any_in_the_data_folder(room: LiveRoom, memory: Path) -> None:
    rows = room.channel("rows", SQL)
    room.finished(rows)
    assert plain_in(room) == [], "a channel"
    model = room.train("copies", rows, behaviour="copy_rows", ticks="100")
    once(lambda lines: "tick 3" in lines, lambda: room.printed(model))
    assert canaries_in(memory) >= 4, "the test looks for what is there: rows, and what the program has made of them"
    assert plain_in(room) == [], "running"
    room.restart()
    assert plain_in(room) == [], "killed"
    room.finished(model)
    assert plain_in(room) == [], "trained"
    room.finished(room.infer("answers", model, rows))
    room.export("out", model)
    assert room.exported("out", model)["status"] == "ACTIVE"
    assert any(path.endswith("/out/model.tar.gz") for path in room.deliveries())
    assert plain_in(room) == [], "delivered"
    room.server.stop()
    assert plain_in(room) == [], "stopped"


def test_rows_whose_key_was_taken_away_are_used_no_more_and_can_be_erased(room: LiveRoom, tmp_path: Path) -> None:
    rows = room.channel("rows", SQL, kmsKeyArn=KEY)
    room.finished(rows)
    taken = tmp_path / "state" / "master.key.taken-away"
    taken.write_text(f"{KEY}\n")
    with pytest.raises(ClientError, match=f"AccessDeniedException.*The key {KEY} was taken away"):
        room.train("late", rows)
    taken.unlink()
    room.finished(room.train("given-back", rows))
    taken.write_text(f"{KEY}\n")
    room.call("DeleteMLInputChannelData", mlInputChannelArn=rows)
    once(lambda left: not left, lambda: list((room.data / "sealed").glob("manifests/channel/*")))


def test_a_model_whose_key_is_taken_away_while_it_is_trained_is_not_kept(room: LiveRoom, tmp_path: Path) -> None:
    rows = room.channel("rows", SQL)
    room.finished(rows)
    model = room.model(
        "keyed",
        kmsKeyArn=KEY,
        configuredModelAlgorithmAssociationArn=room.association_arn,
        hyperparameters={"behaviour": "count", "ticks": "100"},
        resourceConfig={"instanceType": "ml.t3.medium", "volumeSizeInGB": 1},
        dataChannels=[{"mlInputChannelArn": rows, "channelName": "train"}],
    )["trainedModelArn"]
    once(lambda lines: "tick 3" in lines, lambda: room.printed(model))
    taken = tmp_path / "state" / "master.key.taken-away"
    taken.write_text(f"{KEY}\n")
    once(
        lambda seen: [one["status"] for one in seen] == ["CREATE_FAILED"],
        lambda: room.call("ListTrainedModels")["trainedModels"],
    )
    assert list((room.data / "sealed").glob("manifests/artefact/*")) == []
    taken.unlink()
    assert f"The key {KEY} was taken away" in room.failed(model, "KeyUnavailable")


def of_this_start(memory: Path) -> Iterator[psutil.Process]:
    """Every process that works in the memory of before."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = " ".join(process.cmdline())
            if str(memory) in f"{words} {process.cwd()} {Path(f'/proc/{process.pid}/mountinfo').read_text()}":
                yield process


def test_after_a_start_of_the_machine_a_training_that_ran_is_tried_again(room: LiveRoom, memory: Path) -> None:
    rows = room.channel("rows", SQL)
    room.finished(rows)
    model = room.train("counts", rows, behaviour="count", ticks="200")
    once(lambda lines: "tick 3" in lines, lambda: room.printed(model))
    room.kill()
    for process in of_this_start(memory):
        process.kill()
    shutil.rmtree(memory)
    memory.mkdir(mode=0o700)
    room.start()
    room.finished(model)
    assert len([line for line in room.printed(model) if line.startswith("start ")]) == 2


def test_a_backup_has_sealed_files_alone_and_a_folder_restored_of_it_goes_on(
    room: LiveRoom, memory: Path, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    rows = room.channel("rows", SQL)
    room.finished(rows)
    model = room.train("model", rows)
    room.finished(model)
    told = room.command("backup", str(tmp_path / "copy"), "--json").json
    assert not told["lost"]
    assert canaries_in(tmp_path / "copy") == 0
    room.kill()
    whiteroom("restore", str(tmp_path / "copy"), str(tmp_path / "new"))
    (memory / "new").mkdir(mode=0o700)
    settings.setenv("WHITEROOM_MEMORY_FOLDER", str(memory / "new"))
    room.data = tmp_path / "new"
    room.start()
    room.finished(room.train("again", rows))
    room.finished(room.infer("answers", model, rows))


def test_a_folder_with_plain_files_is_sealed_by_the_first_server_that_is_to_seal_them(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.setenv("WHITEROOM_FILES", "plain")
    with begun(LiveRoom(data=tmp_path / "data")) as room:
        share_people(room)
        rows = room.channel("rows", SQL)
        room.finished(rows)
        model = room.train("copies", rows, behaviour="copy_rows", ticks="1")
        room.finished(model)
        room.assert_nothing_left()
        assert plain_in(room), "the test looks for what is there"
        room.server.stop()
        settings.setenv("WHITEROOM_FILES", "sealed")
        room.start()
        once(lambda found: not found, lambda: plain_in(room))
        room.finished(room.infer("answers", model, rows))
        assert plain_in(room) == []


@needs_root
def test_a_program_that_fills_the_memory_is_ended_and_others_go_on(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "memory", megabytes=192) as small:
        settings.setenv("WHITEROOM_MEMORY_FOLDER", str(small.path))
        with live_room(tmp_path / "data") as room:
            rows = room.channel("rows")
            room.finished(rows)
            beside = room.train("beside", rows, behaviour="count", ticks="150")
            once(lambda lines: "tick 3" in lines, lambda: room.printed(beside))
            for behaviour in ("fill_disk", "fill_disk_with_many"):
                hostile = room.train(behaviour, rows, behaviour=behaviour)
                assert "in memory" in room.failed(hostile, "VolumeExceeded")
            room.finished(beside)
            room.finished(room.train("after", rows))


@needs_root
def test_how_a_training_ended_is_written_down_and_it_can_be_cancelled_where_memory_is_full(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "memory", megabytes=96) as small:
        settings.setenv("WHITEROOM_MEMORY_FOLDER", str(small.path))
        with live_room(tmp_path / "data") as room:
            rows = room.channel("rows")
            room.finished(rows)
            ends = room.train("ends", rows, behaviour="exit_3")
            room.failed(ends, "AlgorithmError")
            cancelled = room.train("cancelled", rows, behaviour="count", ticks="100000")
            once(lambda lines: "tick 3" in lines, lambda: room.printed(cancelled))
            small.fill()
            room.cancel(cancelled)
            once(lambda seen: seen == "INACTIVE", lambda: room.look(cancelled)["status"])
            late = room.train("late", rows)
            log = room.data.with_name("data.log")
            once(lambda words: "no run is begun there before there is room again" in words, log.read_text)
            small.make_room()
            room.finished(late)


@needs_root
def test_nothing_is_written_where_memory_was_unmounted_and_work_waits_until_it_is_there_again(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    memory = tmp_path / "memory"
    with small_disk(memory, megabytes=192):
        settings.setenv("WHITEROOM_MEMORY_FOLDER", str(memory))
        with live_room(tmp_path / "data") as room:
            share_people(room)
            subprocess.run(["umount", "--lazy", str(memory)], check=True)
            rows = room.channel("rows", SQL)
            log = room.data.with_name("data.log")
            waiting = r"a step of ml_input_channels \S+ waits .*queries is gone.*start the server again"
            once(lambda words: len(re.findall(waiting, words)) > 1, log.read_text)
            assert list(memory.iterdir()) == []
            assert room.look(rows)["status"].endswith("PENDING")
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m,mode=700", "tmpfs", str(memory)], check=True)
            room.restart()
            room.finished(rows)
            assert "Traceback" not in log.read_text()
