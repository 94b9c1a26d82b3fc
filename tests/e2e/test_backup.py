"""A backup is made while the server works; a server on a folder restored of it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.command import whiteroom
from support.live import LiveRoom, live_room, once

pytestmark = pytest.mark.slow

EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}
CROSS_JOIN = (
    "SELECT count(*) AS pairs, max(a.age * b.age + c.age * d.age + e.age * f.age) AS most FROM "
    + ", ".join(f"visits AS {name}" for name in "abcdefg")
    + " WHERE g.patient < 4"
)
"""Some seconds of work."""


@dataclass(frozen=True)
class Restored:
    """A room whose server is of the restored folder, and what there was when the backup was made."""

    room: LiveRoom
    rows: str
    model: str
    running: str
    """A training that was under way."""
    asked: str
    """A channel whose query was."""


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    folder = tmp_path_factory.mktemp("backup")
    with live_room(folder / "data") as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        rows = room.channel("rows")
        room.finished(rows)
        model = room.train("model", rows)
        room.finished(model)
        running = room.train("running", rows, behaviour="count", ticks="40")
        once(lambda lines: "tick 3" in lines, lambda: room.printed(running))
        asked = room.channel("asked", CROSS_JOIN)
        once(lambda seen: seen["status"] == "CREATE_IN_PROGRESS", lambda: room.look(asked))
        told = room.command("backup", str(folder / "copy"), "--json").json
        assert not told["lost"]
        assert [Path(key).name for key in told["keysLeftOut"]] == ["master.key"]
        room.kill()
        assert whiteroom("restore", str(folder / "copy"), str(folder / "new"), "--json").json["runsStartedAgain"]
        shutil.rmtree(folder / "copy")
        room.data = folder / "new"
        room.start()
        yield Restored(room, rows, model, running, asked)


def test_a_training_that_was_under_way_died_with_the_machine_and_is_done_anew(restored: Restored) -> None:
    room, running = restored.room, restored.running
    room.finished(running)
    printed = room.printed(running)
    assert printed[-1] == "done"
    assert len([line for line in printed if line.startswith("start ")]) == 2


def test_a_query_that_was_under_way_is_asked_again(restored: Restored) -> None:
    assert restored.room.finished(restored.asked)["numberOfRecords"] == 1


def test_it_goes_on_to_train_infer_and_export(restored: Restored) -> None:
    room, rows, model = restored.room, restored.rows, restored.model
    room.finished(room.train("again", rows))
    room.finished(room.infer("answers", model, rows))
    room.export("out", model)
    assert room.exported("out", model)["status"] == "ACTIVE"
    delivered = room.deliveries()
    assert any("/answers/" in path for path in delivered)
    assert any(path.endswith("/out/model.tar.gz") for path in delivered)


def test_new_rows_are_made_of_the_catalog_s_tables(restored: Restored) -> None:
    assert restored.room.finished(restored.room.channel("more"))["numberOfRecords"] == 20
