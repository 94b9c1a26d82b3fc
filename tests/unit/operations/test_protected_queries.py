from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.cleanrooms import ALICE, BOB, NOW, Office, Room
from whiteroom.base.faults import AccessDenied, ResourceNotFound
from whiteroom.domain.protected_queries import ProtectedQuery, ProtectedQueryStatus

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


def keep(office: Office, query: ProtectedQuery) -> ProtectedQuery:
    with office.store.transaction() as tx:
        tx.protected_queries.add(query)
    return query


def test_a_query_tells_what_ran_and_who_pays_but_no_rows(office: Office, room: Room) -> None:
    query = keep(office, a_query(room))
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query.id}
    seen = office.cleanrooms(ALICE, "GetProtectedQuery", **here)["protectedQuery"]
    assert seen["sqlParameters"] == {"queryString": "SELECT age FROM patients"}
    assert (seen["status"], seen["queryComputePayerAccountId"]) == ("SUBMITTED", ALICE)
    assert seen["statistics"] is None
    assert seen["result"] is None
    assert seen["resultConfiguration"] is None


def test_an_ended_query_tells_how_long_it_ran_and_why_it_failed(office: Office, room: Room) -> None:
    query = keep(
        office,
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
    seen = office.cleanrooms(ALICE, "GetProtectedQuery", **here)["protectedQuery"]
    assert seen["statistics"] == {"totalDurationInMillis": 1500}
    assert seen["error"] == {
        "code": "MALFORMED_QUERY",
        "message": "Table 'patients' allows no analyses.",
        "retry": {"retryable": False},
    }


def test_queries_are_listed_by_status_page_by_page(office: Office, room: Room) -> None:
    for number in (1, 2, 3):
        keep(office, a_query(room, number))
    done = keep(office, replace(a_query(room, 4), status=ProtectedQueryStatus.SUCCESS))
    here = {"membershipIdentifier": room.membership(ALICE)}
    first = office.cleanrooms(ALICE, "ListProtectedQueries", **here, status="SUBMITTED", maxResults=2)
    token = {"nextToken": first["nextToken"]}
    second = office.cleanrooms(ALICE, "ListProtectedQueries", **here, status="SUBMITTED", maxResults=2, **token)
    pages = (first["protectedQueries"], second["protectedQueries"])
    assert [[item["id"][-1] for item in page] for page in pages] == [["3", "2"], ["1"]]
    everything = office.cleanrooms(ALICE, "ListProtectedQueries", **here)["protectedQueries"]
    assert everything[0]["id"] == done.id
    assert {str(item["receiverConfigurations"]) for item in everything} == {"[{'analysisType': 'ADDITIONAL_ANALYSIS'}]"}


@pytest.mark.parametrize("query_id", [NOWHERE, "11111111-0000-4000-8000-000000000001"])
def test_a_query_is_found_in_its_own_membership_alone(office: Office, room: Room, query_id: str) -> None:
    keep(office, a_query(room))
    its = {"protectedQueryIdentifier": query_id}
    office.refused(AccessDenied, BOB, "GetProtectedQuery", membershipIdentifier=room.membership(ALICE), **its)
    office.refused(ResourceNotFound, BOB, "GetProtectedQuery", membershipIdentifier=room.membership(BOB), **its)
    office.refused(AccessDenied, BOB, "ListProtectedQueries", membershipIdentifier=room.membership(ALICE))
