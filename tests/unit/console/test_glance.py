"""A collaboration at a glance: what it says of tables is what the guard will say."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from support.console import Browser, OpenConsole, text_of
from support.worlds.callers import CALLERS
from support.worlds.every_request import lifetime_budget
from support.worlds.everything import FullRoom
from support.worlds.requests import REGION, collaboration_request, member
from support.worlds.rooms import Parts, Room
from support.worlds.servers import a_server

ALICE, BOB, CAROL = "353535350001", "353535350002", "353535350003"
_NUMBERS = itertools.count(4 * 10**6, 1000)
ANY = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ALICE]}
ALL = f"arn:aws:cleanrooms-ml:{REGION}:*:membership/*/configured-model-algorithm-association/*"
NONE = f"arn:aws:cleanrooms-ml:{REGION}:999999999999:membership/*/configured-model-algorithm-association/*"
ALICES = f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:membership/*/configured-model-algorithm-association/*"
LIST = {"joinColumns": ["patient_id"], "listColumns": ["age"]}
AGGREGATION = {
    "aggregateColumns": [{"columnNames": ["age"], "function": "AVG"}],
    "joinColumns": ["patient_id"],
    "dimensionColumns": ["outcome"],
    "scalarFunctions": [],
    "outputConstraints": [{"columnName": "patient_id", "minimum": 7, "type": "COUNT_DISTINCT"}],
}
NOISY = {"differentialPrivacy": {"columns": [{"name": "patient_id"}]}}

RULES: dict[str, tuple[str, dict[str, Any] | None, dict[str, Any] | None]] = {
    "bare": ("CUSTOM", None, None),
    "unshared": ("CUSTOM", ANY, None),
    "closed": ("CUSTOM", {**ANY, "additionalAnalyses": "NOT_ALLOWED"}, {"allowedResultReceivers": [BOB]}),
    "said_nothing": ("CUSTOM", ANY, {"allowedResultReceivers": [BOB], "allowedAdditionalAnalyses": [ALL]}),
    "both": (
        "CUSTOM",
        {**ANY, "additionalAnalyses": "ALLOWED"},
        {"allowedResultReceivers": [BOB], "allowedAdditionalAnalyses": [ALL]},
    ),
    "learning": ("CUSTOM", {**ANY, "additionalAnalyses": "REQUIRED"}, {"allowedAdditionalAnalyses": [ALL]}),
    "only_alices": ("CUSTOM", {**ANY, "additionalAnalyses": "ALLOWED"}, {"allowedAdditionalAnalyses": [ALICES]}),
    "nobodys": ("CUSTOM", {**ANY, "additionalAnalyses": "ALLOWED"}, {"allowedAdditionalAnalyses": [NONE]}),
    "in_common": (
        "CUSTOM",
        {**ANY, "additionalAnalyses": "ALLOWED", "allowedAdditionalAnalyses": [ALICES]},
        {"allowedAdditionalAnalyses": [ALL]},
    ),
    "noisy": (
        "CUSTOM",
        {**ANY, **NOISY, "additionalAnalyses": "ALLOWED"},
        {"allowedResultReceivers": [BOB], "allowedAdditionalAnalyses": [ALL]},
    ),
    "lists": (
        "LIST",
        {**LIST, "additionalAnalyses": "ALLOWED"},
        {"allowedResultReceivers": [BOB], "allowedAdditionalAnalyses": [ALL]},
    ),
    "counts": ("AGGREGATION", AGGREGATION, {"allowedResultReceivers": [BOB], "allowedAdditionalAnalyses": [ALL]}),
}
"""By table: the type of its rule, the rule, and the collaboration's."""


