from __future__ import annotations

import math

import pytest

from support.prometheus import parsed
from whiteroom.web.openmetrics import BUCKETS_SECONDS, Family, Requests, Sample, exposition, gauge, info


def test_answers_are_counted_by_operation_and_status_and_timed() -> None:
    requests = Requests()
    for status, seconds in ((200, 0.0009), (200, 0.02), (404, 99.0)):
        requests.observe("cleanrooms", "GetMembership", status, seconds)
    requests.observe("", "", 403, 0.001)
    families = parsed(exposition(requests.families()))
    named = {("service", "cleanrooms"), ("operation", "GetMembership")}
    nameless = {("service", ""), ("operation", "")}
    assert families["whiteroom_requests"] == {
        ("_total", frozenset({*named, ("status", "200")})): 2,
        ("_total", frozenset({*named, ("status", "404")})): 1,
        ("_total", frozenset({*nameless, ("status", "403")})): 1,
    }
    durations = families["whiteroom_request_duration_seconds"]
    buckets = {dict(key[1])["le"]: value for key, value in durations.items() if key[0] == "_bucket" and named < key[1]}
    assert list(map(float, buckets)) == [*BUCKETS_SECONDS, math.inf]
    assert list(buckets.values()) == sorted(buckets.values())
    assert (buckets["0.001"], buckets["0.01"], buckets["0.025"], buckets["10.0"], buckets["+Inf"]) == (1, 1, 2, 2, 3)
    assert durations["_count", frozenset(named)] == 3
    assert durations["_sum", frozenset(named)] == pytest.approx(99.0209)


def test_a_value_on_the_limit_of_a_bucket_lies_within_it() -> None:
    requests = Requests()
    requests.observe("sts", "GetCallerIdentity", 200, 0.001)
    assert b'le="0.001"} 1\n' in exposition(requests.families())


@pytest.mark.parametrize("text", ["plain", 'say "so"', "back\\slash", "two\nlines", "naïve", ""])
def test_whatever_a_label_says_the_text_can_be_read(text: str) -> None:
    families = parsed(exposition([info("about", text, said=text), gauge("some", text, {(("said", text),): 0.5})]))
    ((_, ((name, value),)),) = ((suffix, tuple(labels)) for suffix, labels in families["some"])
    unescaped = value.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
    assert (name, unescaped) == ("said", text)


def test_families_without_samples_can_be_read() -> None:
    assert parsed(
        exposition([gauge("some", "Some.", {}), Family("more", "counter", "More.", [Sample("_total", (), 7)])])
    ) == {
        "some": {},
        "more": {("_total", frozenset()): 7},
    }
    assert parsed(exposition([])) == {}
