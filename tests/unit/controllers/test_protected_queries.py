"""A member's query, driven by hand: what runs, who receives it, and what becomes of it when something is amiss."""

from __future__ import annotations

from typing import Any

import pytest

from support.worlds.driven import TIMING, World
from support.worlds.records import FLIGHTS, MEMBERSHIPS, ROOM, WEATHER
from support.worlds.requests import ALICE, BOB
from support.worlds.rooms import SharedTable
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.domain.resources.collaborations import MemberStatus, member_id
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.ports.deliveries import DeliveryFailed
from whiteroom.ports.store import Work

ASKED, BOBS = "s3://alice/asked", f"s3://{BOB}/own"


def after_all(world: World, query: ProtectedQuery) -> ProtectedQuery:
    world.drive()
    found: ProtectedQuery = world.get(Work.PROTECTED_QUERIES, query.id)
    return found


def untouched(world: World) -> bool:
    """Nothing of the query is left on the machine."""
    return world.engine.queries() == () and not list(world.results.glob("*"))


def test_a_query_runs_for_its_receivers_and_sees_the_tables_it_names(world: World) -> None:
    query = world.query(single_file=True)
    world.drive()
    (spec,) = world.engine.started
    assert (spec.id, spec.sql, spec.template_arn) == (query.id, "SELECT a FROM Flights", None)
    assert (spec.querier_account_id, spec.algorithm_association_arn) == (ALICE, None)
    assert spec.receiver_account_ids == (ALICE, BOB)
    assert [table.name for table in spec.tables] == ["Flights"]
    assert spec.result_format == "CSV"
    assert spec.max_file_bytes > 10**15


def test_a_query_that_may_have_several_files_has_the_deployments_limit(world: World) -> None:
    world.query()
    world.drive()
    assert world.engine.started[0].max_file_bytes == 10**9


def test_what_a_person_receives_has_a_header_whatever_programs_get(world: World) -> None:
    world.csv_header = False
    world.query()
    world.channel()
    world.drive()
    headers = {spec.algorithm_association_arn is None: spec.csv_header for spec in world.engine.started}
    assert headers == {True: True, False: False}


def test_its_rows_go_to_every_receiver_and_are_kept_nowhere_else(world: World) -> None:
    query = after_all(world, world.query())
    assert query.status is ProtectedQueryStatus.SUCCESS
    assert world.data.delivered == {
        f"{ASKED}/{query.id}/part-0.csv": b"a,b\n1,2\n",
        f"{BOBS}/{query.id}/part-0.csv": b"a,b\n1,2\n",
    }
    assert query.deliveries == (
        {"accountId": ALICE, "location": f"{ASKED}/{query.id}/part-0.csv"},
        {"accountId": BOB, "location": f"{BOBS}/{query.id}/part-0.csv"},
    )
    assert query.read_associations == (FLIGHTS.association_id,)
    assert query.started_at is not None
    assert untouched(world)


def test_a_receiver_without_a_place_of_its_own_gets_its_rows_at_the_deployments(world: World) -> None:
    world.default_location = "s3://rest/all"
    with world.store.transaction() as tx:
        membership = tx.memberships.get(MEMBERSHIPS[BOB])
        assert membership is not None
        tx.memberships.update(membership, default_result_configuration=None)
    query = after_all(world, world.query())
    assert f"s3://rest/all/{BOB}/{query.id}/part-0.csv" in world.data.delivered


def test_results_leave_for_no_bucket_outside_the_regions_that_are_allowed_at_delivery(world: World) -> None:
    query = world.query()
    with world.store.transaction() as tx:
        collaboration = tx.collaborations.get(ROOM)
        assert collaboration is not None
        tx.collaborations.update(collaboration, allowed_result_regions=("eu-west-1",))
    query = after_all(world, query)
    assert (query.status_code, world.data.delivered) == ("ReceiverNotReady", {})
    assert "us-east-1" in str(query.status_message)
    world.regions = BucketRegions("us-east-1", {"alice": "eu-west-1", BOB: "eu-west-1"})
    assert after_all(world, world.query()).status is ProtectedQueryStatus.SUCCESS