@pytest.fixture(scope="module")
def room(console: OpenConsole) -> Room:
    """A table of BOB's under each kind of rule, an algorithm of ALICE's and one of CAROL's."""
    server = a_server(console.store)
    server.ids = itertools.count(next(_NUMBERS))
    room = Room(server, parts=Parts(querier=ALICE, owner=BOB, author=CAROL, receiver=BOB))
    bob = member(BOB, "Bob", memberAbilities=["CAN_RECEIVE_RESULTS"])
    carol = member(CAROL, "Carol", mlMemberAbilities={"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT"]})
    room.invite(ALICE, **collaboration_request(members=[bob, carol]))
    for account in (ALICE, BOB, CAROL):
        room.join(account)
    for name, (kind, rule, shared) in RULES.items():
        table_id = room.configured_table(BOB, name)
        if rule is not None:
            room.rule(BOB, table_id, {"v1": {kind.lower(): rule}}, kind)
        association = room.table_association(BOB, table_id, name)
        if shared is not None:
            room.collaboration_rule(BOB, association, {"v1": {kind.lower(): shared}}, kind)
    for account, name in ((ALICE, "trees"), (CAROL, "forest")):
        room.association(account, name, room.algorithm(account, name))
    return room


def page_of(console: OpenConsole, room: Room, account: str) -> str:
    browser: Browser = console.browser()
    browser.sign_in(account)
    return browser.get(f"/console/collaborations/{room.collaboration_id}").text


