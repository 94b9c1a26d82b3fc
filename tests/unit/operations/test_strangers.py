"""Every operation, asked by those who may not, with names of what is another's: nothing is done, nothing is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.worlds.every_request import REQUESTS as EVERY_REQUEST
from support.worlds.everything import INTO_A_BUCKET, FullRoom, furnish
from support.worlds.requests import ALICE, BOB, CAROL, DAVE, collaboration_request, member
from support.worlds.rooms import Parts, Room
from support.worlds.servers import Server, a_server
from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import AccessDenied, Conflict, Fault, ResourceNotFound
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, STS, WHITEROOM, handlers
from whiteroom.store.sqlite import SqliteStore

GHOST = "ffffffff-ffff-4fff-8fff-ffffffffffff"
ERIN, FRANK = "555555555555", "666666666666"
PASSERS_BY = (CAROL, ERIN, FRANK)
ACCOUNTS = {"querier", "receiver", "other"}
"""Names of a full room that stand for accounts."""

NAME_NOBODYS = {
    (CLEANROOMS, "CreateCollaboration"),
    (CLEANROOMS, "CreateConfiguredTable"),
    (CLEANROOMS, "ListCollaborations"),
    (CLEANROOMS, "ListConfiguredTables"),
    (CLEANROOMS, "ListMemberships"),
    (CLEANROOMS_ML, "CreateConfiguredModelAlgorithm"),
    (CLEANROOMS_ML, "ListConfiguredModelAlgorithms"),
    (STS, "GetCallerIdentity"),
    (STS, "GetSessionToken"),
    (WHITEROOM, "ListResults"),
}
"""They take nothing that could be another's."""
APART = {(CLEANROOMS, "CreateMembership"), (CLEANROOMS, "DeleteMembership"), (STS, "AssumeRole")}
"""Who asks has joined, and its membership holds everything: these have tests below. Roles have their own
(test_sessions.py), strangers included, and so have logs and metrics (test_log_events.py, test_metrics.py)."""
REQUESTS = [
    one for one in EVERY_REQUEST if one not in NAME_NOBODYS | APART and one[0] in (CLEANROOMS, CLEANROOMS_ML, WHITEROOM)
]

OF_ANY_MEMBER = {"DeleteMLInputChannelData", "DeleteTrainedModelOutput"}
FILTERS = {
    "ListCollaborationTrainedModelExportJobs",
    "ListCollaborationTrainedModelInferenceJobs",
    "ListTrainedModelInferenceJobs",
    "BatchGetCollaborationAnalysisTemplate",
    "ListCollaborationPrivacyBudgets",
    "ListPrivacyBudgets",
}
"""What they do not find they leave out."""


@dataclass(frozen=True)
class Neighbours:
    """Two rooms of the same build: ALICE's, where BOB is active and others came no further, and DAVE's."""

    server: Server
    alices: FullRoom
    daves: FullRoom


def a_room_of(server: Server, account: str, *others: str) -> FullRoom:
    """A room in which one account does everything, and the others are invited."""
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    room = Room(server, parts=Parts(account, account, account, account))
    members = [member(other, other) for other in others]
    room.invite(account, **collaboration_request(creatorMLMemberAbilities=receives, members=members))
    room.join(account, **INTO_A_BUCKET)
    return furnish(room, account, BOB)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """CAROL was invited to ALICE's room, ERIN left it, FRANK was removed."""
    store = SqliteStore(tmp_path_factory.mktemp("rooms") / "whiteroom.db")
    server = a_server(store)
    alices = a_room_of(server, ALICE, BOB, CAROL, ERIN, FRANK)
    for account in (BOB, ERIN, FRANK):
        alices.room.join(account)
    server.cleanrooms(ERIN, "DeleteMembership", **alices.room.of(ERIN))
    server.cleanrooms(ALICE, "DeleteMember", **alices.room.here, accountId=FRANK)
    yield Neighbours(server, alices, a_room_of(server, DAVE, BOB))
    store.close()


def name_of(operation: tuple[str, str]) -> str:
    return " ".join(operation)


def test_every_operation_has_its_request(rooms: Neighbours) -> None:
    assert EVERY_REQUEST.keys() == handlers().keys()


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_whoever_may_is_answered(rooms: Neighbours, operation: tuple[str, str]) -> None:
    answer = rooms.server.attempt(DAVE, operation, rooms.daves.request(DAVE, operation))
    assert not isinstance(answer, Fault), answer.message


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    elif isinstance(value, str):
        yield path, value


def replaced(value: Any, path: tuple[Any, ...], leaf: str) -> Any:
    if not path:
        return leaf
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], leaf)
    return copy


