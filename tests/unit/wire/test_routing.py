from __future__ import annotations

import dataclasses

import pytest

from whiteroom.wire.models import services
from whiteroom.wire.protocol import ProtocolFault
from whiteroom.wire.routing import Router

ML = services()["cleanrooms-ml"].operations
ROUTER = Router(ML.values())
ENCODED = "arn%3Aaws%3Acleanrooms-ml%3Aeu-west-1%3A123456789012%3Amembership%2Fu%2Ftrained-model%2Fx"
DECODED = "arn:aws:cleanrooms-ml:eu-west-1:123456789012:membership/u/trained-model/x"


@pytest.mark.parametrize("arn", [ENCODED, ENCODED.replace("%3A", ":"), ENCODED.lower()])
def test_an_encoded_slash_does_not_part_a_label(arn: str) -> None:
    found = ROUTER.route("GET", f"/memberships/u/trained-models/{arn}")
    assert found == (
        ML["GetTrainedModel"],
        {"membershipIdentifier": "u", "trainedModelArn": DECODED},
    )


def test_what_follows_an_arn_is_another_operation() -> None:
    found = ROUTER.route("GET", f"/memberships/u/trained-models/{ENCODED}/versions")
    assert found is not None
    assert found[0] is ML["ListTrainedModelVersions"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "//"),
        ("GET", "/memberships//trained-models"),
        ("GET", "/memberships/u/trained-models/"),
        ("GET", "/memberships/u/trained-models/a/b"),
        ("HEAD", "/memberships/u/trained-models"),
        ("get", "/memberships/u/trained-models"),
        ("GET", "/{membershipIdentifier}"),
        ("GET", "/" + "a/" * 100_000),
    ],
)
def test_other_paths_lead_nowhere(method: str, path: str) -> None:
    assert ROUTER.route(method, path) is None


@pytest.mark.parametrize("label", ["%ff", "%c3%28", "\xff"])
def test_a_label_that_is_not_utf_8_is_refused(label: str) -> None:
    with pytest.raises(ProtocolFault):
        ROUTER.route("GET", f"/memberships/{label}/trained-models")


def test_two_operations_cannot_share_a_route() -> None:
    with pytest.raises(ValueError, match="same method and path"):
        Router([ML["GetTrainedModel"], ML["GetTrainedModel"]])


def test_a_literal_that_leads_nowhere_leaves_the_part_to_a_label() -> None:
    one = dataclasses.replace(ML["GetTrainedModel"], uri="/a/fixed/end")
    other = dataclasses.replace(ML["GetTrainedModel"], uri="/a/{name}/tail")
    router = Router([one, other])
    assert router.route("GET", "/a/fixed/end") == (one, {})
    assert router.route("GET", "/a/fixed/tail") == (other, {"name": "fixed"})
    assert router.route("GET", "/a/fixed/else") is None
