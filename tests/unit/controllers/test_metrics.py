"""Reading the metrics of runs: matching, limits, and what the members are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.effort import effort_under
from support.worlds.driven import World
from support.worlds.records import ALGORITHM
from whiteroom.controllers.metric_matching import LINE_SECONDS, Matcher, compiled
from whiteroom.controllers.metrics import MetricsReader
from whiteroom.domain.execution.runs import LogLine, Phase, RunId
from whiteroom.domain.observability.metrics import (
    POINTS_PER_SERIES,
    TIMEOUTS_PER_DEFINITION,
    MetricKind,
    MetricPoint,
    Usage,
    begin_reading,
)
from whiteroom.domain.resources.trained_models import Status
from whiteroom.operations.patterns import metric_fault_of
from whiteroom.ports.store import Work

RUN = RunId("training-1")
EXPLOSIVE = r"(?=((\w|\w\w)+)#)"


def matcher(*regexes: str) -> Matcher:
    definitions = [{"name": f"metric-{number}", "regex": regex} for number, regex in enumerate(regexes)]
    return Matcher(begin_reading("run", "model", definitions, 1))


def values(line: str, *regexes: str) -> list[float]:
    return [value for _, value in matcher(*regexes).values(line)]


def of_training(world: World, *definitions: tuple[str, str]) -> None:
    """Give the training's algorithm these metricDefinitions."""
    with world.store.transaction() as tx:
        algorithm = tx.configured_model_algorithms.find(arn=ALGORITHM)
        assert algorithm is not None
        config = {
            **(algorithm.training_container_config or {}),
            "metricDefinitions": [{"name": name, "regex": regex} for name, regex in definitions],
        }
        tx.configured_model_algorithms.update(algorithm, training_container_config=config)


def kept(world: World, resource_id: str, name: str, host: str = "algo-1") -> list[tuple[int, int, float]]:
    with world.store.reading() as tx:
        for series in tx.metrics.series(resource_id):
            if (series.name, series.host) == (name, host):
                points = tx.metrics.points(series, 1_000_000)
                return [(point.at_ms, point.step, point.value) for point in points]
    return []


def lines(*texts: str, host: str = "algo-1", stream: str = "stdout") -> list[LogLine]:
    return [LogLine(number, stream, text, host) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("regex", "line", "expected"),
    [
        (r"loss: ([0-9.]+)", "epoch 3 loss: 0.25 acc: 1", [0.25]),
        (r"loss=(.*?);", "Train_loss=0.5; x=1;", [0.5]),
        (r"a=(\d) a=(\d)", "a=1 a=2", [1.0]),
        (r"n=(\d)", "n=1 n=2", [1.0]),
        (r"(?<=loss=)([0-9.]+)", "loss=0.5", [0.5]),
        (r"(\d)\1(?!0)", "acc=77", [7.0]),
        (r"(\d)?x", "x", []),
        (r"(\d)?x(?!y)", "x", []),
        (r"é=(\d+)", "日本 é=12", [12.0]),
        (r"v=(\S+)", "v=nan", []),
        (r"v=(\S+)", "v=1e999", []),
        (r"v=(\S+)", "v=\u0661\u0662", []),
        (r"v=(\d+)(?=;)", "v=\u0661\u0662;", []),
        (r"v=(\S+)", "\x1b[1mv=1.5 \x1b[0m", [1.5]),
        (r"v=(\S+)", "lone \ud800 v=2", [2.0]),
        (r"v=(\S+)", "x" * 65_536 + "v=3 [cut at 65,536 characters]", [3.0]),
        (r"v=(\d+)$", "v=" + "9" * 65_536, []),
    ],
)
def test_the_first_group_of_the_first_match_is_the_value(regex: str, line: str, expected: list[float]) -> None:
    assert metric_fault_of(regex) is None
    assert values(line, regex) == expected


@pytest.mark.parametrize("regex", [r"patient (.*)", r"(.+)", r"name=(\w+)", r"patient (?P<row>[^,]*)", r"born (\S+)"])
def test_of_row_data_that_an_expression_matches_nothing_but_numbers_is_a_value(regex: str) -> None:
    for line in ("patient Ann Smith, 41", "patient name=Ann_Smith born 1970-01-02", "patient 0x41, A41"):
        assert values(line, regex) == []
    assert values("patient 41", r"patient (\d+)") == [41.0]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.text(max_size=200))
def test_what_is_accepted_at_creation_can_be_used_on_any_line(pattern: str, line: str) -> None:
    usable = pattern and metric_fault_of(pattern) is None
    assert not usable or compiled(pattern) is not None
    list(matcher(pattern).values(line))