def theirs(rooms: Neighbours, value: str) -> str | None:
    """What ALICE has where DAVE has `value`; None where it is no name of something."""
    names = [name for name, its in rooms.daves.names.items() if its == value and name not in ACCOUNTS]
    return rooms.alices.names[names[0]] if names else None


def ghost_of(name: str) -> str:
    return name[: -len(GHOST)] + GHOST


def told(answer: Any, name: str, ghost: str) -> Any:
    """All that an answer says, but for the name that was asked for."""
    if not isinstance(answer, Fault):
        return re.sub(f"{re.escape(name)}|{re.escape(ghost)}", "NAME", repr(answer))
    said = f"{answer.code} {answer.message} {sorted(answer.members.items())}"
    ids = "|".join(map(re.escape, (name, ghost, name[-len(GHOST) :], GHOST)))
    return re.sub(ids, "NAME", said)


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_what_is_anothers_is_as_if_it_were_not_there(rooms: Neighbours, operation: tuple[str, str]) -> None:
    own = rooms.daves.request(DAVE, operation)
    for path, value in leaves(own):
        name = theirs(rooms, value)
        if name is None:
            continue
        ghost = ghost_of(name)
        answer = rooms.server.attempt(DAVE, operation, replaced(own, path, name))
        nothing = rooms.server.attempt(DAVE, operation, replaced(own, path, ghost))
        assert told(answer, name, ghost) == told(nothing, name, ghost), path
        if operation[1] not in FILTERS or path[0] in ("membershipIdentifier", "collaborationIdentifier"):
            assert isinstance(answer, AccessDenied | ResourceNotFound), path
            assert not ({ALICE, BOB, "patients", "Trial"} - {account_in(name)}) & set(
                re.findall(r"\w+", answer.message)
            )


def account_in(name: str) -> str:
    return parse_arn(name).account_id if name.startswith("arn:") else ""


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
@pytest.mark.parametrize("account", [BOB, DAVE, *PASSERS_BY])
def test_a_membership_answers_its_own_account_alone(
    rooms: Neighbours, operation: tuple[str, str], account: str
) -> None:
    request = rooms.alices.request(ALICE, operation)
    if "membershipIdentifier" in request:
        assert isinstance(rooms.server.attempt(account, operation, request), AccessDenied)


VISIBLE_TO_THE_INVITED = {"GetCollaboration", "ListMembers"}


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
@pytest.mark.parametrize("account", PASSERS_BY)
def test_a_collaboration_shows_nothing_to_those_who_are_not_in_it(
    rooms: Neighbours, operation: tuple[str, str], account: str
) -> None:
    request = rooms.alices.request(ALICE, operation)
    if "collaborationIdentifier" not in request:
        return
    answer = rooms.server.attempt(account, operation, request)
    if account == CAROL and operation[1] in VISIBLE_TO_THE_INVITED:
        assert not isinstance(answer, Fault)
    else:
        assert isinstance(answer, AccessDenied)


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_a_member_reaches_nothing_of_another_members_through_its_own_membership(
    rooms: Neighbours, operation: tuple[str, str]
) -> None:
    request = rooms.alices.request(ALICE, operation)
    bobs = rooms.alices.room.membership(BOB)
    mixed = {key: bobs if value == rooms.alices.names["membership"] else value for key, value in request.items()}
    if "membershipIdentifier" not in mixed or not any(is_alices(rooms, value) for _, value in leaves(mixed)):
        return
    answer = rooms.server.attempt(BOB, operation, mixed)
    if operation[1] in OF_ANY_MEMBER:
        assert not isinstance(answer, Fault)
    elif operation[1] in FILTERS:
        assert not any(answer[key] for key in answer)
    else:
        assert isinstance(answer, AccessDenied | ResourceNotFound), answer


def is_alices(rooms: Neighbours, value: str) -> bool:
    return any(its == value for name, its in rooms.alices.names.items() if name not in ACCOUNTS)


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_an_arn_that_is_off_in_any_part_names_nothing(rooms: Neighbours, operation: tuple[str, str]) -> None:
    own = rooms.daves.request(DAVE, operation)
    for path, value in leaves(own):
        if theirs(rooms, value) is None or not value.startswith("arn:"):
            continue
        arn = parse_arn(value)
        kind = "ml-input-channel" if arn.kind == "trained-model" else "trained-model"
        for other in (
            value.replace("arn:aws:", "arn:aws-cn:", 1),
            value.replace(f":{arn.region}:", ":mars-north-1:", 1),
            value.replace(f":{arn.account_id}:", f":{ALICE}:", 1),
            value.replace(arn.kind, kind),
            value.replace(f":{arn.service}:", ":cleanrooms-x:", 1),
            value.replace(arn.resource_id, arn.resource_id.upper())
            if arn.resource_id.upper() != arn.resource_id
            else "",
            f"{value}/",
            f"{value}/{arn.resource_id}",
            value.replace(arn.resource, arn.resource_id),
            "arn:aws:x:y:z:",
        ):
            if not other or other == value:
                continue
            answer = rooms.server.attempt(DAVE, operation, replaced(own, path, other))
            if operation[1] in FILTERS:
                assert not any(answer[key] for key in answer if key != "errors"), other
            else:
                assert isinstance(answer, Fault), other


