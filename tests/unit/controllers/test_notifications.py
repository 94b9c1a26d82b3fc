"""Who is told what, how often it is tried, and what becomes of what nobody takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.notified import Told
from support.worlds.driven import World
from support.worlds.records import ROOM
from support.worlds.requests import ALICE, BOB
from whiteroom.controllers import notifications as steps
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.observability.notifications import LONGEST_WAIT, MOST_TRIES, Way
from whiteroom.domain.resources.accounts import Account, Standing
from whiteroom.domain.resources.collaborations import MemberStatus, member_id
from whiteroom.domain.resources.configured_tables import ConfiguredTableAnalysisRule
from whiteroom.ports.store import Work

MALLORY = "999999999999"


@pytest.fixture
def told(world: World) -> Told:
    return Told(world)


def test_every_kind_of_job_is_told_to_its_account_when_it_ends(told: Told, world: World) -> None:
    told.add(ALICE)
    told.add(MALLORY)
    world.inference_job()
    world.drive()
    world.export_job()
    world.drive()
    query = world.query()
    world.drive()
    told.pump()
    ends = [kind for kind in told.types(ALICE) if kind.endswith("succeeded")]
    nouns = ("ml_input_channel", "trained_model", "trained_model_inference_job", "trained_model_export_job")
    assert set(ends) == {f"{noun}.succeeded" for noun in (*nouns, "protected_query")}
    data = told.data(ALICE, "protected_query.succeeded")
    assert data == {
        "accountId": ALICE,
        "collaborationId": ROOM,
        "resource": query.arn,
        "id": query.id,
        "status": "SUCCESS",
    }
    assert told.types(MALLORY) == []


def test_a_failure_is_told_by_its_code_and_by_no_word_of_the_program(told: Told, world: World) -> None:
    told.add(ALICE)
    channel = world.ready_channel()
    world.runtime.end = RunEnd(EndReason.EXITED, "row 7 says: patient zero", 1)
    model = world.model(channels=(channel,))
    world.drive()
    told.pump()
    data = told.data(ALICE, "trained_model.failed")
    assert (data["resource"], data["name"], data["status"]) == (model.arn, model.name, "CREATE_FAILED")
    assert data["statusCode"] == world.get(Work.TRAINED_MODELS, model.id).status_code == "AlgorithmError"
    assert data["meaning"]
    assert "patient" not in str(told.sender.taken)


def test_what_a_member_has_cancelled_is_told_as_that(told: Told, world: World) -> None:
    told.add(ALICE)
    model = world.model()
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    world.drive()
    told.pump()
    assert told.data(ALICE, "trained_model.cancelled")["status"] == "INACTIVE"


def test_a_receiver_is_told_of_what_it_received_and_of_no_job(told: Told, world: World) -> None:
    told.add(BOB)
    job = world.inference_job()
    world.drive()
    told.pump()
    (kind,) = [kind for kind in told.types(BOB) if kind != "action.needed"]
    assert kind == "result.delivered"
    data = told.data(BOB, kind)
    assert (data["jobName"], data["askedBy"], data["files"]) == (job.name, ALICE, 1)


def test_of_what_ended_before_an_address_was_named_nothing_is_told(told: Told, world: World) -> None:
    world.ready_channel()
    told.add(ALICE)
    told.pump()
    assert told.types(ALICE) == []


def test_where_nobody_is_told_anything_nothing_is_kept_for_anybody(world: World) -> None:
    world.ready_model()
    with world.store.reading() as tx:
        assert tx.outbox.all() == ()


def test_each_address_of_an_account_is_told_once(told: Told, world: World) -> None:
    told.add(ALICE, "first")
    told.add(ALICE, "second", Way.EMAIL)
    world.ready_channel()
    for _ in range(3):
        told.pump()
    assert [notice.address_id for _, notice in told.sender.taken] == ["first", "second"]
    assert len({notice.id for _, notice in told.sender.taken}) == 2


def leave(world: World, account: str) -> None:
    with world.store.transaction() as tx:
        found = tx.members.get(member_id(ROOM, account))
        assert found is not None
        tx.members.update(found, status=MemberStatus.LEFT)


def shut_out(world: World, account: str) -> None:
    with world.store.transaction() as tx:
        tx.accounts.add(Account(account, "", world.clock(), Standing.DISABLED))


@pytest.mark.parametrize("end", [leave, shut_out])
@pytest.mark.parametrize("when", ["before it ended", "while it waited"])
def test_who_may_read_no_more_is_told_no_more(told: Told, world: World, end: object, when: str) -> None:
    assert callable(end)
    told.add(ALICE)
    world.ready_channel()
    if when == "while it waited":
        while told.notifications().spread():
            pass
        assert told.pending(f"of-{ALICE}")
    end(world, ALICE)
    told.pump()
    assert (told.sender.taken, told.pending(f"of-{ALICE}")) == ([], [])


def test_what_is_not_taken_is_tried_again_under_its_id_ten_times_in_three_days_and_given_up(
    told: Told, world: World
) -> None:
    told.add(ALICE)
    world.ready_channel()
    told.sender.problem = "It answered 500."
    begun, tries = world.clock(), []
    while True:
        told.pump()
        address = told.address(f"of-{ALICE}")
        tries.append(world.clock() - begun)
        due_at = told.notifications().next_due_at()
        if due_at is None:
            break
        world.clock.now = due_at
    assert len(told.sender.refused) == MOST_TRIES == 10
    assert len({notice.id for notice in told.sender.refused}) == 1
    assert tries[:4] == [timedelta(0), timedelta(seconds=5), timedelta(minutes=5, seconds=5), timedelta(seconds=2105)]
    assert timedelta(days=3) < tries[-1] <= LONGEST_WAIT
    assert (address.failures, address.given_up, address.failing_since) == (10, 1, begun)
    assert address.problem == "It answered 500."


def test_an_address_that_takes_something_again_is_well(told: Told, world: World) -> None:
    told.add(ALICE)
    world.ready_channel()
    told.sender.problem = "It answered 500."
    told.pump()
    assert told.address(f"of-{ALICE}").failing_since is not None
    told.sender.problem = ""
    world.clock.forward(10)
    told.pump()
    address = told.address(f"of-{ALICE}")
    assert (address.failures, address.failing_since, address.problem, address.given_up) == (0, None, None, 0)
    assert len(told.sender.taken) == 1


def test_an_address_that_fails_is_left_alone_whatever_waits_for_it_and_holds_up_no_other(
    told: Told, world: World
) -> None:
    told.add(ALICE)
    for _ in range(5):
        world.channel()
    world.drive()
    told.sender.problem = "It answered 500."
    told.pump()
    assert len(told.sender.refused) == 1
    assert len(told.pending(f"of-{ALICE}")) == 5
    told.add(ALICE, "well")
    told.sender.problem = ""
    world.channel()
    world.drive()
    assert told.address(f"of-{ALICE}").due_at > world.clock()
    told.pump()
    assert {notice.address_id for _, notice in told.sender.taken} == {"well"}


def test_what_waited_too_long_while_no_server_ran_is_given_up_and_is_no_failure_of_its_address(
    told: Told, world: World
) -> None:
    told.add(ALICE)
    world.ready_channel()
    world.clock.now += LONGEST_WAIT + timedelta(seconds=1)
    told.pump()
    address = told.address(f"of-{ALICE}")
    assert (told.sender.taken, address.given_up, address.failing_since) == ([], 1, None)


def test_no_more_waits_for_an_address_than_there_is_room_for(
    told: Told, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "MOST_PENDING", 2)
    told.add(ALICE)
    for _ in range(5):
        world.channel()
    world.drive()
    while told.notifications().spread():
        pass
    assert len(told.pending(f"of-{ALICE}")) == 2
    assert told.address(f"of-{ALICE}").given_up == 3


def test_a_clock_that_was_set_back_by_years_keeps_nothing_waiting(told: Told, world: World) -> None:
    told.add(ALICE)
    world.ready_channel()
    while told.notifications().spread():
        pass
    world.clock.now -= timedelta(days=1000)
    told.pump()
    assert len(told.sender.taken) == 1


def test_mail_goes_out_one_at_a_time_and_each_webhook_for_itself(told: Told, world: World) -> None:
    for name, way in (("m1", Way.EMAIL), ("m2", Way.EMAIL), ("w1", Way.WEBHOOK), ("w2", Way.WEBHOOK)):
        told.add(ALICE, name, way)
    world.ready_channel()
    notifications = told.notifications()
    while notifications.spread():
        pass
    lanes = [sending.lane for sending in notifications.sendings(())]
    assert sorted(lanes) == ["email", "w1", "w2"]
    assert [sending.lane for sending in notifications.sendings(("email", "w1"))] == ["w2"]
    assert [sending.address_id for sending in notifications.sendings((), {"m1": 0.1, "w1": 2.0})] == ["m2", "w2", "w1"]
    assert notifications.next_due_at(("email", "w1", "w2")) is None


def test_a_lack_is_told_once_it_has_settled_and_again_only_if_it_comes_back(told: Told, world: World) -> None:
    told.add(BOB)
    told.pump()
    world.clock.forward(301)
    told.pump()
    before = told.types(BOB)

    def set_rule(policy: object) -> None:
        with world.store.transaction() as tx:
            for table in tx.configured_tables.all(account_id=BOB):
                rule = tx.configured_table_analysis_rules.get(table.id)
                if policy is None and rule is not None:
                    kept.append(rule)
                    tx.configured_table_analysis_rules.remove(rule)
        if policy is not None:
            with world.store.transaction() as tx:
                for gone in kept:
                    tx.configured_table_analysis_rules.add(gone)

    kept: list[ConfiguredTableAnalysisRule] = []
    set_rule(None)
    for seconds in (0, 200):
        world.clock.forward(seconds)
        told.pump()
        assert told.types(BOB) == before
    world.clock.forward(101)
    for _ in range(3):
        told.pump()
    new = [notice for _, notice in told.sender.taken][len(before) :]
    assert {notice.type for notice in new} == {"action.needed"}
    assert len(new) == 2
    assert all("CreateConfiguredTableAnalysisRule" in str(notice.data["action"]) for notice in new)
    set_rule("again")
    told.pump()
    set_rule(None)
    told.pump()
    world.clock.forward(301)
    told.pump()
    assert len(told.sender.taken) == len(before) + 4
    assert len({notice.id for _, notice in told.sender.taken}) == len(told.sender.taken)


def test_an_invitation_is_told_at_once_to_whom_it_is_for_and_to_nobody_once_it_is_taken(
    told: Told, world: World
) -> None:
    with world.store.transaction() as tx:
        bob = tx.members.get(member_id(ROOM, BOB))
        assert bob is not None
        tx.members.update(bob, status=MemberStatus.INVITED)
    for account in (ALICE, BOB, MALLORY):
        told.add(account)
    told.pump()
    told.pump()
    assert (told.types(ALICE), told.types(BOB), told.types(MALLORY)) == ([], ["membership.invited"], [])
    data = told.data(BOB, "membership.invited")
    assert (data["collaborationId"], data["creatorAccountId"]) == (ROOM, ALICE)


def test_an_invitation_that_is_withdrawn_before_it_is_told_is_not_told(told: Told, world: World) -> None:
    with world.store.transaction() as tx:
        bob = tx.members.get(member_id(ROOM, BOB))
        assert bob is not None
        invited = tx.members.update(bob, status=MemberStatus.INVITED)
    told.add(BOB)
    told.notifications().look()
    assert len(told.pending(f"of-{BOB}")) == 1
    with world.store.transaction() as tx:
        tx.members.update(invited, status=MemberStatus.REMOVED)
    told.pump()
    assert (told.sender.taken, told.pending(f"of-{BOB}")) == ([], [])
