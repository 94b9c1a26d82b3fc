"""Whatever stands in an address, it is answered or refused: none brings an error about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from support.console import Browser, OpenConsole
from support.worlds.callers import CALLERS, PLANTED
from support.worlds.everything import FullRoom
from support.worlds.requests import REGION
from whiteroom.console.pages import LOOK, ROUTES
from whiteroom.console.pages.operator import OPERATOR_ROUTES

ODD = (
    "..",
    "\0",
    "\n",
    "'\"<b>",
    "{{7*7}}",
    "a" * 3000,
    "arn:aws:x",
    "NULL",
    "-1",
    "9" * 18,
    f"{'9' * 17}.x",
    "\u0663",
)
PARAMETERS = ("after", "version", "stream", "at", "before", "seen", "model", "arn:aws:x@1")


def addresses(routes: object, names: dict[str, str]) -> Iterator[str]:
    """Each page that is looked at, with something odd, or something of another kind, in each place of its address."""
    others = [names["membership"], names["model"], names["job"]]
    assert isinstance(routes, tuple)
    for path, methods, _ in routes:
        if not set(LOOK) <= set(methods):
            continue
        places = re.findall(r"\{(\w+)(?::path)?\}", path)
        real = {"collaboration": names["collaboration"], "kind": "models"}
        for place in places:
            for value in (*ODD[::2], *others):
                given = {**real, place: value}
                yield re.sub(r"\{(\w+)(?::path)?\}", lambda found: quote(given.get(found[1], "x"), safe=":/"), path)  # noqa: B023
        plain = re.sub(r"\{(\w+)(?::path)?\}", lambda found: real.get(found[1], names["model"]), path)  # noqa: B023
        yield from (f"{plain}?{urlencode({name: value})}" for name in PARAMETERS for value in ODD[1::5])


@pytest.fixture(params=["querier", "outside", "operator"])
def somebody(console: OpenConsole, callers: FullRoom, request: pytest.FixtureRequest) -> tuple[str, Browser]:
    if request.param == "operator":
        return request.param, console.operator()
    browser = console.browser(region=REGION)
    browser.sign_in(CALLERS[request.param])
    return request.param, browser


def test_whatever_stands_in_an_address_is_no_error_of_ours_and_tells_nothing_of_others(
    somebody: tuple[str, Browser], callers: FullRoom
) -> None:
    who, browser = somebody
    for address in addresses(OPERATOR_ROUTES if who == "operator" else ROUTES, dict(callers.names)):
        answer = browser.get(f"/console{address}")
        assert answer.status_code < 500, address
        assert set(re.findall(rf"{PLANTED}(\w+)", answer.text)) <= {who}, address
