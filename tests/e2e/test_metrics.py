"""What a training says of itself and takes of the machine is kept, each line once, whatever kills the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, role_of
from support.command import whiteroom
from support.live import IMAGE, LiveRoom, live_room, once

pytestmark = pytest.mark.slow

TICKS = 400
DEFINITIONS = [
    {"name": "tick", "regex": "^tick ([0-9]+)$"},
    {"name": "behind", "regex": "(?<=tick )([0-9]+)(?!0)"},
    {"name": "never", "regex": "loss=([0-9.]+)"},
]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("metrics") / "data") as room:
        algorithm = room.ml.create_configured_model_algorithm(
            name="measured",
            roleArn=role_of(ALICE),
            trainingContainerConfig={"imageUri": IMAGE, "metricDefinitions": DEFINITIONS},
        )["configuredModelAlgorithmArn"]
        room.association = room.associate("measured", algorithm)
        yield room
        room.assert_nothing_left()


def measured(room: LiveRoom, arn: str) -> dict[str, Any]:
    """Every series by its name, as the operator's command has it."""
    answer = whiteroom("metrics", arn, "--json", "--data", str(room.data))
    assert answer.code == 0, answer.err
    return {series["name"]: series for series in map(json.loads, answer.out.splitlines())}


def test_metrics_come_while_the_training_runs_and_kills_of_the_server_leave_no_hole(room: LiveRoom) -> None:
    rows = room.channel("rows")
    room.finished(rows)
    arn = room.train("measured", rows, behaviour="count", ticks=str(TICKS))
    once(lambda found: found.get("tick"), lambda: measured(room, arn))
    assert room.look(arn)["status"] == "CREATE_IN_PROGRESS"
    seen = measured(room, arn)["tick"]["count"]
    room.restart()
    once(lambda found: found["tick"]["count"] > seen, lambda: measured(room, arn))
    room.restart()
    ended = room.finished(arn)
    found = measured(room, arn)
    points = found["tick"]["points"]
    assert [point["value"] for point in points] == list(range(TICKS))
    assert [point["step"] for point in points] == list(range(TICKS))
    assert [point["at_ms"] for point in points] == sorted(point["at_ms"] for point in points)
    assert [point["value"] for point in found["behind"]["points"]] == list(range(TICKS))
    assert "never" not in found
    for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        assert found[name]["kind"] == "system"
        assert found[name]["count"] >= 5
    assert (ended["metricsStatus"], ended.get("metricsStatusDetails")) == ("PUBLISH_SUCCEEDED", None)
    table = whiteroom("metrics", arn, "--data", str(room.data)).out.splitlines()
    assert table[0].split()[:5] == ["METRIC", "KIND", "HOST", "VALUES", "MIN"]
    assert ["tick", "custom", "algo-1", str(TICKS), "0", str(TICKS - 1)] in [line.split()[:6] for line in table]
    told = room.client("cleanroomsml", BOB).get_collaboration_trained_model(
        collaborationIdentifier=room.collaboration, trainedModelArn=arn
    )
    assert told["metricsStatus"] == "PUBLISH_FAILED"
    assert told["metricsStatusDetails"].startswith("Failed to publish metrics as no ML Config role is set")
