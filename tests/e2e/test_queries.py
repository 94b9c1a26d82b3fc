"""Queries of a member's own over HTTP: CSV at her place, one cancelled, and budgets spent through a kill -9."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once
from support.revoking import Owner
from support.worlds.requests import ALICE, BOB, collaboration_rule, custom_rule

pytestmark = pytest.mark.slow

ENDED = ("SUCCESS", "FAILED", "CANCELLED", "TIMED_OUT")
SQL = "SELECT patient, age FROM visits WHERE age < 4"
LONG = (
    "SELECT count(*) AS pairs, max(a.age * b.age + c.age * d.age + e.age * f.age) AS most FROM "
    + ", ".join(f"visits AS {name}" for name in "abcdefgh")
    + " WHERE g.patient < 4"
)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("queries") / "data") as room:
        owner = Owner(room)
        owner.rule("Update", custom_rule(additionalAnalyses="ALLOWED"))
        owner.association_rule("Update", collaboration_rule(allowedResultReceivers=[ALICE]))
        yield room


def start(room: LiveRoom, sql: str = SQL, **s3: Any) -> str:
    """StartProtectedQuery to ALICE's bucket; its identifier."""
    output = {"s3": {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "queries", **s3}}
    answer = room.client("cleanrooms").start_protected_query(
        type="SQL",
        **room.of(ALICE),
        sqlParameters={"queryString": sql},
        resultConfiguration={"outputConfiguration": output},
    )
    return str(answer["protectedQuery"]["id"])


def look(room: LiveRoom, query: str) -> Any:
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query}
    return room.client("cleanrooms").get_protected_query(**here)["protectedQuery"]


def ended(room: LiveRoom, query: str) -> Any:
    return once(lambda seen: seen["status"] in ENDED, lambda: look(room, query))


def file_of(room: LiveRoom, done: Any) -> Path:
    """Where on this machine a result's file is."""
    location: str = done["result"]["output"]["s3"]["location"]
    return room.data / "objects" / location.removeprefix("s3://")


def test_a_member_queries_and_receives_csv(room: LiveRoom) -> None:
    done = ended(room, start(room))
    assert done["status"] == "SUCCESS", done.get("error")
    with file_of(room, done).open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["patient", "age"], ["1", "1"], ["2", "2"], ["3", "3"]]
    assert done["statistics"]["totalDurationInMillis"] > 0
    room.assert_nothing_left()


def test_a_member_queries_and_receives_parquet_in_one_file(room: LiveRoom) -> None:
    done = ended(room, start(room, resultFormat="PARQUET", singleFileOutput=True))
    file = file_of(room, done)
    assert file.suffix == ".parquet"
    with duckdb.connect() as database:
        rows = database.execute(f"SELECT patient, age FROM '{file}'").fetchall()
    assert rows == [(1, 1), (2, 2), (3, 3)]


def test_an_aggregation_reaches_its_receiver_without_the_small_groups(room: LiveRoom, tmp_path: Path) -> None:
    trips = tmp_path / "trips.csv"
    trips.write_text("person,town\n1,Bern\n2,Bern\n3,Bern\n4,Chur\n")
    rule = {
        "aggregateColumns": [{"columnNames": ["person"], "function": "COUNT_DISTINCT"}],
        "joinColumns": [],
        "dimensionColumns": ["town"],
        "scalarFunctions": [],
        "outputConstraints": [{"columnName": "person", "minimum": 2, "type": "COUNT_DISTINCT"}],
    }
    shared = {"v1": {"aggregation": {"allowedResultReceivers": [ALICE]}}}
    room.share("trips", trips, ["person", "town"], "AGGREGATION", {"v1": {"aggregation": rule}}, shared)
    done = ended(room, start(room, "SELECT town, COUNT(DISTINCT person) AS people FROM trips GROUP BY town"))
    assert done["status"] == "SUCCESS", done.get("error")
    assert file_of(room, done).read_text().splitlines() == ["town,people", "Bern,3"]
    listing = ended(room, start(room, "SELECT person FROM trips"))
    assert (listing["status"], listing["error"]["code"]) == ("FAILED", "MALFORMED_QUERY")


def test_a_query_that_the_rules_forbid_fails_with_the_reason_and_delivers_nothing(room: LiveRoom) -> None:
    before = room.deliveries()
    done = ended(room, start(room, "SELECT weight FROM visits"))
    assert done["status"] == "FAILED"
    assert done["error"]["code"] == "MALFORMED_QUERY"
    assert "weight" in done["error"]["message"]
    assert room.deliveries() == before


def test_a_cancelled_query_ends_and_delivers_nothing(room: LiveRoom) -> None:
    before = room.deliveries()
    query = start(room, LONG)
    once(lambda seen: seen["status"] == "STARTED", lambda: look(room, query))
    answer = room.client("cleanrooms").update_protected_query(
        **room.of(ALICE), protectedQueryIdentifier=query, targetStatus="CANCELLED"
    )
    assert answer["protectedQuery"]["status"] == "CANCELLING"
    assert ended(room, query)["status"] == "CANCELLED"
    assert room.deliveries() == before
    room.assert_nothing_left()


