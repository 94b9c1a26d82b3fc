"""Instances that die, that run too long, that share out an inference, or that are larger than the machine."""

from __future__ import annotations

import json
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(
        tmp_path_factory.mktemp("attempts") / "data",
        WHITEROOM_STOP_GRACE_SECONDS="5",
        WHITEROOM_CHANNEL_FILE_BYTES="1000000",
    ) as room:
        yield room
        room.assert_nothing_left()


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.finished(arn)
    return arn


def kill_supervisor(room: LiveRoom, arn: str) -> None:
    """kill -9 of what watches over the run of a training."""
    marker = room.data / "runs" / f"training-{arn.rsplit('/', 1)[1]}" / "supervisor.json"
    os.kill(json.loads(marker.read_text())["pid"], signal.SIGKILL)


def starts(room: LiveRoom, arn: str) -> list[int]:
    return [int(line.rsplit(" ", 1)[1]) for line in room.printed(arn) if line.startswith("start at ")]


def ticked(room: LiveRoom, arn: str, attempt: int) -> None:
    """Wait until that attempt has saved some checkpoints."""
    once(lambda lines: _ticks(lines, attempt) >= 4, lambda: room.printed(arn))


def _ticks(lines: list[str], attempt: int) -> int:
    numbers = [index for index, line in enumerate(lines) if line.startswith("start at ")]
    return len(lines) - numbers[attempt] - 1 if len(numbers) > attempt else 0


def test_a_training_whose_supervisor_is_killed_goes_on_from_its_checkpoint(room: LiveRoom, rows: str) -> None:
    arn = room.train("killed-supervisor", rows, behaviour="resume", ticks="100")
    ticked(room, arn, 0)
    kill_supervisor(room, arn)
    room.finished(arn)
    first, second = starts(room, arn)
    assert first == 0
    assert second >= 4
    # What the killed supervisor had not read yet of the first attempt's words is lost; nothing of the second's is.
    assert room.printed(arn)[-(100 - second) :] == [f"tick {number}" for number in range(second, 100)]
    assert room.events(arn) == ["created", "started", "noted", "succeeded"]
    trail = room.command("explain", arn, "--json").json["events"]
    assert "Attempt 2 of 3 follows" in trail[2]["reason"]
    log = [json.loads(line) for line in room.command("logs", arn, "--json").out.splitlines()]
    assert [line["text"][:14] for line in log if "Attempt" in line["text"]] == ["Attempt 2 of 3"]


def test_a_server_killed_with_the_supervisor_tries_again_all_the_same(room: LiveRoom, rows: str) -> None:
    arn = room.train("killed-both", rows, behaviour="resume", ticks="100")
    ticked(room, arn, 0)
    room.kill()
    kill_supervisor(room, arn)
    room.start()
    room.finished(arn)
    assert len(starts(room, arn)) == 2
    assert room.events(arn) == ["created", "started", "noted", "succeeded"]


def test_the_third_death_is_the_end(room: LiveRoom, rows: str) -> None:
    arn = room.train("killed-thrice", rows, behaviour="resume", ticks="100000")
    for attempt in range(3):
        ticked(room, arn, attempt)
        kill_supervisor(room, arn)
    assert "the last of 3 attempts" in room.failed(arn, "InstanceLost")
    assert len(starts(room, arn)) == 3
    assert room.events(arn) == ["created", "started", "noted", "noted", "failed"]


def test_what_was_saved_in_time_is_the_operators_to_hand_over_until_it_is_deleted(
    room: LiveRoom, rows: str, tmp_path: Path
) -> None:
    arn = room.train("long", rows, behaviour="save_when_stopped", seconds=1)
    assert "The 10 bytes that it had saved are kept" in room.failed(arn, "MaxRuntimeExceeded")
    answer = room.command("partial", arn, "--to", str(tmp_path))
    assert answer.code == 0, answer.err
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        saved = archive.extractfile("weights")
        assert saved is not None
        assert saved.read() == b"half of it"
    for name, request in (
        ("export", lambda: room.export("partial-export", arn)),
        ("infer", lambda: room.infer("partial-infer", arn, rows)),
    ):
        with pytest.raises(ClientError) as refusal:
            request()
        assert refusal.value.response["Error"]["Code"] == "ConflictException", name
    room.call("DeleteTrainedModelOutput", trainedModelArn=arn)
    room.finished(arn, "INACTIVE")
    assert room.command("partial", arn).code == 1
    assert not list((room.data / "artefacts").rglob(f"*{arn.rsplit('/', 1)[1]}*"))


def test_an_inference_shared_out_between_instances_delivers_every_files_answers(room: LiveRoom, rows: str) -> None:
    model = room.train("served", rows, behaviour="learn")
    many = room.channel(
        "many", "SELECT a.patient, b.age FROM visits a, visits b, visits c, visits d, visits e WHERE e.patient < 4"
    )
    room.finished(model)
    assert room.finished(many)["numberOfFiles"] > 2
    arn = room.infer("shared-out", model, many, instances=3)
    room.finished(arn)
    delivered = [path for path in room.deliveries() if "/shared-out/" in path]
    assert len(delivered) == room.look(many)["numberOfFiles"]
    answers = sum(len((room.data / "objects" / "alice" / path).read_text().splitlines()) for path in delivered)
    assert answers == 3 * 20**4
    log = [json.loads(line) for line in room.command("logs", arn, "--json").out.splitlines()]
    assert {line["host"] for line in log if line["stream"] == "stdout"} == {"algo-1", "algo-2", "algo-3"}


def test_a_type_larger_than_the_machine_is_given_less_and_says_so(room: LiveRoom, rows: str) -> None:
    arn = room.train("clamped", rows, behaviour="learn", instances=5)
    details = room.finished(arn)["statusDetails"]
    assert details["statusCode"] == "InstanceClamped"
    assert details["message"].startswith("ml.t3.medium has 2 vCPUs and 4 GiB; this machine gives each of 5 instances ")
    log = [json.loads(line) for line in room.command("logs", arn, "--json").out.splitlines()]
    assert details["message"] in [line["text"] for line in log if line["stream"] == "platform"]


def test_a_strict_server_refuses_a_type_larger_than_the_machine(tmp_path: Path) -> None:
    with live_room(tmp_path / "data", WHITEROOM_STRICT_INSTANCE_TYPES="true") as strict:
        channel = strict.channel("rows")
        strict.finished(channel)
        with pytest.raises(ClientError, match="strict_instance_types") as refusal:
            strict.model("large", channel, resourceConfig={"instanceType": "ml.p5.48xlarge", "volumeSizeInGB": 1})
        assert refusal.value.response["Error"]["Code"] == "ValidationException"
