"""Whatever comes as a form, the answer is XML that botocore reads, soon and in little memory."""

from __future__ import annotations

import tracemalloc
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contract.wire.connection import KEY, Answer, Operations, application, ask
from contract.wire.samples import sample
from contract.wire.test_hostile_requests import authorized
from support.effort import effort_under
from support.shapes import service_model
from whiteroom.wire.dialects.query_form import MAX_FIELDS, read_fields
from whiteroom.wire.models import services
from whiteroom.wire.protocol import ProtocolFault

OPERATIONS = services()["monitoring"].operations
OTHER_SIDE = Operations()
APPLICATION = application(OTHER_SIDE, dev=True)
FORM = "application/x-www-form-urlencoded; charset=utf-8"
LIST = b"Action=ListMetrics&Version=2010-08-01"
MEGABYTE = 10**6
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def post(body: bytes, target: str = "/", service: str = "monitoring", **headers: str) -> Answer:
    OTHER_SIDE.calls.clear()
    fields = {"content-type": FORM} | {key.replace("_", "-"): value for key, value in headers.items()}
    return ask(APPLICATION, "POST", target, [*authorized(service), *fields.items()], body)


def understood(body: bytes) -> Any:
    """The parameters of a request that is let through."""
    answer = post(body)
    assert answer.status == 200, answer.body
    return OTHER_SIDE.calls[-1].parameters


