from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, NOW, collaboration_request
from support.worlds.rooms import Room, a_clean_room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus

INTERMEDIATE = {
    "id": "99999999-0000-4000-8000-000000000000",
    "arn": f"arn:aws:cleanrooms:eu-central-1:{ALICE}:membership/99999999-0000-4000-8000-000000000000/intermediatetable/"
    "99999999-0000-4000-8000-000000000000",
    "name": "kept",
}
NOWHERE = "99999999-0000-4000-8000-000000000000"


def a_query(room: Room, number: int = 1) -> ProtectedQuery:
    return ProtectedQuery(
        id=f"11111111-0000-4000-8000-{number:012x}",
        arn=f"arn:aws:cleanrooms:eu-central-1:{ALICE}:membership/x/protectedquery/{number}",
        membership_id=room.membership(ALICE),
        membership_arn=f"arn:aws:cleanrooms:eu-central-1:{ALICE}:membership/{room.membership(ALICE)}",
        collaboration_id=room.collaboration_id,
        account_id=ALICE,
        ml_input_channel_arn=f"arn:aws:cleanrooms-ml:eu-central-1:{ALICE}:membership/x/ml-input-channel/y",
        sql_parameters={"queryString": "SELECT age FROM patients"},
        result_configuration=None,
        result_format=None,
        single_file=False,
        receivers=(),
        named_associations=(),
        charged_associations=(),
        read_associations=(),
        deliveries=(),
        compute_configuration={"worker": {"type": "CR.1X", "number": 2}},
        payer_account_id=ALICE,
        status=ProtectedQueryStatus.SUBMITTED,
        status_code=None,
        status_message=None,
        revision=0,
        started_at=None,
        created_at=NOW + timedelta(seconds=number),
        updated_at=NOW + timedelta(seconds=number),
    )


def keep(server: Server, query: ProtectedQuery) -> ProtectedQuery:
    with server.store.transaction() as tx:
        tx.protected_queries.add(query)
    return query


def test_a_query_tells_what_ran_and_who_pays_but_no_rows(server: Server, room: Room) -> None:
    query = keep(server, a_query(room))
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query.id}
    seen = server.cleanrooms(ALICE, "GetProtectedQuery", **here)["protectedQuery"]
    assert seen["sqlParameters"] == {"queryString": "SELECT age FROM patients"}
    assert (seen["status"], seen["queryComputePayerAccountId"]) == ("SUBMITTED", ALICE)
    assert seen["statistics"] is None
    assert seen["result"] is None
    assert seen["resultConfiguration"] is None


def test_an_ended_query_tells_how_long_it_ran_and_why_it_failed(server: Server, room: Room) -> None:
    query = keep(
        server,
        replace(
            a_query(room),
            status=ProtectedQueryStatus.FAILED,
            status_code="QueryRefused",
            status_message="Table 'patients' allows no analyses.",
            created_at=NOW,
            updated_at=NOW + timedelta(milliseconds=1500),
        ),
    )
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query.id}
    seen = server.cleanrooms(ALICE, "GetProtectedQuery", **here)["protectedQuery"]
    assert seen["statistics"] == {"totalDurationInMillis": 1500}
    assert seen["error"] == {
        "code": "MALFORMED_QUERY",
        "message": "Table 'patients' allows no analyses.",
        "retry": {"retryable": False},
    }


def test_queries_are_listed_by_status_page_by_page(server: Server, room: Room) -> None:
    for number in (1, 2, 3):
        keep(server, a_query(room, number))
    done = keep(server, replace(a_query(room, 4), status=ProtectedQueryStatus.SUCCESS))
    here = {"membershipIdentifier": room.membership(ALICE)}
    first = server.cleanrooms(ALICE, "ListProtectedQueries", **here, status="SUBMITTED", maxResults=2)
    token = {"nextToken": first["nextToken"]}
    second = server.cleanrooms(ALICE, "ListProtectedQueries", **here, status="SUBMITTED", maxResults=2, **token)
    pages = (first["protectedQueries"], second["protectedQueries"])
    assert [[item["id"][-1] for item in page] for page in pages] == [["3", "2"], ["1"]]
    everything = server.cleanrooms(ALICE, "ListProtectedQueries", **here)["protectedQueries"]
    assert everything[0]["id"] == done.id
    assert {str(item["receiverConfigurations"]) for item in everything} == {"[{'analysisType': 'ADDITIONAL_ANALYSIS'}]"}


