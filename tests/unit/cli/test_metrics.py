from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.command import CommandLine
from support.worlds.driven import World
from support.worlds.records import ALGORITHM, ASSOCIATION, PREFIX
from support.worlds.requests import ALICE
from whiteroom.cli.plots import COLUMNS, ROWS, text_plot
from whiteroom.domain.execution.runs import LogLine
from whiteroom.domain.observability.metrics import TIMEOUTS_PER_DEFINITION, MetricPoint, Usage

DEFINITIONS = [{"name": "loss", "regex": r"loss=(\S+)"}, {"name": "\x1b[2Jodd", "regex": r"odd (\d)"}]
NOON_MS = 1_772_366_400_000


@pytest.fixture
def measured(world: World, cli: CommandLine) -> World:
    """A room whose trainings print a loss and take a part of the machine."""
    (cli.data / "noise.key").write_bytes(bytes(32))  # a server makes it before there is a metric
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
    monkeypatch.setattr("whiteroom.operations.monitoring.metric_reading._PAGE", 2)
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


NOISY = {"trainedModels": {"containerMetrics": {"noiseLevel": "HIGH"}}}


def test_a_member_is_shown_what_cloudwatch_answers_it(cli: CommandLine, measured: World) -> None:
    model = measured.ready_model()
    shown = [json.loads(line) for line in cli("metrics", model.arn, "--as", ALICE, "--json").out.splitlines()]
    assert [series["name"] for series in shown] == ["loss", "CPUUtilization"]
    assert [point["value"] for point in shown[0]["points"]] == [3.0, 1.25, 2.0]


def test_a_member_under_a_noise_level_is_shown_no_true_value_and_told_why(cli: CommandLine, measured: World) -> None:
    with measured.store.transaction() as tx:
        association = tx.configured_model_algorithm_associations.find(arn=ASSOCIATION)
        assert association is not None
        tx.configured_model_algorithm_associations.update(association, privacy_configuration={"policies": NOISY})
    model = measured.ready_model()
    answer = cli("metrics", model.arn, "--as", ALICE, "--json")
    loss = json.loads(answer.out.splitlines()[0])
    shown = {loss["minimum"], loss["maximum"], loss["last_value"], *(point["value"] for point in loss["points"])}
    assert not shown & {3.0, 1.25, 2.0}
    assert cli("metrics", model.arn, "--as", ALICE, "--json").out == answer.out
    assert "HIGH" in answer.err
    true = json.loads(cli("metrics", model.arn, "--json").out.splitlines()[0])
    assert [point["value"] for point in true["points"]] == [3.0, 1.25, 2.0]


def test_who_sees_nothing_is_told_why(cli: CommandLine, measured: World) -> None:
    model = measured.ready_model()
    answer = cli("metrics", model.arn, "--as", "999999999999")
    assert (answer.code, answer.out) == (0, "")
    assert "no active member" in answer.err


def test_a_plot_runs_from_the_highest_value_to_the_lowest_and_from_the_first_time_to_the_last(
    cli: CommandLine, measured: World
) -> None:
    lines = cli("metrics", measured.ready_model().arn, "--plot").out.splitlines()
    start = lines.index("loss (custom, algo-1)")
    plot = lines[start + 1 : start + 10]
    assert (plot[0].split()[0], plot[7].split()[0]) == ("3", "1.25")
    assert plot[8].split() == ["12:00:00", "12:00:02"]
    assert plot[0].split()[1][0] in "⠁⠉⠃⠇⡇"  # the first value is the highest


def test_a_picture_is_written_where_matplotlib_is_installed(
    cli: CommandLine, measured: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = measured.ready_model()
    file = tmp_path / "metrics.png"
    assert cli("metrics", model.arn, "--png", str(file)).code == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    missing = cli("metrics", model.arn, "--png", str(tmp_path / "no" / "folder.png"))
    assert missing.code == 1
    assert "cannot be written" in missing.err
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    without = cli("metrics", model.arn, "--png", str(file))
    assert without.code == 1
    assert "pip install matplotlib" in without.err


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [-sys.float_info.max, sys.float_info.max], [0.0, 5e-324]])
def test_whatever_the_values_a_plot_has_its_size(values: list[float]) -> None:
    points = [MetricPoint(1_000 * number, number, value) for number, value in enumerate(values)]
    lines = list(text_plot(points))
    assert len(lines) == (ROWS + 1 if values else 0)
    assert all(len(line) < COLUMNS + 20 for line in lines)