def told(answer: Answer) -> dict[str, Any]:
    """What botocore makes of a refusal."""
    assert answer.headers["content-type"] == "text/xml"
    shape: Any = OPERATIONS["ListMetrics"].output_shape
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    parsed = create_parser("query").parse(response, shape)
    assert parsed["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]
    error: dict[str, Any] = parsed["Error"]
    return error


def answered_well(answer: Answer) -> bool:
    return answer.status == 200 or (answer.status in {*range(400, 500), 501} and all(told(answer).values()))


HOSTILE = {
    "a place beyond all": (b"Dimensions.member.999999999.Name=Host", "none .member.1"),
    "a place that is too long": (b"Dimensions.member.9999999999.Name=Host", "no item of a list"),
    "a place of a thousand digits": (b"Dimensions.member." + b"9" * 1000 + b".Name=Host", "no item of a list"),
    "the place nought": (b"Dimensions.member.0.Name=Host", "no item of a list"),
    "a place below nought": (b"Dimensions.member.-1.Name=Host", "no item of a list"),
    "a place with a nought before it": (b"Dimensions.member.01.Name=Host", "no item of a list"),
    "a place of other digits": ("Dimensions.member.²=a&Dimensions.member.\u0661=b".encode(), "no item of a list"),
    "a place that is no number": (b"Dimensions.member.first.Name=Host", "no item of a list"),
    "no place": (b"Dimensions.member=Host", "no item of a list"),
    "an empty place": (b"Dimensions.member..Name=Host", "no item of a list"),
    "a hole": (b"Dimensions.member.1.Name=a&Dimensions.member.3.Name=b", ".member.3 and none .member.2"),
    "the other form of a list": (b"Dimensions.1.Name=Host", "no item of a list"),
    "both forms of a list": (b"Dimensions.member.1.Name=a&Dimensions.1.Name=b", "no item of a list"),
    "a list that is empty and is not": (b"Dimensions=&Dimensions.member.1.Name=a", "no item of a list"),
    "a list that is not empty and is": (b"Dimensions.member.1.Name=a&Dimensions=", "no item of a list"),
    "a list that is a text": (b"Dimensions=Host", "no item of a list"),
    "a structure that is a text": (b"Dimensions.member.1=Host", "is a structure"),
    "a text that is a structure": (b"MetricName.Name=loss", "what is one value"),
    "a text that is a list": (b"MetricName.member.1=loss", "what is one value"),
    "a field twice": (b"MetricName=a&MetricName=a", "'MetricName' twice"),
    "a field of an item twice": (b"Dimensions.member.1.Name=a&Dimensions.member.1.Name=b", "twice"),
    "an action twice": (b"Action=ListMetrics", "'Action' twice"),
    "a version twice": (b"Version=2010-08-01", "'Version' twice"),
    "a broken escape": (b"MetricName=%", "hexadecimal"),
    "half an escape": (b"MetricName=%4", "hexadecimal"),
    "an escape that is none": (b"MetricName=%zz", "hexadecimal"),
    "a broken escape in a key": (b"Metric%Name=loss", "hexadecimal"),
    "no UTF-8": (b"MetricName=%ff", "not UTF-8"),
    "no UTF-8 in a key": (b"%c3%28=a", "not UTF-8"),
    "a surrogate": (b"MetricName=%ed%a0%80", "not UTF-8"),
    "bytes that are no UTF-8": (b"MetricName=\xff", "not UTF-8"),
    "a boolean that is none": (b"IncludeLinkedAccounts=maybe", "to Boolean"),
    "a boolean that is empty": (b"IncludeLinkedAccounts=", "to Boolean"),
    "a million separators": (b"&" * MEGABYTE, "more than 50,000 fields"),
    "a million fields": (b"a=&" * 333_333, "more than 50,000 fields"),
}


@pytest.mark.parametrize(("rest", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_refused_and_the_refusal_says_why(rest: bytes, why: str) -> None:
    answer = post(LIST + b"&" + rest)
    assert answer.status == 400
    error = told(answer)
    assert (error["Code"], error["Type"]) == ("MalformedInput", "Sender")
    assert why in error["Message"]
    assert len(answer.body) < 2_000
    assert OTHER_SIDE.calls == []


@pytest.mark.parametrize(
    ("rest", "parameters"),
    [
        (b"", {}),
        (b"&&&", {}),
        (b"&Dimensions=", {"Dimensions": []}),
        (b"&Dimensions", {"Dimensions": []}),
        (b"&Dimensions.member.2.Name=b&Dimensions.member.1.Name=a", {"Dimensions": [{"Name": "a"}, {"Name": "b"}]}),
        (b"&MetricName=%E2%82%AC+%2B%26%3d", {"MetricName": "€ +&="}),
        ("&MetricName=€".encode(), {"MetricName": "€"}),
        (b"&MetricName=a=b=c", {"MetricName": "a=b=c"}),
        (b"&MetricName=%00%1b", {"MetricName": "\x00\x1b"}),
        (b"&%4detricName=a", {"MetricName": "a"}),
        (b"&IncludeLinkedAccounts=TRUE", {"IncludeLinkedAccounts": True}),
        (b"&Unknown=1&Unknown=2&Unknown.member.7=x&.=&..=&=&metricname=a", {}),
        (b"&Dimensions.member.1.Name=a&Dimensions.member.1.Other.x=1", {"Dimensions": [{"Name": "a"}]}),
    ],
)
def test_what_is_unusual_and_clear_is_read(rest: bytes, parameters: dict[str, Any]) -> None:
    assert understood(LIST + rest) == parameters


def statistics(**changed: str) -> bytes:
    fields = {
        "Action": "GetMetricStatistics",
        "Namespace": "n",
        "MetricName": "m",
        "StartTime": "2026-01-01T00:00:00Z",
        "EndTime": "2026-01-01T00:00:00Z",
        "Period": "60",
    }
    return urlencode(fields | changed).encode()


@pytest.mark.parametrize(("text", "period"), [("60", 60), ("60.0", 60), ("1e+05", 100_000), ("6E1", 60), ("00060", 60)])
def test_whole_numbers_are_read_as_r_writes_them_too(text: str, period: int) -> None:
    assert understood(statistics(Period=text))["Period"] == period


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "MalformedInput") for text in ("", "sixty", "60s", " 60", "6_0", "0x3c", "--6", "+60", "60.", ".6e2")),
        *(
            (text, "MalformedInput")
            for text in ("60.5", "1e999", "1e9999", "nan", "inf", "Infinity", "²", "٦٠", "1e-1")
        ),
        *((text, "MalformedInput") for text in ("9" * 20, "9" * 5_000, "-" + "9" * 20, "2147483648", "1e+10")),
        ("0", "InvalidParameterValue"),
        ("-60", "InvalidParameterValue"),
    ],
)
def test_what_is_no_whole_number_in_bounds_is_refused(text: str, code: str) -> None:
    answer = post(statistics(Period=text))
    assert (answer.status, told(answer)["Code"]) == (400, code)
    assert "'Period'" in told(answer)["Message"]


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "0", "9" * 5_000, "2026-01-01T00:00:00 00:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    answer = post(statistics(StartTime=text))
    assert (answer.status, told(answer)["Code"]) == (400, "MalformedInput")
    assert "'StartTime'" in told(answer)["Message"]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (post(b"Action=NoSuch&Version=2010-08-01"), 404, "InvalidAction"),
        (post(b"Version=2010-08-01"), 404, "InvalidAction"),
        (post(b""), 404, "InvalidAction"),
        (post(b"Action=ListMetrics&Version=2009-05-15"), 404, "InvalidAction"),
        (post(b"Action=" + b"x" * MEGABYTE), 404, "InvalidAction"),
        (post(b"Action=%1b%00<"), 404, "InvalidAction"),
        (post(b"Action=PutMetricData&Version=2010-08-01"), 501, "NotImplementedException"),
        (post(LIST, "/elsewhere"), 404, "InvalidAction"),
        (post(LIST, content_type="text/plain"), 415, "UnsupportedMediaTypeException"),
        (post(b"", content_length="9" * 9), 413, "RequestEntityTooLargeException"),
        (post(LIST, content_encoding="gzip"), 415, "UnsupportedMediaTypeException"),
        (post(b"Action=GetCallerIdentity&Action=GetCallerIdentity", service="sts"), 400, "MalformedInput"),
        (post(b"Action=GetCallerIdentity&Version=2010-08-01", service="sts"), 404, "InvalidAction"),
        (ask(APPLICATION, "POST", "/", [("content-type", FORM)], LIST), 403, "MissingAuthenticationToken"),
        (ask(APPLICATION, "GET", "/?Action=ListMetrics"), 403, "MissingAuthenticationToken"),
        (ask(APPLICATION, "PUT", "/?Action=ListMetrics", authorized("monitoring")), 404, "InvalidAction"),
    ],
)
def test_every_refusal_is_in_xml(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, told(answer)["Code"]) == (status, code)
    assert len(answer.body) < 2_000


