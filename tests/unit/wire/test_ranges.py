"""RFC 9110's ranges and preconditions, against a model of them that goes byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.wire.ranges import MAX_TAGS, Answered, answered

TAG = '"abc"'


@pytest.mark.parametrize(
    ("asked", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=0-99", 0, 10),
        ("bytes=3-5", 3, 3),
        ("bytes=9-", 9, 1),
        ("bytes=0-", 0, 10),
        ("bytes=-1", 9, 1),
        ("bytes=-10", 0, 10),
        ("bytes=-11", 0, 10),
        ("bytes=0-99999999999999999999", 0, 10),
        ("Bytes = 3-5", 3, 3),
        (" bytes=3-5 ", 3, 3),
    ],
)
def test_one_range_is_answered_as_far_as_the_file_goes(asked: str, start: int, length: int) -> None:
    assert answered(10, TAG, asked=asked) == Answered(206, start, length)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999-", "bytes=-0", "bytes=-00"])
def test_a_range_beyond_the_end_is_not_satisfiable(asked: str) -> None:
    assert answered(10, TAG, asked=asked) == Answered(416)


@pytest.mark.parametrize(
    "asked",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=1-2,4-5", "bytes=1-2,", "items=0-1",
        "bytes=--1", "bytes=+1-2", "bytes=0x1-2", "bytes=1_0-", "bytes=\u0661-\u0662",
        "bytes=0-1\x00", "bytes=" + "9" * 5_000 + "-", "0-1",
    ],
)  # fmt: skip
def test_what_is_no_range_or_several_is_answered_with_the_whole_file(asked: str) -> None:
    assert answered(10, TAG, asked=asked) == Answered(200, 0, 10)


def test_an_empty_file_has_no_part() -> None:
    assert answered(0, TAG) == Answered(200, 0, 0)
    assert answered(0, TAG, asked="bytes=0-") == Answered(416)
    assert answered(0, TAG, asked="bytes=-5") == Answered(200, 0, 0)
    assert answered(0, TAG, asked="bytes=-0") == Answered(416)


@given(size=st.integers(0, 40), first=st.integers(0, 45), last=st.integers(0, 45) | st.none())
def test_a_range_gives_the_bytes_that_it_names(size: int, first: int, last: int | None) -> None:
    wanted = [at for at in range(size) if at >= first and (last is None or at <= last)]
    what = answered(size, TAG, asked=f"bytes={first}-{'' if last is None else last}")
    if last is not None and last < first:
        assert what == Answered(200, 0, size)
    elif wanted:
        assert what == Answered(206, wanted[0], len(wanted))
    else:
        assert what == Answered(416)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_whatever_stands_in_the_headers_the_bytes_lie_in_the_file(asked: str, one: str, other: str) -> None:
    what = answered(10, TAG, asked=f"bytes={asked}", if_none_match=one, if_range=other)
    assert what.status in (200, 206, 304, 416)
    assert 0 <= what.start <= what.start + what.length <= 10


@pytest.mark.parametrize("header", [TAG, f"W/{TAG}", "*", f'"x", {TAG}', f'"x",W/{TAG} ', ' "a,b" , ' + TAG])
def test_a_file_that_is_known_is_not_sent_again(header: str) -> None:
    assert answered(10, TAG, if_none_match=header, asked="bytes=0-1") == Answered(304)


@pytest.mark.parametrize(
    "header", ["", '"x"', "abc", '"ABC"', '"abc', "W/", '"abcd"', ", ".join(['"x"'] * MAX_TAGS + [TAG])]
)
def test_a_file_that_is_not_known_is_sent(header: str) -> None:
    assert answered(10, TAG, if_none_match=header) == Answered(200, 0, 10)


@pytest.mark.parametrize(
    ("header", "status"), [(TAG, 200), ("*", 200), (f'"x", {TAG}', 200), (f"W/{TAG}", 412), ("", 412)]
)
def test_if_match_is_a_strong_comparison(header: str, status: int) -> None:
    assert answered(10, TAG, if_match=header).status == status
    assert answered(10, TAG, if_match=header, if_none_match=TAG).status == (304 if status == 200 else 412)


@pytest.mark.parametrize("header", [f"W/{TAG}", '"x"', "Sun, 29 Nov 2026 12:00:00 GMT", "", "*", f"{TAG}, {TAG}"])
def test_a_part_of_another_state_of_the_file_is_not_sent(header: str) -> None:
    assert answered(10, TAG, asked="bytes=0-1", if_range=header) == Answered(200, 0, 10)
    assert answered(10, TAG, asked="bytes=0-1", if_range=TAG) == Answered(206, 0, 2)
