from __future__ import annotations

import json

import pytest

from support.command import CommandLine
from support.rooms import ALGORITHM, PREFIX, World
from whiteroom.domain.metrics import TIMEOUTS_PER_DEFINITION, Usage
from whiteroom.domain.runs import LogLine

DEFINITIONS = [{"name": "loss", "regex": r"loss=(\S+)"}, {"name": "\x1b[2Jodd", "regex": r"odd (\d)"}]
NOON_MS = 1_772_366_400_000


@pytest.fixture
def measured(world: World) -> World:
    """A room whose trainings print a loss and take a part of the machine."""
    define(world, DEFINITIONS)
    world.runtime.printed = [
        LogLine(1_772_366_400_000 + 1_000 * number, "stdout", f"loss={loss}")
        for number, loss in enumerate((3, 1.25, 2))
    ]
    world.runtime.used = [Usage(1_772_366_400_000, "algo-1", {"CPUUtilization": 150.0})]
    return world


def define(world: World, definitions: list[dict[str, str]]) -> None:
    with world.store.transaction() as tx:
        algorithm = tx.configured_model_algorithms.find(arn=ALGORITHM)
        assert algorithm is not None
        config = {**(algorithm.training_container_config or {}), "metricDefinitions": definitions}
        tx.configured_model_algorithms.update(algorithm, training_container_config=config)


def test_each_series_is_a_line_with_its_figures(cli: CommandLine, measured: World) -> None:
    model = measured.ready_model()
    lines = [line.split() for line in cli("metrics", model.arn).out.splitlines()]
    assert lines == [
        ["METRIC", "KIND", "HOST", "VALUES", "MIN", "MAX", "LAST", "AT", "(UTC)"],
        ["loss", "custom", "algo-1", "3", "1.25", "3", "2", "2026-03-01", "12:00:02"],
        ["CPUUtilization", "system", "algo-1", "1", "150", "150", "150", "2026-03-01", "12:00:00"],
    ]


def test_for_scripts_each_series_is_a_document_with_all_its_points(
    cli: CommandLine, measured: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.cli.metrics._PAGE", 2)
    model = measured.ready_model()
    loss, cpu = map(json.loads, cli("metrics", model.arn, "--json").out.splitlines())
    assert (loss["name"], loss["kind"], loss["count"], loss["minimum"]) == ("loss", "custom", 3, 1.25)
    assert [(point["step"], point["value"]) for point in loss["points"]] == [(0, 3.0), (1, 1.25), (2, 2.0)]
    assert cpu["points"] == [{"at_ms": NOON_MS, "step": 0, "value": 150.0}]


def test_a_name_cannot_write_to_the_terminal(cli: CommandLine, measured: World) -> None:
    measured.runtime.printed = [LogLine(0, "stdout", "odd 1")]
    assert "\x1b" not in cli("metrics", measured.ready_model().arn).out


def test_an_inference_job_has_metrics_of_its_own(cli: CommandLine, measured: World) -> None:
    job = measured.inference_job()
    measured.drive()
    assert [line.split()[0] for line in cli("metrics", job.arn).out.splitlines()] == ["METRIC", "CPUUtilization"]


def test_where_nothing_was_measured_the_status_is_told(cli: CommandLine, world: World) -> None:
    answer = cli("metrics", world.model().arn)
    assert (answer.code, answer.out) == (0, "")
    assert "CREATE_PENDING" in answer.err


def test_a_metric_that_was_switched_off_is_told(cli: CommandLine, measured: World) -> None:
    define(measured, [{"name": "slow", "regex": r"(?=((\w|\w\w)+)#)"}])
    measured.runtime.printed = [LogLine(0, "stdout", "x" * 60)] * TIMEOUTS_PER_DEFINITION
    assert "'slow'" in cli("metrics", measured.ready_model().arn).err


def test_what_runs_no_program_has_no_metrics(cli: CommandLine, world: World) -> None:
    answer = cli("metrics", world.ready_channel().arn)
    assert answer.code == 1
    assert "whiteroom explain" in answer.err
    assert cli("metrics", f"{PREFIX}/trained-model/nobody").code == 1
