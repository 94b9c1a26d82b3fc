"""Commands beside a running server: its tables, its images, its logs, and its trainings when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.command import CommandLine
from support.live import LiveRoom, live_room, once
from support.worlds.requests import ALICE

IMAGE = "222222222222.dkr.ecr.eu-central-1.amazonaws.com/trees:1"
TRAINING = """
import pathlib, time
rows = sum(1 for _ in open(next(pathlib.Path("/opt/ml/input/data/train").iterdir()))) - 1
print(f"learnt from {rows} rows", flush=True)
time.sleep(3)
pathlib.Path("/opt/ml/model/weights").write_text("w")
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    """A room to which a table is added beside its server."""
    folder = tmp_path_factory.mktemp("beside")
    with live_room(folder / "data") as room:
        clinic = folder / "clinic.csv"
        clinic.write_text("patient,age\n1,50\n2,60\n3,70\n")
        room.share("clinic", clinic, ["patient", "age"])
        room.association_arn = room.association(name="trees", algorithm=room.algorithm_of("trees", IMAGE))
        yield room


@pytest.fixture(scope="module")
def cli(room: LiveRoom) -> CommandLine:
    return CommandLine(room.data)


@pytest.fixture(scope="module")
def channel(room: LiveRoom) -> Any:
    """A channel over that table, once it has come to rest."""
    return room.finished(room.channel("clinic", "SELECT patient, age FROM clinic"))


@pytest.fixture(scope="module")
def image(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image under a registry's name, whose training takes a few seconds."""
    code = tmp_path_factory.mktemp("trees")
    (code / "train.py").write_text(TRAINING)
    built = cli("images", "build", IMAGE, str(code), "--entrypoint", "python train.py")
    assert built.code == 0, built.err
    return built.out.split()[1]


def test_a_table_that_was_added_beside_the_server_is_read_by_its_queries(channel: Any) -> None:
    assert channel["status"] == "ACTIVE", channel
    assert channel["numberOfRecords"] == 3


def test_what_happened_is_explained_beside_the_server(cli: CommandLine, channel: Any) -> None:
    answer = cli("explain", channel["mlInputChannelArn"], "--json").json
    assert [event["toStatus"] for event in answer["events"]] == ["CREATE_PENDING", "CREATE_IN_PROGRESS", "ACTIVE"]
    assert answer["events"][0]["actor"] == ALICE


def test_a_training_is_followed_and_survives_a_restart_of_the_server(
    cli: CommandLine, room: LiveRoom, channel: Any, image: str
) -> None:
    arn = room.train("trees", channel["mlInputChannelArn"])
    once(lambda answer: "learnt from 3 rows" in answer.out, lambda: cli("logs", arn))
    assert room.server.stop() == 0
    room.start()
    followed = cli("logs", "--follow", arn)
    assert "stdout: done" in followed.out, (followed, cli("explain", arn).out)
    assert room.finished(arn)["trainingContainerImageDigest"] == image
    events = cli("explain", arn, "--json").json["events"]
    assert [event["event"] for event in events] == ["created", "started", "succeeded"]
