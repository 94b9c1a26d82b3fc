"""Metrics of analyses through CloudWatch's operations: who sees which, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.fakes import NOON
from support.shapes import assert_fits, service_model
from support.worlds.driven import World
from support.worlds.records import FLIGHTS, ROOM
from support.worlds.requests import ALICE, BOB
from whiteroom.answering import all_handlers
from whiteroom.base.callers import Caller
from whiteroom.domain.execution.queries import QueryUse, TableRead
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.operations.context import Context, Deployment
from whiteroom.operations.registry import MONITORING
from whiteroom.ports.store import Work

HANDLERS = all_handlers()
DEPLOYMENT = Deployment(quotas=Quotas({}), noise_secret=bytes(32))
DAVE = "444444444444"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    enable(world, collaboration=True, memberships=True)
    yield world
    world.close()


def enable(world: World, *, collaboration: bool, memberships: bool) -> None:
    with world.store.transaction() as tx:
        room = tx.collaborations.get(ROOM)
        assert room is not None
        tx.collaborations.update(room, is_metrics_enabled=collaboration)
        for membership in tx.memberships.all(collaboration_id=ROOM):
            tx.memberships.update(membership, is_metrics_enabled=memberships)


def call(world: World, account: str, name: str, **request: Any) -> Any:
    model = service_model(MONITORING).operation_model(name)
    assert_fits(model.input_shape, request)
    with world.store.reading() as tx:
        now, caller = world.clock(), Caller(account, "eu-west-1")
        context = Context(caller=caller, tx=tx, now=now, catalog=world.catalog, deployment=DEPLOYMENT)
        answer = HANDLERS[MONITORING, name](request, context)
    answer = {key: value for key, value in (answer or {}).items() if value is not None}
    assert_fits(model.output_shape, answer)
    return answer


def listed(world: World, account: str) -> list[tuple[str, dict[str, str]]]:
    found = call(world, account, "ListMetrics", Namespace="AWS/CleanRooms")["Metrics"]
    return [(one["MetricName"], {pair["Name"]: pair["Value"] for pair in one["Dimensions"]}) for one in found]


def values(world: World, account: str, name: str, **dimensions: str) -> list[float]:
    metric = {
        "Namespace": "AWS/CleanRooms",
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    stat = {"Metric": metric, "Period": 86_400, "Stat": "Sum"}
    queries = [{"Id": "a", "MetricStat": stat}]
    day = timedelta(days=1)
    answer = call(
        world, account, "GetMetricData", MetricDataQueries=queries, StartTime=NOON - day, EndTime=NOON + 20 * day
    )
    found: list[float] = answer["MetricDataResults"][0]["Values"]
    return found


USE = QueryUse(8.0, 2, 7.0, 1_000, 700, (TableRead(FLIGHTS.association_id, 4_200, 1, ("string", "int")),))
"""What the engine says of a query."""


def told_of(world: World, account: str) -> set[str]:
    return {name for name, dimensions in listed(world, account) if "AnalysisId" in dimensions}


OF_EACH_QUERY = {"AnalysisRuntime", "BytesWritten", "RecordsWritten"}


def test_whoever_ran_or_pays_for_a_query_sees_its_metrics_and_nobody_else(world: World) -> None:
    query = world.query(payer_account_id=ALICE)
    world.drive()
    here = {"CollaborationId": ROOM}
    assert listed(world, ALICE) == [
        ("AnalysesCount", here),
        ("AnalysisRuntime", here),
        ("AnalysisRuntime", {**here, "AnalysisId": query.id}),
        ("BytesWritten", {**here, "AnalysisId": query.id}),
        ("ConcurrentQueries", here),
        ("RecordsWritten", {**here, "AnalysisId": query.id}),
    ]
    assert listed(world, BOB) == listed(world, DAVE) == []
    world.query(payer_account_id=BOB)
    world.drive()
    assert values(world, ALICE, "AnalysesCount", CollaborationId=ROOM) == [2.0]
    assert values(world, BOB, "AnalysesCount", CollaborationId=ROOM) == [1.0]


@pytest.mark.parametrize("by_channel", [True, False])
def test_what_a_query_read_and_used_is_told_to_who_ran_it(world: World, by_channel: bool) -> None:
    world.engine.use = USE
    of_channel = world.ready_channel().protected_query_id if by_channel else ""
    query_id = of_channel or world.query(payer_account_id=ALICE).id
    world.drive()
    one = {"CollaborationId": ROOM, "AnalysisId": query_id}
    assert told_of(world, ALICE) == OF_EACH_QUERY | {
        *("BytesRead", "RecordsRead", "QueryFileScanned", "CRPUConsumed", "MemoryUtilization", "VCPUUtilization")
    }
    assert values(world, ALICE, "RecordsRead", **one) == [1_000.0]
    assert values(world, ALICE, "BytesRead", **one) == [24_000.0]
    assert values(world, ALICE, "VCPUUtilization", **one) == [50.0]
    assert values(world, ALICE, "MemoryUtilization", **one) == [70.0]
    assert values(world, ALICE, "CRPUConsumed", **one) == [pytest.approx(2 / 2 / 60)]


def test_what_a_query_wrote_is_told_by_its_order_of_magnitude_and_one_row_as_none(world: World) -> None:
    query = world.query(payer_account_id=ALICE)
    world.drive()
    assert values(world, ALICE, "RecordsWritten", CollaborationId=ROOM, AnalysisId=query.id) == [0.0]


def test_the_query_of_a_channel_counts_and_tells_what_it_wrote(world: World) -> None:
    channel = world.ready_channel()
    found = dict.fromkeys(name for name, dimensions in listed(world, ALICE) if "AnalysisId" in dimensions)
    assert list(found) == ["AnalysisRuntime", "BytesWritten", "RecordsWritten"]
    assert values(world, ALICE, "AnalysesCount", CollaborationId=ROOM) == [1.0]
    assert channel.number_of_records is not None


def test_how_much_is_withheld_where_a_table_has_thresholds(world: World) -> None:
    world.allow_receivers(ALICE, BOB)
    world.engine.use = USE
    query = world.query(payer_account_id=ALICE)
    with world.store.transaction() as tx:
        rule = tx.configured_table_analysis_rules.get(FLIGHTS.configured_table_id)
        assert rule is not None
        custom = dict(rule.policy["v1"]["custom"])
        thresholds = [{"type": "COUNT_DISTINCT", "identityColumns": ["a"], "minimumIdentityCount": 2}]
        policy = {"v1": {"custom": {**custom, "aggregationThresholds": thresholds}}}
        tx.configured_table_analysis_rules.update(rule, policy=policy)
    world.drive()
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is ProtectedQueryStatus.SUCCESS
    assert told_of(world, ALICE) == {"AnalysisRuntime", "CRPUConsumed"}
    assert values(world, ALICE, "RecordsWritten", CollaborationId=ROOM, AnalysisId=query.id) == []


@pytest.mark.parametrize("collaboration", [True, False])
@pytest.mark.parametrize("memberships", [True, False])
def test_there_are_metrics_only_where_the_collaboration_and_the_membership_have_them_enabled(
    world: World, collaboration: bool, memberships: bool
) -> None:
    enable(world, collaboration=collaboration, memberships=memberships)
    world.query(payer_account_id=ALICE)
    world.drive()
    assert bool(listed(world, ALICE)) is (collaboration and memberships)


def test_a_member_that_has_left_sees_none(world: World) -> None:
    world.query(payer_account_id=ALICE)
    world.drive()
    world.end_membership(ALICE)
    assert listed(world, ALICE) == []


def test_dimensions_of_another_query_or_room_find_nothing(world: World) -> None:
    world.query(payer_account_id=ALICE)
    world.drive()
    assert values(world, ALICE, "AnalysesCount") == []
    assert values(world, ALICE, "AnalysesCount", CollaborationId="other") == []
    assert values(world, ALICE, "AnalysisRuntime", CollaborationId=ROOM, AnalysisId="other") == []