@pytest.mark.parametrize("query_id", [NOWHERE, "11111111-0000-4000-8000-000000000001"])
def test_a_query_is_found_in_its_own_membership_alone(server: Server, room: Room, query_id: str) -> None:
    keep(server, a_query(room))
    its = {"protectedQueryIdentifier": query_id}
    server.refused(AccessDenied, BOB, "GetProtectedQuery", membershipIdentifier=room.membership(ALICE), **its)
    server.refused(ResourceNotFound, BOB, "GetProtectedQuery", membershipIdentifier=room.membership(BOB), **its)
    server.refused(AccessDenied, BOB, "ListProtectedQueries", membershipIdentifier=room.membership(ALICE))


S3 = {"resultFormat": "CSV", "bucket": "alices", "keyPrefix": "here/"}
TEXT = {"queryString": "SELECT age FROM patients"}


def started(server: Server, room: Room, output: Any = None, account: str = ALICE, **changes: Any) -> Any:
    """StartProtectedQuery; the query."""
    return server.cleanrooms(account, "StartProtectedQuery", **request(room, output, **changes))["protectedQuery"]


def request(room: Room, output: Any = None, **changes: Any) -> dict[str, Any]:
    asked = {
        "type": "SQL",
        "membershipIdentifier": room.membership(ALICE),
        "sqlParameters": TEXT,
        "resultConfiguration": {"outputConfiguration": output or {"s3": S3}},
        **changes,
    }
    return {key: value for key, value in asked.items() if value is not None}


def seen(server: Server, room: Room, query_id: str) -> Any:
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query_id}
    return server.cleanrooms(ALICE, "GetProtectedQuery", **here)["protectedQuery"]


def advance(server: Server, query_id: str, *events: Event, **changes: Any) -> None:
    """Take a query along its state table, as its controller would."""
    with server.store.transaction() as tx:
        query = tx.protected_queries.get(query_id)
        assert query is not None
        for event in events:
            last = changes if event is events[-1] else {}
            query = tx.protected_queries.transition(query, event, actor="controller", at=server.now, **last)


def place_results(server: Server, room: Room, account: str, **s3: str) -> None:
    """UpdateMembership with a default result configuration."""
    server.cleanrooms(
        account,
        "UpdateMembership",
        membershipIdentifier=room.membership(account),
        defaultResultConfiguration={"outputConfiguration": {"s3": {"resultFormat": "CSV", **s3}}},
    )


@pytest.fixture
def shared(server: Server) -> Room:
    """A room with BOB's table, in which CAROL receives results too."""
    request = collaboration_request()
    request["members"][1]["memberAbilities"] = ["CAN_RECEIVE_RESULTS"]
    room = a_clean_room(server, members=request["members"])
    room.shared_table(BOB, "patients")
    return room


def test_a_query_is_recorded_as_it_was_asked_for_and_waits(server: Server, shared: Room) -> None:
    compute = {"worker": {"type": "CR.4X", "number": 2, "properties": {"spark": {"a": "b"}}}}
    query = started(server, shared, computeConfiguration=compute, queryComputePayerAccountId=ALICE)
    assert query == seen(server, shared, query["id"])
    assert query["status"] == "SUBMITTED"
    assert query["sqlParameters"] == TEXT
    assert query["resultConfiguration"] == {"outputConfiguration": {"s3": S3}}
    assert query["computeConfiguration"] == compute
    assert query["queryComputePayerAccountId"] == ALICE
    assert query["membershipArn"].endswith(query["membershipId"])
    assert [query[key] for key in ("statistics", "result", "error")] == [None, None, None]


