"""Analysis logs: what each member reads of who analysed which tables, for what, and with what end."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, NOW, REGION, Office, Room, SharedTable, a_clean_room
from support.ml import SQL, Studio, a_studio, input_channel
from support.revoking import WAYS, Owner
from whiteroom.base.callers import Principal, Role
from whiteroom.base.faults import AccessDenied, Conflict, Fault, ResourceNotFound, ValidationFault
from whiteroom.controllers.analysis_logs import log_end
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.observability.analysis_logs import REFUSED_TO_ANOTHER
from whiteroom.operations.refusals import A_MINUTE, RefusalCount
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs

ON = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}
BOTH = "SELECT p.age FROM patients p JOIN visits v ON p.patient_id = v.patient_id"


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    """A room in which everything is logged for everyone; BOB shares `patients`, CAROL `visits`."""
    office.logs, office.finder = FolderRunLogs(tmp_path / "logs"), PatternFinder()
    (tmp_path / "logs").mkdir()
    studio = a_studio(office, **ON)
    for account, membership in studio.room.memberships.items():
        office.cleanrooms(account, "UpdateMembership", membershipIdentifier=membership, **ON)
    studio.room.shared_table(CAROL, "visits")
    return studio


def group(room: Room) -> str:
    return f"/aws/cleanrooms/{room.collaboration_id}"


def log_of(office: Office, room: Room, account: str, *terms: str) -> list[dict[str, Any]]:
    """The messages of an account's analysis log, in order."""
    request = {"filterPattern": " ".join(f'"{term}"' for term in terms)} if terms else {}
    answer = office.call(account, "logs", "FilterLogEvents", logGroupName=group(room), **request)
    return [json.loads(event["message"]) for event in answer["events"]]


def ask(office: Office, room: Room, text: str = SQL, account: str = ALICE, **changes: Any) -> str:
    """A query of ALICE's; its id."""
    request: dict[str, Any] = {
        "type": "SQL",
        "membershipIdentifier": room.membership(account),
        "sqlParameters": {"queryString": text},
        "resultConfiguration": {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "alice"}}},
    }
    answer = office.cleanrooms(account, "StartProtectedQuery", **{**request, **changes})
    return str(answer["protectedQuery"]["id"])


def end(studio: Studio, kind: str, record_id: str, *events: Event, **changes: Any) -> None:
    """Take a record to its end, as a controller does."""
    with studio.office.store.transaction() as tx:
        repository: Any = getattr(tx, kind)
        record = repository.get(record_id)
        for event in events:
            last, at = dict(changes) if event is events[-1] else {}, studio.office.now
            if kind == "protected_queries" and event is Event.STARTED:
                last["started_at"] = at
            record = repository.transition(record, event, actor="controller", at=at, **last)
            log_end(tx, record, at)
    studio.office.now += timedelta(seconds=1)


def own_tables(event: dict[str, Any], account: str) -> list[dict[str, Any]]:
    return [table for table in event["tables"] if table["ownerAccountId"] == account]


# -- what is told, and to whom ---------------------------------------------------------


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


# -- jobs ------------------------------------------------------------------------------


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


# -- the end ---------------------------------------------------------------------------


def test_an_ended_query_tells_what_it_read(studio: Studio) -> None:
    query = ask(studio.office, studio.room, BOTH)
    read = (studio.table.association_id,)
    end(studio, "protected_queries", query, Event.STARTED, Event.SUCCEEDED, read_associations=read)
    for account in (ALICE, BOB, CAROL):
        first, last = log_of(studio.office, studio.room, account)
        assert (first["logStage"], last["logStage"], last["status"]) == ("SUBMISSION", "TERMINATION", "SUCCESS")
        assert first["eventId"] != last["eventId"]
        assert first["eventTimestamp"] < last["eventTimestamp"]
        assert {table["schemaName"]: table["access"] for table in first["tables"]} == dict.fromkeys(
            ("patients", "visits"), "NAMED"
        )
        assert {table["schemaName"]: table["access"] for table in last["tables"]} == {
            "patients": "READ",
            "visits": "NOT_READ",
        }