def test_an_expression_that_nobody_reads_any_more_finds_nothing_and_spoils_nothing() -> None:
    assert values("a=1", "(", "no group", "a=(.)", "\ud800(") == [1.0]


def test_an_expression_built_to_back_track_takes_linear_time_or_no_more_than_its_limit() -> None:
    line = "x" * 65_536
    with effort_under(20 * LINE_SECONDS):
        assert values(line, r"((\w|\w\w)+)#") == []
        linear = matcher(EXPLOSIVE)
        list(linear.values(line))
    assert linear.timeouts == [1]


def test_an_expression_that_keeps_running_into_its_limit_is_switched_off_and_the_others_go_on() -> None:
    used = matcher(EXPLOSIVE, r"v=(\d)")
    line = "x" * 40 + " v=1"
    for _ in range(3 * TIMEOUTS_PER_DEFINITION):
        assert [value for _, value in used.values(line)] == [1.0]
    assert used.timeouts == [TIMEOUTS_PER_DEFINITION, 0]
    assert [value for _, value in used.values(line)] == [1.0]


def test_an_expression_that_is_slow_without_a_limit_of_its_own_has_one_for_all_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("whiteroom.domain.observability.metrics.SECONDS_PER_DEFINITION", 0.2)
    used = matcher(r"(?:.{0,999}){1}x(1)", r"v=(\d)")
    line = "ab" * 1_000 + " v=1"
    for _ in range(1_000):
        found = [value for _, value in used.values(line)]
        used.settle()
        assert found == [1.0]
    assert 0.2 < used.seconds[0] < 1
    assert used.seconds[1] < 0.2