@pytest.mark.parametrize("operation", [key for key in REQUESTS if key[1].startswith("List")], ids=name_of)
def test_a_page_token_is_good_in_its_own_list_alone(rooms: Neighbours, operation: tuple[str, str]) -> None:
    request = rooms.daves.request(DAVE, operation)
    if "resourceArn" in request:
        return
    members = {"maxResults": 1, "collaborationIdentifier": rooms.daves.names["collaboration"]}
    token = rooms.server.attempt(DAVE, (CLEANROOMS, "ListMembers"), members)["nextToken"]
    answer = rooms.server.attempt(DAVE, operation, {**request, "nextToken": token})
    if operation[1] == "ListMembers":
        assert len(answer["memberSummaries"]) == 1
    else:
        assert isinstance(answer, Fault)
        assert "nextToken" in answer.message


CARRY_TAGS = (
    *("collaboration_arn", "membership_arn", "table_arn", "association_arn", "template_arn", "budget_arn"),
    *("resource", "bare_resource"),
)


@pytest.mark.parametrize("kind", CARRY_TAGS)
@pytest.mark.parametrize("operation", ["ListTagsForResource", "TagResource", "UntagResource"])
def test_tags_are_for_the_owner_alone(rooms: Neighbours, operation: str, kind: str) -> None:
    arn = rooms.alices.names[kind]
    request = {"resourceArn": arn, "tags": {"a": "b"}, "tagKeys": ["a"]}
    for account in (BOB, DAVE, *PASSERS_BY):
        answer = rooms.server.attempt(account, (CLEANROOMS, operation), request)
        nothing = rooms.server.attempt(account, (CLEANROOMS, operation), {**request, "resourceArn": ghost_of(arn)})
        assert isinstance(answer, ResourceNotFound)
        assert told(answer, arn, ghost_of(arn)) == told(nothing, arn, ghost_of(arn))


def test_null_names_no_version_of_another_rooms_model(rooms: Neighbours) -> None:
    their_model = rooms.alices.names["model"]
    for operation, place in (("GetTrainedModel", "membership"), ("GetCollaborationTrainedModel", "collaboration")):
        request = {f"{place}Identifier": rooms.daves.names[place], "versionIdentifier": "NULL"}
        answers = [
            rooms.server.attempt(DAVE, (CLEANROOMS_ML, operation), {**request, "trainedModelArn": arn})
            for arn in (their_model, ghost_of(their_model), rooms.daves.names["model"])
        ]
        assert isinstance(answers[0], ResourceNotFound)
        assert told(answers[0], their_model, GHOST) == told(answers[1], ghost_of(their_model), GHOST)
        assert answers[2]["name"] == "forest"


@pytest.mark.parametrize("account", [DAVE, ERIN, FRANK])
def test_nobody_joins_a_collaboration_uninvited_or_again(rooms: Neighbours, account: str) -> None:
    request = {"collaborationIdentifier": rooms.alices.names["collaboration"], "queryLogStatus": "DISABLED"}
    answer = rooms.server.attempt(account, (CLEANROOMS, "CreateMembership"), request)
    nothing = rooms.server.attempt(
        account, (CLEANROOMS, "CreateMembership"), {**request, "collaborationIdentifier": GHOST}
    )
    assert isinstance(answer, AccessDenied)
    assert told(answer, rooms.alices.names["collaboration"], GHOST) == told(
        nothing, rooms.alices.names["collaboration"], GHOST
    )


@pytest.mark.parametrize("account", [BOB, DAVE, *PASSERS_BY])
def test_nobody_leaves_for_another(rooms: Neighbours, account: str) -> None:
    request = {"membershipIdentifier": rooms.alices.names["membership"]}
    assert isinstance(rooms.server.attempt(account, (CLEANROOMS, "DeleteMembership"), request), AccessDenied)
    assert isinstance(rooms.server.attempt(ALICE, (CLEANROOMS, "DeleteMembership"), request), Conflict)
