from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from support.command import CommandLine
from support.worlds.driven import World
from support.worlds.records import FLIGHTS, PREFIX, ROOM
from support.worlds.requests import ALICE, BOB, CAROL, REGION
from support.worlds.rooms import a_clean_room, an_invitation
from support.worlds.servers import a_server
from whiteroom.base.arns import Arn, new_id
from whiteroom.base.articles import with_article
from whiteroom.base.callers import Caller, Principal, Role
from whiteroom.cli.explain import kind_name
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.observability.analysis_logs import LogStage
from whiteroom.domain.privacy.query_tables import Snapshot
from whiteroom.ports.deliveries import DeliveryFailed
from whiteroom.ports.store import Work


def test_every_event_of_a_resource_is_told_in_order_with_who_and_when(cli: CommandLine, world: World) -> None:
    model = world.ready_model()
    events = cli("explain", model.arn, "--json").json["events"]
    assert [(event["event"], event["fromStatus"], event["toStatus"]) for event in events] == [
        ("created", None, "CREATE_PENDING"),
        ("started", "CREATE_PENDING", "CREATE_IN_PROGRESS"),
        ("succeeded", "CREATE_IN_PROGRESS", "ACTIVE"),
    ]
    assert [event["actor"] for event in events] == [ALICE, "controller", "controller"]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    lines = cli("explain", model.arn).out.splitlines()
    assert len(lines) == 1 + 3
    assert lines[-1].split()[2:5] == ["CREATE_IN_PROGRESS", "ACTIVE", "succeeded"]


def test_a_failure_is_told_with_its_reason(cli: CommandLine, world: World) -> None:
    world.runtime.images.clear()
    model = world.model()
    world.drive()
    assert "ImageNotFound: There is no image image:1. Build it." in cli("explain", model.arn).out


def test_a_reason_cannot_write_to_the_terminal(cli: CommandLine, world: World) -> None:
    model = world.ready_model()
    with world.store.transaction() as tx:
        tx.trained_models.note(model, actor="controller", at=world.clock(), reason="\x1b[2J\r[red]over[/red]\n")
    out = cli("explain", model.arn).out
    assert "\x1b" not in out
    assert "[red]over[/red]" in out
    assert len(out.splitlines()) == 1 + 4


def test_versions_and_exports_of_a_model_are_told_apart(cli: CommandLine, world: World) -> None:
    model = world.ready_model()
    later = dataclasses.replace(model, id=new_id(), version_identifier=new_id(), name="later", revision=0)
    with world.store.transaction() as tx:
        tx.trained_models.submit(later, actor=ALICE)
    export = world.export_job(model=model)
    told = cli("explain", model.arn, "--json").json["events"]
    assert {event["of"] for event in told} == {"base", later.version_identifier, f"export {export.name}"}
    assert later.version_identifier in cli("explain", model.arn).out


def test_channels_and_inference_jobs_have_histories_too(cli: CommandLine, world: World) -> None:
    job = world.inference_job()
    assert "CREATE_PENDING" in cli("explain", job.arn).out
    assert "CREATE_PENDING" in cli("explain", job.ml_input_channel_arn).out


def test_a_cancelled_training_tells_who_cancelled_it(cli: CommandLine, world: World) -> None:
    model = world.model()
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    events = cli("explain", model.arn, "--json").json["events"]
    assert (events[-1]["event"], events[-1]["actor"]) == ("cancel", ALICE)


def test_the_history_tells_which_user_it_was_and_as_what(cli: CommandLine, world: World) -> None:
    model = world.model()
    zoe = Principal("zoe", Role.ANALYST, "nightly/monday", "AROANIGHTLY")
    with world.store.transaction() as tx:
        tx.trained_models.transition(model, Event.CANCEL, actor=Caller(ALICE, REGION, zoe), at=world.clock())
    first, last = cli("explain", model.arn, "--json").json["events"]
    assert (first["actor"], first["user"], first["principal"]) == (ALICE, None, None)
    assert (last["actor"], last["user"]) == (ALICE, "zoe")
    assert last["principal"] == f"arn:aws:sts::{ALICE}:assumed-role/nightly/monday"
    assert f"{ALICE} zoe as nightly/monday" in cli("explain", model.arn).out


@pytest.fixture
def membership(cli: CommandLine, world: World) -> Any:
    """A membership that an operation made."""
    server = a_server(world.store)
    server.ids = itertools.count(1_000)  # the world has its own room
    room = a_clean_room(server)
    return server.cleanrooms(ALICE, "GetMembership", membershipIdentifier=room.membership(ALICE))["membership"]


def test_a_resource_without_statuses_is_told_for_what_it_is(cli: CommandLine, membership: Any) -> None:
    out = cli("explain", membership["arn"]).out
    assert "is a membership" in out
    assert ALICE in out
    assert "ACTIVE" in out


