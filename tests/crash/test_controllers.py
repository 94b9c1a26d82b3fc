"""Whatever moment the server dies at, and whoever else is at work: the right end, one run, one delivery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.rooms import ALICE, BOB, ROOM, TIMING, Crash, World, crash_at, once
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.execution.runs import EndReason, RunEnd, RunId
from whiteroom.domain.execution.synthetic_data import SynthesisFailure
from whiteroom.domain.resources import (
    ml_input_channels,
    protected_queries,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.ports import Work

POINTS = ["planned", "acted", "recorded"]
VISITS = range(1, 8)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def restart_with_a_sweep(world: World) -> None:
    world.drive()
    world.reconciler().sweep()


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_trains_exactly_once(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.ACTIVE
    assert [run.id for run in world.runtime.started] == [f"training-{model.id}"]
    assert world.runtime.runs() == ()
    assert world.data.kept() == [
        f"trained-models/{model.id}/model.tar.gz",
        f"trained-models/{model.id}/output.tar.gz",
    ]


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_fills_the_channel_once(world: World, point: str, visit: int) -> None:
    channel = world.channel()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status is ml_input_channels.Status.ACTIVE
    assert len(world.engine.started) == 1
    assert world.engine.queries() == ()
    assert (world.channels / channel.id / "part-0.csv").is_file()


@pytest.mark.parametrize("ends_well", [True, False])
@pytest.mark.parametrize("visit", range(1, 10))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_makes_synthetic_rows_once_and_leaves_no_real_one(
    world: World, point: str, visit: int, ends_well: bool
) -> None:
    if not ends_well:
        world.synthesiser.failure = SynthesisFailure.SCORE
    channel = world.synthetic_channel()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    status = world.get(Work.ML_INPUT_CHANNELS, channel.id).status
    assert status is (ml_input_channels.Status.ACTIVE if ends_well else ml_input_channels.Status.CREATE_FAILED)
    assert (len(world.engine.started), len(world.synthesiser.started)) == (1, 1)
    assert world.engine.queries() == world.synthesiser.syntheses() == ()
    assert not list(world.originals.glob("*"))
    assert (world.channels / channel.id / "part-0.csv").exists() is ends_well


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_runs_the_query_once_delivers_it_and_settles_its_budgets_once(
    world: World, point: str, visit: int
) -> None:
    read, unread = world.budget("Flights"), world.budget("Weather")
    both = ("a-Flights", "a-Weather")
    query = world.query(named_associations=both, charged_associations=both)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is protected_queries.ProtectedQueryStatus.SUCCESS
    assert len(world.engine.started) == 1
    assert world.engine.queries() == ()
    assert not list(world.results.glob("*"))
    places = (f"s3://{BOB}/own", "s3://alice/asked")
    assert sorted(world.data.delivered) == [f"{place}/{query.id}/part-0.csv" for place in places]
    assert (world.used(read), world.used(unread)) == (1, 0)


@pytest.mark.parametrize("visit", range(1, 4))
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_crash_anywhere_in_a_cancel_still_ends_the_query(world: World, steps: int, point: str, visit: int) -> None:
    query = world.query()
    reconciler = world.reconciler()
    for _ in range(steps):
        reconciler.step("a")
        world.clock.forward(1)
    world.ask(Work.PROTECTED_QUERIES, query.id, Event.CANCEL)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is protected_queries.ProtectedQueryStatus.CANCELLED
    assert world.engine.queries() == ()
    assert world.data.delivered == {}


def test_nothing_is_delivered_for_a_query_cancelled_just_before(world: World) -> None:
    query = world.query()
    world.engine.looks = 0

    def cancel() -> None:
        world.ask(Work.PROTECTED_QUERIES, query.id, Event.CANCEL)

    world.drive(world.reconciler(once("planned", cancel, visit=2)))  # start, deliver
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is protected_queries.ProtectedQueryStatus.CANCELLED
    assert world.data.delivered == {}


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_erases_an_expired_channel(world: World, point: str, visit: int) -> None:
    channel = world.ready_channel()
    world.clock.forward(3 * 86_400)
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status is ml_input_channels.Status.INACTIVE
    assert not (world.channels / channel.id).exists()


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_infers_once_and_delivers(world: World, point: str, visit: int) -> None:
    job = world.inference_job()
    world.runtime.started.clear()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status is trained_model_inference_jobs.Status.ACTIVE
    assert [run.id for run in world.runtime.started] == [f"inference-{job.id}"]
    assert world.runtime.runs() == ()
    assert [key.rsplit("/", 1)[-1] for key in world.data.delivered] == ["part-0.csv.out"]


DIED = RunEnd(EndReason.LOST, "It was killed.")
RETRIED_VISITS = range(1, 16)


@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("visit", RETRIED_VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_tries_a_training_again_once_for_each_death(
    world: World, point: str, visit: int, deaths: int
) -> None:
    model = world.model()
    world.runtime.deaths = [DIED] * deaths
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.retries, model.retry) == (trained_models.Status.ACTIVE, deaths, None)
    assert [run.id for run in world.runtime.started] == [f"training-{model.id}"] * (deaths + 1)
    assert retries_told(world, model.arn) == deaths
    assert nothing_of_a_training_is_left(world)


@pytest.mark.parametrize("visit", RETRIED_VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_fails_a_training_at_its_third_death(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.runtime.deaths = [DIED] * 4
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.status_code) == (trained_models.Status.CREATE_FAILED, "InstanceLost")
    assert len(world.runtime.started) == 3
    assert retries_told(world, model.arn) == 2
    assert nothing_of_a_training_is_left(world)
    assert world.data.kept() == []


@pytest.mark.parametrize("visit", RETRIED_VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_tries_an_inference_again_and_delivers_once(
    world: World, point: str, visit: int
) -> None:
    job = world.inference_job()
    world.runtime.started.clear()
    world.runtime.deaths = [DIED, DIED]
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    job = world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id)
    assert (job.status, job.retries) == (trained_model_inference_jobs.Status.ACTIVE, 2)
    assert len(world.runtime.started) == 3
    assert world.runtime.runs() == ()
    assert retries_told(world, job.arn) == 2
    assert [key.rsplit("/", 1)[-1] for key in world.data.delivered] == ["part-0.csv.out"]


@pytest.mark.parametrize("visit", range(1, 9))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_keeps_what_a_training_saved_that_ran_too_long(
    world: World, point: str, visit: int
) -> None:
    model = world.model()
    world.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.status_code) == (trained_models.Status.CREATE_FAILED, "MaxRuntimeExceeded")
    folder = f"trained-models/{model.id}/partial"
    assert world.data.kept() == [f"{folder}/model.tar.gz", f"{folder}/output.tar.gz"]
    assert nothing_of_a_training_is_left(world)


@pytest.mark.parametrize("visit", range(4, 12))
@pytest.mark.parametrize("point", ["planned", "acted"])
def test_a_cancel_under_a_retry_never_leaves_a_run(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.runtime.deaths, world.runtime.looks = [DIED, DIED], 0

    def cancel() -> None:
        if world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.CREATE_IN_PROGRESS:
            world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)

    world.drive(world.reconciler(once(point, cancel, visit)))
    assert trained_models.LIFECYCLE.at_rest(world.get(Work.TRAINED_MODELS, model.id).status)
    world.reconciler().sweep()
    assert nothing_of_a_training_is_left(world)


def test_a_controller_that_lost_its_lease_does_not_forget_the_next_attempt(world: World) -> None:
    """It has planned to clear the dead attempt away, and stalls; another one clears, and starts the next."""
    model = world.model()
    world.runtime.deaths, world.runtime.looks = [DIED], 10_000

    def meanwhile() -> None:
        world.clock.forward(TIMING.lease_seconds + 1)
        other = world.reconciler()
        for _ in range(2):
            other.step("other")

    slow = world.reconciler()
    for _ in range(2):
        slow.step("slow")
    (run,) = world.runtime.runs()
    world.runtime._runs[run] = 0
    slow = world.reconciler(once("planned", meanwhile, visit=2))
    for _ in range(2):
        slow.step("slow")
    assert len(world.runtime.started) == 2
    assert world.runtime.runs() == (run,)
    world.runtime._runs[run] = 0
    world.drive()
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.retries) == (trained_models.Status.ACTIVE, 1)


def test_the_sweep_deletes_checkpoints_that_nobody_knows_and_no_others(world: World) -> None:
    model = world.model()
    world.runtime.looks = 10_000
    reconciler = world.reconciler()
    for _ in range(2):
        reconciler.step("a")
    for name in ("nobody",):
        deep = world.tmp / "checkpoints" / name / "algo-1" / "a"
        deep.mkdir(parents=True)
        (deep / "file").write_text("x")
    reconciler.sweep()
    assert [path.name for path in (world.tmp / "checkpoints").iterdir()] == [model.id]


def retries_told(world: World, arn: str) -> int:
    with world.store.reading() as tx:
        return sum(1 for event in tx.events(arn) if event.event is Event.NOTED and "follows" in event.reason)


def nothing_of_a_training_is_left(world: World) -> bool:
    checkpoints = world.tmp / "checkpoints"
    return world.runtime.runs() == () and not (checkpoints.is_dir() and list(checkpoints.iterdir()))


@pytest.mark.parametrize("visit", range(1, 4))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_exports_whole(world: World, point: str, visit: int) -> None:
    job = world.export_job()
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.TRAINED_MODEL_EXPORT_JOBS, job.id).status == "ACTIVE"
    assert sorted(key.rsplit("/", 1)[-1] for key in world.data.delivered) == ["model.tar.gz", "output.tar.gz"]


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("obeys", [True, False])
def test_a_crash_anywhere_in_a_cancel_still_ends_the_run(world: World, obeys: bool, point: str, visit: int) -> None:
    world.runtime.obeys_stop, world.runtime.looks = obeys, 10_000
    model = world.model()
    reconciler = world.reconciler()
    while world.get(Work.TRAINED_MODELS, model.id).status is not trained_models.Status.CREATE_IN_PROGRESS:
        reconciler.step("a")
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    world.drive(world.reconciler(crash_at(point, visit)), steps=2_000)
    restart_with_a_sweep(world)
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.INACTIVE
    assert world.runtime.runs() == ()
    assert world.data.kept() == []


@pytest.mark.parametrize("visit", range(1, 5))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_in_a_delete_still_erases_the_model(world: World, point: str, visit: int) -> None:
    model = world.ready_model()
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.INACTIVE
    assert world.data.kept() == []


@pytest.mark.parametrize("point", ["planned", "acted"])
@pytest.mark.parametrize("visit", VISITS)
def test_a_cancel_under_a_step_never_leaves_a_run(world: World, point: str, visit: int) -> None:
    model = world.model()
    arn = Work.TRAINED_MODELS, model.id

    def cancel() -> None:
        if world.get(*arn).status in (trained_models.Status.CREATE_PENDING, trained_models.Status.CREATE_IN_PROGRESS):
            world.ask(*arn, Event.CANCEL)

    world.drive(world.reconciler(once(point, cancel, visit)))
    assert world.get(*arn).status in (trained_models.Status.INACTIVE, trained_models.Status.ACTIVE)
    assert world.runtime.runs() == ()
    if world.get(*arn).status is trained_models.Status.INACTIVE:
        assert world.data.kept() == []


@pytest.mark.parametrize("kind", ["training", "inference"])
def test_a_start_that_was_planned_before_a_cancel_and_done_after_it_leaves_no_run(world: World, kind: str) -> None:
    """Controller A plans START and stalls; its lease runs out; B sees the cancel through; A goes on."""
    work = Work.TRAINED_MODELS if kind == "training" else Work.TRAINED_MODEL_INFERENCE_JOBS
    record = world.model() if kind == "training" else world.inference_job()

    def meanwhile() -> None:
        world.ask(work, record.id, Event.CANCEL)
        world.clock.forward(TIMING.lease_seconds + 1)
        world.drive(world.reconciler())
        assert world.get(work, record.id).status == "INACTIVE"

    slow = world.reconciler(once("planned", meanwhile, visit=2))  # 1: resolve, 2: start
    slow.step("slow")
    slow.step("slow")
    assert RunId(f"{kind}-{record.id}") not in world.runtime.runs()
    assert world.get(work, record.id).status == "INACTIVE"


def test_a_start_done_late_by_a_server_that_then_dies_is_swept(world: World) -> None:
    model = world.model()

    def meanwhile() -> None:
        world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
        world.clock.forward(TIMING.lease_seconds + 1)
        world.drive(world.reconciler())

    def failpoint(point: str, seen: list[str] = []) -> None:  # noqa: B006 - it counts
        seen.append(point)
        if seen.count("planned") == 2 and point == "planned":
            meanwhile()
        if seen.count("acted") == 2:
            raise Crash

    slow = world.reconciler(failpoint)
    slow.step("slow")
    with pytest.raises(Crash):
        slow.step("slow")
    assert world.runtime.runs() == (f"training-{model.id}",)
    world.reconciler().sweep()
    assert world.runtime.runs() == ()


@pytest.mark.parametrize("point", ["planned", "acted"])
@pytest.mark.parametrize("other_finishes", [True, False])
def test_a_controller_that_lost_its_lease_while_packing_keeps_nothing_of_a_cancelled_training(
    world: World, point: str, other_finishes: bool
) -> None:
    model = world.model()

    def meanwhile() -> None:
        world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
        world.clock.forward(TIMING.lease_seconds + 1)
        if other_finishes:
            world.drive(world.reconciler())
        else:
            world.reconciler().step("other")

    # Resolve, start, two looks, and the fifth step packs.
    world.drive(world.reconciler(once(point, meanwhile, visit=5)))
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.INACTIVE
    world.reconciler().sweep()
    assert world.runtime.runs() == ()
    assert world.data.kept() == []


def test_two_threads_of_one_server_never_work_on_the_same_record(world: World) -> None:
    """The machine slept under a step, its lease ran out, and another thread claims the work."""
    model = world.model()
    status: list[str] = []

    def meanwhile() -> None:
        world.clock.forward(TIMING.lease_seconds + 1)
        assert reconciler.step("other")
        status.append(world.get(Work.TRAINED_MODELS, model.id).image_digest or "untouched")

    reconciler = world.reconciler(once("planned", meanwhile))
    reconciler.step("first")
    assert status == ["untouched"]
    assert world.get(Work.TRAINED_MODELS, model.id).image_digest is not None


def test_a_run_whose_start_is_not_recorded_yet_survives_the_sweep(world: World) -> None:
    model = world.model()
    sweeps = once("acted", lambda: world.reconciler().sweep(), visit=2)
    world.drive(world.reconciler(sweeps))
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.ACTIVE
    assert len(world.runtime.started) == 1


def test_the_sweep_frees_what_nobody_knows(world: World) -> None:
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(2):
        reconciler.step("a")
    run = world.runtime.started[0]
    world.runtime._runs[RunId("training-nobody")] = 0
    world.runtime._runs[RunId("inference-nobody")] = 0
    world.engine._queries["nobody"] = 0
    world.runtime._runs[RunId("doctor-probe")] = 0
    reconciler.sweep()
    assert world.runtime.runs() == (run.id, "doctor-probe")
    assert world.engine.queries() == ()
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.CREATE_IN_PROGRESS


def test_nothing_is_delivered_for_a_job_cancelled_just_before(world: World) -> None:
    job = world.inference_job()
    world.runtime.looks = 0

    def cancel() -> None:
        world.ask(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id, Event.CANCEL)

    world.drive(world.reconciler(once("planned", cancel, visit=3)))  # resolve, start, deliver
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status == "INACTIVE"
    assert world.data.delivered == {}


def test_the_audit_trail_of_a_crashed_training_has_each_event_once(world: World) -> None:
    model = world.model()
    world.drive(world.reconciler(crash_at("acted", 3)))
    with world.store.reading() as tx:
        trail = [(event.event, event.actor) for event in tx.events(model.arn)]
    assert trail == [
        (Event.CREATED, ALICE),
        (Event.STARTED, "controller"),
        (Event.SUCCEEDED, "controller"),
    ]


def test_a_delivery_goes_where_aws_puts_it(world: World) -> None:
    job = world.inference_job(trained_model_name="churn")
    world.drive()
    assert list(world.data.delivered) == [f"s3://{BOB}/results/{ROOM}/churn/{ALICE}/{job.name}/part-0.csv.out"]


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
