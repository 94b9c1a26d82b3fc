"""What a consortium pays for is what was measured, though the server is killed in the middle."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from support.live import LiveRoom, live_room, once
from support.worlds.requests import ALICE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("usage") / "data") as room:
        yield room


def billed(room: LiveRoom, resource: str, kind: str) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(room.command("usage", "--csv").out))
    (found,) = (row for row in rows if row["resource"] == resource and row["kind"] == kind)
    return found


def test_a_training_and_a_query_are_billed_by_what_was_measured_of_them(room: LiveRoom) -> None:
    rows = room.channel("rows")
    room.finished(rows)
    model = room.train("model", rows, behaviour="count", ticks="40")
    once(lambda lines: "tick 3" in lines, lambda: room.printed(model))
    room.restart()
    room.finished(model)
    room.assert_nothing_left()
    measured = 0.0
    for file in (room.data / "logs").glob("training-*.usage.jsonl"):
        measured += sum(json.loads(line).get("cpuSeconds", 0.0) for line in file.read_text().splitlines())
    assert measured > 0
    line = billed(room, model, "training")
    assert float(line["cpu_seconds"]) == pytest.approx(measured, abs=0.001)
    assert float(line["memory_gb_hours"]) > 0
    assert line["payer"] == ALICE
    assert float(billed(room, rows, "query")["cpu_seconds"]) > 0
    assert float(billed(room, rows, "stored channel")["stored_gb_hours"]) > 0
