"""What is delivered is written down before it can be seen, once, and as what lies there."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import Any

import pytest

from support.failpoints import Crash
from support.worlds.driven import World
from support.worlds.records import MEMBERSHIPS, ROOM
from support.worlds.requests import ALICE, BOB
from whiteroom.controllers.loop import Reconciler
from whiteroom.controllers.timing import Timing
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.resources.holdings import HoldingKind
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus, files_of
from whiteroom.ports.deliveries import DeliveryDelayed, DeliveryFailed
from whiteroom.ports.store import Work

KINDS = {
    "inference": ResultKind.INFERENCE_JOB,
    "export": ResultKind.EXPORT_JOB,
    "query": ResultKind.PROTECTED_QUERY,
}
WHICH = list(KINDS)
WORK = {
    "inference": Work.TRAINED_MODEL_INFERENCE_JOBS,
    "export": Work.TRAINED_MODEL_EXPORT_JOBS,
    "query": Work.PROTECTED_QUERIES,
}


def a_job(world: World, which: str, **changes: Any) -> Any:
    if which == "query":
        return world.query(receivers=({"accountId": BOB},), **changes)
    return world.inference_job(**changes) if which == "inference" else world.export_job(**changes)


def results(world: World) -> tuple[Result, ...]:
    with world.store.reading() as tx:
        return tuple(one for status in ResultStatus for one in tx.results.all(status=status))


def only(world: World) -> Result:
    (result,) = results(world)
    return result


@pytest.mark.parametrize("which", WHICH)
def test_a_result_is_what_was_delivered_to_whom_where_and_when(world: World, which: str) -> None:
    job = a_job(world, which)
    world.drive()
    result = only(world)
    assert (result.kind, result.job_id, result.collaboration_id) == (KINDS[which], job.id, ROOM)
    assert (result.account_id, result.asked_by, result.status) == (BOB, ALICE, ResultStatus.DELIVERED)
    assert result.delivered_at is not None
    assert result.created_at <= result.delivered_at <= world.clock()
    contents = {key.removeprefix(f"{result.place}/"): data for key, data in world.data.delivered.items()}
    assert {one.name: (one.size_bytes, one.sha256) for one in files_of(result)} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items()
    }
    assert result.size_bytes == sum(map(len, contents.values()))


@pytest.mark.parametrize("which", WHICH)
def test_a_result_is_written_down_before_any_of_it_can_be_seen(
    world: World, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[ResultStatus, ...]] = []
    real = os.rename

    def rename(*names: Any, **folders: Any) -> None:
        if not folders:  # of a delivery's note
            real(*names)
            return
        seen.append(tuple(one.status for one in results(world)))
        raise OSError(errno.EPERM, "Operation not permitted")

    a_job(world, which)
    monkeypatch.setattr("whiteroom.data.folder.os.rename", rename)
    world.drive()
    assert seen == [(ResultStatus.UNDER_WAY,)]
    assert world.data.delivered == {}
    assert [one.status for one in results(world)] == [ResultStatus.UNDER_WAY]


@pytest.mark.parametrize("which", WHICH)
def test_what_is_not_delivered_is_no_result(world: World, which: str) -> None:
    a_job(world, which)
    world.data.refusal = DeliveryFailed("The bucket is full.")
    world.drive()
    assert results(world) == ()


@pytest.mark.parametrize("which", WHICH)
def test_a_delivery_that_is_made_again_after_a_crash_is_the_same_result(world: World, which: str) -> None:
    a_job(world, which)
    seen: list[str] = []

    def stop(point: str) -> None:
        if point == "acted" and results(world) and not seen:
            seen.append(only(world).id)
            assert only(world).status is ResultStatus.UNDER_WAY
            raise Crash

    world.drive(world.reconciler(stop))
    assert [only(world).id] == seen
    assert only(world).status is ResultStatus.DELIVERED


def test_what_another_job_puts_in_the_same_folder_takes_the_place_of_what_lay_there(world: World) -> None:
    model = world.ready_model()
    first = world.export_job(model=model, name="job", trained_model_name="churn")
    world.drive()
    move(world, ALICE, f"s3://{BOB}/results/")
    second = world.export_job(
        model=world.ready_model(), name="job", trained_model_name="churn", receiver_account_id=ALICE
    )
    world.drive()
    found = {one.job_id: one for one in results(world)}
    assert found[first.id].place == found[second.id].place
    assert (found[first.id].account_id, found[first.id].status) == (BOB, ResultStatus.REPLACED)
    assert (found[second.id].account_id, found[second.id].status) == (ALICE, ResultStatus.DELIVERED)
    with world.store.reading() as tx:
        held = [holding.id for holding in tx.holdings.all(is_held=True) if holding.kind is HoldingKind.RESULT]
    assert held == [f"result/{found[second.id].id}"]


def test_what_was_replaced_before_its_job_ended_is_never_delivered(world: World) -> None:
    model = world.ready_model()
    first = world.export_job(model=model, name="job", trained_model_name="churn")

    def replaced_meanwhile(point: str) -> None:
        if point == "acted" and [one.status for one in results(world)] == [ResultStatus.UNDER_WAY]:
            with world.store.transaction() as tx:
                tx.results.update(only(world), status=ResultStatus.REPLACED)

    world.drive(world.reconciler(replaced_meanwhile))
    assert world.get(Work.TRAINED_MODEL_EXPORT_JOBS, first.id).status == "ACTIVE"
    assert only(world).status is ResultStatus.REPLACED


def test_receivers_of_one_query_who_share_a_folder_are_both_given_it(world: World) -> None:
    shared = {"resultFormat": "CSV", "bucket": "shared", "keyPrefix": "out"}
    world.query(receivers=({"accountId": ALICE, "s3": shared}, {"accountId": BOB, "s3": shared}))
    world.drive()
    assert {(one.account_id, one.status) for one in results(world)} == {
        (ALICE, ResultStatus.DELIVERED),
        (BOB, ResultStatus.DELIVERED),
    }
    assert len({one.place for one in results(world)}) == 1


REFUSED = DeliveryFailed(
    "The receiver's location took nothing.", for_receiver="s3:PutObject on the bucket bobs was refused."
)
DELAYED = DeliveryDelayed(
    "The receiver's location did not answer.", for_receiver="s3:PutObject on the bucket bobs: 503."
)


def a_while(world: World, reconciler: Reconciler) -> None:
    for _ in range(8):
        reconciler.step("a")
        world.clock.forward(60)


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("refusal", [REFUSED, DELAYED], ids=["refused", "no answer"])
def test_why_a_location_took_nothing_is_written_down_for_the_receiver(
    world: World, which: str, refusal: DeliveryFailed | DeliveryDelayed
) -> None:
    job = a_job(world, which)
    world.data.refusal = refusal
    a_while(world, world.reconciler())
    result = only(world)
    assert (result.job_id, result.account_id, result.status) == (job.id, BOB, ResultStatus.REFUSED)
    assert (result.reason, result.files) == (refusal.for_receiver, ())


@pytest.mark.parametrize("which", WHICH)
def test_a_location_that_answers_at_last_is_delivered_to(world: World, which: str) -> None:
    a_job(world, which)
    world.data.refusal = DELAYED
    reconciler = world.reconciler()
    a_while(world, reconciler)
    refused = only(world)
    assert refused.status is ResultStatus.REFUSED
    world.data.refusal = None
    world.drive(reconciler)
    assert (only(world).id, only(world).status, only(world).reason) == (refused.id, ResultStatus.DELIVERED, None)


@pytest.mark.parametrize("which", WHICH)
def test_a_location_that_never_answers_ends_the_job_with_what_all_may_read(
    world: World, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.worlds.driven.TIMING", Timing(trouble_limit=20))
    job = a_job(world, which)
    world.data.refusal = DELAYED
    world.drive()
    ended = world.get(WORK[which], job.id)
    assert (ended.status_code, ended.status_message) == ("DeliveryFailed", str(DELAYED))
    assert only(world).reason == DELAYED.for_receiver


def test_the_operators_own_place_is_told_to_the_operator_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.default_location = "s3://rest"
    with world.store.transaction() as tx:
        membership = tx.memberships.get(MEMBERSHIPS[BOB])
        assert membership is not None
        tx.memberships.update(membership, default_result_configuration=None)
    a_job(world, "query")
    world.data.refusal = REFUSED
    world.drive()
    assert results(world) == ()
    assert REFUSED.for_receiver in caplog.text


def test_of_several_receivers_one_that_does_not_answer_has_no_other_sent_the_same_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {account: {"resultFormat": "CSV", "bucket": f"of-{account}"} for account in (ALICE, BOB)}
    world.query(receivers=tuple({"accountId": account, "s3": s3} for account, s3 in places.items()))
    sent: list[str] = []
    answers: list[bool] = []
    real = world.data.deliver

    def deliver(destination: Destination, *rest: Any) -> None:
        sent.append(destination.location)
        if destination.location == f"s3://of-{BOB}" and not answers:
            raise DELAYED
        real(destination, *rest)

    monkeypatch.setattr(world.data, "deliver", deliver)
    reconciler = world.reconciler()
    a_while(world, reconciler)
    answers.append(True)
    world.drive(reconciler)
    assert sent.count(f"s3://of-{ALICE}") == 1
    assert sent.count(f"s3://of-{BOB}") > 2
    assert {(one.account_id, one.status) for one in results(world)} == {
        (ALICE, ResultStatus.DELIVERED),
        (BOB, ResultStatus.DELIVERED),
    }


@pytest.mark.parametrize("which", WHICH)
def test_a_role_that_its_receiver_changes_while_files_are_copied_is_the_one_that_they_are_put_there_by(
    world: World, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_job(world, which)
    roles: list[str | None] = []
    real = world.data.deliver

    def deliver(destination: Destination, *rest: Any) -> None:
        roles.append(destination.role_arn)
        real(destination, *rest)

    def change() -> None:
        with world.store.transaction() as tx:
            membership, ml = tx.memberships.get(MEMBERSHIPS[BOB]), tx.ml_configurations.get(MEMBERSHIPS[BOB])
            assert membership is not None
            assert ml is not None
            default = {**(membership.default_result_configuration or {}), "roleArn": "changed"}
            tx.memberships.update(membership, default_result_configuration=default)
            tx.ml_configurations.update(ml, role_arn="changed")

    monkeypatch.setattr(world.data, "deliver", deliver)
    world.data.while_copying = change
    world.drive()
    assert len(roles) == 2
    assert roles[0] != "changed"
    assert roles[1] == "changed"
    assert only(world).status is ResultStatus.DELIVERED


def move(world: World, account: str, location: str) -> None:
    with world.store.transaction() as tx:
        configuration = tx.ml_configurations.get(MEMBERSHIPS[account])
        assert configuration is not None
        tx.ml_configurations.update(configuration, destination={"s3Destination": {"s3Uri": location}})
