"""What the operator's pages show: names, identifiers, times and amounts, and nothing else that a member wrote."""

from __future__ import annotations

import itertools
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from html import escape
from typing import Any

import pytest

from support.console import Browser, OpenConsole, open_console, text_of
from support.fakes import FakeClock
from support.worlds.callers import CALLERS, a_room_of_callers
from support.worlds.every_request import NOON
from support.worlds.everything import FullRoom
from whiteroom.base.callers import Role
from whiteroom.console.pages.operator import OPERATOR_ROUTES
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.observability.metrics import MetricKind, MetricSeries, begin_reading, grow
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, User
from whiteroom.domain.resources.holdings import Holding, HoldingKind
from whiteroom.domain.resources.usage import UsageEntry, UsageKind
from whiteroom.ports.transaction import KINDS, Kind

PLANTED = "planted"
XSS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "</title></h1><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;\u202e\u0000\u2028",
    "../../sign-out?a=b#c",
)
NAMES = {"name", "name_folded", "display_name", "creator_display_name", "trained_model_name", "job_name", "user"}
"""Fields that the operator sees, besides what identifies: what somebody called something."""
FACTS = {"day", "version_identifier", "status_code", "query_log_status", "job_log_status", "analytics_engine"}
"""Words of the protocol's and ours."""
NO_MEMBERS = {"accounts", "users", "roles", "access_keys", "console_links", "console_sessions", "sign_ins", "usage"}
"""Kinds that no member writes."""


def is_identifier(name: str) -> bool:
    return name in {"id", "arn", "account_id", "resource", "place"} or name.endswith(("_id", "_arn"))


def texts(kind: Kind[Any]) -> Iterator[tuple[str, Any]]:
    """Fields of a kind that hold what members write, other than names, each with something that is planted there."""
    hints = typing.get_type_hints(kind.record)
    for field in fields(kind.record):
        hint = hints[field.name]
        inner = [one for one in typing.get_args(hint) if one is not type(None)]
        bare = inner[0] if type(None) in typing.get_args(hint) else hint
        origin = typing.get_origin(bare) or bare
        if field.name in NAMES | FACTS or is_identifier(field.name):
            continue
        mark = f"{PLANTED}-{kind.name}-{field.name}"
        if origin is str:
            yield field.name, mark
        elif origin is tuple:
            yield field.name, (mark if typing.get_args(bare)[0] is str else {mark: mark},)
        elif isinstance(origin, type) and issubclass(origin, Mapping) and not issubclass(origin, StrEnum):
            yield field.name, {mark: mark}


@dataclass(frozen=True)
class Furnished:
    """A room in which every text that a member can write holds a mark, and the operator before it."""

    console: OpenConsole
    room: FullRoom
    operator: Browser
    planted: int

    def paths(self) -> list[str]:
        """Every page of the operator's, of everything that it can be about."""
        found = []
        for path, methods, _ in OPERATOR_ROUTES:
            if "GET" in methods:
                accounts = CALLERS.values() if "{account}" in path else [""]
                for account in accounts:
                    named = path.replace("{account}", account)
                    named = named.replace("{user}", f"AIDA{CALLERS['owner']}")
                    named = named.replace("{key}", f"WRK{CALLERS['owner']}")
                    found.append("/console" + named.replace("{collaboration}", self.room.names["collaboration"]))
        return found


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    folder = tmp_path_factory.mktemp("operator")
    with open_console(folder / "data", clock=FakeClock(NOON)) as console:
        logs = folder / "data" / "logs"
        logs.mkdir(exist_ok=True)
        room = a_room_of_callers(console.store, logs)
        _more(console, room)
        yield Furnished(console, room, console.operator(), _plant(console))