def test_a_query_gets_what_its_workers_have_and_no_more_than_the_server_grants(world: World) -> None:
    small = {"worker": {"type": "CR.1X", "number": 2}}
    world.cpus, world.memory_bytes = 1_000, 10**13
    after_all(world, world.query(compute_configuration=small))
    after_all(world, world.query(compute_configuration={"worker": {"type": "CR.4X", "number": 3}}))
    world.cpus = 3
    after_all(world, world.query(compute_configuration=small))
    given = [(spec.cpus, spec.memory_bytes // 10**9) for spec in world.engine.started]
    assert given == [(8, 60), (48, 360), (3, 60)]


@pytest.mark.parametrize(
    ("failure", "code", "status"),
    [
        (QueryFailure.REFUSED, "QueryRefused", ProtectedQueryStatus.FAILED),
        (QueryFailure.INVALID, "QueryInvalid", ProtectedQueryStatus.FAILED),
        (QueryFailure.DATA, "DataError", ProtectedQueryStatus.FAILED),
        (QueryFailure.RESOURCES, "QueryResourcesExceeded", ProtectedQueryStatus.FAILED),
        (QueryFailure.TIMEOUT, "QueryTimedOut", ProtectedQueryStatus.TIMED_OUT),
        (QueryFailure.PLATFORM, "PlatformError", ProtectedQueryStatus.FAILED),
    ],
)
def test_a_query_that_ends_without_rows_says_why_and_delivers_nothing(
    world: World, failure: QueryFailure, code: str, status: ProtectedQueryStatus
) -> None:
    world.engine.failure, world.engine.message = failure, "Because."
    query = after_all(world, world.query())
    assert (query.status, query.status_code, query.status_message) == (status, code, "Because.")
    assert world.data.delivered == {}
    assert untouched(world)


def test_a_table_whose_catalog_entry_is_gone_reaches_the_engine_as_one_that_cannot_be_read(world: World) -> None:
    world.catalog.tables.clear()
    after_all(world, world.query())
    assert [table.unreadable for table in world.engine.started[0].tables] == [True]


def test_a_query_whose_process_dies_is_started_again_so_often_and_no_more(world: World) -> None:
    world.engine.dies = 2
    assert after_all(world, world.query()).status is ProtectedQueryStatus.SUCCESS
    world.engine.dies = 3
    query = after_all(world, world.query())
    assert (query.status, query.status_code) == (ProtectedQueryStatus.FAILED, "PlatformError")


def leave(world: World, account_id: str) -> None:
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, account_id))
        assert member is not None
        tx.members.update(member, status=MemberStatus.LEFT)


def lose_the_ability(world: World) -> None:
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, BOB))
        assert member is not None
        tx.members.update(member, abilities=())


def lose_the_place(world: World) -> None:
    with world.store.transaction() as tx:
        membership = tx.memberships.get(MEMBERSHIPS[BOB])
        assert membership is not None
        tx.memberships.update(membership, default_result_configuration=None)


def take_the_rule_back(world: World) -> None:
    world.allow_receivers(ALICE)


def require_an_algorithm(world: World) -> None:
    world.allow_receivers(ALICE, BOB, additional_analyses="REQUIRED")


def take_the_table_out(world: World) -> None:
    with world.store.transaction() as tx:
        association = tx.configured_table_associations.get(FLIGHTS.association_id)
        assert association is not None
        tx.configured_table_associations.remove(association)


