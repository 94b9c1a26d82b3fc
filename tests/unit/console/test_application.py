from __future__ import annotations

import pytest
from starlette.responses import Response

from support.console import Browser, OpenConsole, form_token, text_of
from whiteroom.console import pages
from whiteroom.console.asked import Asked
from whiteroom.console.gate import HEADERS

MEMBER = "313131313131"
OWN_BUT_NO_TOKEN = ""
SOME = {"collaboration": "00000000-0000-4000-8000-000000000000"}


@pytest.fixture
def browser(console: OpenConsole) -> Browser:
    return console.browser()


def a_path(route: str) -> str:
    for name in ("collaboration",):
        route = route.replace("{" + name + "}", SOME[name])
    return "/console" + route


@pytest.mark.parametrize("route", pages.ROUTES, ids=lambda route: route[0] or "/")
def test_whoever_has_not_signed_in_gets_no_page_but_the_way_in(
    browser: Browser, route: tuple[str, tuple[str, ...], pages.Page]
) -> None:
    path, methods, _ = route
    for method in methods:
        answer = browser.request(method, a_path(path), headers={"origin": "http://127.0.0.1:8080"})
        assert answer.status_code == 401
        assert "Sign in" in text_of(answer.text)
        assert answer.headers["www-authenticate"] == 'Session realm="console"'


