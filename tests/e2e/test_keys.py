"""On a running server: what is sealed is in no byte of the database, and a key that was taken away opens nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once

pytestmark = pytest.mark.slow

CANARY = "canary-5c8e0d"


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "master.key"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, master: Path) -> Iterator[LiveRoom]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHITEROOM_MASTER_KEY", str(master))  # of the server, and of the commands beside it
        with live_room(tmp_path_factory.mktemp("keys") / "data") as room:
            yield room
            room.assert_nothing_left()


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows", f"SELECT patient, age AS `{CANARY}` FROM visits")
    room.finished(arn)
    return arn


def found_in(folder: Path, pattern: str) -> list[str]:
    """The files below a folder in which the canary stands.."""
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.glob(pattern))
        if file.is_file() and CANARY.encode() in file.read_bytes()
    ]


def test_no_state_of_a_training_leaves_what_is_sealed_in_the_database(room: LiveRoom, rows: str) -> None:
    assert found_in(room.data, "whiteroom.db*") == []
    model = room.train("counts", rows, behaviour="count", ticks="30", word=CANARY)
    assert found_in(room.data, "whiteroom.db*") == [], "asked for"
    once(lambda lines: "tick 3" in lines, lambda: room.printed(model))
    assert found_in(room.data, "whiteroom.db*") == [], "running"
    room.restart()
    room.finished(model)
    assert found_in(room.data, "whiteroom.db*") == [], "trained"
    assert room.call("GetTrainedModel", trainedModelArn=model)["hyperparameters"]["word"] == CANARY
    room.server.stop()
    assert found_in(room.data, "whiteroom.db*") == [], "stopped"
    assert found_in(room.data, "**/spec*.json") == [], "what it was given is gone with the run"
    room.start()


def refusal(room: LiveRoom, operation: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        room.call(operation, **request)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_a_key_that_was_taken_away_is_told_to_its_owner_and_the_rest_goes_on(
    room: LiveRoom, rows: str, master: Path
) -> None:
    model = room.train("trained", rows)
    room.finished(model)
    name = f"whiteroom:collaboration/{room.collaboration_id}"
    taken = master.with_name("master.key.taken-away")
    taken.write_text(f"{name}\n")
    code, sentence = refusal(room, "GetTrainedModel", trainedModelArn=model)
    assert (code, f"The key {name} was taken away" in sentence) == ("AccessDeniedException", True)
    listed = room.call("ListTrainedModels")["trainedModels"]
    assert model in {one["trainedModelArn"] for one in listed}
    room.call("DeleteTrainedModelOutput", trainedModelArn=model)
    taken.unlink()
    once(lambda seen: seen["status"] == "INACTIVE", lambda: room.call("GetTrainedModel", trainedModelArn=model))


def test_a_folder_without_its_master_key_tells_nothing(room: LiveRoom, rows: str, tmp_path: Path) -> None:
    """Whoever takes the data folder has the rows, and none of what is sealed."""
    room.server.stop()
    stolen = tmp_path / "stolen"
    shutil.copytree(room.data, stolen, ignore=shutil.ignore_patterns("images"))
    room.start()
    with closing(sqlite3.connect(stolen / "whiteroom.db")) as connection:
        for table, column in (("access_keys", "secret_access_key"), ("protected_queries", "sql_parameters")):
            values = [value for (value,) in connection.execute(f"SELECT {column} FROM {table}")]
            assert all(value.startswith("sealed:1:") for value in values)
        assert connection.execute("SELECT count(*) FROM protected_queries").fetchone()[0]
    assert [path.name for path in stolen.glob("**/*.key")] == []
