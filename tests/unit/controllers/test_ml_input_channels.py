"""ML input channels: what a query is started with, and what becomes of its rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.fakes import NOON
from support.worlds.driven import OPEN_ASSOCIATION_RULE, OPEN_RULE, World
from support.worlds.records import ASSOCIATION, FLIGHTS, MEMBERSHIPS, ROOM, SYNTHETIC, TEMPLATE, WEATHER
from support.worlds.requests import ALICE, BOB
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import QueryFailure, ResultFormat
from whiteroom.domain.execution.synthetic_data import SynthesisFailure
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.collaborations import MemberStatus, member_id
from whiteroom.domain.resources.ml_input_channels import MLInputChannel, Status
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.ports.store import Work

CHANNELS = Work.ML_INPUT_CHANNELS


def after_all(world: World, channel: MLInputChannel) -> MLInputChannel:
    world.drive()
    found: MLInputChannel = world.get(CHANNELS, channel.id)
    return found


def query_of(world: World, channel: MLInputChannel) -> ProtectedQuery:
    with world.store.reading() as tx:
        query = tx.protected_queries.get(channel.protected_query_id)
    assert query is not None
    return query


def source(**parameters: Any) -> dict[str, Any]:
    result_format = parameters.pop("resultFormat", "CSV")
    inputs = {"sqlParameters": parameters, "resultFormat": result_format}
    return {"roleArn": "r", "dataSource": {"protectedQueryInputParameters": inputs}}


def test_a_query_is_described_whole(world: World) -> None:
    with world.store.transaction() as tx:
        rule = tx.configured_table_association_analysis_rules.get(WEATHER.association_id)
        assert rule is not None
        tx.configured_table_association_analysis_rules.remove(rule)
    channel = after_all(world, world.channel(input_channel=source(queryString="SELECT 1", resultFormat="PARQUET")))
    (spec,) = world.engine.started
    assert (spec.id, spec.sql, spec.template_arn) == (channel.protected_query_id, "SELECT 1", None)
    assert (spec.querier_account_id, spec.algorithm_association_arn) == (ALICE, ASSOCIATION)
    assert (spec.result_format, spec.target) == (ResultFormat.PARQUET, DataRef(DataKind.CHANNEL, channel.id))
    flights, weather = sorted(spec.tables, key=lambda table: table.name)
    assert (flights.name, flights.owner_account_id, flights.allowed_columns) == ("Flights", BOB, ("a",))
    assert (flights.rule_type, flights.rule) == ("CUSTOM", OPEN_RULE)
    assert flights.association_rule == OPEN_ASSOCIATION_RULE
    assert weather.association_rule is None
    assert flights.source.files == (f"/data/{BOB}/db/flights.csv",)


def test_a_full_channel_and_its_query_are_recorded_together(world: World) -> None:
    channel = after_all(world, world.channel())
    assert channel.status is Status.ACTIVE
    assert (channel.number_of_records, channel.number_of_files, channel.size_bytes) == (1, 1, 8)
    assert channel.source_associations == (FLIGHTS.association_id,)
    assert channel.expires_at == channel.updated_at + timedelta(days=3)
    query = query_of(world, channel)
    assert query.status is ProtectedQueryStatus.SUCCESS
    assert query.updated_at == channel.updated_at
    assert query.started_at is not None


def test_a_running_query_is_started(world: World) -> None:
    channel = world.channel()
    world.reconciler().step("a")
    assert query_of(world, channel).status is ProtectedQueryStatus.STARTED


@pytest.mark.parametrize(
    ("failure", "status_code", "query_status"),
    [
        (QueryFailure.REFUSED, "QueryRefused", ProtectedQueryStatus.FAILED),
        (QueryFailure.INVALID, "QueryInvalid", ProtectedQueryStatus.FAILED),
        (QueryFailure.DATA, "DataError", ProtectedQueryStatus.FAILED),
        (QueryFailure.RESOURCES, "QueryResourcesExceeded", ProtectedQueryStatus.FAILED),
        (QueryFailure.TIMEOUT, "QueryTimedOut", ProtectedQueryStatus.TIMED_OUT),
        (QueryFailure.PLATFORM, "PlatformError", ProtectedQueryStatus.FAILED),
    ],
)
def test_a_failed_query_fails_the_channel_and_keeps_no_rows(
    world: World, failure: QueryFailure, status_code: str, query_status: ProtectedQueryStatus
) -> None:
    world.engine.failure, world.engine.message = failure, "Because."
    channel = world.channel()
    (world.channels / channel.id).mkdir(parents=True)
    channel = after_all(world, channel)
    assert (channel.status, channel.status_code, channel.status_message) == ("CREATE_FAILED", status_code, "Because.")
    query = query_of(world, channel)
    assert (query.status, query.status_code, query.status_message) == (query_status, status_code, "Because.")
    assert not (world.channels / channel.id).exists()
    assert world.engine.queries() == ()


def test_a_template_brings_its_text_its_types_and_its_defaults(world: World) -> None:
    put_template(world)
    inputs = source(analysisTemplateArn=TEMPLATE, parameters={"airport": "JFK"})
    assert after_all(world, world.channel(input_channel=inputs)).status is Status.ACTIVE
    (spec,) = world.engine.started
    assert (spec.sql, spec.template_arn) == ("SELECT :airport, :year", TEMPLATE)
    assert spec.parameters == {"airport": "JFK", "year": "2013"}
    assert spec.parameter_types == {"airport": "STRING", "year": "INTEGER"}


FROM_TEMPLATE = source(analysisTemplateArn=TEMPLATE, parameters={"airport": "JFK"})


def test_a_template_for_synthetic_data_never_fills_a_channel_with_real_rows(world: World) -> None:
    put_template(world, synthetic=SYNTHETIC)
    channel = after_all(world, world.channel(input_channel=FROM_TEMPLATE))
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "QueryRefused")
    assert world.engine.started == []


def test_a_channel_for_synthetic_data_takes_no_rows_of_a_template_without_it(world: World) -> None:
    put_template(world)
    channel = after_all(world, world.channel(input_channel=FROM_TEMPLATE, synthetic_data_parameters=SYNTHETIC))
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "QueryRefused")
    assert world.engine.started == []


def no_real_row_is_left(world: World) -> bool:
    return not any(world.originals.glob("*")) and world.synthesiser.syntheses() == () == world.engine.queries()


def test_a_synthetic_channel_is_made_of_rows_that_never_come_into_it(world: World) -> None:
    channel = after_all(world, world.synthetic_channel())
    assert channel.status is Status.ACTIVE
    (query,), (synthesis,) = world.engine.started, world.synthesiser.started
    assert (query.target, query.result_format) == (DataRef(DataKind.ORIGINAL, query.id), ResultFormat.PARQUET)
    assert (synthesis.source, synthesis.target) == (query.target, DataRef(DataKind.CHANNEL, channel.id))
    assert (synthesis.parameters.epsilon, synthesis.parameters.max_score) == (1.0, 0.6)
    assert world.synthesiser.saw_rows == [True]
    assert (world.channels / channel.id / "part-0.csv").read_text() == "a\n9\n8\n"
    assert no_real_row_is_left(world)


def test_a_synthetic_channel_tells_of_synthetic_rows_alone(world: World) -> None:
    channel = after_all(world, world.synthetic_channel())
    assert (channel.number_of_records, channel.number_of_files, channel.size_bytes) == (2, 1, 6)
    assert channel.source_associations == (FLIGHTS.association_id,)
    assert channel.synthesis == {"epsilon": 1.0, "delta": 1e-9, "score": 0.51, "low": 0.47, "high": 0.55}
    with world.store.reading() as tx:
        reasons = [event.reason for event in tx.events(channel.arn)]
    assert reasons[-1].startswith(
        "Synthetic rows: epsilon 1 and delta 1e-09 spent. Membership inference attack score 0.51"
    )
    assert channel.status_message is not None
    assert "between 0.47 and 0.55" in channel.status_message


@pytest.mark.parametrize(
    ("failure", "status_code"),
    [
        (SynthesisFailure.UNFIT, "SyntheticDataRefused"),
        (SynthesisFailure.SCORE, "PrivacyThresholdExceeded"),
        (SynthesisFailure.RESOURCES, "SyntheticDataRefused"),
        (SynthesisFailure.TIMEOUT, "SyntheticDataRefused"),
        (SynthesisFailure.NOT_INSTALLED, "UnsupportedConfiguration"),
        (SynthesisFailure.STOPPED, "PlatformError"),
        (SynthesisFailure.PLATFORM, "PlatformError"),
    ],
)
def test_a_failed_synthesis_fails_the_channel_and_keeps_no_row_of_either_kind(
    world: World, failure: SynthesisFailure, status_code: str
) -> None:
    world.synthesiser.failure, world.synthesiser.message = failure, "Because."
    channel = after_all(world, world.synthetic_channel())
    assert (channel.status, channel.status_code, channel.status_message) == ("CREATE_FAILED", status_code, "Because.")
    assert (channel.synthesis is not None) is (failure is SynthesisFailure.SCORE)
    assert query_of(world, channel).status is ProtectedQueryStatus.FAILED
    assert not (world.channels / channel.id).exists()
    assert no_real_row_is_left(world)


def test_a_synthesis_that_dies_without_a_word_is_begun_again_twice(world: World) -> None:
    world.synthesiser.dies = 2
    assert after_all(world, world.synthetic_channel()).status is Status.ACTIVE
    assert len(world.synthesiser.started) == 3


def test_a_synthesis_that_always_dies_is_given_up(world: World) -> None:
    world.synthesiser.dies = 99
    channel = after_all(world, world.synthetic_channel())
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "PlatformError")
    assert no_real_row_is_left(world)


def test_a_payer_of_synthetic_data_that_leaves_stops_it(world: World) -> None:
    channel = world.synthetic_channel(payer_configuration={"syntheticDataPayerAccountId": BOB})
    world.reconciler().step("a")
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, BOB))
        assert member is not None
        tx.members.update(member, status=MemberStatus.LEFT)
    channel = after_all(world, channel)
    assert (channel.status, channel.status_code) == (Status.CREATE_FAILED, "MembershipEnded")
    assert no_real_row_is_left(world)


def test_real_rows_that_nobody_knows_are_erased(world: World) -> None:
    (world.originals / "query-unknown").mkdir(parents=True)
    world.reconciler().sweep()
    assert no_real_row_is_left(world)


def test_a_template_that_is_gone_fails_the_channel(world: World) -> None:
    channel = after_all(world, world.channel(input_channel=source(analysisTemplateArn=TEMPLATE)))
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "QueryInvalid")


def test_a_table_whose_catalog_entry_is_gone_keeps_no_query_of_others_from_running(world: World) -> None:
    world.catalog.tables.pop((BOB, "db", "weather"))
    assert after_all(world, world.channel()).status is Status.ACTIVE
    (weather,) = [table for table in world.engine.started[0].tables if table.name == "Weather"]
    assert weather.unreadable


def test_a_table_of_another_kind_than_a_catalogs_is_not_read(world: World) -> None:
    with world.store.transaction() as tx:
        table = tx.configured_tables.get(WEATHER.configured_table_id)
        assert table is not None
        tx.configured_tables.update(table, table_reference={"databricks": {"tableName": "weather"}})
    world.channel()
    world.drive()
    assert [t.source.columns == () for t in sorted(world.engine.started[0].tables, key=lambda t: t.name)] == [
        False,
        True,
    ]


def test_tables_of_members_that_left_are_not_part_of_the_query(world: World) -> None:
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, BOB))
        assert member is not None
        tx.members.update(member, status=MemberStatus.LEFT)
    world.channel()
    world.drive()
    assert world.engine.started[0].tables == ()


def test_a_table_taken_out_while_the_query_ran_costs_the_channel_its_rows(world: World) -> None:
    channel = world.channel()
    world.reconciler().step("a")
    with world.store.transaction() as tx:
        association = tx.configured_table_associations.get(FLIGHTS.association_id)
        assert association is not None
        tx.configured_table_associations.remove(association)
    channel = after_all(world, channel)
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "RevokedByOwner")
    assert not (world.channels / channel.id).exists()


@pytest.mark.parametrize(("dies", "status", "starts"), [(1, "ACTIVE", 2), (2, "ACTIVE", 3), (3, "CREATE_FAILED", 3)])
def test_a_query_whose_process_died_is_started_again_a_few_times(
    world: World, dies: int, status: str, starts: int
) -> None:
    world.engine.dies = dies
    channel = after_all(world, world.channel())
    assert (channel.status, len(world.engine.started)) == (status, starts)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_member_that_leaves_ends_its_channel(world: World, steps: int) -> None:
    world.engine.looks = 10_000
    channel = world.channel()
    for _ in range(steps):
        world.reconciler().step("a")
    world.end_membership(ALICE)
    channel = after_all(world, channel)
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "MembershipEnded")
    assert world.engine.queries() == ()


def test_a_deleted_channel_loses_its_rows_and_keeps_what_is_known_of_them(world: World) -> None:
    channel = world.ready_channel()
    world.ask(CHANNELS, channel.id, Event.DELETE)
    channel = after_all(world, channel)
    assert channel.status is Status.INACTIVE
    assert channel.number_of_records == 1
    assert not (world.channels / channel.id).exists()


def test_an_expired_channel_is_erased_only_when_the_training_that_reads_it_is_over(world: World) -> None:
    world.runtime.looks = 10_000
    channel = world.ready_channel()
    model = world.model(channels=(channel,))
    reconciler = world.reconciler()
    for _ in range(3):
        reconciler.step("a")
    world.clock.forward(3 * 86_400 + 1)
    for _ in range(20):
        reconciler.step("a")
        world.clock.forward(1)
    assert world.get(CHANNELS, channel.id).status is Status.DELETE_PENDING
    assert (world.channels / channel.id).exists()
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    assert after_all(world, channel).status is Status.INACTIVE
    assert not (world.channels / channel.id).exists()


def put_template(world: World, synthetic: dict[str, Any] | None = None) -> None:
    declared = ({"name": "airport", "type": "STRING"}, {"name": "year", "type": "INTEGER", "defaultValue": "2013"})
    template = AnalysisTemplate(
        id="template",
        arn=TEMPLATE,
        membership_id=MEMBERSHIPS[ALICE],
        collaboration_id=ROOM,
        account_id=ALICE,
        name="template",
        description=None,
        format="SQL",
        source={"text": "SELECT :airport, :year"},
        analysis_parameters=declared,
        schema={"referencedTables": []},
        error_message_configuration=None,
        synthetic_data_parameters=synthetic,
        created_at=NOON,
        updated_at=NOON,
    )
    with world.store.transaction() as tx:
        tx.analysis_templates.add(template)


def test_a_payer_that_leaves_stops_the_query_of_a_channel(world: World) -> None:
    channel = world.channel(payer_configuration={"computePayerAccountId": BOB})
    world.reconciler().step("a")
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, BOB))
        assert member is not None
        tx.members.update(member, status=MemberStatus.LEFT)
    channel = after_all(world, channel)
    assert (channel.status, channel.status_code) == (Status.CREATE_FAILED, "MembershipEnded")
    assert "pays" in str(channel.status_message)
