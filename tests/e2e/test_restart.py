"""kill -9 of the server at any moment loses nothing and runs nothing twice; what runs is re-adopted, not restarted."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.live import MOVING, LiveRoom, live_room, once

pytestmark = pytest.mark.slow

EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}
CROSS_JOIN = (
    "SELECT count(*) AS pairs, max(a.age * b.age + c.age * d.age + e.age * f.age) AS most FROM "
    + ", ".join(f"visits AS {name}" for name in "abcdefg")
    + " WHERE g.patient < 4"
)
"""Over 20 rows: 3 times 20^6 pairs, some seconds of work."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("restart") / "data", WHITEROOM_STOP_GRACE_SECONDS="5") as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        yield room
        room.assert_nothing_left()


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.finished(arn)
    return arn


@pytest.fixture(scope="module")
def model(room: LiveRoom, rows: str) -> str:
    arn = room.train("model", rows)
    room.finished(arn)
    return arn


def assert_ran_once(room: LiveRoom, arn: str) -> None:
    assert room.events(arn) == ["created", "started", "succeeded"]


def assert_counted_once(room: LiveRoom, arn: str, ticks: int) -> None:
    """One start, every tick in its place, and the end."""
    first, *between, last = room.printed(arn)
    assert first.startswith("start ")
    assert between == [f"tick {number}" for number in range(ticks)]
    assert last == "done"


def delivered_rows(room: LiveRoom, job: str) -> list[str]:
    (path,) = (path for path in room.deliveries() if f"/{job}/" in path)
    return (room.data / "objects" / "alice" / path).read_text().splitlines()


def test_a_channel_is_made_though_the_server_is_killed_right_after_the_answer(room: LiveRoom) -> None:
    arn = room.channel("killed-at-once")
    room.restart()
    assert room.finished(arn)["numberOfRecords"] == 20
    assert_ran_once(room, arn)


def test_a_training_is_done_once_though_the_server_is_killed_right_after_the_answer(room: LiveRoom, rows: str) -> None:
    arn = room.train("killed-at-once", rows, behaviour="count", ticks="10")
    room.restart()
    room.finished(arn)
    assert len([line for line in room.printed(arn) if line.startswith("start ")]) == 1
    assert_ran_once(room, arn)


def test_an_inference_job_delivers_once_though_the_server_is_killed_right_after_the_answer(
    room: LiveRoom, rows: str, model: str
) -> None:
    arn = room.infer("killed-at-once", model, rows)
    room.restart()
    room.finished(arn)
    assert delivered_rows(room, "killed-at-once") == [str(number) for number in range(1, 21)]
    assert_ran_once(room, arn)


def test_an_export_is_delivered_though_the_server_is_killed_right_after_the_answer(room: LiveRoom, model: str) -> None:
    room.export("export-killed-at-once", model)
    room.restart()
    assert room.exported("export-killed-at-once", model)["status"] == "ACTIVE"
    (path,) = (path for path in room.deliveries() if "/export-killed-at-once/" in path)
    assert path.endswith("/model.tar.gz")


def test_a_training_goes_on_without_the_server_and_is_adopted_by_the_next(room: LiveRoom, rows: str) -> None:
    arn = room.train("adopted", rows, behaviour="count", ticks="150")
    once(lambda lines: "tick 5" in lines, lambda: room.printed(arn))
    room.kill()
    seen = len(room.printed(arn))
    once(lambda lines: len(lines) > seen + 20, lambda: room.printed(arn))
    room.start()
    room.finished(arn)
    assert_counted_once(room, arn, 150)
    assert_ran_once(room, arn)


def test_a_training_that_ended_while_no_server_ran_is_kept(room: LiveRoom, rows: str) -> None:
    arn = room.train("ended-alone", rows, behaviour="count", ticks="25")
    once(lambda lines: "tick 5" in lines, lambda: room.printed(arn))
    room.kill()
    once(lambda lines: "done" in lines, lambda: room.printed(arn))
    room.start()
    room.finished(arn)
    assert_counted_once(room, arn, 25)
    assert_ran_once(room, arn)


def test_a_training_of_four_instances_goes_on_without_the_server_and_its_log_has_no_hole(
    room: LiveRoom, rows: str
) -> None:
    arn = room.train("four", rows, behaviour="count_together", ticks="150", instances=4)
    once(lambda lines: sum("tick 5" in line for line in lines) == 4, lambda: room.printed(arn))
    room.kill()
    time.sleep(1)
    room.start()
    room.finished(arn)
    printed = room.printed(arn)
    for host in ("algo-1", "algo-2", "algo-3", "algo-4"):
        own = [line.removeprefix(f"{host} ") for line in printed if line.startswith(f"{host} ")]
        assert own == [*(f"tick {number}" for number in range(150)), "done"]
    assert_ran_once(room, arn)


