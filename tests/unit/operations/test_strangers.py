"""Every operation, asked by those who may not, with names of what is another's: nothing is done, nothing is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE
from support.town import APART, ERIN, FRANK, NAME_NOBODYS, REQUESTS, Place, Town, a_town
from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import AccessDenied, Conflict, Fault, ResourceNotFound
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, handlers
from whiteroom.store.sqlite import SqliteStore

GHOST = "ffffffff-ffff-4fff-8fff-ffffffffffff"
PASSERS_BY = (CAROL, ERIN, FRANK)

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


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    store = SqliteStore(tmp_path_factory.mktemp("town") / "whiteroom.db")
    yield a_town(store)
    store.close()


def name_of(operation: tuple[str, str]) -> str:
    return " ".join(operation)


def test_every_operation_has_its_request(town: Town) -> None:
    assert REQUESTS.keys() | NAME_NOBODYS | APART == handlers().keys()


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_whoever_may_is_answered(town: Town, operation: tuple[str, str]) -> None:
    answer = town.attempt(DAVE, operation, REQUESTS[operation](town.daves))
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


def theirs(town: Town, value: str) -> str | None:
    """What ALICE has where DAVE has `value`; None where it is no name of something."""
    names = [field for field in Place.__dataclass_fields__ if getattr(town.daves, field) == value]
    return getattr(town.alices, names[0]) if names and names[0] != "account" else None


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
def test_what_is_anothers_is_as_if_it_were_not_there(town: Town, operation: tuple[str, str]) -> None:
    own = REQUESTS[operation](town.daves)
    for path, value in leaves(own):
        name = theirs(town, value)
        if name is None:
            continue
        ghost = ghost_of(name)
        answer = town.attempt(DAVE, operation, replaced(own, path, name))
        nothing = town.attempt(DAVE, operation, replaced(own, path, ghost))
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
def test_a_membership_answers_its_own_account_alone(town: Town, operation: tuple[str, str], account: str) -> None:
    request = REQUESTS[operation](town.alices)
    if "membershipIdentifier" in request:
        assert isinstance(town.attempt(account, operation, request), AccessDenied)


VISIBLE_TO_THE_INVITED = {"GetCollaboration", "ListMembers"}


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
@pytest.mark.parametrize("account", PASSERS_BY)
def test_a_collaboration_shows_nothing_to_those_who_are_not_in_it(
    town: Town, operation: tuple[str, str], account: str
) -> None:
    request = REQUESTS[operation](town.alices)
    if "collaborationIdentifier" not in request:
        return
    answer = town.attempt(account, operation, request)
    if account == CAROL and operation[1] in VISIBLE_TO_THE_INVITED:
        assert not isinstance(answer, Fault)
    else:
        assert isinstance(answer, AccessDenied)


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_a_member_reaches_nothing_of_another_members_through_its_own_membership(
    town: Town, operation: tuple[str, str]
) -> None:
    request = REQUESTS[operation](town.alices)
    bobs = town.bobs_membership
    mixed = {key: bobs if value == town.alices.membership else value for key, value in request.items()}
    if "membershipIdentifier" not in mixed or not any(is_alices(town, value) for _, value in leaves(mixed)):
        return
    answer = town.attempt(BOB, operation, mixed)
    if operation[1] in OF_ANY_MEMBER:
        assert not isinstance(answer, Fault)
    elif operation[1] in FILTERS:
        assert not any(answer[key] for key in answer)
    else:
        assert isinstance(answer, AccessDenied | ResourceNotFound), answer


def is_alices(town: Town, value: str) -> bool:
    return any(getattr(town.alices, field) == value for field in Place.__dataclass_fields__ if field != "account")


@pytest.mark.parametrize("operation", REQUESTS, ids=name_of)
def test_an_arn_that_is_off_in_any_part_names_nothing(town: Town, operation: tuple[str, str]) -> None:
    own = REQUESTS[operation](town.daves)
    for path, value in leaves(own):
        if theirs(town, value) is None or not value.startswith("arn:"):
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
            answer = town.attempt(DAVE, operation, replaced(own, path, other))
            if operation[1] in FILTERS:
                assert not any(answer[key] for key in answer if key != "errors"), other
            else:
                assert isinstance(answer, Fault), other


@pytest.mark.parametrize("operation", [key for key in REQUESTS if key[1].startswith("List")], ids=name_of)
def test_a_page_token_is_good_in_its_own_list_alone(town: Town, operation: tuple[str, str]) -> None:
    request = REQUESTS[operation](town.daves)
    if "resourceArn" in request:
        return
    members = {"maxResults": 1, "collaborationIdentifier": town.daves.collaboration}
    token = town.attempt(DAVE, (CLEANROOMS, "ListMembers"), members)["nextToken"]
    answer = town.attempt(DAVE, operation, {**request, "nextToken": token})
    if operation[1] == "ListMembers":
        assert len(answer["memberSummaries"]) == 1
    else:
        assert isinstance(answer, Fault)
        assert "nextToken" in answer.message


@pytest.mark.parametrize("kind", [field for field in Place.__dataclass_fields__ if "_arn" in field])
@pytest.mark.parametrize("operation", ["ListTagsForResource", "TagResource", "UntagResource"])
def test_tags_are_for_the_owner_alone(town: Town, operation: str, kind: str) -> None:
    arn = getattr(town.alices, kind)
    request = {"resourceArn": arn, "tags": {"a": "b"}, "tagKeys": ["a"]}
    for account in (BOB, DAVE, *PASSERS_BY):
        answer = town.attempt(account, (CLEANROOMS, operation), request)
        nothing = town.attempt(account, (CLEANROOMS, operation), {**request, "resourceArn": ghost_of(arn)})
        assert isinstance(answer, ResourceNotFound)
        assert told(answer, arn, ghost_of(arn)) == told(nothing, arn, ghost_of(arn))


def test_null_names_no_version_of_another_rooms_model(town: Town) -> None:
    for operation, place in (("GetTrainedModel", "membership"), ("GetCollaborationTrainedModel", "collaboration")):
        request = {f"{place}Identifier": getattr(town.daves, place), "versionIdentifier": "NULL"}
        answers = [
            town.attempt(DAVE, (CLEANROOMS_ML, operation), {**request, "trainedModelArn": arn})
            for arn in (town.alices.model, ghost_of(town.alices.model), town.daves.model)
        ]
        assert isinstance(answers[0], ResourceNotFound)
        assert told(answers[0], town.alices.model, GHOST) == told(answers[1], ghost_of(town.alices.model), GHOST)
        assert answers[2]["name"] == "forest"


@pytest.mark.parametrize("account", [DAVE, ERIN, FRANK])
def test_nobody_joins_a_collaboration_uninvited_or_again(town: Town, account: str) -> None:
    request = {"collaborationIdentifier": town.alices.collaboration, "queryLogStatus": "DISABLED"}
    answer = town.attempt(account, (CLEANROOMS, "CreateMembership"), request)
    nothing = town.attempt(account, (CLEANROOMS, "CreateMembership"), {**request, "collaborationIdentifier": GHOST})
    assert isinstance(answer, AccessDenied)
    assert told(answer, town.alices.collaboration, GHOST) == told(nothing, town.alices.collaboration, GHOST)


@pytest.mark.parametrize("account", [BOB, DAVE, *PASSERS_BY])
def test_nobody_leaves_for_another(town: Town, account: str) -> None:
    request = {"membershipIdentifier": town.alices.membership}
    assert isinstance(town.attempt(account, (CLEANROOMS, "DeleteMembership"), request), AccessDenied)
    assert isinstance(town.attempt(ALICE, (CLEANROOMS, "DeleteMembership"), request), Conflict)
