"""What ports.Store promises of two writers: what a transaction decided from what it read holds when it is committed.

Each race is of two real decisions. The first one has read what it decides from when the second one begins; it writes
when the second one has ended, or, where the store makes that one wait, after a moment. What comes of it must be what
would come of one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.stores import Interleaved, Weak
from support.worlds.records import a_query
from support.worlds.requests import ALICE, BOB, CAROL, REGION, SQL, TRAINER, role_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import a_server
from whiteroom.base.faults import Fault
from whiteroom.controllers.budget_charges import pay
from whiteroom.controllers.budget_refunds import give_back_unused
from whiteroom.controllers.storing import NoRoom, hold
from whiteroom.domain.privacy.differential_privacy import Bill
from whiteroom.domain.resources.holdings import Holding, HoldingKind, holding_id
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.domain.resources.quotas import Quota, Quotas
from whiteroom.reads.holdings import held_by_membership

Decision = Callable[[], str]
"""Decides, writes, and says how it ended: `done`, or the name of its refusal."""


@dataclass
class Race:
    """Two decisions, and whether what came of them is right."""

    first: Decision
    second: Decision
    is_right: Callable[[list[str]], bool]


def called(room: Room, account: str, service: str, operation: str, **request: Any) -> str:
    try:
        room.server.call(account, service, operation, **request)
    except Fault as fault:
        return fault.code
    return "done"


def one_of_two(refusal: str) -> Callable[[list[str]], bool]:
    return lambda ends: sorted(ends) == sorted(["done", refusal])


# Budgets of differential privacy


def _privacy_budget(room: Room, epsilon: int) -> str:
    answer = room.server.cleanrooms(
        BOB,
        "CreatePrivacyBudgetTemplate",
        membershipIdentifier=room.membership(BOB),
        privacyBudgetType="DIFFERENTIAL_PRIVACY",
        autoRefresh="NONE",
        parameters={"differentialPrivacy": {"epsilon": epsilon, "usersNoisePerQuery": 10}},
    )
    return str(answer["privacyBudgetTemplate"]["id"])


def _payment(room: Room, template_id: str, query_id: str) -> Decision:
    """A query that costs six tenths of one epsilon."""
    store = room.server.store
    query = a_query(id=query_id, arn=f"arn:{query_id}", status=ProtectedQueryStatus.STARTED)
    with store.transaction() as tx:
        tx.protected_queries.submit(query, actor=ALICE)

    def decide() -> str:
        outcome = pay(store, query, Bill(template_id, 6, 10), room.server.now)
        return "done" if outcome.failure is None else outcome.failure.code.value

    return decide


def _epsilon_used(room: Room, template_id: str) -> str:
    with room.server.store.reading() as tx:
        template = tx.privacy_budget_templates.get(template_id)
    assert template is not None
    return template.epsilon_used


def two_charges_of_which_the_budget_has_one(room: Room) -> Race:
    budget = _privacy_budget(room, 1)
    return Race(
        _payment(room, budget, "one"),
        _payment(room, budget, "two"),
        lambda ends: one_of_two("PrivacyBudgetSpent")(ends) and _epsilon_used(room, budget) == "3/5",
    )


def two_charges_of_which_the_budget_has_both(room: Room) -> Race:
    budget = _privacy_budget(room, 2)
    return Race(
        _payment(room, budget, "one"),
        _payment(room, budget, "two"),
        lambda ends: ends == ["done", "done"] and _epsilon_used(room, budget) == "6/5",
    )


# Access budgets


def _access_budget(room: Room, uses: int) -> None:
    place = f"membership/{room.membership(BOB)}/configuredtableassociation/{room.table.association_id}"
    room.server.cleanrooms(
        BOB,
        "CreatePrivacyBudgetTemplate",
        membershipIdentifier=room.membership(BOB),
        privacyBudgetType="ACCESS_BUDGET",
        parameters={
            "accessBudget": {
                "budgetParameters": [{"type": "LIFETIME", "budget": uses}],
                "resourceArn": f"arn:aws:cleanrooms:{REGION}:{BOB}:{place}",
            }
        },
    )


def _uses(room: Room) -> int:
    with room.server.store.reading() as tx:
        template = tx.privacy_budget_templates.find(resource_id=room.table.association_id)
    assert template is not None
    return template.lifetime_used


def _query(room: Room) -> Decision:
    return lambda: called(
        room,
        ALICE,
        "cleanrooms",
        "StartProtectedQuery",
        type="SQL",
        membershipIdentifier=room.membership(ALICE),
        sqlParameters={"queryString": SQL},
        resultConfiguration={"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "alices"}}},
    )


def _channel(room: Room, name: str) -> Decision:
    return lambda: called(
        room,
        ALICE,
        "cleanrooms-ml",
        "CreateMLInputChannel",
        membershipIdentifier=room.membership(ALICE),
        **room.channel_request(name),
    )


def _refund(room: Room) -> Decision:
    """A query that turns out not to have read the table that it was counted for."""
    store = room.server.store
    with store.reading() as tx:
        query = tx.protected_queries.all(membership_id=room.membership(ALICE))[0]

    def decide() -> str:
        with store.transaction() as tx:
            give_back_unused(tx, query, ())
        return "done"

    return decide


def two_uses_of_which_the_budget_has_one(room: Room) -> Race:
    _access_budget(room, 1)
    return Race(
        _query(room),
        _channel(room, "late"),
        lambda ends: one_of_two("AccessDeniedException")(ends) and _uses(room) == 1,
    )


def two_uses_of_which_the_budget_has_both(room: Room) -> Race:
    _access_budget(room, 2)
    return Race(_query(room), _channel(room, "late"), lambda ends: ends == ["done", "done"] and _uses(room) == 2)


def a_use_beside_a_refund(room: Room) -> Race:
    _access_budget(room, 3)
    _query(room)()
    return Race(_refund(room), _query(room), lambda ends: ends == ["done", "done"] and _uses(room) == 1)


def two_refunds(room: Room) -> Race:
    _access_budget(room, 3)
    _query(room)()
    _query(room)()
    return Race(_refund(room), _refund(room), lambda ends: ends == ["done", "done"] and _uses(room) == 0)


# Quotas


def _limited(room: Room, quota: Quota, limit: int) -> None:
    room.server.quotas = Quotas({quota: limit})


def _algorithm(room: Room, name: str) -> Decision:
    request = {"name": name, "roleArn": role_of(CAROL), "trainingContainerConfig": TRAINER}
    return lambda: called(room, CAROL, "cleanrooms-ml", "CreateConfiguredModelAlgorithm", **request)


def _training(room: Room, name: str, channel: str) -> Decision:
    request = {"membershipIdentifier": room.membership(ALICE), **room.training_request(name, channel)}
    return lambda: called(room, ALICE, "cleanrooms-ml", "CreateTrainedModel", **request)


def two_algorithms_of_which_the_quota_allows_one(room: Room) -> Race:
    _limited(room, Quota.ALGORITHMS_PER_ACCOUNT, 2)
    exceeded = one_of_two("ServiceQuotaExceededException")
    return Race(_algorithm(room, "one"), _algorithm(room, "two"), exceeded)


def two_queries_of_which_the_quota_allows_one(room: Room) -> Race:
    _limited(room, Quota.CONCURRENT_QUERIES_PER_MEMBERSHIP, 1)
    return Race(_query(room), _query(room), one_of_two("ServiceQuotaExceededException"))


def two_trainings_of_which_the_quota_allows_one(room: Room) -> Race:
    channel = room.active_channel()
    _limited(room, Quota.WORKING_TRAININGS_PER_MEMBERSHIP, 1)
    exceeded = one_of_two("ServiceQuotaExceededException")
    return Race(_training(room, "one", channel), _training(room, "two", channel), exceeded)


def _bytes(room: Room, name: str, size_bytes: int) -> Decision:
    """So many bytes are written down as ALICE's."""
    server, membership = room.server, room.membership(ALICE)
    holding = Holding(
        id=holding_id(HoldingKind.CHANNEL, name),
        kind=HoldingKind.CHANNEL,
        resource=f"arn:{name}",
        membership_id=membership,
        collaboration_id=room.collaboration_id,
        account_id=ALICE,
        payer_account_id=ALICE,
        size_bytes=size_bytes,
        is_held=True,
        created_at=server.now,
        ended_at=None,
    )

    def decide() -> str:
        try:
            with server.store.transaction() as tx:
                hold(tx, holding, server.quotas)
        except NoRoom as refusal:
            return refusal.failure.code.value
        return "done"

    return decide