def test_an_inference_job_goes_on_and_asks_nothing_twice(room: LiveRoom, rows: str, model: str) -> None:
    arn = room.infer("killed-between", model, rows, BEHAVIOUR="slow", SECONDS_EACH="2")
    once(lambda lines: lines, lambda: room.printed(arn))
    room.restart()
    room.finished(arn)
    assert len(room.printed(arn)) == 1, "one request for one file of 20 rows"
    assert delivered_rows(room, "killed-between") == [str(number) for number in range(1, 21)]
    assert_ran_once(room, arn)


def test_a_query_goes_on_without_the_server(room: LiveRoom) -> None:
    arn = room.channel("slow", CROSS_JOIN)
    once(lambda seen: seen["status"] == "CREATE_IN_PROGRESS", lambda: room.look(arn))
    room.restart()
    assert room.finished(arn)["numberOfRecords"] == 1
    # A second start of the query would be a fourth event.
    assert_ran_once(room, arn)


def test_a_training_is_cancelled_by_a_server_that_did_not_start_it(room: LiveRoom, rows: str) -> None:
    arn = room.train("cancelled-later", rows, behaviour="obey")
    once(lambda lines: lines, lambda: room.printed(arn))
    room.restart()
    room.cancel(arn)
    room.finished(arn, "INACTIVE")
    assert room.printed(arn) == ["sleeping", "asked to stop"]


def test_a_cancel_is_carried_out_though_the_server_is_killed_right_after_the_answer(room: LiveRoom, rows: str) -> None:
    arn = room.train("cancelled-at-once", rows, behaviour="obey")
    once(lambda lines: lines, lambda: room.printed(arn))
    room.cancel(arn)
    room.restart()
    room.finished(arn, "INACTIVE")
    assert room.printed(arn) == ["sleeping", "asked to stop"]


def test_sigterm_ends_the_server_cleanly_and_no_training(room: LiveRoom, rows: str) -> None:
    arn = room.train("sigterm", rows, behaviour="count", ticks="150")
    once(lambda lines: "tick 5" in lines, lambda: room.printed(arn))
    assert room.server.stop(signal.SIGTERM, seconds=10) == 0
    seen = len(room.printed(arn))
    once(lambda lines: len(lines) > seen, lambda: room.printed(arn))
    room.start()
    room.finished(arn)
    assert_counted_once(room, arn, 150)
    assert_ran_once(room, arn)


def test_a_second_server_on_the_folder_is_refused(room: LiveRoom) -> None:
    command = [sys.executable, "-m", "whiteroom", "up", "--data", str(room.data), "--port", "0", "--dev"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode != 0
    assert "already runs" in second.stderr
    assert room.server.url in second.stderr
    assert room.look(room.channel("served-by-the-first"))["status"]


@pytest.mark.parametrize("seed", [5])
def test_a_whole_story_under_kills_at_random_moments_ends_as_it_should(tmp_path: Path, seed: int) -> None:
    with live_room(tmp_path / "data") as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        killer = Killer(room, random.Random(seed))
        rows = room.channel("rows")
        assert killer.until_finished(rows)["numberOfRecords"] == 20
        model = room.train("model", rows, behaviour="count", ticks="100")
        killer.until_finished(model)
        job = room.infer("answers", model, rows, BEHAVIOUR="slow", SECONDS_EACH="1")
        killer.until_finished(job)
        for arn in (rows, model, job):
            assert_ran_once(room, arn)
        room.export("model-out", model)
        assert room.exported("model-out", model)["status"] == "ACTIVE"
        assert killer.kills > 3
        assert_counted_once(room, model, 100)
        assert len(room.printed(job)) == 1
        assert delivered_rows(room, "answers") == [str(number) for number in range(1, 21)]
        assert [path.rsplit("/", 2)[1:] for path in room.deliveries()] == [
            ["answers", "part-00000.csv.out"],
            ["model-out", "model.tar.gz"],
        ]
        room.assert_nothing_left()


class Killer:
    """Kills the server at random moments while somebody waits for something."""

    def __init__(self, room: LiveRoom, chance: random.Random) -> None:
        self.kills = 0
        self._room, self._chance = room, chance

    def until_finished(self, arn: str, at_most: int = 6) -> Any:
        """What it came to; the server was killed meanwhile, at least once and `at_most` so many times."""
        for _ in range(at_most):
            time.sleep(self._chance.choice((0.0, 0.01, 0.1, 0.4)) * self._chance.random())
            self._room.restart()
            self.kills += 1
            if not self._room.look(arn)["status"].endswith(MOVING):
                break
        return self._room.finished(arn)
