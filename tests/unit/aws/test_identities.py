from __future__ import annotations

import pytest
from botocore.session import Session

from whiteroom.aws.identities import Identity, member, parse_account_profiles

A, B = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{A}:role/results"


def test_a_session_is_named_after_the_resource() -> None:
    assert member(A, ROLE, "0c4d-11") == Identity(A, ROLE, "whiteroom-0c4d-11")


@pytest.mark.parametrize("resource", ["", "a" * 200, "a/b c\n", "é", "arn:aws:x"])
def test_whatever_a_resource_is_called_sts_takes_its_session(resource: str) -> None:
    asked = Session().get_service_model("sts").operation_model("AssumeRole").input_shape
    assert asked is not None
    shape = asked.members["RoleSessionName"]
    name = member(A, ROLE, resource).session_name
    assert shape.metadata["min"] <= len(name) <= shape.metadata["max"]
    assert name.isascii()
    assert not set(name) & set("/ \n:")


def test_profiles_are_written_as_buckets_regions_are() -> None:
    text = f" {A} = hospital a , {B}=b.c-d,{B}=b.c-d,"
    assert parse_account_profiles(text) == {A: "hospital a", B: "b.c-d"}
    assert parse_account_profiles("") == {}


@pytest.mark.parametrize("text", ["x", "1=b", f"{A}", f"{A}=", f"{A}=a=b", f"{A} b", f"{A}=a,{A}=b"])
def test_what_is_wrong_with_profiles_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_account_profiles(text)
