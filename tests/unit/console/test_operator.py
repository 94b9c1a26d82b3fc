"""Whose pages are whose: the operator's are to no member there, nor a member's to the operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.console import Browser, OpenConsole, open_console, text_of
from support.fakes import NOON, FakeClock
from whiteroom.base.callers import Role
from whiteroom.console.pages import ROUTES, Routes
from whiteroom.console.pages.operator import OPERATOR_ROUTES
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, User
from whiteroom.domain.resources.console_sessions import MOST_SIGN_INS, OPERATOR, Outcome, Way, digest, sign_in

ACME, OTHERS = "111122223333", "444455556666"
SECRET = "a-secret-of-forty-characters-xxxxxxxxxxx"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[OpenConsole]:
    with open_console(tmp_path / "data", dev=False, clock=FakeClock(NOON)) as opened:
        with opened.store.transaction() as tx:
            for account in (ACME, OTHERS):
                tx.accounts.add(Account(account, f"name of {account}", NOON))
                for role in Role:
                    user = User(f"AIDA{account}{role.value}", account, f"{role.value}.{account}", role, NOON)
                    tx.users.add(user)
                    key = AccessKey(a_key(account, role), account, SECRET, AccessKeyStatus.ACTIVE, NOON, user.id)
                    tx.access_keys.add(key)
        yield opened


def a_key(account: str, role: Role) -> str:
    return f"WRK{account}{role.value}"


def members(console: OpenConsole) -> Iterator[tuple[str, Browser]]:
    """One of each role."""
    for role in Role:
        browser = console.browser()
        assert browser.sign_in(a_key(ACME, role), SECRET).status_code == 303
        yield role.value, browser


def a_path(route: str) -> str:
    return "/console" + re.sub(r"\{[^}]*\}", "00000000-0000-4000-8000-000000000000", route)


def asked(browser: Browser, path: str, method: str) -> tuple[int, str]:
    """What a page answers, but for what is each request's own."""
    answer = browser.get(path) if method == "GET" else browser.press(path)
    return answer.status_code, answer.text


def only_in(routes: Routes, others: Routes) -> list[tuple[str, str]]:
    known = {(path, method) for path, methods, _ in others for method in methods}
    there = [(path, method) for path, methods, _ in routes for method in methods]
    return [(a_path(path), method) for path, method in there if (path, method) not in known]


def test_a_member_of_any_role_finds_no_page_of_the_operators_there(console: OpenConsole) -> None:
    for role, browser in members(console):
        for path, method in only_in(OPERATOR_ROUTES, ROUTES):
            assert asked(browser, path, method) == asked(browser, "/console/nothing", method), (role, path)


def test_an_account_of_development_mode_finds_none_either(tmp_path: Path) -> None:
    with open_console(tmp_path / "development") as console:
        browser = console.browser()
        browser.sign_in("313131313131")
        for path, method in only_in(OPERATOR_ROUTES, ROUTES):
            assert asked(browser, path, method) == asked(browser, "/console/nothing", method), path


def test_the_operator_finds_no_page_of_a_members_there(console: OpenConsole) -> None:
    operator = console.operator()
    for path, method in only_in(ROUTES, OPERATOR_ROUTES):
        assert asked(operator, path, method) == asked(operator, "/console/nothing", method), path


def test_where_both_have_a_page_each_gets_its_own(console: OpenConsole) -> None:
    operator = console.operator()
    for role, browser in members(console):
        for path in ("/console", "/console/sign-ins"):
            assert "the operator" not in text_of(browser.get(path).text), role
            assert "operator" not in re.findall(r'<th scope="row">([^<]*)', browser.get(path).text), role
    assert "You are signed in as the operator" in text_of(operator.get("/console").text)


def test_the_operator_sees_sessions_and_refusals_of_all_accounts(console: OpenConsole) -> None:
    with console.store.transaction() as tx:
        tx.sign_ins.add(sign_in(OTHERS, "mallory", Way.ACCESS_KEY, Outcome.REFUSED, NOON, "The secret was wrong."))
    list(members(console))
    text = text_of(console.operator().get("/console/sign-ins").text)
    for role in Role:
        assert f"{ACME} {role.value}.{ACME} access key {a_key(ACME, role)}" in text
    assert f"{OTHERS} mallory access key refused The secret was wrong." in text


def test_the_operator_ends_anybodys_session_and_that_is_written_down_for_the_account(console: OpenConsole) -> None:
    operator, (_, member) = console.operator(), next(members(console))
    session = digest(next(iter(member.client.cookies.values())))
    assert operator.press("/console/sign-ins/end", session=session).headers["location"] == "/console/sign-ins"
    assert member.get("/console").status_code == 401
    assert operator.press("/console/sign-ins/end", session=session).status_code == 303
    with console.store.reading() as tx:
        ended = [one for one in tx.sign_ins.all(account_id=ACME) if one.outcome is Outcome.ENDED]
    assert [(one.way, one.reason) for one in ended] == [
        (Way.OPERATOR, "A session that began at 2026-01-01 12:00:00 UTC.")
    ]


def test_the_operator_leafs_through_all_that_is_kept_of_sign_ins(console: OpenConsole) -> None:
    with console.store.transaction() as tx:
        for number in range(250):
            tx.sign_ins.add(sign_in(OTHERS, f"user-{number:03}", Way.LINK, Outcome.REFUSED, NOON))
    operator, path, seen = console.operator(), "/console/sign-ins", 0
    for _ in range(4):
        page = operator.get(path).text
        seen += len(set(re.findall(r"user-\d{3}", page)))
        older = re.search(r'href="([^"]*\?after=[^"]*)"', page)
        if older is None:
            break
        path = older.group(1)
    assert (seen, older) == (250, None)
    assert MOST_SIGN_INS >= 250


@pytest.mark.parametrize("place", ["x", "-1.a", "99999999999999999.a", "1", "1.", "1.\x00", "1." + "a" * 300])
def test_a_place_that_is_none_is_the_beginning(console: OpenConsole, place: str) -> None:
    answer = console.operator().request("GET", "/console/sign-ins", params={"after": place})
    assert answer.status_code == 200
    assert OPERATOR in answer.text or place.startswith("99") or place == "1.\x00"