def test_a_query_that_the_rules_refuse_ends_as_failed_having_read_nothing(studio: Studio) -> None:
    query = ask(studio.office, studio.room)
    why = {"status_code": "QueryRefused", "status_message": "Table 'patients' allows no such query."}
    end(studio, "protected_queries", query, Event.STARTED, Event.FAILED, **why)
    *_, last = log_of(studio.office, studio.room, BOB)
    assert (last["status"], last["errorCode"], last["errorMessage"]) == ("FAILED", *why.values())
    assert [table["access"] for table in last["tables"]] == ["NOT_READ"]


def test_a_query_that_was_cancelled_before_it_began_has_read_nothing_and_one_that_had_begun_may_have(
    studio: Studio,
) -> None:
    first, second = ask(studio.office, studio.room), ask(studio.office, studio.room)
    end(studio, "protected_queries", second, Event.STARTED)
    access = {}
    for query in (first, second):
        here = {"membershipIdentifier": studio.room.membership(ALICE), "protectedQueryIdentifier": query}
        studio.office.cleanrooms(ALICE, "UpdateProtectedQuery", **here, targetStatus="CANCELLED")
        end(studio, "protected_queries", query, Event.STOPPED)
        *_, last = log_of(studio.office, studio.room, BOB, query)
        assert last["status"] == "CANCELLED"
        access[query] = last["tables"][0]["access"]
    assert access == {first: "NOT_READ", second: "MAY_HAVE_BEEN_READ"}


def test_what_a_failed_program_said_is_in_no_log(studio: Studio) -> None:
    model = studio.model("trial", studio.active_channel())["trainedModelArn"].rpartition("/")[2]
    why = {
        "status_code": "AlgorithmError",
        "status_message": "ValueError: patient 4711",
        "run_started_at": studio.office.now,
    }
    end(studio, "trained_models", model, Event.STARTED, Event.FAILED, **why)
    for account in (ALICE, BOB):
        *_, last = log_of(studio.office, studio.room, account, "TRAINING")
        assert (last["logStage"], last["status"], last["errorCode"]) == ("TERMINATION", "FAILED", "AlgorithmError")
        assert "4711" not in json.dumps(last)


def test_the_end_of_a_training_is_told_once_though_its_model_is_deleted_later(studio: Studio) -> None:
    model = studio.model("trial", studio.active_channel())["trainedModelArn"].rpartition("/")[2]
    end(studio, "trained_models", model, Event.STARTED, Event.SUCCEEDED, run_started_at=studio.office.now)
    end(studio, "trained_models", model, Event.DELETE, Event.ERASING, Event.ERASED)
    stages = [(event["logStage"], event["status"]) for event in log_of(studio.office, studio.room, BOB, "TRAINING")]
    assert stages == [("SUBMISSION", "SUBMITTED"), ("TERMINATION", "SUCCESS")]


def test_the_end_reaches_an_owner_that_has_left_meanwhile(studio: Studio) -> None:
    query = ask(studio.office, studio.room)
    studio.office.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=studio.room.collaboration_id, accountId=BOB)
    end(
        studio, "protected_queries", query, Event.STARTED, Event.FAILED, status_code="DataError", status_message="Gone."
    )
    assert [event["logStage"] for event in log_of(studio.office, studio.room, BOB)] == ["SUBMISSION", "TERMINATION"]


# -- refused attempts --------------------------------------------------------------------


def test_a_query_that_is_refused_at_once_is_an_event_for_the_tables_owner(studio: Studio) -> None:
    with pytest.raises(AccessDenied) as caught:
        ask(studio.office, studio.room, account=CAROL)
    (event,) = log_of(studio.office, studio.room, BOB)
    assert (event["logStage"], event["status"], event["queryRunners"]) == ("SUBMISSION", "REFUSED", [CAROL])
    assert event["errorCode"] == "AccessDeniedException"
    assert event["queryValidationErrors"] == [event["errorMessage"]] == [caught.value.message]
    assert [table["access"] for table in event["tables"]] == ["NOT_READ"]
    assert event["queryText"] == SQL


