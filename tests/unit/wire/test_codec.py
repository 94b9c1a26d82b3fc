from __future__ import annotations

import json
from typing import Any

import pytest

from whiteroom.base.faults import ValidationFault
from whiteroom.wire.codec import Codec, decode_json
from whiteroom.wire.models import services
from whiteroom.wire.protocol import ProtocolFault
from whiteroom.wire.requests import parse_query

ML = services()["cleanrooms-ml"].operations
UUID = "00000000-0000-0000-0000-000000000000"
ARN = f"arn:aws:cleanrooms-ml:eu-west-1:123456789012:membership/{UUID}/trained-model/x"
LABELS = {"membershipIdentifier": UUID}


def test_labels_query_and_body_become_parameters_by_the_models_names() -> None:
    listed = Codec(ML["ListTrainedModels"]).parse(LABELS, parse_query(b"maxResults=5&nextToken=a%2Fb+c&other=x"), b"")
    assert listed == {"membershipIdentifier": UUID, "maxResults": 5, "nextToken": "a/b c"}


def test_defaults_are_not_filled_in() -> None:
    assert Codec(ML["ListTrainedModels"]).parse(LABELS, [], b"") == LABELS


def test_the_last_of_a_repeated_parameter_counts_and_a_list_takes_all() -> None:
    listed = Codec(ML["ListTrainedModels"]).parse(LABELS, parse_query(b"maxResults=5&maxResults=6"), b"")
    assert listed["maxResults"] == 6
    untag = Codec(ML["UntagResource"]).parse({"resourceArn": ARN}, parse_query(b"tagKeys=b&tagKeys=a"), b"")
    assert untag["tagKeys"] == ["b", "a"]


def test_a_required_query_parameter_must_not_be_missing() -> None:
    with pytest.raises(ValidationFault, match="Value null at 'tagKeys' failed"):
        Codec(ML["UntagResource"]).parse({"resourceArn": ARN}, [], b"")


@pytest.mark.parametrize("text", [b"", b"x", b"1.5", b"%C2%B2", b"--1", b"9" * 5000, b"%ff"])
def test_a_query_integer_must_be_one(text: bytes) -> None:
    with pytest.raises(ProtocolFault):
        Codec(ML["ListTrainedModels"]).parse(LABELS, parse_query(b"maxResults=" + text), b"")


def test_all_that_is_wrong_is_told_at_once_wherever_it_stands() -> None:
    with pytest.raises(ValidationFault) as caught:
        Codec(ML["CreateTrainedModel"]).parse({"membershipIdentifier": "u"}, [], b'{"dataChannels":[{}]}')
    message = caught.value.message
    assert message.startswith("6 validation errors detected: ")
    for path in (
        "membershipIdentifier",
        "dataChannels.1.member.mlInputChannelArn",
        "dataChannels.1.member.channelName",
        "name",
        "configuredModelAlgorithmAssociationArn",
        "resourceConfig",
    ):
        assert f"at '{path}'" in message


def test_an_empty_body_is_an_empty_document() -> None:
    with pytest.raises(ValidationFault, match="at 'name'"):
        Codec(ML["CreateTrainedModel"]).parse(LABELS, [], b"")


def test_the_body_of_an_operation_without_one_is_ignored() -> None:
    codec = Codec(ML["CancelTrainedModel"])
    assert not codec.takes_body
    labels = {**LABELS, "trainedModelArn": ARN}
    assert codec.parse(labels, [], b"not json") == labels


def test_a_literal_passes_in_the_query_and_in_the_body_where_it_is_allowed() -> None:
    literals = {"versionIdentifier": {"NULL"}, "trainedModelVersionIdentifier": {"NULL"}}
    labels = {**LABELS, "trainedModelArn": ARN}
    cancel = Codec(ML["CancelTrainedModel"], literals)
    assert cancel.parse(labels, [(b"versionIdentifier", b"NULL")], b"")["versionIdentifier"] == "NULL"
    with pytest.raises(ValidationFault):
        cancel.parse(labels, [(b"versionIdentifier", b"LATEST")], b"")
    with pytest.raises(ValidationFault):
        Codec(ML["CancelTrainedModel"]).parse(labels, [(b"versionIdentifier", b"NULL")], b"")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{} {}", b"NaN", b"1e999", b"9" * 5000, b"[" * 200_000, b'"\\ud800"', b'"\xff"', b"\xef\xbb\xbf{}"],
    ids=lambda body: repr(body[:8]),
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolFault, match="The body is"):
        decode_json(body)


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_the_body_must_be_an_object(document: Any) -> None:
    with pytest.raises(ProtocolFault, match="can not be converted to Structure"):
        Codec(ML["CreateTrainedModel"]).parse(LABELS, [], json.dumps(document).encode())


def test_json_null_in_query_bytes_is_only_text() -> None:
    listed = Codec(ML["ListTrainedModels"]).parse(LABELS, [(b"nextToken", b"null")], b"")
    assert listed["nextToken"] == "null"
