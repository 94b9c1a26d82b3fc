"""Presigned URLs, read before anything of them is verified; botocore's are verified in test_results.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from whiteroom.wire.presigned import is_presigned, read_presigned
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.requests import Request, parse_query

PARTS = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIDEXAMPLE/20261129/eu-west-1/whiteroom/aws4_request",
    "X-Amz-Date": "20261129T120000Z",
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0" * 64,
}


def request(*extra: str, body: bytes = b"", **changes: str | None) -> Request:
    parts = {name: changes.get(name.replace("-", "_"), value) for name, value in PARTS.items()}
    query = [f"{name}={quote(value)}" for name, value in parts.items() if value is not None]
    return Request("GET", "/", parse_query("&".join([*query, *extra]).encode()), {}, body)


def refused(asked: Request, *words: str) -> None:
    with pytest.raises(ProtocolFault) as caught:
        read_presigned(asked)
    assert caught.value.error is ProtocolError.INCOMPLETE_SIGNATURE
    assert all(word in caught.value.message for word in words), caught.value.message


def test_what_a_presigned_url_says_is_read_and_all_but_its_signature_is_signed() -> None:
    asked = request("versionId=1", "X-Amz-Security-Token=a%2Fb%2B")
    said = read_presigned(asked)
    assert is_presigned(asked)
    assert (said.credential, said.timestamp) == (PARTS["X-Amz-Credential"], PARTS["X-Amz-Date"])
    assert (said.lifetime, said.signed_headers) == (timedelta(minutes=15), "host")
    assert (said.signature, said.token) == ("0" * 64, b"a/b+")
    assert [key for key, _ in said.signed_query] == [
        *(name.encode() for name in PARTS if name != "X-Amz-Signature"),
        b"versionId",
        b"X-Amz-Security-Token",
    ]


@pytest.mark.parametrize("name", [name for name in PARTS if name not in ("X-Amz-Signature", "X-Amz-Credential")])
@pytest.mark.parametrize("value", [None, ""])
def test_a_part_that_is_missing_is_named(name: str, value: str | None) -> None:
    changes: Any = {name.replace("-", "_"): value}
    refused(request(**changes), name)


@pytest.mark.parametrize("name", [*PARTS, "X-Amz-Security-Token"])
def test_a_part_that_stands_twice_is_named(name: str) -> None:
    refused(request(f"{name}=1", f"{name}=2"), f"'{name}' more than once")


@pytest.mark.parametrize("expires", ["0", "901", "604800", "-1", "1e2", "9" * 30, "\uff11", "15m", " 5", "+5"])
def test_a_url_lives_15_minutes_at_most(expires: str) -> None:
    refused(request(X_Amz_Expires=expires), "15 minutes")


@pytest.mark.parametrize("seconds", [1, 900])
def test_a_url_may_live_less(seconds: int) -> None:
    assert read_presigned(request(X_Amz_Expires=str(seconds))).lifetime == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "",
        "x",
        "AKID/20261129/eu-west-1/s3/aws4_request",
        "AKID/20261129/eu-west-1/cleanrooms/aws4_request",
        "whiteroom",
    ],
)
def test_a_url_of_another_service_is_refused_with_what_to_do_instead(credential: str | None) -> None:
    refused(request(X_Amz_Credential=credential), "Authorization header", "downloads of results alone")


def test_another_algorithm_and_a_body_are_refused() -> None:
    refused(request(X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256"), "X-Amz-Algorithm must be AWS4-HMAC-SHA256")
    refused(request(body=b"x"), "without a body")