def _held(room: Room) -> int:
    with room.server.store.reading() as tx:
        return held_by_membership(tx, room.membership(ALICE))


def two_writers_of_bytes_of_which_the_quota_has_room_for_one(room: Room) -> Race:
    _limited(room, Quota.STORED_BYTES_PER_MEMBERSHIP, 10)
    exceeded = one_of_two("StorageQuotaExceeded")
    return Race(_bytes(room, "one", 6), _bytes(room, "two", 6), lambda ends: exceeded(ends) and _held(room) == 6)


# What is used and what is deleted


def an_algorithm_that_is_deleted_while_it_is_associated(room: Room) -> Race:
    algorithm = room.algorithm(name="spare")
    associate = {
        "membershipIdentifier": room.membership(CAROL),
        "name": "spare",
        "configuredModelAlgorithmArn": algorithm,
    }
    return Race(
        lambda: called(room, CAROL, "cleanrooms-ml", "CreateConfiguredModelAlgorithmAssociation", **associate),
        lambda: called(
            room, CAROL, "cleanrooms-ml", "DeleteConfiguredModelAlgorithm", configuredModelAlgorithmArn=algorithm
        ),
        lambda ends: ends in (["done", "ConflictException"], ["ResourceNotFoundException", "done"]),
    )


# Names