def test_a_query_outlives_its_server_and_its_table_is_counted_once(room: LiveRoom) -> None:
    """A LIFETIME budget of two: one query through a kill -9, one more, and the third is refused."""
    resource = room.client("cleanrooms").get_schema(**room.here, name="visits")["schema"]
    budget = {
        "budgetParameters": [{"type": "LIFETIME", "budget": 2}],
        "resourceArn": resource["resourceArn"],
    }
    template = room.client("cleanrooms", BOB).create_privacy_budget_template(
        **room.of(BOB),
        privacyBudgetType="ACCESS_BUDGET",
        parameters={"accessBudget": budget},
    )["privacyBudgetTemplate"]
    assert template["parameters"]["accessBudget"] == budget
    query = start(room)
    room.restart()
    done = ended(room, query)
    assert done["status"] == "SUCCESS", done.get("error")
    assert left(room) == 1
    refused = ended(room, start(room, "SELECT weight FROM visits"))
    assert (refused["status"], left(room)) == ("FAILED", 1)
    assert ended(room, start(room))["status"] == "SUCCESS"
    assert left(room) == 0
    with pytest.raises(ClientError, match="access budget of the table 'visits'") as caught:
        start(room)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError, match="access budget of the table 'visits'"):
        room.channel("too-many")
    room.client("cleanrooms", BOB).delete_privacy_budget_template(
        **room.of(BOB), privacyBudgetTemplateIdentifier=template["id"]
    )
    assert ended(room, start(room))["status"] == "SUCCESS"


def left(room: LiveRoom) -> int:
    """What ALICE sees of BOB's budget."""
    (summary,) = room.client("cleanrooms").list_collaboration_privacy_budgets(
        **room.here, privacyBudgetType="ACCESS_BUDGET"
    )["collaborationPrivacyBudgetSummaries"]
    return int(summary["budget"]["accessBudget"]["aggregateRemainingBudget"])


def units_left(room: LiveRoom) -> Any:
    """How many queries that count users ALICE sees left in the collaboration."""
    (budget,) = room.client("cleanrooms").list_collaboration_privacy_budgets(
        **room.here, privacyBudgetType="DIFFERENTIAL_PRIVACY"
    )["collaborationPrivacyBudgetSummaries"]
    counted = {item["type"]: item for item in budget["budget"]["differentialPrivacy"]["aggregations"]}
    return counted["COUNT_DISTINCT"]["remainingCount"]


def test_a_protected_table_answers_with_noise_until_its_budget_is_spent_through_a_kill(
    room: LiveRoom, tmp_path: Path
) -> None:
    stays = tmp_path / "stays.csv"
    stays.write_text("person,town,nights\n" + "".join(f"p{n},{'AB'[n % 2]},{n % 7}\n" for n in range(2_000)))
    rule = custom_rule(differentialPrivacy={"columns": [{"name": "person"}]}, additionalAnalyses="NOT_ALLOWED")
    room.share(
        "stays", stays, ["person", "town", "nights"], "CUSTOM", rule, collaboration_rule(allowedResultReceivers=[ALICE])
    )
    not_ready = ended(room, start(room, "SELECT COUNT(DISTINCT person) AS n FROM stays"))
    assert "CreatePrivacyBudgetTemplate" in not_ready["error"]["message"]
    bob = room.client("cleanrooms", BOB)
    parameters = {"differentialPrivacy": {"epsilon": 1, "usersNoisePerQuery": 10}}
    bob.create_privacy_budget_template(**room.of(BOB), privacyBudgetType="DIFFERENTIAL_PRIVACY", parameters=parameters)
    assert units_left(room) == 10
    query = start(room, "SELECT town, COUNT(DISTINCT person) AS people, AVG(nights) AS nights FROM stays GROUP BY town")
    room.restart()
    done = ended(room, query)
    assert done["status"] == "SUCCESS", done.get("error")
    with file_of(room, done).open(newline="") as file:
        rows = list(csv.reader(file))
    # The limit, the keys, the bound, COUNT DISTINCT, and AVG: 6 units. Noise of scale 10: 300 off with odds of e**-30.
    assert [row[0] for row in rows] == ["town", "A", "B"]
    assert all(700 < int(row[1]) < 1_300 for row in rows[1:])
    assert units_left(room) == 4
    told = done["differentialPrivacy"]["sensitivityParameters"]
    assert [item["aggregationType"] for item in told] == ["COUNT_DISTINCT", "AVG"]
    refused = ended(room, start(room, "SELECT STDDEV(nights) AS d FROM stays"))
    assert "4 are left" in refused["error"]["message"]
    raw = ended(room, start(room, "SELECT person, town FROM stays"))
    assert "must aggregate" in raw["error"]["message"]
    assert units_left(room) == 4
