from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.base.faults import ValidationFault
from whiteroom.operations.paging import kept_page, next_token, page_size, page_start
from whiteroom.ports.repositories import Page, PageKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = PageKey(NOW + timedelta(microseconds=123_457), "ab-12")


def token(scope: str = "ListThings a", key: PageKey = KEY) -> str:
    made = next_token(Page((), key), scope)
    assert made is not None
    return made


def test_a_token_leads_back_to_its_place_to_the_microsecond() -> None:
    assert page_start({"nextToken": token()}, "ListThings a") == KEY


def test_no_token_is_the_beginning_and_the_end() -> None:
    assert page_start({}, "ListThings a") is None
    assert page_start({"nextToken": ""}, "ListThings a") is None
    assert next_token(Page((), None), "ListThings a") is None


def test_a_page_has_ten_items_unless_the_request_says_otherwise() -> None:
    assert page_size({}) == 10
    assert page_size({"maxResults": 3}) == 3


def encoded(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


SEAL = json.loads(base64.urlsafe_b64decode(token()))[0]


@pytest.mark.parametrize(
    "text",
    [
        token("ListThings b"),
        token()[:-5],
        "%%%",
        "é",
        "\ud800",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 7000).decode(),
        encoded(7),
        encoded([]),
        encoded([SEAL]),
        encoded([SEAL, "soon", "x"]),
        encoded([SEAL, None, "x"]),
        encoded([SEAL, 10**30, "x"]),
        encoded([SEAL, float("inf"), "x"]),
        encoded([SEAL, float("nan"), "x"]),
        encoded([SEAL, -(10**30), "x"]),
        encoded([SEAL, 1, "\ud800"]),
        encoded({"seal": SEAL}),
    ],
)
def test_a_token_that_this_list_did_not_give_out_is_refused(text: str) -> None:
    with pytest.raises(ValidationFault, match="nextToken"):
        page_start({"nextToken": text}, "ListThings a")


@dataclass(frozen=True)
class Thing:
    id: str
    created_at: datetime
    shown: bool


class Things:
    """The part of a repository that paging uses, newest first."""

    def __init__(self, shown: list[bool]) -> None:
        self.things = [Thing(f"{n:03}", NOW - timedelta(seconds=n), show) for n, show in enumerate(shown)]

    def page(self, limit: int, after: PageKey | None, **equals: object) -> Page[Thing]:
        place = (after.created_at, after.id) if after else None
        rest = [thing for thing in self.things if place is None or (thing.created_at, thing.id) < place]
        last = rest[limit - 1] if len(rest) > limit else None
        return Page(tuple(rest[:limit]), PageKey(last.created_at, last.id) if last else None)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 7))
def test_pages_of_what_is_kept_are_full_and_leave_no_gap(shown: list[bool], limit: int) -> None:
    things: Any = Things(shown)
    pages, after = [], None
    while True:
        page: Page[Thing] = kept_page(things, limit, after, lambda thing: thing.shown)
        pages.append(page.items)
        if page.next is None:
            break
        after = page.next
    assert [thing for items in pages for thing in items] == [thing for thing in things.things if thing.shown]
    assert all(len(items) == limit for items in pages[:-1])
    assert len(pages) == 1 or pages[-1], "no empty page at the end"
