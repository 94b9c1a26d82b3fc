"""Work on rows that their owner takes back ends, and nothing of it is delivered or kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from support.failpoints import once
from support.worlds.driven import OPEN_ASSOCIATION_RULE, OPEN_RULE, World
from support.worlds.records import ASSOCIATION, FLIGHTS
from support.worlds.rooms import facts_of
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.privacy.query_facts import QueryFacts
from whiteroom.ports.store import Work


def rule(world: World, **changes: Any) -> None:
    with world.store.transaction() as tx:
        found = tx.configured_table_analysis_rules.get(FLIGHTS.configured_table_id)
        assert found is not None
        tx.configured_table_analysis_rules.update(found, policy={"v1": {"custom": {**OPEN_RULE, **changes}}})


def association_rule(world: World, **changes: Any) -> None:
    with world.store.transaction() as tx:
        found = tx.configured_table_association_analysis_rules.get(FLIGHTS.association_id)
        assert found is not None
        policy = {"v1": {"custom": {**OPEN_ASSOCIATION_RULE, **changes}}}
        tx.configured_table_association_analysis_rules.update(found, policy=policy)


def remove(world: World, repository: str, record_id: str) -> None:
    with world.store.transaction() as tx:
        records = getattr(tx, repository)
        records.remove(records.get(record_id))


def columns(world: World, *names: str) -> None:
    with world.store.transaction() as tx:
        table = tx.configured_tables.get(FLIGHTS.configured_table_id)
        assert table is not None
        tx.configured_tables.update(table, allowed_columns=names)


WAYS: Mapping[str, Callable[[World], None]] = {
    "rule": lambda world: remove(world, "configured_table_analysis_rules", FLIGHTS.configured_table_id),
    "collaboration rule": lambda world: remove(
        world, "configured_table_association_analysis_rules", FLIGHTS.association_id
    ),
    "association": lambda world: remove(world, "configured_table_associations", FLIGHTS.association_id),
    "algorithm": lambda world: association_rule(world, allowedAdditionalAnalyses=[]),
    "narrowed": lambda world: rule(world, additionalAnalyses="NOT_ALLOWED"),
    "column": lambda world: columns(world, "b"),
}


@pytest.fixture(autouse=True)
def _reads_a_column(world: World) -> None:
    world.engine.facts = QueryFacts({"Flights": frozenset(["a"])})


def revoked(world: World, work: Work, record_id: str) -> None:
    record = world.get(work, record_id)
    assert (record.status.value, record.status_code) == (FAILED[work], "RevokedByOwner")
    assert "'Flights'" in record.status_message


FAILED = dict.fromkeys(Work, "CREATE_FAILED") | {Work.PROTECTED_QUERIES: "FAILED"}
UNDER_WAY = {"CREATE_IN_PROGRESS", "STARTED"}


def asked_for(world: World, work: Work) -> str:
    """A record of that kind that was asked for, over Bob's table; its id."""
    match work:
        case Work.ML_INPUT_CHANNELS:
            return world.channel().id
        case Work.PROTECTED_QUERIES:
            return world.query().id
        case Work.TRAINED_MODELS:
            return world.model(channels=(world.ready_channel(),)).id
    model = world.model(channels=(world.ready_channel(),))
    world.drive()
    model = world.get(Work.TRAINED_MODELS, model.id)
    if work is Work.TRAINED_MODEL_EXPORT_JOBS:
        return world.export_job(model=model).id
    return world.inference_job(model=model).id


def under_way(world: World, work: Work, record_id: str) -> None:
    """Take steps until it is being worked on."""
    reconciler = world.reconciler()
    for _ in range(50):
        if world.get(work, record_id).status.value in UNDER_WAY:
            return
        reconciler.step("worker")
        world.clock.now += timedelta(milliseconds=1)
    raise AssertionError("it did not begin")


