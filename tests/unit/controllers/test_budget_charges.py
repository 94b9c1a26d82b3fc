"""What a query costs of a privacy budget is paid once, before anything of it is delivered, however it ends."""

from __future__ import annotations

import threading
from fractions import Fraction

import pytest

from support.failpoints import Crash
from support.worlds.driven import World
from support.worlds.records import ROOM
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.differential_privacy import DIFFERENTIAL_PRIVACY, Bill, fresh_budget
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.ports.store import Work

TOLD = {"aggregationType": "COUNT", "aggregationExpression": "COUNT(*)", "userContributionLimit": 2}


@pytest.fixture
def budget(world: World) -> PrivacyBudgetTemplate:
    """A budget of ten units; each query takes four."""
    template = PrivacyBudgetTemplate(
        id="budget",
        arn="arn:budget",
        membership_id="m",
        membership_arn="arn:m",
        collaboration_id=ROOM,
        account_id="222222222222",
        resource_id=ROOM,
        resource_arn="arn:c",
        budget_parameters=(),
        period_used=0,
        lifetime_used=0,
        reset_at=world.clock(),
        created_at=world.clock(),
        updated_at=world.clock(),
        type=DIFFERENTIAL_PRIVACY,
        epsilon=1,
        users_noise_per_query=10,
        **fresh_budget(world.clock()),
    )
    with world.store.transaction() as tx:
        tx.privacy_budget_templates.add(template)
    world.engine.bill, world.engine.told = Bill("budget", 4, 10), (TOLD,)
    return template


def spent(world: World) -> Fraction:
    with world.store.reading() as tx:
        found = tx.privacy_budget_templates.get("budget")
    assert found is not None
    return Fraction(found.epsilon_used)


def after_all(world: World, query: ProtectedQuery) -> ProtectedQuery:
    world.drive()
    found: ProtectedQuery = world.get(Work.PROTECTED_QUERIES, query.id)
    return found


@pytest.mark.usefixtures("budget")
def test_a_query_is_paid_for_and_tells_how_much_noise_it_has(world: World) -> None:
    query = after_all(world, world.query())
    assert query.status is ProtectedQueryStatus.SUCCESS
    assert spent(world) == Fraction(4, 10)
    assert query.privacy_bill == {"template_id": "budget", "units": 4, "users_noise_per_query": 10}
    assert query.privacy_parameters == (TOLD,)


@pytest.mark.usefixtures("budget")
def test_the_query_is_told_what_is_left_when_it_starts(world: World) -> None:
    after_all(world, world.query())
    after_all(world, world.query())
    assert [spec.epsilon_left for spec in world.engine.started] == ["1", "3/5"]


@pytest.mark.usefixtures("budget")
@pytest.mark.parametrize("failure", [QueryFailure.INVALID, QueryFailure.RESOURCES, QueryFailure.TIMEOUT])
def test_a_query_that_failed_after_it_began_to_read_is_paid_for(world: World, failure: QueryFailure) -> None:
    world.engine.failure, world.engine.message = failure, "Because."
    query = after_all(world, world.query())
    assert query.status in {ProtectedQueryStatus.FAILED, ProtectedQueryStatus.TIMED_OUT}
    assert spent(world) == Fraction(4, 10)


@pytest.mark.usefixtures("budget")
def test_a_query_that_was_refused_before_it_read_costs_nothing(world: World) -> None:
    world.engine.bill = None
    world.engine.failure, world.engine.message = QueryFailure.REFUSED, "No."
    after_all(world, world.query())
    assert spent(world) == 0


@pytest.mark.usefixtures("budget")
def test_queries_that_run_at_once_cannot_overspend(world: World) -> None:
    """Three of four units each find ten left when they start."""
    world.engine.looks = 50
    queries = [world.query() for _ in range(3)]
    world.drive()
    ended = [world.get(Work.PROTECTED_QUERIES, query.id) for query in queries]
    assert sorted(query.status for query in ended) == ["FAILED", "SUCCESS", "SUCCESS"]
    (refused,) = [query for query in ended if query.status is ProtectedQueryStatus.FAILED]
    assert refused.status_code == "PrivacyBudgetSpent"
    assert "takes 4 units" in refused.status_message
    assert "2 are left" in refused.status_message
    assert spent(world) == Fraction(8, 10)
    assert not any(refused.id in place for place in world.data.delivered)


@pytest.mark.parametrize("visit", range(1, 8))
@pytest.mark.parametrize("point", ["planned", "acted", "recorded"])
@pytest.mark.usefixtures("budget")
def test_a_crash_anywhere_pays_once_and_delivers_nothing_unpaid(world: World, point: str, visit: int) -> None:
    visits = 0

    def failpoint(passed: str) -> None:
        nonlocal visits
        visits += passed == point
        if passed == point and visits == visit:
            assert not world.data.delivered or spent(world)
            raise Crash

    query = world.query()
    world.drive(world.reconciler(failpoint))
    found: ProtectedQuery = world.get(Work.PROTECTED_QUERIES, query.id)
    assert found.status is ProtectedQueryStatus.SUCCESS
    assert spent(world) == Fraction(4, 10)


@pytest.mark.usefixtures("budget")
def test_a_query_whose_process_died_is_run_again_and_paid_for_once(world: World) -> None:
    world.engine.dies = 2
    query = after_all(world, world.query())
    assert query.status is ProtectedQueryStatus.SUCCESS
    assert spent(world) == Fraction(4, 10)


@pytest.mark.usefixtures("budget")
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_cancelled_query_pays_for_what_it_may_have_read(world: World, steps: int) -> None:
    world.engine.looks = 50
    query = world.query()
    reconciler = world.reconciler()
    for _ in range(steps):
        reconciler.step("worker")
    with world.store.transaction() as tx:
        record = tx.protected_queries.get(query.id)
        assert record is not None
        tx.protected_queries.transition(record, Event.CANCEL, actor="alice", at=world.clock())
    ended = after_all(world, query)
    assert ended.status is ProtectedQueryStatus.CANCELLED
    assert spent(world) == Fraction(4, 10)
    assert world.data.delivered == {}


def test_a_budget_that_was_deleted_meanwhile_fails_the_query(world: World, budget: PrivacyBudgetTemplate) -> None:
    world.engine.looks = 5
    query = world.query()
    world.reconciler().step("worker")
    with world.store.transaction() as tx:
        tx.privacy_budget_templates.remove(budget)
    ended = after_all(world, query)
    assert (ended.status, ended.status_code) == (ProtectedQueryStatus.FAILED, "PrivacyBudgetSpent")
    assert world.data.delivered == {}


@pytest.mark.usefixtures("budget")
def test_controllers_that_charge_at_the_same_time_cannot_overspend(world: World) -> None:
    """Eight queries of four units, ten units, eight threads: two are paid for."""
    world.engine.looks = 10_000
    queries = [world.query() for _ in range(8)]
    together = threading.Barrier(8)

    def drive(name: str) -> None:
        reconciler = world.reconciler()
        together.wait()
        while reconciler.step(name):
            pass

    threads = [threading.Thread(target=drive, args=(f"worker-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.store.reading() as tx:
        found = [tx.protected_queries.get(query.id) for query in queries]
    paid = [query for query in found if query is not None and query.privacy_bill is not None]
    failed = [query for query in found if query is not None and query.status is ProtectedQueryStatus.FAILED]
    assert (len(paid), len(failed)) == (2, 6)
    assert spent(world) == Fraction(8, 10)