@pytest.mark.parametrize("arn", ["trained-model/x", "arn:aws:cleanrooms", ""])
def test_what_is_no_arn_is_refused(cli: CommandLine, world: World, arn: str) -> None:
    answer = cli("explain", arn)
    assert answer.code == 1
    assert "not an ARN" in answer.err


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:cleanrooms:us-east-1:111111111111:collaboration/nobody",
        "arn:aws:cleanrooms:us-east-1:111111111111:spaceship/x",
        "arn:aws:iam::111111111111:role/x",
        "arn:aws:cleanrooms:us-east-1:111111111111:",
        f"{PREFIX}/trained-model/nobody",
    ],
)
def test_an_arn_of_nothing_here_is_refused(cli: CommandLine, world: World, arn: str) -> None:
    answer = cli("explain", arn)
    assert answer.code == 1
    assert "Nothing here has the ARN" in answer.err


def test_the_arn_of_another_accounts_resource_of_that_id_is_refused(cli: CommandLine, membership: Any) -> None:
    assert cli("explain", membership["arn"].replace(ALICE, "999999999999")).code == 1


def test_a_collaboration_tells_each_member_what_to_do_next(cli: CommandLine, world: World) -> None:
    server = a_server(world.store)
    server.ids = itertools.count(1_000)  # the world has its own room
    room = an_invitation(server)
    room.join(ALICE)
    arn = f"arn:aws:cleanrooms:{REGION}:{ALICE}:collaboration/{room.collaboration_id}"
    members = cli("explain", arn, "--json").json["members"]
    assert [(member["accountId"], member["status"]) for member in members] == [
        (ALICE, "ACTIVE"),
        (BOB, "INVITED"),
        (CAROL, "INVITED"),
    ]
    out = cli("explain", arn).out
    assert f"Join: CreateMembership with collaborationIdentifier {room.collaboration_id}" in out
    room.join(BOB)
    room.shared_table(BOB, "patients")
    told = {member["accountId"]: " ".join(member["next"]) for member in cli("explain", arn, "--json").json["members"]}
    assert "whiteroom catalog" in told[BOB], "the test's catalog is not the folder's"


def test_a_membership_tells_its_own_member_what_to_do_next(cli: CommandLine, membership: Any) -> None:
    (member,) = cli("explain", membership["arn"], "--json").json["members"]
    assert member["accountId"] == ALICE
    assert any("no member has associated a table" in action for action in member["next"])


def test_a_query_has_a_history_under_an_arn_of_ours(cli: CommandLine, world: World) -> None:
    query = world.query()
    world.drive()
    events = cli("explain", query.arn, "--json").json["events"]
    assert [event["event"] for event in events] == ["created", "started", "succeeded"]


def owners(world: World, cli: CommandLine, arn: str, account: str = BOB) -> list[dict[str, Any]]:
    uses: list[dict[str, Any]] = cli("explain", arn, "--as", account, "--json").json["uses"]
    return uses


def turn_logs_off(world: World) -> None:
    with world.store.transaction() as tx:
        for membership in tx.memberships.all(collaboration_id=ROOM):
            tx.memberships.update(membership, query_log_status="DISABLED")


def test_an_owner_sees_of_a_channel_its_tables_and_columns_the_rule_and_how_many_rows_came_out(
    cli: CommandLine, world: World
) -> None:
    turn_logs_off(world)
    channel = world.ready_channel()
    (use,) = owners(world, cli, channel.arn)
    assert (use["runner_account_id"], use["rows"], use["status"]) == (ALICE, 1, "ACTIVE")
    (table,) = use["tables"]
    assert (table["name"], table["rule_type"], table["rule_moved"]) == ("Flights", "CUSTOM", False)
    assert list(table["columns"]) == sorted(world.engine.facts.columns["Flights"])
    assert (use["text"], bool(use["text_sha256"])) == (None, True)
    told = cli("explain", channel.arn, "--as", BOB).out
    assert "Flights" in told
    assert "SELECT a FROM" not in told


def test_the_snapshot_that_was_read_is_told_to_the_owner_and_to_the_operator(cli: CommandLine, world: World) -> None:
    plain = world.ready_channel()
    assert "snapshots" not in cli("explain", plain.arn, "--json").json
    for name, table in world.catalog.tables.items():
        world.catalog.tables[name] = dataclasses.replace(table, snapshot=Snapshot("4711"))
    channel = world.ready_channel()
    (use,) = owners(world, cli, channel.arn)
    assert [table["snapshot"] for table in use["tables"]] == ["4711"]
    assert "4711" in cli("explain", channel.arn, "--as", BOB).out
    assert cli("explain", channel.arn, "--json").json["snapshots"] == {"Flights": "4711"}
    assert "It read table 'Flights' at snapshot 4711." in cli("explain", channel.arn).out


def test_an_owner_sees_that_a_rule_was_changed_since_a_channel_was_made(cli: CommandLine, world: World) -> None:
    channel = world.ready_channel()
    with world.store.transaction() as tx:
        rule = tx.configured_table_analysis_rules.get(FLIGHTS.configured_table_id)
        assert rule is not None
        custom = {**rule.policy["v1"]["custom"], "disallowedOutputColumns": ["a"]}
        tx.configured_table_analysis_rules.update(rule, policy={"v1": {"custom": custom}})
    (use,) = owners(world, cli, channel.arn)
    assert [table["rule_moved"] for table in use["tables"]] == [True]
    assert "changed since" in cli("explain", channel.arn, "--as", BOB).out


