"""What every implementation of ports.Runtime keeps to. Subclass, and give the fixtures.

`runtime` is what is tested, and `data` where runs leave their results. `image` names an image. `run` is a run of one
instance that prints PRINTED and leaves the file `weights` as its model; it ends well by itself. `endless` runs until
it is stopped. What a program finds that really runs is in programs.py.
"""

from __future__ import annotations

import re

import pytest

from support.patience import Patience
from whiteroom.domain.execution.runs import ABSENT, EndReason, Phase, Run, RunEnd, RunId
from whiteroom.ports.data import Data
from whiteroom.ports.runtime import ImageNotFound, Runtime

PRINTED = ("one", "two", "three")


def ended(runtime: Runtime, run_id: RunId) -> RunEnd:
    patience = Patience(60)
    while (seen := runtime.observe(run_id)).end is None:
        assert seen.phase is Phase.RUNNING
        assert not patience.is_lost
        patience.rest()
    return seen.end


def printed(runtime: Runtime, run_id: RunId, after: int = 0) -> list[str]:
    return [line.text for line in runtime.logs(run_id, after)]


class RuntimeContract:
    ports: tuple[type, ...] = (Runtime,)

    def test_a_run_that_nobody_has_started_is_absent_and_has_nothing(self, runtime: Runtime) -> None:
        never = RunId("never")
        assert runtime.observe(never) == ABSENT
        assert not any((list(runtime.runs()), list(runtime.logs(never)), list(runtime.usage(never))))
        runtime.stop(never, 1)
        runtime.forget(never)
        runtime.forget_logs(never)
        assert runtime.observe(never) == ABSENT

    def test_an_image_has_a_digest_and_one_that_is_not_there_is_refused_with_how_to_bring_it(
        self, runtime: Runtime, image: str
    ) -> None:
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", runtime.image_digest(image))
        assert runtime.image_digest(image) == runtime.image_digest(image)
        with pytest.raises(ImageNotFound, match=r"\.$"):
            runtime.image_digest("111.dkr.ecr.us-east-1.amazonaws.com/x:1")

    def test_a_run_ends_and_what_it_left_is_found(self, runtime: Runtime, data: Data, run: Run) -> None:
        runtime.start(run)
        assert list(runtime.runs()) == [run.id]
        end = ended(runtime, run.id)
        assert (end.reason, end.exit_code) == (EndReason.EXITED, 0)
        assert 0 < end.started_at_ms <= end.ended_at_ms
        (left,) = runtime.output(run.id)
        assert left.host == "algo-1"
        assert list(data.list(left.model)) == ["weights"]

    def test_a_start_that_is_repeated_is_harmless(self, runtime: Runtime, run: Run) -> None:
        runtime.start(run)
        runtime.start(run)
        end = ended(runtime, run.id)
        runtime.start(run)
        assert runtime.observe(run.id).end == end
        assert list(runtime.runs()) == [run.id]
        assert printed(runtime, run.id) == list(PRINTED)

    def test_a_log_is_read_from_any_line_on_and_kept_until_it_is_forgotten(self, runtime: Runtime, run: Run) -> None:
        runtime.start(run)
        ended(runtime, run.id)
        runtime.forget(run.id)
        for after in range(len(PRINTED) + 1):
            assert printed(runtime, run.id, after) == list(PRINTED[after:])
        for _ in range(2):
            runtime.forget_logs(run.id)
        assert printed(runtime, run.id) == []

    def test_samples_of_the_machine_are_read_from_any_on_and_kept_as_the_log_is(
        self, runtime: Runtime, run: Run
    ) -> None:
        runtime.start(run)
        ended(runtime, run.id)
        samples = list(runtime.usage(run.id))
        assert samples
        assert {sample.host for sample in samples} == {"algo-1"}
        runtime.forget(run.id)
        for after in range(len(samples) + 1):
            assert list(runtime.usage(run.id, after)) == samples[after:]
        runtime.forget_logs(run.id)
        assert list(runtime.usage(run.id)) == []

    def test_a_run_that_is_stopped_ends_and_stays_so(self, runtime: Runtime, endless: Run) -> None:
        runtime.start(endless)
        assert runtime.observe(endless.id).phase is Phase.RUNNING
        runtime.stop(endless.id, 0)
        end = ended(runtime, endless.id)
        assert end.reason is EndReason.STOPPED
        runtime.stop(endless.id, 0)
        runtime.start(endless)
        assert runtime.observe(endless.id).end == end

    def test_a_stop_leaves_what_has_ended(self, runtime: Runtime, run: Run) -> None:
        runtime.start(run)
        end = ended(runtime, run.id)
        runtime.stop(run.id, 0)
        assert runtime.observe(run.id).end == end

    def test_a_run_that_is_forgotten_is_absent_and_what_it_left_is_gone(
        self, runtime: Runtime, data: Data, run: Run
    ) -> None:
        runtime.start(run)
        ended(runtime, run.id)
        (left,) = runtime.output(run.id)
        for _ in range(2):
            runtime.forget(run.id)
        assert runtime.observe(run.id) == ABSENT
        assert list(runtime.runs()) == []
        assert list(data.list(left.model)) == []

    def test_forgetting_kills_what_still_runs(self, runtime: Runtime, endless: Run) -> None:
        runtime.start(endless)
        assert runtime.observe(endless.id).phase is Phase.RUNNING
        runtime.forget(endless.id)
        assert runtime.observe(endless.id) == ABSENT
        assert list(runtime.runs()) == []

    def test_what_this_machine_offers_is_reported(self, runtime: Runtime) -> None:
        assert runtime.report().usable
