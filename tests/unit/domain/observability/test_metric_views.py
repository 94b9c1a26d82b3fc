from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from whiteroom.domain.observability.metric_noise import SECRET_BYTES, Question
from whiteroom.domain.observability.metric_views import (
    UNDER_WAY,
    MetricRules,
    Sight,
    is_over,
    note_for,
    publication_of,
    sight,
    views,
)
from whiteroom.domain.observability.metrics import MetricKind, MetricPoint, MetricSeries
from whiteroom.domain.observability.publication import Publication
from whiteroom.domain.privacy.policies import NoiseLevel
from whiteroom.domain.resources.trained_models import LIFECYCLE, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = bytes(SECRET_BYTES)
TOLD = Publication("PUBLISH_SUCCEEDED", None)
LOSS = MetricSeries("model", MetricKind.CUSTOM, "loss", "algo-1", 1, 2, 0.0, 1.0, 0, 1.0)
CPU = replace(LOSS, kind=MetricKind.SYSTEM, name="CPUUtilization")
QUESTION = Question("room", ("a", "b"), ("association", "sha256:1"), (), 1)
RULES = MetricRules(NoiseLevel.HIGH, over=True, question=QUESTION)
POINTS = [MetricPoint(0, 0, 0.0), MetricPoint(1, 1, 1.0)]
NOISY = (NoiseLevel.LOW, NoiseLevel.MEDIUM, NoiseLevel.HIGH)


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("level", [None, *NoiseLevel])
def test_system_metrics_are_shown_live_and_as_they_are(level: NoiseLevel | None, over: bool) -> None:
    assert sight(MetricKind.SYSTEM, level, over=over) is Sight.PLAIN


@pytest.mark.parametrize("over", [False, True])
def test_custom_metrics_without_noise_are_shown_live_and_as_they_are(over: bool) -> None:
    assert sight(MetricKind.CUSTOM, NoiseLevel.NONE, over=over) is Sight.PLAIN


@pytest.mark.parametrize("level", NOISY)
def test_custom_metrics_with_noise_are_shown_when_the_run_is_over(level: NoiseLevel) -> None:
    assert sight(MetricKind.CUSTOM, level, over=False) is Sight.HIDDEN
    assert sight(MetricKind.CUSTOM, level, over=True) is Sight.NOISY


@pytest.mark.parametrize("over", [False, True])
def test_custom_metrics_under_a_policy_that_nobody_knows_any_more_are_not_shown(over: bool) -> None:
    assert sight(MetricKind.CUSTOM, None, over=over) is Sight.HIDDEN


def test_a_run_is_over_where_no_controller_can_measure_any_more() -> None:
    over = set(Status) - UNDER_WAY
    assert over == {
        Status.ACTIVE,
        Status.CREATE_FAILED,
        Status.DELETE_PENDING,
        Status.DELETE_IN_PROGRESS,
        Status.DELETE_FAILED,
        Status.INACTIVE,
    }
    assert not any(to in UNDER_WAY for status in over for to in LIFECYCLE.table[status].values())
    assert {status for status in Status if is_over(status, NOON)} == over


@pytest.mark.parametrize("status", list(Status))
def test_a_run_whose_end_nobody_saw_is_never_over_since_what_is_left_of_it_may_yet_be_read(status: Status) -> None:
    assert not is_over(status, None)


@pytest.mark.parametrize("told", [Publication(None, None), Publication("PUBLISH_FAILED", "No ML configuration.")])
def test_who_is_not_told_that_metrics_were_published_sees_none_of_either_kind(told: Publication) -> None:
    assert views(told, [LOSS, CPU], RULES, SECRET) == ()
    assert note_for(told, RULES)


def test_every_custom_value_of_a_noisy_view_is_another_and_every_system_value_is_the_same() -> None:
    loss, cpu = views(TOLD, [LOSS, CPU], RULES, SECRET)
    assert [point.value for point in cpu.shown(POINTS)] == [0.0, 1.0]
    assert not {point.value for point in loss.shown(POINTS)} & {0.0, 1.0}


@pytest.mark.parametrize("level", NOISY)
def test_a_metric_that_never_changes_is_not_shown_under_noise(level: NoiseLevel) -> None:
    flat = replace(LOSS, name="flat", minimum=0.87, maximum=0.87, last_value=0.87)
    rules = replace(RULES, level=level)
    assert [view.series for view in views(TOLD, [LOSS, flat, CPU], rules, SECRET)] == [LOSS, CPU]
    hosts = [flat, replace(flat, host="algo-2", minimum=0.5)]
    assert len(views(TOLD, hosts, rules, SECRET)) == 2
    assert "never change" in (note_for(TOLD, rules) or "")
    assert len(views(TOLD, [flat], replace(RULES, level=NoiseLevel.NONE), SECRET)) == 1


@pytest.mark.parametrize("level", NOISY)
def test_nothing_noisy_is_shown_where_the_tables_behind_a_run_are_not_known_any_more(level: NoiseLevel) -> None:
    rules = replace(RULES, level=level, question=None)
    assert [view.series for view in views(TOLD, [LOSS, CPU], rules, SECRET)] == [CPU]
    assert "taken out" in (note_for(TOLD, rules) or "")


@pytest.mark.parametrize("level", [*NOISY, None])
def test_metrics_that_wait_are_not_said_to_be_published_and_the_details_say_what_they_wait_for(
    level: NoiseLevel | None,
) -> None:
    waiting = replace(RULES, level=level, over=False)
    told = publication_of(replace(TOLD, details="One metric is no longer read."), waiting)
    assert told.status is None
    assert ("deleted" if level is None else "when the training has ended") in (told.details or "")
    assert (told.details or "").endswith("One metric is no longer read.")


@pytest.mark.parametrize("level", NOISY)
def test_noisy_metrics_are_published_once_they_are_out(level: NoiseLevel) -> None:
    assert publication_of(TOLD, replace(RULES, level=level, over=True)) == TOLD


@pytest.mark.parametrize("over", [False, True])
def test_metrics_without_noise_are_published_live(over: bool) -> None:
    assert publication_of(TOLD, replace(RULES, level=NoiseLevel.NONE, over=over)) == TOLD


def test_who_cannot_have_metrics_is_told_that_and_not_that_they_wait() -> None:
    failed = Publication("PUBLISH_FAILED", "No ML configuration.")
    assert publication_of(failed, replace(RULES, over=False)) == failed


def test_a_member_is_told_why_it_sees_less_than_there_is() -> None:
    assert note_for(TOLD, replace(RULES, level=NoiseLevel.NONE)) is None
    assert "HIGH" in (note_for(TOLD, RULES) or "")
    assert "ended" in (note_for(TOLD, replace(RULES, over=False)) or "")
    assert "deleted" in (note_for(TOLD, replace(RULES, level=None)) or "")