@pytest.mark.parametrize("copying", [False, True])
@pytest.mark.parametrize(
    ("happens", "code", "word"),
    [
        (lose_the_ability, "ReceiverNotReady", "CAN_RECEIVE_RESULTS"),
        (lose_the_place, "ReceiverNotReady", "UpdateMembership"),
        (take_the_rule_back, "RevokedByOwner", "allowedResultReceivers"),
        (require_an_algorithm, "RevokedByOwner", "additionalAnalyses is REQUIRED"),
        (take_the_table_out, "RevokedByOwner", "no longer associated"),
        (lambda world: leave(world, BOB), "RevokedByOwner", "no longer associated"),
        (lambda world: world.end_membership(BOB), "ReceiverNotReady", "no ACTIVE membership"),
    ],
)
def test_what_changes_while_a_query_runs_or_its_rows_are_copied_is_judged_before_anything_is_delivered(
    world: World, happens: Any, code: str, word: str, copying: bool
) -> None:
    query = world.query()
    if copying:
        world.data.while_copying = lambda: happens(world)
    else:
        world.reconciler().step("a")
        happens(world)
    query = after_all(world, query)
    assert (query.status, query.status_code) == (ProtectedQueryStatus.FAILED, code)
    assert word in str(query.status_message)
    assert world.data.delivered == {}
    assert untouched(world)


def test_a_location_that_takes_nothing_fails_the_query(world: World) -> None:
    world.data.refusal = DeliveryFailed("The receiver's location cannot be written to: No space left on device.")
    query = after_all(world, world.query())
    assert (query.status, query.status_code) == (ProtectedQueryStatus.FAILED, "DeliveryFailed")
    assert untouched(world)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_member_that_leaves_takes_its_query_along(world: World, steps: int) -> None:
    query = world.query()
    for _ in range(steps):
        world.reconciler().step("a")
    world.end_membership(ALICE)
    query = after_all(world, query)
    assert (query.status, query.status_code) == (ProtectedQueryStatus.FAILED, "MembershipEnded")
    assert untouched(world)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_payer_that_leaves_stops_the_query(world: World, steps: int) -> None:
    query = world.query(payer_account_id=BOB)
    for _ in range(steps):
        world.reconciler().step("a")
    leave(world, BOB)
    query = after_all(world, query)
    assert (query.status, query.status_code) == (ProtectedQueryStatus.FAILED, "MembershipEnded")
    assert "pays" in str(query.status_message)
    assert untouched(world)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_cancelled_query_is_stopped_and_delivers_nothing(world: World, steps: int) -> None:
    query = world.query()
    reconciler = world.reconciler()
    for _ in range(steps):
        reconciler.step("a")
        world.clock.forward(1)
    world.ask(Work.PROTECTED_QUERIES, query.id, Event.CANCEL)
    assert after_all(world, query).status is ProtectedQueryStatus.CANCELLED
    assert world.data.delivered == {}
    assert untouched(world)


def test_a_template_that_is_gone_fails_the_query(world: World) -> None:
    query = after_all(world, world.query(sql_parameters={"analysisTemplateArn": "arn:gone"}))
    assert (query.status, query.status_code) == (ProtectedQueryStatus.FAILED, "QueryInvalid")
    assert "Create it anew" in str(query.status_message)


# -- access budgets ---------------------------------------------------------------------


def charged(world: World, *tables: SharedTable, **changes: Any) -> ProtectedQuery:
    """A query that was counted for these tables when it was asked for."""
    ids = tuple(table.association_id for table in tables)
    return world.query(named_associations=ids, charged_associations=ids, **changes)


def test_a_query_that_ran_keeps_the_count_of_what_it_read_and_of_nothing_else(world: World) -> None:
    flights, weather = world.budget(FLIGHTS), world.budget(WEATHER)
    after_all(world, charged(world, FLIGHTS, WEATHER))
    assert (world.used(flights), world.used(weather)) == (1, 0)


def test_a_query_that_the_rules_refused_counts_nothing(world: World) -> None:
    flights = world.budget(FLIGHTS)
    world.engine.failure = QueryFailure.REFUSED
    after_all(world, charged(world, FLIGHTS))
    assert world.used(flights) == 0