@pytest.mark.parametrize(
    "body",
    [
        LIST + b"&MetricName=" + b"." * MEGABYTE,
        LIST + b"&" + b"a." * (MEGABYTE // 2) + b"=1",
        LIST + b"&Dimensions" + b".member.1" * (MEGABYTE // 9) + b"=1",
        LIST + b"&Dimensions.member." + b"9" * MEGABYTE + b"=1",
        LIST + b"&MetricName=" + b"%" * MEGABYTE,
        LIST + b"&MetricName=" + b"%41" * (MEGABYTE // 3),
        LIST + b"&MetricName=" + b"+" * MEGABYTE,
        LIST + b"=" * MEGABYTE,
        LIST + b"&Dimensions.member.1.Name=" * (MAX_FIELDS - 10),
        b"Action=GetMetricData&" + b"&".join(b"MetricDataQueries.member.%d.Id=" % place for place in range(1, 49_000)),
        b"Action=GetMetricData&" + b"&".join(b"MetricDataQueries.member.%d.Id=a" % -place for place in range(49_000)),
    ],
    ids=lambda body: repr(body[35:60]),
)
def test_a_megabyte_of_form_takes_seconds(body: bytes) -> None:
    with effort_under(5):
        answer = post(body)
    assert answered_well(answer)
    assert len(answer.body) < 30_000


def test_the_memory_that_a_form_takes_is_bounded() -> None:
    most = b"&".join(b"MetricDataQueries.member.%d.Label=" % place + b"x" * 40 for place in range(1, 49_990))
    tracemalloc.start()
    try:
        assert len(read_fields([], most)) == 49_989
        for refused in (b"&" * 4 * MEGABYTE, b"a=&" * MEGABYTE):
            with pytest.raises(ProtocolFault):
                read_fields([], refused)
        assert tracemalloc.get_traced_memory()[1] < 50 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_signed_get_with_a_query_string_is_answered() -> None:
    operations = Operations()
    query = urlencode(
        {"Action": "ListMetrics", "Version": "2010-08-01", "MetricName": "a b+c/é~*"}, quote_via=quote, safe="~"
    )
    request: Any = AWSRequest("GET", f"http://localhost:8080/?{query}")
    SigV4Auth(Credentials(KEY.access_key_id, KEY.secret_access_key), "monitoring", "eu-west-1").add_auth(request)
    headers = [("host", "localhost:8080"), *request.headers.items()]
    answer = ask(application(operations), "GET", f"/?{query}", headers)
    assert answer.status == 200, answer.body
    assert operations.calls[0].parameters == {"MetricName": "a b+c/é~*"}
    changed = ask(application(operations), "GET", f"/?{query}&RecentlyActive=PT3H", headers)
    assert (changed.status, told(changed)["Code"]) == (403, "SignatureDoesNotMatch")


def test_a_field_may_stand_in_the_query_string_of_a_post_and_a_get_has_no_body() -> None:
    assert post(b"MetricName=a", "/?Action=ListMetrics").status == 200
    assert OTHER_SIDE.calls[-1].parameters == {"MetricName": "a"}
    assert told(post(b"Action=ListMetrics", "/?Action=ListMetrics"))["Code"] == "MalformedInput"
    answer = ask(APPLICATION, "GET", "/?Action=ListMetrics", authorized("monitoring"), b"MetricName=b")
    assert (answer.status, OTHER_SIDE.calls[-1].parameters) == (200, {})


@unhurried
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode), action=st.booleans())
@example(b"=&&==&%", True)
@example(b"\xff\xfea\x00", True)
def test_any_body_is_answered(body: bytes, action: bool) -> None:
    assert answered_well(post(LIST + b"&" + body if action else body))


NAMES = ["MetricDataQueries", "MetricStat", "Metric", "Dimensions", "Statistics", "Period", "StartTime", "Name", "Id"]
KEYS = st.lists(st.sampled_from([*NAMES, "member", "1", "2", "0", "x", ""]), max_size=9).map(".".join)


@unhurried
@given(
    name=st.sampled_from(sorted(OPERATIONS)),
    extra=st.dictionaries(KEYS, st.text(max_size=5).filter(str.isprintable) | st.just("1"), max_size=6),
    data=st.data(),
)
def test_any_field_beside_those_of_a_good_request_is_answered(name: str, extra: dict[str, str], data: Any) -> None:
    model = service_model("monitoring").operation_model(name)
    fields = create_serializer("query").serialize_to_request(sample(model.input_shape), model)["body"]
    for dropped in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        fields.pop(dropped, None)
    assert answered_well(post(urlencode({**fields, **extra}).encode()))
