"""What every implementation of ports.Synthesiser keeps to. Subclass, and give the fixtures.

`synthesiser` is what is tested, `data` where its rows lie, and `spec` a synthesis that succeeds, whose real rows are
there.
"""

from __future__ import annotations

from support.patience import Patience
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.synthetic_data import (
    NO_SYNTHESIS,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisSpec,
)
from whiteroom.ports.data import Data
from whiteroom.ports.synthesiser import Synthesiser


def ended(synthesiser: Synthesiser, synthesis_id: str) -> SynthesisObservation:
    patience = Patience(120)
    while (seen := synthesiser.observe(synthesis_id)).phase is Phase.RUNNING:
        assert not patience.is_lost
        patience.rest()
    return seen


class SynthesiserContract:
    ports: tuple[type, ...] = (Synthesiser,)

    def test_a_synthesis_that_nobody_has_started_is_absent(self, synthesiser: Synthesiser) -> None:
        assert synthesiser.observe("never") == NO_SYNTHESIS
        assert list(synthesiser.syntheses()) == []

    def test_a_synthesis_ends_with_its_rows_in_its_target_and_without_the_real_ones_however_often_it_is_started(
        self, synthesiser: Synthesiser, data: Data, spec: SynthesisSpec
    ) -> None:
        assert data.list(spec.source)
        synthesiser.start(spec)
        synthesiser.start(spec)
        assert list(synthesiser.syntheses()) == [spec.id]
        seen = ended(synthesiser, spec.id)
        assert (seen.phase, seen.failure) == (Phase.ENDED, None)
        assert seen.cost is not None
        assert seen.result is not None
        assert seen.result.rows > 0
        assert list(data.list(spec.target)) == list(seen.result.files)
        assert data.measure({"here": spec.target}) == seen.result.size_bytes
        assert list(data.list(spec.source)) == []
        synthesiser.start(spec)
        assert synthesiser.observe(spec.id) == seen

    def test_a_stop_erases_the_real_rows_and_leaves_no_others(
        self, synthesiser: Synthesiser, data: Data, spec: SynthesisSpec
    ) -> None:
        synthesiser.start(spec)
        for _ in range(2):
            synthesiser.stop(spec.id)
            seen = synthesiser.observe(spec.id)
            assert (seen.phase, seen.failure, seen.result) == (Phase.ENDED, SynthesisFailure.STOPPED, None)
        assert list(data.list(spec.source)) == list(data.list(spec.target)) == []

    def test_a_stop_leaves_what_is_absent_or_has_ended_and_forgetting_leaves_the_synthetic_rows(
        self, synthesiser: Synthesiser, data: Data, spec: SynthesisSpec
    ) -> None:
        synthesiser.stop("never")
        synthesiser.forget("never")
        assert synthesiser.observe("never") == NO_SYNTHESIS
        synthesiser.start(spec)
        seen = ended(synthesiser, spec.id)
        synthesiser.stop(spec.id)
        assert synthesiser.observe(spec.id) == seen
        for _ in range(2):
            synthesiser.forget(spec.id)
        assert synthesiser.observe(spec.id) == NO_SYNTHESIS
        assert list(synthesiser.syntheses()) == []
        assert seen.result is not None
        assert list(data.list(spec.target)) == list(seen.result.files)

    def test_forgetting_kills_what_still_runs_and_erases_the_real_rows(
        self, synthesiser: Synthesiser, data: Data, spec: SynthesisSpec
    ) -> None:
        synthesiser.start(spec)
        synthesiser.forget(spec.id)
        assert synthesiser.observe(spec.id) == NO_SYNTHESIS
        assert list(data.list(spec.source)) == list(data.list(spec.target)) == []