def test_forty_hostile_definitions_of_a_run_are_off_after_two_lines(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line under all forty is four seconds; the limit of each alone would let them have ten such lines."""
    monkeypatch.setattr("whiteroom.controllers.metric_matching.LINE_SECONDS", LINE_SECONDS / 10)
    of_training(world, *((f"bad{number}", EXPLOSIVE) for number in range(40)))
    world.runtime.printed = lines(*("x" * 40 for _ in range(1_000)))
    model = world.ready_model()
    with world.store.reading() as tx:
        reading = tx.metrics.reading(f"training-{model.id}")
    assert reading is not None
    assert reading.log_lines == 1_000
    assert reading.timeouts == (2,) * 40
    assert "'bad39'" in str(model.metrics_status_details)


def test_every_host_has_series_of_its_own_and_notes_of_the_platform_are_not_read(world: World) -> None:
    of_training(world, ("loss", r"loss=(\S+)"), ("errors", r"(\d+) errors"))
    world.runtime.printed = [
        *lines("loss=3", "nothing", "loss=2"),
        *lines("loss=9", host="algo-2", stream="stderr"),
        *lines("loss=7", stream="platform"),
        *lines("4 errors, loss=1"),
    ]
    model = world.ready_model()
    assert kept(world, model.id, "loss") == [(0, 0, 3.0), (0, 2, 1.0), (2, 1, 2.0)]
    assert kept(world, model.id, "loss", "algo-2") == [(0, 0, 9.0)]
    assert kept(world, model.id, "errors") == [(0, 0, 4.0)]


def test_a_metric_of_the_programs_that_is_called_like_one_of_the_systems_is_another(world: World) -> None:
    of_training(world, ("CPUUtilization", r"cpu (\d+)"))
    world.runtime.printed = lines("cpu 5")
    world.runtime.used = [Usage(7, "algo-1", {"CPUUtilization": 50.0, "MemoryUtilization": 10.0})]
    model = world.ready_model()
    with world.store.reading() as tx:
        found = [(series.kind, series.name, series.last_value) for series in tx.metrics.series(model.id)]
    assert found == [
        (MetricKind.CUSTOM, "CPUUtilization", 5.0),
        (MetricKind.SYSTEM, "CPUUtilization", 50.0),
        (MetricKind.SYSTEM, "MemoryUtilization", 10.0),
    ]


def test_an_inference_job_has_the_systems_metrics_alone(world: World) -> None:
    of_training(world, ("loss", r"loss=(\S+)"))
    job = world.inference_job()
    world.runtime.printed = lines("loss=1")
    world.runtime.used = [Usage(7, "algo-1", {"CPUUtilization": 50.0})]
    world.drive()
    with world.store.reading() as tx:
        assert [series.name for series in tx.metrics.series(job.id)] == ["CPUUtilization"]
    ended = world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id)
    assert (ended.status, ended.metrics_status, ended.metrics_status_details) == ("ACTIVE", "PUBLISH_SUCCEEDED", None)


def test_a_run_that_goes_on_is_read_every_few_seconds_and_nothing_twice(world: World) -> None:
    of_training(world, ("loss", r"loss=(\S+)"))
    world.runtime.looks = 10_000
    model = world.model()
    reconciler = world.reconciler()
    seen = []
    for number in range(200):
        world.runtime.printed.append(LogLine(number, "stdout", f"loss={number}"))
        while reconciler.step("a"):
            continue
        world.clock.forward(0.5)
        seen.append(len(kept(world, model.id, "loss")))
    assert 15 < len(set(seen)) < 60
    assert seen[-1] > 190
    assert [value for *_, value in kept(world, model.id, "loss")] == [float(number) for number in range(seen[-1])]


def test_a_log_longer_than_one_pass_is_read_whole_before_its_run_is_freed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.controllers.metrics.CHUNK", 10)
    monkeypatch.setattr("whiteroom.controllers.metrics.PASS_SECONDS", 0.0)
    of_training(world, ("loss", r"loss=(\S+)"))
    world.runtime.looks = 0
    world.runtime.printed = lines(*(f"loss={number}" for number in range(95)))
    world.runtime.used = [Usage(number, "algo-1", {"CPUUtilization": 1.0}) for number in range(33)]
    model = world.model()
    world.drive()
    assert world.get(Work.TRAINED_MODELS, model.id).status is Status.ACTIVE
    assert [value for *_, value in kept(world, model.id, "loss")] == [float(number) for number in range(95)]
    assert len(kept(world, model.id, "CPUUtilization")) == 33


def test_a_million_values_leave_an_even_part_of_them_and_the_figures_of_all(world: World) -> None:
    reader = MetricsReader(world.store, world.runtime, world.clock)
    world.runtime.logged.add(RUN)
    world.runtime.used = [Usage(number, "algo-1", {"CPUUtilization": float(number)}) for number in range(100_000)]
    while not reader.take_in(RUN, "model", Phase.ENDED).complete:
        continue
    with world.store.reading() as tx:
        (series,) = tx.metrics.series("model")
        points = tx.metrics.points(series, 1_000_000)
    assert (series.count, series.minimum, series.maximum, series.last_value) == (100_000, 0.0, 99_999.0, 99_999.0)
    assert points == tuple(MetricPoint(step, step, float(step)) for step in range(0, 100_000, 16))
    assert len(points) <= POINTS_PER_SERIES


def test_members_are_told_of_a_metric_that_was_switched_off(world: World) -> None:
    of_training(world, ("slow", EXPLOSIVE), ("loss", r"loss=(\S+)"))
    world.runtime.printed = lines(*("x" * 40 for _ in range(TIMEOUTS_PER_DEFINITION)), "loss=1")
    model = world.ready_model()
    assert model.metrics_status == "PUBLISH_SUCCEEDED"
    assert "'slow'" in (model.metrics_status_details or "")
    assert "'loss'" not in (model.metrics_status_details or "")
    assert len(kept(world, model.id, "loss")) == 1


def test_what_a_membership_that_ended_had_run_is_read_before_it_is_killed(world: World) -> None:
    of_training(world, ("loss", r"loss=(\S+)"))
    world.runtime.looks = 10_000
    model = world.model()
    reconciler = world.reconciler()
    while world.get(Work.TRAINED_MODELS, model.id).status is not Status.CREATE_IN_PROGRESS:
        reconciler.step("a")
    world.runtime.printed = lines("loss=1")
    world.end_membership("111111111111")
    world.drive(reconciler)
    assert world.get(Work.TRAINED_MODELS, model.id).status is Status.CREATE_FAILED
    assert world.runtime.runs() == ()
    assert len(kept(world, model.id, "loss")) == 1


def test_metrics_outlive_the_output_of_their_model(world: World) -> None:
    of_training(world, ("loss", r"loss=(\S+)"))
    world.runtime.printed = lines("loss=1")
    model = world.ready_model()
    world.runtime.printed = []
    from whiteroom.domain.execution.lifecycle import Event

    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    world.drive()
    assert world.get(Work.TRAINED_MODELS, model.id).status is Status.INACTIVE
    assert len(kept(world, model.id, "loss")) == 1


def test_names_with_odd_characters_are_names(world: World) -> None:
    names = ["", "a b", "';--", "\u0000", "日本", "x" * 255]
    of_training(world, *((name, r"v=(\d)") for name in names))
    world.runtime.printed = lines("v=1")
    model = world.ready_model()
    found: Any
    with world.store.reading() as tx:
        found = {series.name for series in tx.metrics.series(model.id)}
    assert found == set(names)
