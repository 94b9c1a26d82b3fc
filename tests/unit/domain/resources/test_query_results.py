"""Who receives the rows of a member's query, where and in which form."""

from __future__ import annotations

from typing import Any

import pytest

from support.fakes import NOON
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.resources.collaborations import Member, MemberStatus
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.query_results import (
    Receiver,
    destination_of,
    is_signed_for,
    location_is_sound,
    location_of,
    one_format,
    place_of,
    receivers_asked_for,
    shown_location,
)
from whiteroom.domain.verdicts import Denied

ALICE, BOB, CAROL = "111111111111", "222222222222", "333333333333"
S3 = {"resultFormat": "CSV", "bucket": "bucket", "keyPrefix": "some/place"}


def a_member(account_id: str, *abilities: str, status: MemberStatus = MemberStatus.ACTIVE) -> Member:
    return Member(f"c/{account_id}", "c", account_id, account_id, abilities, (), {}, status, "m", "arn:m", NOON, NOON)


def a_membership(default: dict[str, Any] | None) -> Membership:
    return Membership(
        "m", "arn:m", "c", BOB, MembershipStatus.ACTIVE, "DISABLED", None, default, None, {}, None, NOON, NOON
    )


MEMBERS = [a_member(ALICE, "CAN_QUERY"), a_member(BOB, "CAN_RECEIVE_RESULTS"), a_member(CAROL)]


def accounts(output: dict[str, Any] | None, members: list[Member] = MEMBERS) -> list[tuple[str, bool]]:
    found = receivers_asked_for(output, ALICE, members)
    assert not isinstance(found, Denied), found
    return [(receiver.account_id, receiver.s3 is not None) for receiver in found]


def refusal(output: dict[str, Any] | None, members: list[Member] = MEMBERS) -> str:
    verdict = receivers_asked_for(output, ALICE, members)
    assert isinstance(verdict, Denied)
    return verdict.reason


def test_an_s3_location_is_the_queriers_own() -> None:
    assert accounts({"s3": S3}) == [(ALICE, True)]


def test_a_member_output_goes_to_that_members_own_place() -> None:
    assert accounts({"member": {"accountId": BOB}}) == [(BOB, False)]


def test_a_distribute_output_goes_to_each() -> None:
    output = {"distribute": {"locations": [{"s3": S3}, {"member": {"accountId": BOB}}]}}
    assert accounts(output) == [(ALICE, True), (BOB, False)]


@pytest.mark.parametrize(
    ("locations", "word"),
    [
        ([{"s3": S3}, {"s3": S3}], "more than one s3 location"),
        ([{"member": {"accountId": ALICE}}], "names the account that runs the query"),
        ([{"member": {"accountId": BOB}}, {"member": {"accountId": BOB}}], f"member {BOB} twice"),
    ],
)
def test_a_distribute_output_names_each_receiver_once(locations: list[dict[str, Any]], word: str) -> None:
    assert word in refusal({"distribute": {"locations": locations}})


@pytest.mark.parametrize("output", [{"intermediateTable": {"id": "x"}}, {"somethingNew": {}}, {}])
def test_an_output_that_is_not_understood_is_refused(output: dict[str, Any]) -> None:
    assert "Use s3, member or distribute" in refusal(output)


def test_without_an_output_the_querier_receives_where_it_can() -> None:
    assert accounts(None, [a_member(ALICE, "CAN_QUERY", "CAN_RECEIVE_RESULTS"), *MEMBERS[1:]]) == [(ALICE, False)]


def test_without_an_output_the_only_member_who_can_receives() -> None:
    assert accounts(None) == [(BOB, False)]


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ([*MEMBERS, a_member(CAROL, "CAN_RECEIVE_RESULTS")], f"Members {BOB}, {CAROL} can"),
        ([MEMBERS[0]], "No active member can"),
        ([a_member(BOB, "CAN_RECEIVE_RESULTS", status=MemberStatus.LEFT)], "No active member can"),
    ],
)
def test_without_an_output_and_a_single_receiver_one_must_be_named(members: list[Member], word: str) -> None:
    assert word in refusal(None, members)