def test_a_query_is_listed_with_its_receivers(server: Server, shared: Room) -> None:
    place_results(server, shared, CAROL, bucket="carols")
    started(server, shared, {"distribute": {"locations": [{"s3": S3}, {"member": {"accountId": CAROL}}]}})
    here = {"membershipIdentifier": shared.membership(ALICE)}
    (listed,) = server.cleanrooms(ALICE, "ListProtectedQueries", **here)["protectedQueries"]
    details = {"directAnalysisConfigurationDetails": {"receiverAccountIds": [ALICE, CAROL]}}
    assert listed["receiverConfigurations"] == [{"analysisType": "DIRECT_ANALYSIS", "configurationDetails": details}]


def test_a_result_that_is_to_be_an_intermediate_table_is_refused_by_that_name(server: Server, shared: Room) -> None:
    place_results(server, shared, ALICE, bucket="own")
    where = {"outputConfiguration": {"intermediateTable": INTERMEDIATE}}
    fault = server.refused(ValidationFault, ALICE, "StartProtectedQuery", **request(shared, resultConfiguration=where))
    assert "intermediate" in fault.message


def test_where_results_go_is_answered_as_it_was_asked_for(server: Server, shared: Room) -> None:
    place_results(server, shared, CAROL, bucket="carols")
    s3 = {**S3, "keyPrefix": "results", "resultFormat": "CSV", "singleFileOutput": True}
    for where in ({"s3": s3}, {"distribute": {"locations": [{"s3": s3}, {"member": {"accountId": CAROL}}]}}):
        query = started(server, shared, where)
        assert query["resultConfiguration"] == {"outputConfiguration": where}


def test_a_template_with_parameters_is_asked_for_by_its_arn(server: Server, shared: Room) -> None:
    template = server.cleanrooms(
        BOB,
        "CreateAnalysisTemplate",
        membershipIdentifier=shared.membership(BOB),
        name="by_age",
        format="SQL",
        source={"text": "SELECT age FROM patients WHERE age > :age"},
        analysisParameters=[{"name": "age", "type": "INTEGER"}],
    )["analysisTemplate"]
    asked = {"analysisTemplateArn": template["arn"], "parameters": {"age": "3"}}
    assert started(server, shared, sqlParameters=asked)["sqlParameters"] == asked
    for broken, fault in (
        ({"analysisTemplateArn": template["arn"]}, ValidationFault),
        ({**asked, "parameters": {"age": "3", "height": "1"}}, ValidationFault),
        ({**asked, **TEXT}, ValidationFault),
        ({}, ValidationFault),
        ({**TEXT, "parameters": {"age": "3"}}, ValidationFault),
        ({**asked, "analysisTemplateArn": template["arn"][:-1] + "x"}, ResourceNotFound),
    ):
        server.refused(fault, ALICE, "StartProtectedQuery", **request(shared, sqlParameters=broken))


def test_only_the_member_who_can_query_starts_one(server: Server, shared: Room) -> None:
    for account in (BOB, CAROL):
        here = {"membershipIdentifier": shared.membership(account)}
        server.refused(AccessDenied, account, "StartProtectedQuery", **request(shared, **here))


def test_a_receiver_must_have_the_ability_and_a_place(server: Server, shared: Room) -> None:
    fault = server.refused(
        AccessDenied, ALICE, "StartProtectedQuery", **request(shared, {"member": {"accountId": BOB}})
    )
    assert "CAN_RECEIVE_RESULTS" in fault.message
    assert "(memberAbilities)" in fault.message
    carol = {"member": {"accountId": CAROL}}
    fault = server.refused(ValidationFault, ALICE, "StartProtectedQuery", **request(shared, carol))
    assert "UpdateMembership" in fault.message
    place_results(server, shared, CAROL, bucket="carols")
    assert started(server, shared, carol)["resultConfiguration"]["outputConfiguration"] == carol
    server.refused(
        AccessDenied, ALICE, "StartProtectedQuery", **request(shared, {"member": {"accountId": "999999999999"}})
    )