def test_a_query_over_a_spent_budget_is_an_event_and_leaves_no_query(studio: Studio) -> None:
    office, room = studio.office, studio.room
    place = f"membership/{room.membership(BOB)}/configuredtableassociation/{studio.table.association_id}"
    budget = {
        "budgetParameters": [{"type": "LIFETIME", "budget": 1}],
        "resourceArn": f"arn:aws:cleanrooms:{REGION}:{BOB}:{place}",
    }
    here = {"membershipIdentifier": room.membership(BOB), "privacyBudgetType": "ACCESS_BUDGET"}
    office.cleanrooms(BOB, "CreatePrivacyBudgetTemplate", **here, parameters={"accessBudget": budget})
    ask(office, room)
    with pytest.raises(AccessDenied):
        ask(office, room)
    assert [event["status"] for event in log_of(office, room, BOB)] == ["SUBMITTED", "REFUSED"]
    with office.store.reading() as tx:
        assert tx.protected_queries.count(9, membership_id=room.membership(ALICE)) == 1


@pytest.mark.parametrize("operation", ["CreateMLInputChannel", "CreateTrainedModel", "StartTrainedModelInferenceJob"])
def test_channels_and_jobs_that_are_refused_are_events(studio: Studio, operation: str) -> None:
    channel = studio.active_channel()
    model = studio.active_model("trial", channel)["trainedModelArn"]
    requests = {
        "CreateMLInputChannel": studio.channel_request("mine"),
        "CreateTrainedModel": studio.training_request("mine", channel),
        "StartTrainedModelInferenceJob": studio.inference_request("mine", model, channel),
    }
    before = len(log_of(studio.office, studio.room, BOB))
    studio.refused(AccessDenied, operation, CAROL, **requests[operation])
    *rest, event = log_of(studio.office, studio.room, BOB)
    assert len(rest) == before
    assert (event["status"], event["memberDisplayNames"][CAROL]) == ("REFUSED", "Carol")
    assert event["configuredTableId"] == studio.table.configured_table_id


def test_an_export_that_is_refused_is_an_event(studio: Studio) -> None:
    model = studio.active_model("trial", studio.active_channel())["trainedModelArn"]
    studio.refused(AccessDenied, "StartTrainedModelExportJob", CAROL, **studio.export_request("out", model))
    *_, event = log_of(studio.office, studio.room, BOB)
    assert (event["analysisCategory"], event["status"], event["trainedModelArn"]) == ("EXPORT", "REFUSED", model)


def test_attempts_of_an_incremental_training_that_is_refused_name_the_tables_of_its_base(studio: Studio) -> None:
    base = studio.active_model("base", studio.active_channel())
    request = studio.training_request("base", arn_of_no_channel(studio))
    incremental = [{"trainedModelArn": base["trainedModelArn"], "channelName": "base"}]
    studio.refused(
        ResourceNotFound, "CreateTrainedModel", ALICE, **request, incrementalTrainingDataChannels=incremental
    )
    *_, event = log_of(studio.office, studio.room, BOB)
    assert (event["status"], event["errorCode"]) == ("REFUSED", "ResourceNotFoundException")


@pytest.mark.parametrize(
    "operation", ["CreateTrainedModel", "StartTrainedModelInferenceJob", "StartTrainedModelExportJob"]
)
def test_a_refused_attempt_does_not_tell_who_made_it_which_tables_lie_behind_what_is_anothers(
    studio: Studio, operation: str
) -> None:
    channel = studio.active_channel()
    model = studio.active_model("trial", channel)["trainedModelArn"]
    requests = {
        "CreateTrainedModel": studio.training_request("mine", channel),
        "StartTrainedModelInferenceJob": studio.inference_request("mine", model, channel),
        "StartTrainedModelExportJob": studio.export_request("mine", model),
    }
    studio.refused(AccessDenied, operation, CAROL, **requests[operation])
    *_, told = log_of(studio.office, studio.room, CAROL)
    assert (told["status"], told["tables"], told["memberSchemaMapping"]) == ("REFUSED", [], {})
    assert told["memberDisplayNames"] == {CAROL: "Carol"}
    assert "patients" not in json.dumps(told)
    *_, owners = log_of(studio.office, studio.room, BOB)
    assert (owners["status"], owners["schemaName"]) == ("REFUSED", "patients")