def said_of(page: str, table: str) -> str:
    """What the page says of a table: its row."""
    row = re.search(rf'<th scope="row"><a [^>]*>{table}</a></th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None, table
    return text_of(f"<main {row.group(1)}")


@pytest.mark.parametrize("table", RULES)
def test_what_a_page_says_may_read_a_table_is_what_the_api_says_it_is_ready_for(
    console: OpenConsole, room: Room, table: str
) -> None:
    schema = room.server.cleanrooms(ALICE, "GetSchema", **room.here, name=table)["schema"]
    ready = {one["analysisType"]: one["status"] == "READY" for one in schema["schemaStatusDetails"]}
    for account in (ALICE, BOB, CAROL):
        said = said_of(page_of(console, room, account), table)
        assert ("Nobody gets its rows by a query." in said) != ready["DIRECT_ANALYSIS"], said
        if not ready["ADDITIONAL_ANALYSIS"]:
            assert "No algorithm may read it." in said


ALICES_TREES, CAROLS_FOREST = f"trees of Alice ({ALICE})", f"forest of Carol ({CAROL})"


@pytest.mark.parametrize(
    ("table", "readers"),
    [
        *((table, set()) for table in ("bare", "unshared", "closed", "said_nothing", "nobodys", "noisy", "counts")),
        *((table, {ALICES_TREES, CAROLS_FOREST}) for table in ("both", "learning", "lists")),
        *((table, {ALICES_TREES}) for table in ("only_alices", "in_common")),
    ],
)
def test_each_algorithm_that_may_read_a_table_is_named_and_drawn_and_no_other(
    console: OpenConsole, room: Room, table: str, readers: set[str]
) -> None:
    page = page_of(console, room, BOB)
    said = said_of(page, table)
    assert {one for one in (ALICES_TREES, CAROLS_FOREST) if one in said} == readers
    for one in (ALICES_TREES, CAROLS_FOREST):
        sentence = re.search(rf"{re.escape(one)}: May read ([a-z_, ]*)\.", text_of(page))
        assert sentence is not None
        assert (table in sentence.group(1).split(", ")) == (one in readers)


def test_the_drawing_has_a_line_for_each_and_no_more(console: OpenConsole, room: Room) -> None:
    page = page_of(console, room, ALICE)
    drawing = page.partition("<svg")[2].partition("</svg>")[0]
    queried = sum("Nobody gets its rows" not in said_of(page, table) for table in RULES)
    # To ALICE's algorithm five tables, to CAROL's three; queries give to BOB. Nothing is exported without a policy.
    assert drawing.count('class="line"') == queried + 5 + 3 + 1
    assert drawing.count("<rect") == len(RULES) + 3 + 1
    assert f"<title>Bob ({BOB})</title>" in drawing
    assert 'aria-labelledby="drawing-title drawing-text"' in drawing
    assert "style=" not in drawing


def test_rules_are_said_in_sentences(console: OpenConsole, room: Room) -> None:
    page = page_of(console, room, CAROL)
    assert f"Any query that Alice ({ALICE}) writes may read it; results may go to Bob ({BOB})." in said_of(page, "both")
    counts = said_of(page, "counts")
    assert "Aggregates: AVG of age." in counts
    assert "No group with fewer than 7 different values of patient_id is shown." in counts
    assert "Columns that may be listed: age." in said_of(page, "lists")
    assert "Its owner must call CreateConfiguredTableAnalysisRule" in said_of(page, "bare")


def test_of_what_an_owner_keeps_closed_nothing_is_said_that_would_open_it(console: OpenConsole, room: Room) -> None:
    said = said_of(page_of(console, room, ALICE), "learning")
    assert "may only be read for an additional analysis (additionalAnalyses is REQUIRED)" in said
    assert "Its owner must" not in said


def test_members_and_what_they_pay_for_are_said_in_sentences(console: OpenConsole, room: Room) -> None:
    page = text_of(page_of(console, room, BOB))
    assert (
        "May run queries, and train on what they give, receive results of queries and receive trained models, and pays "
        "for queries, trainings and inference jobs."
    ) in page
    assert f"Carol {CAROL} active May receive trained models." in page


def test_of_a_member_that_has_left_nothing_is_said_that_it_may(console: OpenConsole, callers: FullRoom) -> None:
    page = text_of(page_of(console, callers.room, CALLERS["owner"]))
    assert f"left {CALLERS['left']} left Is no longer part of it." in page


def test_a_budget_is_a_bar_with_the_numbers_that_the_api_gives(console: OpenConsole, room: Room) -> None:
    server = room.server
    association = next(
        one for one in server.cleanrooms(ALICE, "ListSchemas", **room.here)["schemaSummaries"] if one["name"] == "both"
    )
    server.cleanrooms(
        BOB, "CreatePrivacyBudgetTemplate", **room.of(BOB), **lifetime_budget(association["resourceArn"], 8)
    )
    page = page_of(console, room, CAROL)
    assert '<meter min="0" max="8" value="8" aria-label="Uses of both, ever">' in page
    assert "8 of 8 uses" in text_of(page)


def test_noise_that_is_left_is_a_bar_too_and_opens_its_owners_tables(console: OpenConsole, room: Room) -> None:
    assert "Nobody gets its rows by a query." in said_of(page_of(console, room, ALICE), "noisy")
    made = room.server.cleanrooms(
        BOB,
        "CreatePrivacyBudgetTemplate",
        **room.of(BOB),
        privacyBudgetType="DIFFERENTIAL_PRIVACY",
        autoRefresh="NONE",
        parameters={"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}},
    )
    asked = {**room.here, "privacyBudgetType": "DIFFERENTIAL_PRIVACY"}
    (budget,) = room.server.cleanrooms(ALICE, "ListCollaborationPrivacyBudgets", **asked)[
        "collaborationPrivacyBudgetSummaries"
    ]
    page = page_of(console, room, ALICE)
    for one in budget["budget"]["differentialPrivacy"]["aggregations"]:
        assert f"{one['remainingCount']} of {one['maxCount']} aggregates" in text_of(page)
    assert "Nobody gets its rows by a query." not in said_of(page, "noisy")
    assert "hides whether any one value of patient_id is there" in said_of(page, "noisy")
    template = made["privacyBudgetTemplate"]["id"]
    room.server.cleanrooms(BOB, "DeletePrivacyBudgetTemplate", **room.of(BOB), privacyBudgetTemplateIdentifier=template)


def test_a_page_of_more_than_it_draws_says_so(console: OpenConsole, callers: FullRoom) -> None:
    server = a_server(console.store)
    server.ids = itertools.count(next(_NUMBERS))
    room = Room(server)
    room.invite(ALICE, **collaboration_request(members=[member(BOB, "Bob")]))
    room.join(ALICE), room.join(BOB)
    for number in range(13):
        room.table_association(BOB, room.configured_table(BOB, f"many{number}"), f"many{number}")
    page = page_of(console, room, ALICE)
    assert "Of each column the newest twelve are drawn" in text_of(page)
    assert page.partition("<svg")[2].partition("</svg>")[0].count("<rect") == 12
    assert all(said_of(page, f"many{number}") for number in range(13))
    assert "Of each column" not in text_of(page_of(console, callers.room, CALLERS["owner"]))