def test_a_querier_that_cannot_receive_names_no_place_of_its_own(server: Server) -> None:
    request_ = collaboration_request(creatorMemberAbilities=["CAN_QUERY"])
    room = a_clean_room(server, creatorMemberAbilities=["CAN_QUERY"], members=request_["members"])
    server.refused(AccessDenied, ALICE, "StartProtectedQuery", **request(room))


def test_without_a_result_configuration_the_queriers_own_place_is_taken(server: Server, shared: Room) -> None:
    bare = request(shared, resultConfiguration=None)
    server.refused(ValidationFault, ALICE, "StartProtectedQuery", **bare)
    place_results(server, shared, ALICE, bucket="own", keyPrefix="default")
    query = server.cleanrooms(ALICE, "StartProtectedQuery", **bare)["protectedQuery"]
    assert query["resultConfiguration"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"resultConfiguration": {"outputConfiguration": {"s3": {**S3, "keyPrefix": "../up"}}}},
        {"resultConfiguration": {"outputConfiguration": {"s3": {**S3, "keyPrefix": "a//b"}}}},
        {"computeConfiguration": {"worker": {"type": "CR.1X", "number": 401}}},
        {"queryComputePayerAccountId": BOB},
        {"resultConfiguration": {"outputConfiguration": {"intermediateTable": INTERMEDIATE}}},
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(server: Server, shared: Room, changes: Any) -> None:
    server.refused(ValidationFault, ALICE, "StartProtectedQuery", **request(shared, **changes))
    here = {"membershipIdentifier": shared.membership(ALICE)}
    assert server.cleanrooms(ALICE, "ListProtectedQueries", **here)["protectedQueries"] == []


def test_receivers_who_want_different_formats_are_told_so(server: Server, shared: Room) -> None:
    place_results(server, shared, CAROL, bucket="carols", resultFormat="PARQUET")
    both = {"distribute": {"locations": [{"s3": S3}, {"member": {"accountId": CAROL}}]}}
    fault = server.refused(ValidationFault, ALICE, "StartProtectedQuery", **request(shared, both))
    assert "PARQUET" in fault.message


def test_no_more_queries_run_at_a_time_than_the_quota(server: Server, shared: Room) -> None:
    queries = [started(server, shared) for _ in range(5)]
    fault = server.refused(QuotaExceeded, ALICE, "StartProtectedQuery", **request(shared))
    assert fault.members["quotaName"] == "concurrent-queries-per-membership"
    advance(server, queries[0]["id"], Event.STARTED, Event.SUCCEEDED)
    started(server, shared)


def test_a_cancelled_query_is_cancelling_until_its_controller_has_stopped_it(server: Server, shared: Room) -> None:
    query = started(server, shared)
    cancel = {
        "membershipIdentifier": shared.membership(ALICE),
        "protectedQueryIdentifier": query["id"],
        "targetStatus": "CANCELLED",
    }
    answer = server.cleanrooms(ALICE, "UpdateProtectedQuery", **cancel)["protectedQuery"]
    assert answer["status"] == "CANCELLING"
    server.refused(Conflict, ALICE, "UpdateProtectedQuery", **cancel)
    advance(server, query["id"], Event.STOPPED)
    server.refused(Conflict, ALICE, "UpdateProtectedQuery", **cancel)
    assert seen(server, shared, query["id"])["status"] == "CANCELLED"