def test_a_refused_attempt_tells_who_made_it_the_tables_behind_its_own_channels_and_models(studio: Studio) -> None:
    model = studio.active_model("trial", studio.active_channel())["trainedModelArn"]
    studio.refused(AccessDenied, "StartTrainedModelExportJob", **studio.export_request("out", model, BOB))
    *_, told = log_of(studio.office, studio.room, ALICE)
    assert (told["status"], told["memberSchemaMapping"]) == ("REFUSED", {BOB: ["patients"]})


@pytest.mark.parametrize("way", ["the rule is deleted", "a column is not shown any more"])
def test_why_a_job_was_refused_is_told_to_who_asked_alone(studio: Studio, way: str) -> None:
    channel = studio.active_channel("secret-study")
    WAYS[way](Owner(studio))
    said = studio.refused(AccessDenied, "CreateTrainedModel", **studio.training_request("mine", channel))
    assert "secret-study" in said
    messages = {account: log_of(studio.office, studio.room, account)[-1]["errorMessage"] for account in (ALICE, BOB)}
    assert messages == {ALICE: said, BOB: REFUSED_TO_ANOTHER}


def arn_of_no_channel(studio: Studio) -> str:
    membership = studio.room.membership(ALICE)
    return f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:membership/{membership}/ml-input-channel/{membership}"


def test_whoever_asks_in_the_name_of_another_leaves_no_event_in_anybodys_log(studio: Studio) -> None:
    with pytest.raises(AccessDenied):
        studio.office.cleanrooms(
            DAVE,
            "StartProtectedQuery",
            type="SQL",
            membershipIdentifier=studio.room.membership(ALICE),
            sqlParameters={"queryString": SQL},
        )
    for account in (ALICE, BOB, CAROL):
        assert log_of(studio.office, studio.room, account) == []


NO_TEMPLATE = f"arn:aws:cleanrooms:{REGION}:{ALICE}:membership/{'0' * 8}-0000-0000-0000-{'0' * 12}/analysistemplate/x"


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        (ValidationFault, {"queryString": SQL, "parameters": {"a": "1"}}),
        (ResourceNotFound, {"analysisTemplateArn": NO_TEMPLATE}),
        (ValidationFault, {}),
    ],
)
def test_requests_that_make_no_sense_are_refused_and_logged(
    studio: Studio, fault: type[Fault], parameters: dict[str, Any]
) -> None:
    with pytest.raises(fault):
        ask(studio.office, studio.room, sqlParameters=parameters)
    assert [event["status"] for event in log_of(studio.office, studio.room, ALICE)] == ["REFUSED"]