def _more(console: OpenConsole, room: FullRoom) -> None:
    """What nobody can ask for in the room: accounts, failed work, bills, and a program's own metric."""
    collaboration, payer = room.names["collaboration"], CALLERS["payer"]
    with console.store.transaction() as tx:
        for caller, account in CALLERS.items():
            tx.accounts.add(Account(account, f"{caller} & co", NOON))
            user = User(f"AIDA{account}", account, f"user.{caller}", Role.ADMINISTRATOR, NOON)
            tx.users.add(user)
            key = AccessKey(f"WRK{account}", account, f"{PLANTED}-secret", AccessKeyStatus.ACTIVE, NOON, user.id)
            tx.access_keys.add(key)
        held = Holding(
            "channel/x", HoldingKind.CHANNEL, room.names["channel"], room.names["membership"], collaboration,
            room.names["querier"], payer, 2_500_000, True, NOON, None,
        )  # fmt: skip
        tx.holdings.add(held)
        entry = UsageEntry(
            "training/x", UsageKind.TRAINING, "x", room.names["model"], collaboration, room.names["querier"],
            payer, "2030-01-01", 10.0, 1234.5, 7.2e12, NOON,
        )  # fmt: skip
        tx.usage.add(entry)
        working = tx.trained_models.find(arn=room.names["working_model"])
        assert working is not None
        at = NOON + timedelta(minutes=1)
        began = tx.trained_models.transition(working, Event.STARTED, actor="controller", at=at, run_started_at=at)
        series = [
            MetricSeries(began.id, MetricKind.SYSTEM, "GPUUtilization", "algo-1"),
            MetricSeries(began.id, MetricKind.CUSTOM, f"{PLANTED}-loss", "algo-1"),
        ]
        grown = [grow(one, [(1, 87.0)], 1) for one in series]
        tx.metrics.advance(begin_reading(f"t-{began.id}", began.id, (), 1), grown)
        job = tx.trained_model_inference_jobs.find(arn=room.names["job"])
        assert job is not None
        tx.trained_model_inference_jobs.transition(
            job, Event.FAILED, actor="controller", at=at, reason=f"{PLANTED}-reason", status_code="AlgorithmError"
        )


def _plant(console: OpenConsole) -> int:
    """Put a mark into every text of every record, of whatever members make; how many."""
    planted = 0
    with console.store.transaction() as tx:
        for kind in KINDS:
            repository = getattr(tx, kind.name)
            changes = {} if kind.name in NO_MEMBERS else dict(texts(kind))
            for record in repository.all() if changes else ():
                if kind.lifecycle is None:
                    repository.update(record, **changes)
                else:
                    repository.note(record, actor="controller", at=NOON, reason=f"{PLANTED}-reason", **changes)
                planted += len(changes)
    return planted


def test_no_page_of_the_operators_has_a_text_of_a_members_but_names(furnished: Furnished) -> None:
    assert furnished.planted > 100
    for path in furnished.paths():
        answer = furnished.operator.get(path)
        assert answer.status_code == 200, path
        assert PLANTED not in answer.text, path


def test_what_is_planted_is_every_kind_of_text_that_members_write() -> None:
    found = {name for kind in KINDS if kind.name not in NO_MEMBERS for name, _ in texts(kind)}
    known = {"sql_parameters", "hyperparameters", "environment", "description", "status_message", "judgement"}
    assert known | {"source", "policy", "result_configuration", "input_channel", "data_channels", "location"} <= found


def test_work_under_way_says_whose_it_is_since_when_and_what_it_uses(furnished: Furnished) -> None:
    text = text_of(furnished.operator.get("/console/operator/work").text)
    querier, payer = furnished.room.names["querier"], CALLERS["payer"]
    assert re.search(rf"working training \S+ create in progress {querier} , paid by {payer} Market", text), text
    assert "2030-01-01 12:01:00 UTC" in text or f"{NOON + timedelta(minutes=1):%Y-%m-%d %H:%M:%S} UTC" in text
    assert "algo-1 GPU 87 %" in text


def test_failed_work_has_a_page_with_its_codes(furnished: Furnished) -> None:
    text = text_of(furnished.operator.get("/console/operator/failures").text)
    assert re.search(r"scores inference job \S+ create failed AlgorithmError", text), text


def test_the_first_page_says_how_the_machine_does_and_how_much_is_under_way(furnished: Furnished) -> None:
    text = text_of(furnished.operator.get("/console").text)
    assert re.search(r"Memory [\d.]+ GB [\d.]+ GB \d+ %", text), text
    assert "training create in progress 1" in text