def test_the_sql_is_shown_to_its_runner_to_whom_the_log_told_it_and_to_the_approver_of_its_template(
    cli: CommandLine, world: World
) -> None:
    logged = world.ready_channel()
    turn_logs_off(world)
    quiet = world.ready_channel()
    assert owners(world, cli, quiet.arn, ALICE)[0]["text"] == "SELECT a FROM Flights"
    assert [owners(world, cli, arn)[0]["text"] for arn in (logged.arn, quiet.arn)] == ["SELECT a FROM Flights", None]


def test_all_channels_of_an_owners_tables_are_listed_by_the_collaboration(cli: CommandLine, world: World) -> None:
    first, second = world.ready_channel(), world.ready_channel()
    world.engine.failure = QueryFailure.REFUSED
    world.channel()
    world.drive()
    with world.store.transaction() as tx:
        room = tx.collaborations.get(ROOM)
        assert room is not None
        arn = f"arn:aws:cleanrooms:eu-west-1:{ALICE}:collaboration/{ROOM}"
        tx.collaborations.update(room, arn=arn)
    assert [use["arn"] for use in owners(world, cli, arn)] == [first.arn, second.arn]
    assert owners(world, cli, arn, ALICE) == []


def test_who_has_no_table_in_it_sees_nothing_of_a_channel(cli: CommandLine, world: World) -> None:
    channel = world.ready_channel()
    assert "sees nothing" in cli("explain", channel.arn, "--as", CAROL).err
    assert "--as shows" in cli("explain", world.ready_model().arn, "--as", BOB).err


def test_the_end_of_a_query_tells_an_owner_which_columns_of_its_tables_were_read(world: World) -> None:
    query = world.query()
    world.drive()
    with world.store.reading() as tx:
        ends = {event.account_id: event.message for event in tx.analysis_logs.of(query.id, LogStage.TERMINATION)}
    told = {account: [table.get("columnsRead") for table in message["tables"]] for account, message in ends.items()}
    assert told == {ALICE: [None], BOB: [sorted(world.engine.facts.columns["Flights"])]}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("configuredtable", "is a configured table."),
        ("analysistemplate", "is an analysis template."),
        ("trained-model-inference-job", "is an inference job."),
        ("ml-input-channel", "is an ML input channel."),
        ("unheard-of", "is an unheard-of."),
    ],
)
def test_what_an_arn_names_has_the_right_article(kind: str, said: str) -> None:
    arn = Arn("cleanrooms", REGION, ALICE, f"{kind}/x")
    assert f"is {with_article(kind_name(arn))}." == said


def test_a_channel_is_told_from_what_has_a_log(cli: CommandLine, world: World) -> None:
    channel = world.inference_job().ml_input_channel_arn
    for noun in ("logs", "metrics"):
        answer = cli(noun, channel)
        assert answer.code == 1
        assert f"{channel} is an ML input channel, which runs no program." in answer.err


def test_a_membership_is_told_with_its_status_in_a_sentence(cli: CommandLine, membership: Any) -> None:
    assert " UTC, and is ACTIVE. " in cli("explain", membership["arn"]).out


def test_an_owner_sees_why_its_own_table_could_not_be_read(cli: CommandLine, world: World) -> None:
    told = "s3:GetObject on the bucket bobs-lake was refused."
    world.engine.failure, world.engine.for_owners = QueryFailure.DATA, {FLIGHTS.association_id: told}
    query = world.query()
    world.drive()
    assert cli("explain", query.arn, "--as", BOB, "--json").json["notRead"] == [{"table": "Flights", "reason": told}]
    assert f"The table 'Flights' was not read: {told}" in cli("explain", query.arn, "--as", BOB).out
    for account in (ALICE, CAROL):
        other = cli("explain", query.arn, "--as", account)
        assert "bobs-lake" not in other.out + other.err
    assert "bobs-lake" not in cli("explain", query.arn).out


@pytest.mark.parametrize("which", ["query", "export", "inference"])
def test_a_receiver_sees_why_its_own_bucket_took_nothing(cli: CommandLine, world: World, which: str) -> None:
    if which == "query":
        query = world.query(receivers=({"accountId": BOB},))
        arn, name = query.arn, query.id
    elif which == "export":
        export = world.export_job()
        arn, name = export.trained_model_arn, export.name
    else:
        job = world.inference_job()
        arn, name = job.arn, job.name
    world.data.refusal = DeliveryFailed("It took nothing.", for_receiver="s3:PutObject on the bucket bobs: refused.")
    world.drive()
    told = "s3:PutObject on the bucket bobs: refused."
    answer = cli("explain", arn, "--as", BOB, "--json").json
    assert answer["notDelivered"] == [{"job": name, "reason": told}]
    assert f"Nothing of {name} was delivered to {BOB}: {told}" in cli("explain", arn, "--as", BOB).out
    for account in (ALICE, CAROL):
        other = cli("explain", arn, "--as", account)
        assert "bobs" not in other.out + other.err
