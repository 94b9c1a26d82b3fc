"""Analysis logs: what each member reads of who analysed which tables, and for what."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, Office, SharedTable, a_clean_room
from support.ml import SQL, Studio, input_channel
from unit.operations.logged_studio import BOTH, a_logged_studio, ask, group, log_of, own_tables
from whiteroom.base.callers import Principal, Role
from whiteroom.base.faults import Fault, ResourceNotFound
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return a_logged_studio(office, tmp_path)


def test_a_query_over_two_owners_tables_tells_each_of_them_and_the_runner(studio: Studio) -> None:
    query = ask(studio.office, studio.room, BOTH)
    for account in (ALICE, BOB, CAROL):
        (event,) = log_of(studio.office, studio.room, account)
        assert (event["logStage"], event["analysisId"], event["status"]) == ("SUBMISSION", query, "SUBMITTED")
        assert (event["analysisCategory"], event["queryRunners"], event["resultReceivers"]) == ("SQL", [ALICE], [ALICE])
        assert event["queryText"] == BOTH
        assert event["memberSchemaMapping"] == {BOB: ["patients"], CAROL: ["visits"]}
        assert event["memberDisplayNames"] == {ALICE: "Alice", BOB: "Bob", CAROL: "Carol"}


def test_the_id_of_a_configured_table_is_told_to_its_owner_alone(studio: Studio) -> None:
    ask(studio.office, studio.room, BOTH)
    (bobs,) = log_of(studio.office, studio.room, BOB)
    assert (bobs["schemaName"], bobs["configuredTableId"]) == ("patients", studio.table.configured_table_id)
    assert [table.get("configuredTableId") for table in own_tables(bobs, BOB)] == [studio.table.configured_table_id]
    for account in (ALICE, CAROL):
        assert studio.table.configured_table_id not in json.dumps(log_of(studio.office, studio.room, account))


def test_only_those_concerned_have_an_event(studio: Studio) -> None:
    ask(studio.office, studio.room, SQL)
    assert log_of(studio.office, studio.room, CAROL) == []
    with pytest.raises(ResourceNotFound):
        log_of(studio.office, studio.room, DAVE)


def test_the_user_that_asked_is_named(studio: Studio) -> None:
    studio.office.principal = Principal("ada", Role.ANALYST)
    ask(studio.office, studio.room)
    studio.office.principal = Principal("olga", Role.PRIVACY_OFFICER)
    with pytest.raises(Fault):
        ask(studio.office, studio.room)
    started, refused = log_of(studio.office, studio.room, BOB)
    assert (started["runnerUser"], started["runnerArn"]) == ("ada", f"arn:aws:iam::{ALICE}:user/ada")
    assert (refused["runnerUser"], refused["status"]) == ("olga", "REFUSED")


def test_a_receiver_is_told(studio: Studio) -> None:
    office, room = studio.office, studio.room
    with office.store.transaction() as tx:
        member = tx.members.get(f"{room.collaboration_id}/{CAROL}")
        assert member is not None
        tx.members.update(member, abilities=("CAN_RECEIVE_RESULTS",))
    place = {"resultFormat": "CSV", "bucket": "carol"}
    configuration = {"outputConfiguration": {"s3": place}}
    here = {"membershipIdentifier": room.membership(CAROL)}
    office.cleanrooms(CAROL, "UpdateMembership", **here, defaultResultConfiguration=configuration)
    ask(office, room, resultConfiguration={"outputConfiguration": {"member": {"accountId": CAROL}}})
    (event,) = log_of(office, room, CAROL)
    assert event["resultReceivers"] == [CAROL]


@pytest.mark.parametrize("collaboration", ["ENABLED", "DISABLED"])
@pytest.mark.parametrize("membership", ["ENABLED", "DISABLED"])
def test_a_member_has_a_log_only_where_the_collaboration_and_its_membership_have_it_enabled(
    office: Office, tmp_path: Path, collaboration: str, membership: str
) -> None:
    office.logs, office.finder = FolderRunLogs(tmp_path), PatternFinder()
    room = a_clean_room(office, queryLogStatus=collaboration)
    room.shared_table(BOB, "patients")
    here = {"membershipIdentifier": room.membership(BOB)}
    office.cleanrooms(BOB, "UpdateMembership", **here, queryLogStatus=membership)
    ask(office, room)
    groups = office.call(BOB, "logs", "DescribeLogGroups", logGroupNamePrefix="/aws/cleanrooms/")["logGroups"]
    if collaboration == membership == "ENABLED":
        assert [one["logGroupName"] for one in groups] == [group(room)]
        assert len(log_of(office, room, BOB)) == 1
    else:
        assert groups == []


def test_queries_and_jobs_are_enabled_apart(studio: Studio) -> None:
    office, room = studio.office, studio.room
    here = {"membershipIdentifier": room.membership(BOB)}
    office.cleanrooms(BOB, "UpdateMembership", **here, queryLogStatus="DISABLED")
    channel = studio.active_channel()
    assert log_of(office, room, BOB) == []
    studio.model("trial", channel)
    assert [event["analysisCategory"] for event in log_of(office, room, BOB)] == ["TRAINING"]
    office.cleanrooms(BOB, "UpdateMembership", **here, jobLogStatus="DISABLED")
    studio.model("again", channel)
    assert len(log_of(office, room, BOB)) == 1


def test_the_text_and_the_parameters_values_can_be_withheld_and_a_digest_stays(studio: Studio) -> None:
    office, room = studio.office, studio.room
    office.withhold_query_text = True
    template = office.cleanrooms(
        ALICE,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(ALICE),
        name="older",
        format="SQL",
        source={"text": "SELECT age FROM patients WHERE age > :years"},
        analysisParameters=[{"name": "years", "type": "BIGINT"}],
    )["analysisTemplate"]["arn"]
    ask(office, room, sqlParameters={"analysisTemplateArn": template, "parameters": {"years": "4711"}})
    ask(office, room, SQL)
    for account in (ALICE, BOB):
        with_template, plain = log_of(office, room, account)
        assert with_template["parameters"] == ["years"]
        assert plain["queryTextSha256"] == hashlib.sha256(SQL.encode()).hexdigest()
        assert "4711" not in json.dumps(with_template)
        assert "SELECT" not in json.dumps([with_template, plain])
    office.withhold_query_text = False
    ask(office, room, sqlParameters={"analysisTemplateArn": template, "parameters": {"years": "4711"}})
    *_, open_ = log_of(office, room, BOB)
    assert (open_["parameters"], open_["analysisTemplateArn"]) == ({"years": "4711"}, template)
    assert open_["queryText"] == "SELECT age FROM patients WHERE age > :years"


def test_a_channel_a_training_an_inference_job_and_an_export_each_tell_the_owner(studio: Studio) -> None:
    office, room = studio.office, studio.room
    channel = studio.active_channel()
    model = studio.active_model("trial", channel)["trainedModelArn"]
    studio.configure(CAROL)
    job = studio.inference_job("guess", model, channel)
    studio.call("StartTrainedModelExportJob", **studio.export_request("out", model))
    events = {event["analysisCategory"]: event for event in log_of(office, room, BOB)}
    assert list(events) == ["SQL", "TRAINING", "INFERENCE", "EXPORT"]
    assert events["SQL"]["mlInputChannelArn"] == channel
    assert events["SQL"]["configuredModelAlgorithmAssociationArn"] == studio.association_arn
    assert events["TRAINING"]["trainedModelArn"] == model
    assert events["INFERENCE"]["trainedModelInferenceJobArn"] == job
    assert events["EXPORT"]["trainedModelExportJobName"] == "out"
    for kind in ("TRAINING", "INFERENCE", "EXPORT"):
        assert events[kind]["jobRunners"] == [ALICE]
        assert events[kind]["configuredTableId"] == studio.table.configured_table_id
    assert [events[kind]["resultReceivers"] for kind in ("INFERENCE", "EXPORT")] == [[CAROL], [CAROL]]


def test_the_owner_of_a_table_that_an_ancestor_of_a_model_learnt_from_is_told(studio: Studio) -> None:
    patients = studio.table
    with studio.office.store.reading() as tx:
        (association,) = tx.configured_table_associations.all(membership_id=studio.room.membership(CAROL))
    studio.table = SharedTable(association.configured_table_id, association.id)
    of_visits = studio.active_channel("visits")
    studio.table = patients
    base = studio.active_model("base", studio.active_channel())
    studio.version("next", base, of_visits)
    *_, event = log_of(studio.office, studio.room, BOB, "TRAINING")
    assert event["memberSchemaMapping"] == {BOB: ["patients"], CAROL: ["visits"]}


def test_spark_properties_are_named_in_the_log(studio: Studio) -> None:
    worker = {"type": "CR.1X", "number": 2, "properties": {"spark": {"spark.sql.shuffle.partitions": "8"}}}
    ask(studio.office, studio.room, computeConfiguration={"worker": worker})
    ask(studio.office, studio.room)
    source = input_channel({"queryString": SQL})
    source["dataSource"]["protectedQueryInputParameters"]["computeConfiguration"] = {"worker": worker}
    studio.channel(inputChannel=source)
    told = [event.get("sparkPropertiesWithoutEffect") for event in log_of(studio.office, studio.room, BOB)]
    assert told == [["spark.sql.shuffle.partitions"], None, ["spark.sql.shuffle.partitions"]]
