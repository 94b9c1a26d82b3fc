from __future__ import annotations

import pytest

from whiteroom.wire.dialects.aws_json import AwsJson
from whiteroom.wire.dialects.cbor import Cbor
from whiteroom.wire.dialects.choice import Dialects, addressed
from whiteroom.wire.dialects.query import Query
from whiteroom.wire.dialects.rest_json import RestJson
from whiteroom.wire.models import services
from whiteroom.wire.requests import Request

DIALECTS = Dialects({})
FORM = {b"content-type": b"Application/X-WWW-Form-URLencoded ; charset=utf-8"}
TARGET = {b"x-amz-target": b"GraniteServiceVersion20100801.ListMetrics"}
SMITHY = {b"smithy-protocol": b"rpc-v2-cbor"}
CBOR_PATH = "/service/GraniteServiceVersion20100801/operation/ListMetrics"


def request(
    path: str = "/",
    headers: dict[bytes, bytes] | None = None,
    query: tuple[tuple[bytes, bytes], ...] = (),
    method: str = "POST",
) -> Request:
    return Request(method, path, query, headers or {}, b"")


@pytest.mark.parametrize(
    ("asked", "dialect"),
    [
        (request(CBOR_PATH, SMITHY), Cbor),
        (request(CBOR_PATH), Cbor),
        (request(headers=SMITHY), Cbor),
        (request(headers=TARGET), AwsJson),
        (request(headers={**TARGET, **FORM}), AwsJson),
        (request(headers=FORM), Query),
        (request(query=((b"Action", b"ListMetrics"),), method="GET"), Query),
        (request(), Query),
        (request("/elsewhere"), Query),
    ],
)
def test_cloudwatch_is_answered_in_the_protocol_that_asks(asked: Request, dialect: type) -> None:
    assert type(DIALECTS.of(asked, services()["monitoring"])) is dialect


@pytest.mark.parametrize(
    ("service", "dialect"),
    [("cleanrooms", RestJson), ("cleanrooms-ml", RestJson), ("logs", AwsJson), ("sts", Query)],
)
@pytest.mark.parametrize("headers", [{}, FORM, TARGET, SMITHY])
@pytest.mark.parametrize("path", ["/", CBOR_PATH, "/memberships"])
def test_a_service_of_one_protocol_is_answered_in_it_whatever_asks(
    service: str, dialect: type, headers: dict[bytes, bytes], path: str
) -> None:
    assert type(DIALECTS.of(request(path, headers), services()[service])) is dialect


@pytest.mark.parametrize(
    ("asked", "dialect", "service"),
    [
        (request(CBOR_PATH), Cbor, "monitoring"),
        (request("/service/Other/operation/X"), Cbor, None),
        (request(headers=TARGET), AwsJson, "monitoring"),
        (request(headers={b"x-amz-target": b"Logs_20140328.X"}), AwsJson, "logs"),
        (request(headers={b"x-amz-target": b"Nobody.X"}), AwsJson, None),
        (request(headers={b"x-amz-target": b""}), AwsJson, None),
        (request(headers=FORM), Query, None),
        (request("/memberships", FORM), RestJson, None),
        (request(), RestJson, None),
    ],
)
def test_without_a_readable_signature_the_request_alone_tells(
    asked: Request, dialect: type, service: str | None
) -> None:
    meant = addressed(asked)
    assert (meant.signing_name if meant else None) == service
    assert type(DIALECTS.of(asked, meant)) is dialect


def test_every_protocol_of_every_service_has_its_dialect() -> None:
    for service in services().values():
        asked = [request(), request(headers=TARGET), request(CBOR_PATH)] if len(service.protocols) > 1 else [request()]
        assert len({type(DIALECTS.of(one, service)) for one in asked}) == len(service.protocols)