@pytest.mark.parametrize("failure", [failure for failure in QueryFailure if failure is not QueryFailure.REFUSED])
def test_a_query_that_read_before_it_failed_counts(world: World, failure: QueryFailure) -> None:
    """What it failed with may tell something of what it read."""
    flights = world.budget(FLIGHTS)
    world.engine.failure = failure
    after_all(world, charged(world, FLIGHTS))
    assert world.used(flights) == 1


@pytest.mark.parametrize(("steps", "used"), [(0, 0), (1, 1)])
def test_a_cancelled_query_counts_from_its_start_on(world: World, steps: int, used: int) -> None:
    flights = world.budget(FLIGHTS)
    query = charged(world, FLIGHTS)
    for _ in range(steps):
        world.reconciler().step("a")
    world.ask(Work.PROTECTED_QUERIES, query.id, Event.CANCEL)
    after_all(world, query)
    assert world.used(flights) == used


def test_a_query_that_may_no_longer_leave_has_read_and_counts(world: World) -> None:
    flights = world.budget(FLIGHTS)
    query = charged(world, FLIGHTS)
    world.reconciler().step("a")
    take_the_rule_back(world)
    after_all(world, query)
    assert world.used(flights) == 1


def test_a_channel_keeps_the_count_of_what_it_read_and_of_nothing_else(world: World) -> None:
    flights, weather = world.budget(FLIGHTS), world.budget(WEATHER)
    channel = world.channel()
    with world.store.transaction() as tx:
        query = tx.protected_queries.get(channel.protected_query_id)
        assert query is not None
        tx.protected_queries.update(query, charged_associations=(FLIGHTS.association_id, WEATHER.association_id))
    world.drive()
    assert (world.used(flights), world.used(weather)) == (1, 0)


def test_a_channel_whose_query_the_rules_refused_counts_nothing(world: World) -> None:
    flights = world.budget(FLIGHTS)
    world.engine.failure = QueryFailure.REFUSED
    channel = world.channel()
    with world.store.transaction() as tx:
        query = tx.protected_queries.get(channel.protected_query_id)
        assert query is not None
        tx.protected_queries.update(query, charged_associations=(FLIGHTS.association_id,))
    world.drive()
    assert world.used(flights) == 0


def test_what_is_held_for_a_query_that_nobody_knows_is_swept(world: World) -> None:
    query = world.query()
    reconciler = world.reconciler()
    reconciler.step("a")
    world.engine._queries["nobody"] = 0
    world.clock.forward(TIMING.lease_seconds)
    reconciler.sweep()
    assert world.engine.queries() == (query.id,)


def test_what_the_judges_of_a_query_disagree_on_is_the_operators_to_read_and_no_members(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.engine.failure, world.engine.message = QueryFailure.REFUSED, "The engine reads something else."
    world.engine.disagreement = "Flights.ssn in the output"
    query = world.query()
    world.drive()
    found: ProtectedQuery = world.get(Work.PROTECTED_QUERIES, query.id)
    assert found.status is ProtectedQueryStatus.FAILED
    assert found.status_message == "The engine reads something else."
    assert f"query {query.id}: its two judges disagree: Flights.ssn in the output" in caplog.text
    with world.store.reading() as tx:
        assert not any("ssn" in event.reason for event in tx.events(query.arn) if event.reason)


def test_the_engine_knows_the_names_of_the_tables_that_the_text_does_not_name(world: World) -> None:
    world.query()
    world.drive()
    [spec] = world.engine.started
    with world.store.reading() as tx:
        everything = {association.name for association in tx.configured_table_associations.all(collaboration_id=ROOM)}
    assert {table.name for table in spec.tables} | set(spec.other_tables) == everything
    assert not {table.name for table in spec.tables} & set(spec.other_tables)
    assert spec.max_result_bytes == 1_000 * 10**9
