"""Analysis logs: what each member reads of who analysed which tables, and for what."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, SQL, input_channel
from support.worlds.rooms import Room, SharedTable, a_clean_room
from support.worlds.servers import Server
from unit.operations.logged_room import BOTH, a_logged_room, ask, group, log_of, own_tables
from whiteroom.base.callers import Principal, Role
from whiteroom.base.faults import Fault, ResourceNotFound
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Room:
    return a_logged_room(server, tmp_path)


def test_a_query_over_two_owners_tables_tells_each_of_them_and_the_runner(room: Room) -> None:
    query = ask(room, BOTH)
    for account in (ALICE, BOB, CAROL):
        (event,) = log_of(room, account)
        assert (event["logStage"], event["analysisId"], event["status"]) == ("SUBMISSION", query, "SUBMITTED")
        assert (event["analysisCategory"], event["queryRunners"], event["resultReceivers"]) == ("SQL", [ALICE], [ALICE])
        assert event["queryText"] == BOTH
        assert event["memberSchemaMapping"] == {BOB: ["patients"], CAROL: ["visits"]}
        assert event["memberDisplayNames"] == {ALICE: "Alice", BOB: "Bob", CAROL: "Carol"}


def test_the_id_of_a_configured_table_is_told_to_its_owner_alone(room: Room) -> None:
    ask(room, BOTH)
    (bobs,) = log_of(room, BOB)
    assert (bobs["schemaName"], bobs["configuredTableId"]) == ("patients", room.table.configured_table_id)
    assert [table.get("configuredTableId") for table in own_tables(bobs, BOB)] == [room.table.configured_table_id]
    for account in (ALICE, CAROL):
        assert room.table.configured_table_id not in json.dumps(log_of(room, account))


def test_only_those_concerned_have_an_event(room: Room) -> None:
    ask(room, SQL)
    assert log_of(room, CAROL) == []
    with pytest.raises(ResourceNotFound):
        log_of(room, DAVE)


def test_the_user_that_asked_is_named(room: Room) -> None:
    room.server.principal = Principal("ada", Role.ANALYST)
    ask(room)
    room.server.principal = Principal("olga", Role.PRIVACY_OFFICER)
    with pytest.raises(Fault):
        ask(room)
    started, refused = log_of(room, BOB)
    assert (started["runnerUser"], started["runnerArn"]) == ("ada", f"arn:aws:iam::{ALICE}:user/ada")
    assert (refused["runnerUser"], refused["status"]) == ("olga", "REFUSED")


def test_a_receiver_is_told(room: Room) -> None:
    server = room.server
    with server.store.transaction() as tx:
        member = tx.members.get(f"{room.collaboration_id}/{CAROL}")
        assert member is not None
        tx.members.update(member, abilities=("CAN_RECEIVE_RESULTS",))
    place = {"resultFormat": "CSV", "bucket": "carol"}
    configuration = {"outputConfiguration": {"s3": place}}
    here = {"membershipIdentifier": room.membership(CAROL)}
    server.cleanrooms(CAROL, "UpdateMembership", **here, defaultResultConfiguration=configuration)
    ask(room, resultConfiguration={"outputConfiguration": {"member": {"accountId": CAROL}}})
    (event,) = log_of(room, CAROL)
    assert event["resultReceivers"] == [CAROL]


@pytest.mark.parametrize("collaboration", ["ENABLED", "DISABLED"])
@pytest.mark.parametrize("membership", ["ENABLED", "DISABLED"])
def test_a_member_has_a_log_only_where_the_collaboration_and_its_membership_have_it_enabled(
    server: Server, tmp_path: Path, collaboration: str, membership: str
) -> None:
    server.logs, server.finder = FolderRunLogs(tmp_path), PatternFinder()
    room = a_clean_room(server, queryLogStatus=collaboration)
    room.shared_table(BOB, "patients")
    here = {"membershipIdentifier": room.membership(BOB)}
    server.cleanrooms(BOB, "UpdateMembership", **here, queryLogStatus=membership)
    ask(room)
    groups = server.call(BOB, "logs", "DescribeLogGroups", logGroupNamePrefix="/aws/cleanrooms/")["logGroups"]
    if collaboration == membership == "ENABLED":
        assert [one["logGroupName"] for one in groups] == [group(room)]
        assert len(log_of(room, BOB)) == 1
    else:
        assert groups == []


def test_queries_and_jobs_are_enabled_apart(room: Room) -> None:
    server = room.server
    here = {"membershipIdentifier": room.membership(BOB)}
    server.cleanrooms(BOB, "UpdateMembership", **here, queryLogStatus="DISABLED")
    channel = room.active_channel()
    assert log_of(room, BOB) == []
    room.model("trial", channel)
    assert [event["analysisCategory"] for event in log_of(room, BOB)] == ["TRAINING"]
    server.cleanrooms(BOB, "UpdateMembership", **here, jobLogStatus="DISABLED")
    room.model("again", channel)
    assert len(log_of(room, BOB)) == 1


def test_the_text_and_the_parameters_values_can_be_withheld_and_a_digest_stays(room: Room) -> None:
    server = room.server
    server.withhold_query_text = True
    template = server.cleanrooms(
        ALICE,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(ALICE),
        name="older",
        format="SQL",
        source={"text": "SELECT age FROM patients WHERE age > :years"},
        analysisParameters=[{"name": "years", "type": "BIGINT"}],
    )["analysisTemplate"]["arn"]
    ask(room, sqlParameters={"analysisTemplateArn": template, "parameters": {"years": "4711"}})
    ask(room, SQL)
    for account in (ALICE, BOB):
        with_template, plain = log_of(room, account)
        assert with_template["parameters"] == ["years"]
        assert plain["queryTextSha256"] == hashlib.sha256(SQL.encode()).hexdigest()
        assert "4711" not in json.dumps(with_template)
        assert "SELECT" not in json.dumps([with_template, plain])
    server.withhold_query_text = False
    ask(room, sqlParameters={"analysisTemplateArn": template, "parameters": {"years": "4711"}})
    *_, open_ = log_of(room, BOB)
    assert (open_["parameters"], open_["analysisTemplateArn"]) == ({"years": "4711"}, template)
    assert open_["queryText"] == "SELECT age FROM patients WHERE age > :years"


def test_a_channel_a_training_an_inference_job_and_an_export_each_tell_the_owner(room: Room) -> None:
    channel = room.active_channel()
    model = room.active_model("trial", channel)["trainedModelArn"]
    room.configure(CAROL)
    job = room.inference_job("guess", model, channel)
    room.call("StartTrainedModelExportJob", **room.export_request("out", model))
    events = {event["analysisCategory"]: event for event in log_of(room, BOB)}
    assert list(events) == ["SQL", "TRAINING", "INFERENCE", "EXPORT"]
    assert events["SQL"]["mlInputChannelArn"] == channel
    assert events["SQL"]["configuredModelAlgorithmAssociationArn"] == room.association_arn
    assert events["TRAINING"]["trainedModelArn"] == model
    assert events["INFERENCE"]["trainedModelInferenceJobArn"] == job
    assert events["EXPORT"]["trainedModelExportJobName"] == "out"
    for kind in ("TRAINING", "INFERENCE", "EXPORT"):
        assert events[kind]["jobRunners"] == [ALICE]
        assert events[kind]["configuredTableId"] == room.table.configured_table_id
    assert [events[kind]["resultReceivers"] for kind in ("INFERENCE", "EXPORT")] == [[CAROL], [CAROL]]


def test_the_owner_of_a_table_that_an_ancestor_of_a_model_learnt_from_is_told(room: Room) -> None:
    patients = room.table
    with room.server.store.reading() as tx:
        (association,) = tx.configured_table_associations.all(membership_id=room.membership(CAROL))
    room.table = SharedTable(association.configured_table_id, association.id)
    of_visits = room.active_channel("visits")
    room.table = patients
    base = room.active_model("base", room.active_channel())
    room.version("next", base, of_visits)
    *_, event = log_of(room, BOB, "TRAINING")
    assert event["memberSchemaMapping"] == {BOB: ["patients"], CAROL: ["visits"]}


def test_spark_properties_are_named_in_the_log(room: Room) -> None:
    worker = {"type": "CR.1X", "number": 2, "properties": {"spark": {"spark.sql.shuffle.partitions": "8"}}}
    ask(room, computeConfiguration={"worker": worker})
    ask(room)
    source = input_channel({"queryString": SQL})
    source["dataSource"]["protectedQueryInputParameters"]["computeConfiguration"] = {"worker": worker}
    room.channel(inputChannel=source)
    told = [event.get("sparkPropertiesWithoutEffect") for event in log_of(room, BOB)]
    assert told == [["spark.sql.shuffle.partitions"], None, ["spark.sql.shuffle.partitions"]]