OF_ALGORITHMS = {"algorithm", "narrowed"}
"""Ways that are nothing to a member's own query."""


@pytest.mark.parametrize(
    ("work", "way"),
    [(work, way) for work in Work for way in WAYS if work is not Work.PROTECTED_QUERIES or way not in OF_ALGORITHMS],
)
def test_what_waits_is_not_begun_and_what_is_under_way_ends_with_nothing_delivered(
    world: World, work: Work, way: str
) -> None:
    record_id = asked_for(world, work)
    runs = len(world.runtime.started)
    world.runtime.looks = world.engine.looks = 1_000
    if work in {Work.ML_INPUT_CHANNELS, Work.PROTECTED_QUERIES}:
        under_way(world, work, record_id)  # what a query reads is known when it runs; before, the guard judges it
    WAYS[way](world)
    world.drive()
    revoked(world, work, record_id)
    assert world.data.delivered == {}
    assert len(world.runtime.started) == runs
    assert tuple(world.runtime.runs()) == tuple(world.engine.queries()) == ()


@pytest.mark.parametrize("work", [Work.TRAINED_MODELS, Work.TRAINED_MODEL_INFERENCE_JOBS])
@pytest.mark.parametrize("way", WAYS)
def test_a_run_ends_at_the_next_look_and_leaves_nothing(world: World, work: Work, way: str) -> None:
    record_id = asked_for(world, work)
    kept = world.data.kept()
    world.runtime.looks = 1_000
    under_way(world, work, record_id)
    WAYS[way](world)
    before = world.clock.now
    world.drive()
    revoked(world, work, record_id)
    assert world.clock.now - before < timedelta(seconds=3)
    assert tuple(world.runtime.runs()) == ()
    assert (world.data.delivered, world.data.kept()) == ({}, kept)


@pytest.mark.parametrize("work", [*Work])
@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", ["planned", "acted", "recorded"])
def test_whenever_a_rule_is_taken_back_nothing_is_delivered_after_it(
    world: World, work: Work, point: str, visit: int
) -> None:
    record_id = asked_for(world, work)
    delivered: list[dict[str, bytes]] = []

    def take_back() -> None:
        delivered.append(dict(world.data.delivered))
        WAYS["collaboration rule"](world)

    world.drive(world.reconciler(once(point, take_back, visit)))
    record = world.get(work, record_id)
    if record.status_code == "RevokedByOwner":
        assert world.data.delivered == {}
    else:
        assert record.status_code in {None, "InstanceClamped"}, record.status_message
        assert delivered in ([], [world.data.delivered])


@pytest.mark.parametrize("work", [Work.TRAINED_MODEL_INFERENCE_JOBS, Work.TRAINED_MODEL_EXPORT_JOBS])
def test_a_rule_that_is_taken_back_while_files_are_copied_stops_the_delivery(world: World, work: Work) -> None:
    record_id = asked_for(world, work)
    world.data.while_copying = lambda: WAYS["rule"](world) if tuple(_rules(world)) else None
    world.drive()
    revoked(world, work, record_id)
    assert world.data.delivered == {}


def _rules(world: World) -> list[object]:
    with world.store.reading() as tx:
        rule = tx.configured_table_analysis_rules.get(FLIGHTS.configured_table_id)
    return [] if rule is None else [rule]


@pytest.mark.parametrize("work", [Work.TRAINED_MODELS, Work.TRAINED_MODEL_INFERENCE_JOBS])
def test_a_setting_lets_a_run_go_on_to_its_end_and_starts_none(world: World, work: Work) -> None:
    record_id = asked_for(world, work)
    world.finish_revoked_work = True
    under_way(world, work, record_id)
    WAYS["rule"](world)
    world.drive()
    record = world.get(work, record_id)
    assert record.status.value == "ACTIVE"
    if work is Work.TRAINED_MODELS:
        waiting = world.model(channels=(world.get(Work.ML_INPUT_CHANNELS, "channel-1"),)).id
        world.drive()
        revoked(world, work, waiting)