def test_a_channels_query_is_not_cancelled_under_it(server: Server) -> None:
    room = a_furnished_room(server)
    channel = room.call("GetMLInputChannel", mlInputChannelArn=room.channel())
    fault = server.refused(
        Conflict,
        ALICE,
        "UpdateProtectedQuery",
        membershipIdentifier=room.membership(ALICE),
        protectedQueryIdentifier=channel["protectedQueryIdentifier"],
        targetStatus="CANCELLED",
    )
    assert "ML input channel" in fault.message


@pytest.mark.parametrize(
    ("output", "result"),
    [
        ({"s3": S3}, {"s3": {"location": "s3://a"}}),
        ({"member": {"accountId": CAROL}}, {"memberList": [{"accountId": CAROL}]}),
        (
            {"distribute": {"locations": [{"s3": S3}, {"member": {"accountId": CAROL}}]}},
            {"distribute": {"s3": {"location": "s3://a"}, "memberList": [{"accountId": CAROL}]}},
        ),
        (
            {"distribute": {"locations": [{"member": {"accountId": CAROL}}]}},
            {"distribute": {"s3": None, "memberList": [{"accountId": CAROL}]}},
        ),
    ],
)
def test_a_result_names_places_to_the_querier_alone(server: Server, shared: Room, output: Any, result: Any) -> None:
    place_results(server, shared, CAROL, bucket="carols")
    query = started(server, shared, output)
    receivers = [ALICE] if "s3" in str(output) else []
    receivers += [CAROL] if CAROL in str(output) else []
    places = {ALICE: "s3://a", CAROL: "s3://c"}
    deliveries = tuple({"accountId": account, "location": places[account]} for account in receivers)
    server.now += timedelta(seconds=9)
    advance(server, query["id"], Event.STARTED, Event.SUCCEEDED, deliveries=deliveries)
    done = seen(server, shared, query["id"])
    assert done["result"] == {"output": result}
    assert done["statistics"] == {"totalDurationInMillis": 10_000}
    assert "s3://c" not in str(done)


@pytest.mark.parametrize(
    ("status_code", "code", "retryable"),
    [
        ("QueryRefused", "MALFORMED_QUERY", False),
        ("QueryInvalid", "MALFORMED_QUERY", False),
        ("DataError", "INVALID_RESOURCE", False),
        ("QueryResourcesExceeded", "INSUFFICIENT_COMPUTE", False),
        ("ReceiverNotReady", "RESOURCE_ACCESS_DENIED", False),
        ("DeliveryFailed", "RESOURCE_ACCESS_DENIED", False),
        ("MembershipEnded", "RESOURCE_ACCESS_DENIED", False),
        ("PlatformError", "INTERNAL_ERROR", True),
        ("ImageNotFound", "UNKNOWN_ERROR", False),
    ],
)
def test_a_failure_has_one_of_awss_codes(
    server: Server, shared: Room, status_code: str, code: str, retryable: bool
) -> None:
    query = started(server, shared)
    advance(server, query["id"], Event.FAILED, status_code=status_code, status_message="Because.")
    error = seen(server, shared, query["id"])["error"]
    assert error == {"message": "Because.", "code": code, "retry": {"retryable": retryable}}


def test_a_query_is_billed_in_units_of_what_it_was_granted_for_a_minute_at_least(server: Server, shared: Room) -> None:
    query = started(server, shared, {"s3": {"resultFormat": "CSV", "bucket": "alices"}})
    began, measured = server.now, {"vCPUs": 8.0}
    advance(server, query["id"], Event.STARTED, started_at=began)
    server.now = began + timedelta(minutes=30)
    advance(server, query["id"], Event.SUCCEEDED, measures=measured)
    assert seen(server, shared, query["id"])["statistics"]["billedResourceUtilization"] == {"units": 2.0}
    brief = started(server, shared, {"s3": {"resultFormat": "CSV", "bucket": "alices"}})
    advance(server, brief["id"], Event.STARTED, Event.SUCCEEDED, started_at=server.now, measures=measured)
    assert seen(server, shared, brief["id"])["statistics"]["billedResourceUtilization"] == {"units": 4 / 60}
