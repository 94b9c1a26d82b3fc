"""The control loop on its own: how it counts failures, keeps leases and decides when to look again."""

from __future__ import annotations

import errno
import logging
import os
import threading
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from support.failpoints import once
from support.worlds.driven import TIMING, World
from whiteroom.controllers.timing import Timing
from whiteroom.domain.execution.failures import MEANING, StatusCode, message_for_others
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources import ml_input_channels, trained_models
from whiteroom.ports.keys import KeyTakenAway, RingUnreachable
from whiteroom.ports.store import Claim, Work

MODELS = Work.TRAINED_MODELS


class Broken(Exception):
    """Nobody expects this."""


def fail(*_: object) -> None:
    raise Broken("host path /srv/secret")


def test_nothing_due_is_no_step(world: World) -> None:
    assert not world.reconciler().step("a")


def test_a_step_that_keeps_failing_fails_the_resource_and_says_nothing_of_the_host(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = world.model()
    monkeypatch.setattr(world.runtime, "image_digest", fail)
    world.drive()
    failed = world.get(MODELS, model.id)
    assert failed.status is trained_models.Status.CREATE_FAILED
    assert (failed.status_code, failed.status_message) == ("PlatformError", MEANING[StatusCode.PLATFORM_ERROR])
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == TIMING.retry_limit
    assert all(model.id in record.getMessage() for record in errors)


def test_a_key_that_was_taken_away_fails_the_resource_at_once_and_its_owner_alone_is_told_which(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = world.model()

    def refuse(uri: str) -> str:
        raise KeyTakenAway("The key arn:aws:kms:us-east-1:111111111111:key/1 was taken away.")

    monkeypatch.setattr(world.runtime, "image_digest", refuse)
    assert world.reconciler().step("one")
    failed = world.get(MODELS, model.id)
    assert failed.status is trained_models.Status.CREATE_FAILED
    assert failed.status_code == StatusCode.KEY_UNAVAILABLE
    assert "key/1 was taken away" in failed.status_message
    assert message_for_others(failed.status_code, failed.status_message) == MEANING[StatusCode.KEY_UNAVAILABLE]


def test_a_ring_of_keys_that_does_not_answer_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model = world.model()
    real, tried = world.runtime.image_digest, []

    def silent_for_a_while(uri: str) -> str:
        tried.append(uri)
        if len(tried) < 3 * TIMING.retry_limit:
            raise RingUnreachable("It does not answer.")
        return real(uri)

    monkeypatch.setattr(world.runtime, "image_digest", silent_for_a_while)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.ACTIVE


def test_a_full_disk_is_waited_for_and_does_not_count_towards_giving_up(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = world.model()
    real, tried = world.runtime.image_digest, []

    def full_for_an_hour(uri: str) -> str:
        tried.append(uri)
        if len(tried) < 60:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/runs")
        if len(tried) == 60:
            raise Broken
        return real(uri)

    monkeypatch.setattr(world.runtime, "image_digest", full_for_an_hour)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.ACTIVE
    waits = [record for record in caplog.records if "waits" in record.getMessage()]
    assert len(waits) == 59
    assert all("/data/runs" in record.getMessage() and record.exc_info is None for record in waits)


def test_a_disk_that_stays_full_fails_the_resource_after_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_day = Timing()
    assert whole_day.trouble_limit * whole_day.slowest_retry_seconds == 24 * 60 * 60
    assert whole_day.next_try(whole_day.trouble_limit) == timedelta(seconds=whole_day.slowest_retry_seconds)
    monkeypatch.setattr("support.worlds.driven.TIMING", Timing(trouble_limit=20))
    model, tried = world.model(), []

    def full(uri: str) -> str:
        tried.append(uri)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(world.runtime, "image_digest", full)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.CREATE_FAILED
    assert len(tried) == 20


def test_a_failing_step_is_tried_again_ever_more_slowly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.model()
    tried = []

    def fail_and_note(_: str) -> str:
        tried.append(world.clock())
        raise Broken

    monkeypatch.setattr(world.runtime, "image_digest", fail_and_note)
    world.drive()
    waits = [round((after - before).total_seconds()) for before, after in pairwise(tried)]
    assert waits == [1, 2, 4, 8]


def test_a_step_that_works_again_starts_the_count_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model = world.model()
    answers = iter([Broken(), Broken(), Broken(), Broken()])
    real = world.runtime.image_digest

    def sometimes(uri: str) -> str:
        for error in answers:
            raise error
        return real(uri)

    monkeypatch.setattr(world.runtime, "image_digest", sometimes)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.ACTIVE


def test_an_erasing_that_keeps_failing_ends_as_delete_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model = world.ready_model()
    world.ask(MODELS, model.id, Event.DELETE)
    monkeypatch.setattr(world.data, "erase", fail)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.DELETE_FAILED
    monkeypatch.undo()
    world.ask(MODELS, model.id, Event.DELETE)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.INACTIVE
    assert world.data.kept() == []


def test_a_cancel_that_keeps_failing_ends_as_cancel_failed_and_the_run_is_killed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(3):
        reconciler.step("a")
    world.ask(MODELS, model.id, Event.CANCEL)
    monkeypatch.setattr(world.runtime, "stop", fail)
    monkeypatch.setattr(world.runtime, "observe", fail)
    world.drive(reconciler)
    assert world.get(MODELS, model.id).status is trained_models.Status.CANCEL_FAILED
    assert world.runtime.runs() == ()


def test_what_cannot_be_freed_now_is_freed_by_a_later_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model = world.model()
    monkeypatch.setattr(world.runtime, "forget", fail)
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.ACTIVE
    monkeypatch.undo()
    world.reconciler().sweep()
    assert world.runtime.runs() == ()
    assert world.get(MODELS, model.id).status is trained_models.Status.ACTIVE


def test_one_thing_that_cannot_be_freed_does_not_keep_the_sweep_from_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.engine._queries["nobody"] = 0
    world.engine._queries["no-one"] = 0
    real, stuck = world.engine.forget, "nobody"

    def forget(query_id: str) -> None:
        if query_id == stuck:
            raise Broken
        real(query_id)

    monkeypatch.setattr(world.engine, "forget", forget)
    world.reconciler().sweep()
    assert world.engine.queries() == (stuck,)


def test_a_heartbeat_keeps_a_long_step_from_being_claimed_by_another_server(world: World) -> None:
    world.model()

    def long_pack() -> None:
        for _ in range(10):
            world.clock.forward(TIMING.lease_seconds / 3)
            reconciler.heartbeat()
            assert not other.step("other")

    other = world.reconciler()
    reconciler = world.reconciler(once("planned", long_pack))
    assert reconciler.step("first")


def test_without_a_heartbeat_another_server_takes_over(world: World) -> None:
    world.model()
    taken = []

    def stalls() -> None:
        world.clock.forward(TIMING.lease_seconds + 1)
        taken.append(world.reconciler().step("other"))

    world.reconciler(once("planned", stalls)).step("first")
    assert taken == [True]


def test_a_lost_lease_is_said_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.model()

    def stalls() -> None:
        world.clock.forward(TIMING.lease_seconds + 1)
        world.reconciler().step("other")
        reconciler.heartbeat()

    reconciler = world.reconciler(once("planned", stalls))
    reconciler.step("first")
    assert any("lease" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("point", ["acted", "recorded"])
def test_a_heartbeat_beside_a_step_that_ends_says_nothing(
    world: World, caplog: pytest.LogCaptureFixture, point: str
) -> None:
    """The record comes to rest, and its work ends, while the step is still at it."""

    def beat() -> None:
        reconciler.heartbeat()

    world.export_job()
    reconciler = world.reconciler(once(point, beat))
    while reconciler.step("first"):
        reconciler = world.reconciler(once(point, beat))
    assert [record.getMessage() for record in caplog.records if "lease" in record.getMessage()] == []


def test_a_heartbeat_that_a_release_overtakes_says_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.model()
    reconciler = world.reconciler()
    extend = world.store.extend

    def late(claim: Claim, now: datetime, lease_seconds: float) -> bool:
        """Between the look at what is in hand and the store, the step ends and another server takes the next one."""
        ended.set()
        step.join(30)
        world.clock.forward(3600)
        assert world.store.claim("other", world.clock(), 30) is not None
        return extend(claim, now, lease_seconds)

    def hold() -> None:
        holding.set()
        assert ended.wait(30)

    holding, ended = threading.Event(), threading.Event()
    reconciler = world.reconciler(once("planned", hold))
    step = threading.Thread(target=reconciler.step, args=("first",))
    step.start()
    assert holding.wait(30)
    world.store.extend = late  # type: ignore[method-assign]
    reconciler.heartbeat()
    assert [record.getMessage() for record in caplog.records if "lease" in record.getMessage()] == []


def test_a_run_is_looked_at_soon_and_then_less_and_less_often(world: World) -> None:
    world.runtime.looks = 60
    looks = []
    model = world.model()
    real = world.runtime.observe

    def observe(run_id: str) -> object:
        looks.append(world.clock())
        return real(run_id)  # type: ignore[arg-type]

    world.runtime.observe = observe  # type: ignore[method-assign, assignment]
    world.drive()
    assert world.get(MODELS, model.id).status is trained_models.Status.ACTIVE
    waits = [(after - before).total_seconds() for before, after in pairwise(looks)]
    assert waits[0] < 0.03
    assert max(waits) < 1.01
    assert all(later > earlier - 0.002 for earlier, later in pairwise(waits[:-1]))
    assert waits[-5] > 0.9


def test_waits_grow_with_the_time_taken_up_to_the_slowest() -> None:
    timing = Timing(first_look_seconds=0.02, look_share=0.1, slowest_look_seconds=1.0)
    elapsed = [0, 0.1, 1, 5, 100_000]
    assert [timing.next_look(timedelta(seconds=s)).total_seconds() for s in elapsed] == [0.02, 0.02, 0.1, 0.5, 1.0]


def test_a_channel_sleeps_until_it_expires(world: World) -> None:
    channel = world.ready_channel()
    assert world.store.next_due_at() == channel.expires_at
    world.clock.forward(3 * 86_400 + 1)
    world.drive()
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status is ml_input_channels.Status.INACTIVE


def test_a_wish_recorded_under_a_step_is_seen_at_once(world: World) -> None:
    world.runtime.looks = 10_000
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(4):
        reconciler.step("a")
        world.clock.forward(0.1)
    world.clock.forward(60)
    slow = world.reconciler(once("planned", lambda: world.ask(MODELS, model.id, Event.CANCEL)))
    slow.step("a")
    assert slow.step("a")
    assert world.get(MODELS, model.id).status is trained_models.Status.CANCEL_IN_PROGRESS