def test_the_text_of_a_refused_attempt_is_cut_and_its_digest_is_of_the_whole(studio: Studio) -> None:
    text = f"SELECT age FROM patients -- {'x' * 100_000}"
    with pytest.raises(AccessDenied):
        ask(studio.office, studio.room, text, account=CAROL)
    ask(studio.office, studio.room, text)
    refused, started = log_of(studio.office, studio.room, BOB)
    assert (len(refused["queryText"]), refused["queryTextCut"]) == (4_096, True)
    assert refused["queryTextSha256"] == started["queryTextSha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (started["queryText"], started.get("queryTextCut")) == (text, None)


def test_endless_refused_attempts_of_one_account_do_not_fill_the_logs() -> None:
    count, now = RefusalCount(), NOW
    assert [count.one_more(ALICE, now) for _ in range(A_MINUTE + 2)] == [True] * A_MINUTE + [False, False]
    assert count.one_more(BOB, now)
    assert count.one_more(ALICE, now + timedelta(minutes=1))


# -- reading it --------------------------------------------------------------------------


def test_the_log_is_read_as_cloudwatch_has_it(studio: Studio) -> None:
    office, room = studio.office, studio.room
    queries = [ask(office, room) for _ in range(3)]
    for query in queries:
        end(studio, "protected_queries", query, Event.STARTED, Event.SUCCEEDED)
    channel = studio.active_channel()
    studio.model("trial", channel)
    name = {"logGroupName": group(room)}
    streams = office.call(BOB, "logs", "DescribeLogStreams", **name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["jobs", "queries"]
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = office.call(
            BOB, "logs", "GetLogEvents", **name, logStreamName="queries", limit=2, startFromHead=True, **token
        )
        seen += [json.loads(event["message"])["analysisId"] for event in page["events"]]
        if not page["events"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert seen[:6] == [*queries, *queries]
    newest = office.call(BOB, "logs", "GetLogEvents", **name, logStreamName="queries", limit=1)["events"]
    assert json.loads(newest[0]["message"])["analysisId"] == seen[-1]
    found = office.call(BOB, "logs", "FilterLogEvents", **name, filterPattern=f'"{queries[1]}" TERMINATION')["events"]
    assert [json.loads(event["message"])["logStage"] for event in found] == ["TERMINATION"]
    at_ms = found[0]["timestamp"]
    later = office.call(BOB, "logs", "FilterLogEvents", **name, startTime=at_ms)["events"]
    assert [event["timestamp"] >= at_ms for event in later] == [True] * len(later)
    assert len(later) == 4


def test_pages_of_a_search_come_to_every_event_once(studio: Studio) -> None:
    office, room = studio.office, studio.room
    for _ in range(4):
        end(studio, "protected_queries", ask(office, room), Event.STARTED, Event.SUCCEEDED)
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = office.call(BOB, "logs", "FilterLogEvents", logGroupName=group(room), limit=3, **token)
        assert len(page["events"]) <= 3
        seen += [event["eventId"] for event in page["events"]]
        if page.get("nextToken") is None:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(seen) == len(set(seen)) == 8


def test_a_log_stays_its_accounts_own_when_it_has_left(studio: Studio) -> None:
    ask(studio.office, studio.room)
    studio.office.cleanrooms(ALICE, "DeleteCollaboration", collaborationIdentifier=studio.room.collaboration_id)
    assert len(log_of(studio.office, studio.room, BOB)) == 1


def test_a_group_is_found_by_its_arn_and_another_accounts_is_not(studio: Studio) -> None:
    office, room = studio.office, studio.room
    arn = f"arn:aws:logs:{REGION}:{BOB}:log-group:{group(room)}"
    assert office.call(BOB, "logs", "FilterLogEvents", logGroupIdentifier=arn)["events"] == []
    for account in (CAROL, DAVE):
        with pytest.raises(ResourceNotFound):
            office.call(account, "logs", "FilterLogEvents", logGroupIdentifier=arn)


def test_a_conflict_is_a_refusal_too(studio: Studio) -> None:
    channel = studio.channel("rows")
    studio.refused(Conflict, "CreateTrainedModel", ALICE, **studio.training_request("trial", channel))
    *_, event = log_of(studio.office, studio.room, ALICE)
    assert (event["status"], event["errorCode"]) == ("REFUSED", "ConflictException")


def test_spark_properties_are_named_in_the_log(studio: Studio) -> None:
    worker = {"type": "CR.1X", "number": 2, "properties": {"spark": {"spark.sql.shuffle.partitions": "8"}}}
    ask(studio.office, studio.room, computeConfiguration={"worker": worker})
    ask(studio.office, studio.room)
    source = input_channel({"queryString": SQL})
    source["dataSource"]["protectedQueryInputParameters"]["computeConfiguration"] = {"worker": worker}
    studio.channel(inputChannel=source)
    told = [event.get("sparkPropertiesWithoutEffect") for event in log_of(studio.office, studio.room, BOB)]
    assert told == [["spark.sql.shuffle.partitions"], None, ["spark.sql.shuffle.partitions"]]