def test_storage_and_use_are_by_payer_and_collaboration(furnished: Furnished) -> None:
    text = text_of(furnished.operator.get("/console/operator/storage").text)
    payer, collaboration = CALLERS["payer"], furnished.room.names["collaboration"]
    assert f"{payer} Market {collaboration} channel 2.5 MB" in text
    assert f"{payer} Market {collaboration} training 1,234.5 2.000" in text


def test_accounts_are_shown_with_users_and_keys(furnished: Furnished) -> None:
    account = CALLERS["owner"]
    assert f"{account} owner & co enabled" in text_of(furnished.operator.get("/console/operator/accounts").text)
    text = text_of(furnished.operator.get(f"/console/operator/accounts/{account}").text)
    assert f"user.owner AIDA{account} administrator enabled Disable user user.owner WRK{account} active" in text


def test_a_collaboration_is_shown_with_its_members(furnished: Furnished) -> None:
    assert "Market" in furnished.operator.get("/console/operator/collaborations").text
    text = text_of(
        furnished.operator.get(f"/console/operator/collaborations/{furnished.room.names['collaboration']}").text
    )
    for caller in ("owner", "author", "payer"):
        assert f"{CALLERS[caller]} {caller} active" in text
    assert "Work may be done." in text


def test_events_of_all_resources_are_paged_newest_first(furnished: Furnished) -> None:
    with furnished.console.store.reading() as tx:
        every = [one.place for one in tx.newest_events(10_000)]
    assert every == sorted(every, reverse=True)
    path, shown = "/console/operator/events", 0
    while path:
        page = furnished.operator.get(path).text
        shown += page.count("<td><time")
        older = re.search(r'href="([^"]*\?after=[^"]*)"', page)
        path = older.group(1) if older else ""
    assert shown == len(every) > 10
    first = text_of(furnished.operator.get("/console/operator/events").text)
    assert re.search(r"controller noted \S", first)


def test_health_says_what_doctor_finds(furnished: Furnished) -> None:
    text = text_of(furnished.operator.get("/console/operator/health").text)
    assert "machine" in text
    assert "database" in text
    assert "differential privacy" in text


@pytest.mark.parametrize("what", ["accounts", "collaborations"])
@pytest.mark.parametrize("name", ["nothing", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%00", "a" * 2000])
def test_what_is_not_there_is_said_and_not_echoed(furnished: Furnished, what: str, name: str) -> None:
    answer = furnished.operator.get(f"/console/operator/{what}/{name}")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("text", XSS)
def test_names_are_text_on_every_page(furnished: Furnished, text: str) -> None:
    with furnished.console.store.transaction() as tx:
        for kind in KINDS:
            repository = getattr(tx, kind.name)
            named = [field.name for field in fields(kind.record) if field.name in NAMES]
            for number, record in enumerate(repository.all() if named else ()):
                # Most names are unique where they are; what makes them so comes last.
                changes = dict.fromkeys(named, f"{text}{number}")
                if kind.lifecycle is None:
                    repository.update(record, **changes)
                else:
                    repository.note(record, actor="controller", at=NOON, **changes)
    shown = 0
    for path in furnished.paths():
        page = furnished.operator.get(path).text
        assert_is_text(page, text)
        shown += escape(text[:8]) in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert shown > 5


def assert_is_text(page: str, text: str) -> None:
    """No tag is opened, and no attribute made, by what somebody called something."""
    for tag in ("<script>", "<img src=x", "<svg/", "onerror=alert(1)>", "</h1><svg"):
        assert tag not in page, tag
    assert " onfocus='" not in page
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", page)
    assert 'href="javascript:' not in page
    assert not re.findall(r"<[a-z]+[^>]*\son[a-z]+=", page)
    assert 'action="../../' not in page
    assert "style=" not in page


def test_pages_of_the_operator_are_whole_for_a_screen_reader(furnished: Furnished) -> None:
    for path in furnished.paths():
        page = furnished.operator.get(path).text
        levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
        assert levels[0] == 1, path
        assert levels.count(1) == 1, path
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path
        assert not re.findall(r"<th(?![^>]*scope=)[ >]", page), path
        ids = re.findall(r'\sid="([^"]*)"', page)
        assert len(ids) == len(set(ids)), path
        assert set(re.findall(r'aria-labelledby="([^"]*)"', page)) <= set(ids), path