@pytest.mark.parametrize("route", [one for one in pages.ROUTES if "POST" in one[1]], ids=lambda route: route[0])
@pytest.mark.parametrize("origin", [None, "http://evil.example", "http://127.0.0.1:8081", "null", OWN_BUT_NO_TOKEN])
def test_no_other_sites_form_does_anything(
    browser: Browser, route: tuple[str, tuple[str, ...], pages.Page], origin: str | None
) -> None:
    browser.sign_in(MEMBER)
    token = {"other": "field"} if origin == OWN_BUT_NO_TOKEN else {"form_token": browser.token()}
    answer = browser.send(a_path(route[0]), origin="http://127.0.0.1:8080" if origin == "" else origin, **token)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("origin", "http://[")],
        [("origin", "http://127.0.0.1:8080 x")],
        [("origin", "//127.0.0.1:8080")],
        [("origin", "ftp://127.0.0.1:8080")],
        [("origin", "http://127.0.0.1:8080/console")],
        [("origin", "http://a@127.0.0.1:8080")],
        [("origin", "http://127.0.0.1:8080"), ("origin", "http://evil.example")],
        [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-site")],
        [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "none")],
        [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        [("referer", "http://127.0.0.1:8080/console")],
    ],
    ids=str,
)
def test_whatever_says_oddly_where_it_is_from_is_refused_and_is_no_error_of_ours(
    browser: Browser, headers: list[tuple[str, str]]
) -> None:
    kind = ("content-type", "application/x-www-form-urlencoded")
    for path in ("/console/sign-in", "/console/link"):
        answer = browser.request("POST", path, content=b"access_key_id=313131313131", headers=[kind, *headers])
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_over_https_no_page_sends_a_form_that_came_by_plain_http(console: OpenConsole) -> None:
    browser = console.browser("http://room.example", "127.0.0.1", "https://room.example:443")
    fields = {"access_key_id": MEMBER, "secret_access_key": ""}
    assert browser.send("/console/sign-in", origin="http://room.example", **fields).status_code == 403
    assert browser.send("/console/sign-in", origin="https://room.example", **fields).status_code == 303


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/link"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_the_ways_in_are_looked_at_and_sent_to_and_nothing_else(browser: Browser, path: str, method: str) -> None:
    answer = browser.request(method, path, headers={"origin": "http://127.0.0.1:8080"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_no_path_makes_a_line_of_the_servers_log(
    console: OpenConsole, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Asked) -> Response:
        raise ValueError

    monkeypatch.setattr("whiteroom.console.application.ROUTES", (*pages.ROUTES, ("/odd/{rest:path}", ("GET",), fail)))
    browser = console.browser()
    browser.sign_in(MEMBER)
    assert browser.get("/console/odd/a%1b[2J%E2%80%AE%C2%85FORGED%E2%80%A8").status_code == 500
    (line,) = [record.getMessage() for record in caplog.records if "failed" in record.getMessage()]
    assert line.isprintable()


def test_a_form_of_another_session_of_the_same_user_does_nothing(console: OpenConsole) -> None:
    one, other = console.browser(), console.browser()
    one.sign_in(MEMBER), other.sign_in(MEMBER)
    assert one.send("/console/sign-out", form_token=other.token()).status_code == 403
    assert one.get("/console").status_code == 200


def test_every_answer_says_what_a_page_may_load_and_who_may_frame_it(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    for path in ("/console", "/console/nothing", "/console/sign-in", "/console/assets/0/console.css", "/console/link"):
        answer = browser.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_no_page_has_a_script_or_a_style_in_it_since_none_would_be_obeyed(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    for path in ("/console", "/console/sign-ins", "/console/sign-in", "/console/link", "/console/nothing"):
        text = browser.get(path).text
        assert "style=" not in text
        assert " on" + "click" not in text
        assert text.count("<script") == text.count('<script src="/console/assets/')


def test_pages_are_kept_by_nobody_and_assets_for_ever(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    for path in ("/console", "/console/sign-in", "/console/nothing", "/console/sign-ins/end", "/console/assets/0/x"):
        assert browser.get(path).headers["cache-control"] == "no-store"
    page = browser.get("/console")
    address = page.text.partition('stylesheet" href="')[2].partition('"')[0]
    sheet = browser.get(address)
    assert sheet.status_code == 200
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["0/console.css", "../application.py", "0/../../application.py", "0/%2e%2e/application.py", ""]
)
def test_nothing_but_assets_is_handed_out_as_one(browser: Browser, path: str) -> None:
    assert browser.get("/console/assets/" + path).status_code in {401, 404}


def test_signing_in_leads_to_the_page_that_was_wanted_and_to_no_other_site(console: OpenConsole) -> None:
    for wanted, led in {
        "/console/sign-ins": "/console/sign-ins",
        "//evil.example/": "/console",
        "https://evil.example/console/": "/console",
        "/console/\\evil.example": "/console",
        "/console/..//evil.example": "/console",
        "/console/\r\nset-cookie: a=b": "/console/%0D%0Aset-cookie:%20a=b",
        "": "/console",
    }.items():
        browser = console.browser()
        answer = browser.send("/console/sign-in", access_key_id=MEMBER, secret_access_key="", next=wanted)
        assert (answer.status_code, answer.headers["location"]) == (303, led)


def test_whoever_is_signed_in_is_not_asked_again(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    assert browser.get("/console/sign-in").headers["location"] == "/console"


def test_a_session_that_is_signed_out_is_over_for_whoever_has_kept_its_cookie(console: OpenConsole) -> None:
    browser, thief = console.browser(), console.browser()
    browser.sign_in(MEMBER)
    thief.client.cookies.update(browser.client.cookies)
    assert thief.get("/console").status_code == 200
    assert browser.press("/console/sign-out").headers["location"] == "/console/sign-in"
    assert thief.get("/console").status_code == 401
    assert browser.get("/console").status_code == 401


def test_the_cookie_is_for_no_script_and_over_https_bound_to_the_host(console: OpenConsole) -> None:
    plain = console.browser().sign_in(MEMBER).headers["set-cookie"]
    assert plain.startswith("whiteroom=")
    secure = console.browser("https://room.example", "203.0.113.5", "https://room.example")
    answer = secure.send(
        "/console/sign-in", origin="https://room.example", access_key_id=MEMBER, secret_access_key=""
    ).headers["set-cookie"]
    assert answer.startswith("__Host-whiteroom=")
    assert "Secure" in answer
    for cookie in (plain, answer):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie


@pytest.mark.parametrize(
    ("origin", "peer", "public_url"),
    [
        ("http://room.example", "203.0.113.5", ""),
        ("http://127.0.0.1", "203.0.113.5", ""),
        ("http://room.example", "127.0.0.1", ""),
        ("http://room.example", "203.0.113.5", "http://room.example"),
        # Past the proxy, to the server's own port; and by a name that somebody has pointed here.
        ("http://room.example:8080", "203.0.113.5", "https://room.example"),
        ("http://10.0.0.7:8080", "203.0.113.5", "https://room.example"),
        ("http://evil.example:8080", "127.0.0.1", "https://room.example"),
    ],
)
def test_nobody_is_taken_in_over_a_network_that_can_be_listened_to(
    console: OpenConsole, origin: str, peer: str, public_url: str
) -> None:
    browser = console.browser(origin, peer, public_url)
    for answer in (browser.get("/console"), browser.send("/console/sign-in", origin=origin, access_key_id=MEMBER)):
        assert answer.status_code == 403
        assert "Reach the console by https" in text_of(answer.text)
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
def test_whoever_is_on_this_machine_is_taken_in(console: OpenConsole, origin: str, peer: str) -> None:
    browser = console.browser(origin, peer, "")
    fields = {"access_key_id": MEMBER, "secret_access_key": ""}
    assert browser.send("/console/sign-in", origin=origin, **fields).status_code == 303


def test_a_page_that_is_not_there_and_a_page_asked_for_wrongly_are_told_apart(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    assert browser.get("/console/nothing").status_code == 404
    wrong = browser.get("/console/sign-ins/end")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert browser.press("/console/sign-ins").status_code == 405


def test_a_refusal_of_the_operation_is_the_pages(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    answer = browser.get(a_path("/collaborations/{collaboration}"))
    assert answer.status_code == 403
    assert "AccessDeniedException" in text_of(answer.text)
    broken = browser.get("/console/collaborations/<script>alert(1)</script>")
    assert broken.status_code in {400, 404}
    assert "<script>alert" not in broken.text


def test_an_error_of_ours_is_told_with_the_requests_id_and_nothing_else(
    console: OpenConsole, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Asked) -> Response:
        raise ValueError("a secret of the server's")

    monkeypatch.setattr("whiteroom.console.application.ROUTES", (*pages.ROUTES, ("/odd", ("GET",), fail)))
    browser = console.browser()
    browser.sign_in(MEMBER)
    answer = browser.get("/console/odd")
    assert answer.status_code == 500
    assert "a secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert any(answer.headers["x-request-id"] in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"x" * (2 << 20), "application/x-www-form-urlencoded", 413),
        (b"&".join([b"a=b"] * 300), "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 415),
    ],
)
def test_what_is_no_form_of_the_consoles_is_refused(
    browser: Browser, body: bytes, media_type: str, status: int
) -> None:
    headers = {"origin": "http://127.0.0.1:8080", "content-type": media_type}
    assert browser.request("POST", "/console/sign-in", content=body, headers=headers).status_code == status


def test_a_browser_that_asks_for_the_server_is_led_to_the_console_and_a_client_of_aws_is_not(browser: Browser) -> None:
    assert browser.get("/", accept="text/html,*/*;q=0.8").headers["location"] == "/console"
    assert browser.get("/", accept="*/*").status_code == 403
    assert browser.get("/?Action=GetCallerIdentity", accept="text/html").status_code == 403
    assert browser.get("/consoles", accept="text/html").status_code == 403


def test_the_forms_of_a_page_hold_the_sessions_token(browser: Browser) -> None:
    browser.sign_in(MEMBER)
    assert form_token(browser.get("/console/sign-ins").text) == browser.token()
