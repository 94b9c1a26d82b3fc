"""Whatever moment the server dies at: each log has one submission and one termination of an analysis."""

from __future__ import annotations

import pytest

from crash.points import POINTS, restart_with_a_sweep
from support.failpoints import crash_at
from support.worlds.driven import World
from support.worlds.requests import ALICE, BOB
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.ports.store import Work


def an_analysis(world: World, kind: str, *, ends_well: bool) -> tuple[Work, str, str]:
    """Work that was asked for and ends so; where its record is, its id, and that of the analysis in logs."""
    if kind == "query":
        query = world.query()
        world.engine.failure = None if ends_well else QueryFailure.INVALID
        return Work.PROTECTED_QUERIES, query.id, query.id
    if kind == "channel":
        channel = world.channel()
        world.engine.failure = None if ends_well else QueryFailure.INVALID
        return Work.ML_INPUT_CHANNELS, channel.id, channel.protected_query_id
    if kind == "training":
        model = world.model()
        if not ends_well:
            world.set_policies({"trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 1e-9}}})
        return Work.TRAINED_MODELS, model.id, model.id
    job = world.inference_job() if kind == "inference" else world.export_job()
    if not ends_well:
        world.end_membership(BOB)
    work = Work.TRAINED_MODEL_INFERENCE_JOBS if kind == "inference" else Work.TRAINED_MODEL_EXPORT_JOBS
    return work, job.id, job.id


@pytest.mark.parametrize("ends_well", [True, False])
@pytest.mark.parametrize("kind", ["query", "channel", "training", "inference", "export"])
@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_leaves_one_submission_and_one_termination_in_each_log(
    world: World, point: str, visit: int, kind: str, ends_well: bool
) -> None:
    work, record_id, analysis_id = an_analysis(world, kind, ends_well=ends_well)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    ended = world.get(work, record_id).status.value
    assert ended in ({"SUCCESS", "ACTIVE"} if ends_well else {"FAILED", "CREATE_FAILED"})
    expected = ["SUBMISSION SUBMITTED", f"TERMINATION {'SUCCESS' if ends_well else 'FAILED'}"]
    assert [world.analysis_log(account, analysis_id) for account in (ALICE, BOB)] == [expected, expected]