def test_a_receivers_place_is_the_one_named_or_its_own_or_the_deployments() -> None:
    own = {"outputConfiguration": {"s3": {"resultFormat": "PARQUET", "bucket": "bobs"}}}
    assert place_of(Receiver(ALICE, S3), None, "s3://rest") == S3
    assert place_of(Receiver(BOB, None), a_membership(own), "s3://rest") == own["outputConfiguration"]["s3"]
    for default, prefix in (("s3://rest", BOB), ("s3://rest/of/all/", f"of/all/{BOB}")):
        place = place_of(Receiver(BOB, None), a_membership(None), default)
        assert place == {"resultFormat": "CSV", "bucket": "rest", "keyPrefix": prefix}


def test_a_receiver_without_a_place_is_told_how_to_set_one() -> None:
    verdict = place_of(Receiver(BOB, None), a_membership(None), "")
    assert isinstance(verdict, Denied)
    assert "UpdateMembership" in verdict.reason


def test_rows_go_by_the_rights_of_whoever_owns_the_bucket() -> None:
    own = {"outputConfiguration": {"s3": {"resultFormat": "PARQUET", "bucket": "bobs"}}, "roleArn": "role"}
    named = {"resultFormat": "CSV", "bucket": "named", "keyPrefix": "p"}
    for receiver, membership, expected in (
        (Receiver(BOB, None), a_membership(own), Destination("s3://bobs", BOB, "role")),
        (Receiver(BOB, named), a_membership(own), Destination("s3://named/p", BOB, "role")),
        (Receiver(BOB, named), a_membership(None), Destination("s3://named/p", BOB, None)),
        (Receiver(BOB, None), a_membership(None), Destination(f"s3://rest/{BOB}", None, None)),
    ):
        assert destination_of(receiver, membership, "s3://rest") == expected
    assert isinstance(destination_of(Receiver(BOB, None), None, ""), Denied)


def test_somebody_signs_for_a_receivers_bucket() -> None:
    with_role, without = Destination("s3://bobs", BOB, "role"), Destination("s3://bobs", BOB, None)
    assert is_signed_for(with_role, ())
    assert is_signed_for(without, {BOB})
    assert is_signed_for(without, None)
    assert is_signed_for(Destination("s3://rest", None, None), ())
    verdict = is_signed_for(without, {ALICE})
    assert isinstance(verdict, Denied)
    assert "defaultResultConfiguration.roleArn" in verdict.reason


@pytest.mark.parametrize(
    ("prefix", "location"),
    [("", "s3://bucket"), ("a", "s3://bucket/a"), ("a/b/", "s3://bucket/a/b"), (None, "s3://bucket")],
)
def test_a_location_is_bucket_and_prefix(prefix: str | None, location: str) -> None:
    s3 = {"bucket": "bucket", **({} if prefix is None else {"keyPrefix": prefix})}
    assert location_of(s3) == location
    assert location_is_sound(s3)


@pytest.mark.parametrize("prefix", ["../up", "a//b", "a/./b", "a/../../b", ".delivery-x", "/a"])
def test_a_prefix_that_could_lead_elsewhere_is_refused(prefix: str) -> None:
    assert not location_is_sound({"bucket": "bucket", "keyPrefix": prefix})


def test_receivers_of_one_query_get_one_format() -> None:
    assert one_format({ALICE: {"resultFormat": "PARQUET"}, BOB: {"resultFormat": "PARQUET"}}) == "PARQUET"
    verdict = one_format({ALICE: {"resultFormat": "PARQUET"}, BOB: {"resultFormat": "CSV"}})
    assert isinstance(verdict, Denied)
    assert f"{ALICE} (PARQUET), {BOB} (CSV)" in verdict.reason


def test_one_file_is_told_by_its_name_and_several_by_their_folder() -> None:
    assert shown_location("s3://b/p", "q", ["part-0.csv"]) == "s3://b/p/q/part-0.csv"
    assert shown_location("s3://b/p", "q", ["part-0.csv", "part-1.csv"]) == "s3://b/p/q/"
