"""scikit-learn, by the contract's own `train` and `serve`, and in images written for AWS's samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support import real
from support.live import LiveRoom

pytestmark = pytest.mark.slow

ROWS = 100_000
HEADER = "number,predicted"
PREDICTED = {str(number): "1" if number % 7 + 1 > 3 else "0" for number in range(ROWS)}
"""A house is large from four rooms on, which both models can learn without a mistake."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with real.real_room(tmp_path_factory.mktemp("scikit-learn")) as room:
        table = room.data.parent / "houses.csv"
        lines = (f"{number},{number % 7 + 1},{number % 90},{PREDICTED[str(number)]}" for number in range(ROWS))
        table.write_text("number,rooms,age,large\n" + "\n".join(lines) + "\n")
        room.share("houses", table, ["number", "rooms", "age", "large"])
        yield room


def test_a_pipeline_is_trained_and_answers_a_batch_transform(room: LiveRoom) -> None:
    association = real.algorithm(room, "scikit-learn", real.image("scikit_learn"))
    rows = real.channel(room, "rows", "houses", "number, rooms, age, large", association)
    model = real.train(room, "pipeline", association, {"train": rows}, C="100")
    lines = real.infer(room, "pipeline-serves", model, rows)
    assert dict(line.split(",") for line in lines) == PREDICTED
    assert [int(line.split(",")[0]) for line in lines] == list(range(ROWS))


def test_an_image_written_for_awss_samples_works_as_it_is(room: LiveRoom) -> None:
    association = real.algorithm(
        room,
        "sample",
        real.image("aws_sample", entrypoint="python /opt/ml/code/serve.py"),
        entrypoint=["python", "/opt/ml/code/train.py"],
        metricDefinitions=[{"name": "accuracy", "regex": r"accuracy: ([0-9\.]+)"}],
    )
    rows = real.channel(room, "sample-rows", "houses", "number, rooms, age, large", association)
    model = real.train(room, "sample", association, {"train": rows})
    (accuracy,) = (one for one in _metrics(room, model) if one["name"] == "accuracy")
    assert [point["value"] for point in accuracy["points"]] == [1.0]
    files = real.artefacts(room, model)
    assert set(files) == {
        "model.tar.gz/model.joblib",
        "model.tar.gz/feature_columns.json",
        "output.tar.gz/metrics.json",
    }
    assert json.loads(files["output.tar.gz/metrics.json"]) == {"accuracy": 1.0, "samples": ROWS}
    lines = real.infer(room, "sample-serves", model, rows, containerExecutionParameters={"maxPayloadInMB": 1})
    assert lines[0] == HEADER
    assert lines.count(HEADER) == 2, "its own header row in each of two answers"
    answers = [line.split(",") for line in lines if line != HEADER]
    assert [int(number) for number, _ in answers] == list(range(ROWS))
    assert dict(answers) == PREDICTED


def _metrics(room: LiveRoom, model: str) -> list[Any]:
    return [json.loads(line) for line in room.command("metrics", model, "--json").out.splitlines()]