def two_algorithms_of_one_name(room: Room) -> Race:
    return Race(_algorithm(room, "same"), _algorithm(room, "same"), one_of_two("ConflictException"))


def two_channels_of_one_name(room: Room) -> Race:
    return Race(_channel(room, "same"), _channel(room, "same"), one_of_two("ConflictException"))


def two_trainings_of_one_name(room: Room) -> Race:
    channel = room.active_channel()
    return Race(_training(room, "same", channel), _training(room, "same", channel), one_of_two("ConflictException"))


DECIDED_FROM_WHAT_WAS_READ = [
    two_charges_of_which_the_budget_has_one,
    two_charges_of_which_the_budget_has_both,
    two_uses_of_which_the_budget_has_one,
    two_uses_of_which_the_budget_has_both,
    a_use_beside_a_refund,
    two_refunds,
    two_algorithms_of_which_the_quota_allows_one,
    two_queries_of_which_the_quota_allows_one,
    two_trainings_of_which_the_quota_allows_one,
    two_writers_of_bytes_of_which_the_quota_has_room_for_one,
    an_algorithm_that_is_deleted_while_it_is_associated,
]
GUARDED_BY_AN_INDEX = [two_algorithms_of_one_name, two_channels_of_one_name, two_trainings_of_one_name]


def run(race: Race, store: Interleaved, patience_seconds: float) -> list[str]:
    """How the first and the second decision ended."""
    has_read, is_done = threading.Event(), threading.Event()
    ends = {}

    def follow() -> None:
        assert has_read.wait(60)
        ends["second"] = race.second()
        is_done.set()

    def let_the_other_one_in() -> None:
        has_read.set()
        is_done.wait(patience_seconds)

    other = threading.Thread(target=follow)
    other.start()
    with store.between(let_the_other_one_in):
        ends["first"] = race.first()
    has_read.set()
    other.join(60)
    return [ends["first"], ends["second"]]


def room_on(store: Interleaved) -> Room:
    return a_furnished_room(a_server(store))


@pytest.fixture
def serializable(tmp_path: Path) -> Iterator[Interleaved]:
    store = Interleaved(tmp_path / "whiteroom.db")
    yield store
    store.close()


@pytest.fixture
def weak(tmp_path: Path) -> Iterator[Weak]:
    store = Weak(tmp_path / "whiteroom.db")
    yield store
    store.close()


@pytest.mark.parametrize("prepare", [*DECIDED_FROM_WHAT_WAS_READ, *GUARDED_BY_AN_INDEX])
def test_of_two_writers_at_once_comes_what_would_come_of_one_after_the_other(
    serializable: Interleaved, prepare: Callable[[Room], Race]
) -> None:
    race = prepare(room_on(serializable))
    # How long the second writer is waited for decides nothing: it is locked out until the first one has written.
    ends = run(race, serializable, patience_seconds=0.1)
    assert race.is_right(ends), ends


@pytest.mark.parametrize("prepare", DECIDED_FROM_WHAT_WAS_READ)
def test_a_store_that_lets_a_writer_in_between_is_found_out(weak: Weak, prepare: Callable[[Room], Race]) -> None:
    race = prepare(room_on(weak))
    assert not race.is_right(run(race, weak, patience_seconds=60))


@pytest.mark.parametrize("prepare", GUARDED_BY_AN_INDEX)
def test_names_are_guarded_by_an_index_whatever_the_isolation(weak: Weak, prepare: Callable[[Room], Race]) -> None:
    race = prepare(room_on(weak))
    ends = run(race, weak, patience_seconds=60)
    assert race.is_right(ends), ends