def test_an_attempt_that_died_is_not_begun_again_over_rows_that_were_taken_back(world: World) -> None:
    world.finish_revoked_work = True
    world.runtime.deaths = [RunEnd(EndReason.LOST, "Gone.")]
    record_id = asked_for(world, Work.TRAINED_MODELS)
    under_way(world, Work.TRAINED_MODELS, record_id)
    WAYS["rule"](world)
    world.drive()
    revoked(world, Work.TRAINED_MODELS, record_id)
    assert len(world.runtime.started) == 1


def test_a_wider_rule_ends_nothing(world: World) -> None:
    record_id = asked_for(world, Work.TRAINED_MODELS)
    under_way(world, Work.TRAINED_MODELS, record_id)
    columns(world, "a", "b")
    association_rule(world, allowedAdditionalAnalyses=[ASSOCIATION, ASSOCIATION[:-1] + "f"])
    world.drive()
    assert world.get(Work.TRAINED_MODELS, record_id).status.value == "ACTIVE"


@pytest.mark.parametrize("looks", [1, 1_000])
def test_a_minimum_that_is_raised_while_a_query_runs_drops_its_result(world: World, looks: int) -> None:
    world.engine.looks = looks
    world.engine.facts = facts_of("Flights", "a")
    record_id = asked_for(world, Work.PROTECTED_QUERIES)
    under_way(world, Work.PROTECTED_QUERIES, record_id)
    threshold = {
        "type": "COUNT_DISTINCT",
        "identityColumns": ["a"],
        "minimumIdentityCount": 3,
        "allowedAggregateExpressionType": "ANY_EXPRESSION",
    }
    rule(world, aggregationThresholds=[threshold])
    world.drive()
    revoked(world, Work.PROTECTED_QUERIES, record_id)
    message = world.get(Work.PROTECTED_QUERIES, record_id).status_message
    assert message.startswith("The rules of 'Flights' changed while the query ran. Table 'Flights'")
    assert world.data.delivered == {}


def test_synthetic_rows_are_not_made_of_rows_that_were_taken_back(world: World) -> None:
    channel = world.synthetic_channel()
    world.synthesiser.looks = 1_000
    reconciler = world.reconciler()
    while not world.synthesiser.started:
        reconciler.step("worker")
        world.clock.now += timedelta(milliseconds=20)
    WAYS["column"](world)
    world.drive()
    revoked(world, Work.ML_INPUT_CHANNELS, channel.id)
    assert tuple(world.synthesiser.syntheses()) == ()
    assert not list(world.originals.iterdir())


def test_what_a_revoked_query_read_is_on_record(world: World) -> None:
    record_id = asked_for(world, Work.ML_INPUT_CHANNELS)
    world.engine.looks = 1_000
    under_way(world, Work.ML_INPUT_CHANNELS, record_id)
    WAYS["column"](world)
    world.drive()
    channel = world.get(Work.ML_INPUT_CHANNELS, record_id)
    assert channel.source_associations == (FLIGHTS.association_id,)
    assert not (world.channels / record_id).exists()


@pytest.mark.parametrize("way", WAYS)
def test_what_an_owner_takes_back_erases_no_rows_by_itself(world: World, way: str) -> None:
    channel = world.ready_channel()
    WAYS[way](world)
    world.drive()
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status.value == "ACTIVE"
    assert list((world.channels / channel.id).iterdir())


def test_what_was_delivered_before_stays_delivered(world: World) -> None:
    record_id = asked_for(world, Work.PROTECTED_QUERIES)
    world.drive()
    delivered = dict(world.data.delivered)
    WAYS["association"](world)
    world.drive()
    assert world.get(Work.PROTECTED_QUERIES, record_id).status.value == "SUCCESS"
    assert delivered
    assert world.data.delivered == delivered
