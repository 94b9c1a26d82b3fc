"""What the operator does in the console: asked first, done by the functions of the commands, and written down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from support.command import whiteroom
from support.console import Browser, OpenConsole, open_console, text_of
from support.fakes import FakeClock
from support.worlds.callers import CALLERS, a_room_of_callers
from support.worlds.every_request import NOON
from support.worlds.everything import FullRoom
from whiteroom.base.callers import Role
from whiteroom.console.pages.operator import OPERATOR_ROUTES, acts
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, Standing, User
from whiteroom.domain.resources.console_sessions import OPERATOR, Outcome, Way

OWNER = CALLERS["owner"]
KEY, SECRET = f"WRK{OWNER}", "a-secret-of-forty-characters-xxxxxxxxxxx"
USER = f"AIDA{OWNER}"


@dataclass
class World:
    """A furnished room, its operator, and somebody of the owner's who is signed in."""

    console: OpenConsole
    folder: Path
    clock: FakeClock
    room: FullRoom
    operator: Browser
    member: Browser

    @property
    def collaboration(self) -> str:
        return self.room.names["collaboration"]

    def path(self, route: str) -> str:
        """The address of an act on what is of the owner's."""
        names = {"account": OWNER, "user": USER, "key": KEY, "collaboration": self.collaboration}
        for name, value in names.items():
            route = route.replace("{" + name + "}", value)
        return "/console" + route

    def entries(self, account: str = OWNER) -> list[tuple[str, Outcome, str]]:
        """What was written down as the operator's."""
        with self.console.store.reading() as tx:
            found = [one for one in tx.sign_ins.all(account_id=account) if one.way is Way.OPERATOR]
        return [(one.user, one.outcome, one.reason) for one in found]

    def state(self) -> tuple[object, ...]:
        """What any of the acts would change."""
        with self.console.store.reading() as tx:
            account, user, key = tx.accounts.get(OWNER), tx.users.get(USER), tx.access_keys.get(KEY)
            collaboration = tx.collaborations.get(self.collaboration)
            assert account is not None
            assert user is not None
            assert key is not None
            assert collaboration is not None
            rules = len(tx.configured_table_analysis_rules.all())
            return (account.standing, user.standing, key.status, collaboration.stopped_at, rules)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FullRoom]:
    """A data folder with its key beside it, and what is in it: made once, and copied for each test."""
    folder = tmp_path_factory.mktemp("furnished")
    with open_console(folder / "data", dev=False, clock=FakeClock(NOON)) as console:
        logs = folder / "data" / "logs"
        logs.mkdir(exist_ok=True)
        room = a_room_of_callers(console.store, logs)
        with console.store.transaction() as tx:
            tx.accounts.add(Account(OWNER, "Owner", NOON))
            tx.users.add(User(USER, OWNER, "olga", Role.ADMINISTRATOR, NOON))
            tx.access_keys.add(AccessKey(KEY, OWNER, SECRET, AccessKeyStatus.ACTIVE, NOON, USER))
    return folder, room


@pytest.fixture
def world(tmp_path: Path, furnished: tuple[Path, FullRoom]) -> Iterator[World]:
    folder, room = furnished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    clock = FakeClock(NOON)
    with open_console(tmp_path / "data", dev=False, clock=clock) as console:
        member = console.browser()
        assert member.sign_in(KEY, SECRET).status_code == 303
        clock.forward(60)
        yield World(console, tmp_path / "data", clock, room, console.operator(), member)


def test_to_look_at_an_act_changes_nothing_and_says_what_it_will_do(world: World) -> None:
    before = world.state()
    for route, _, _ in acts.ROUTES:
        page = world.operator.get(world.path(route))
        assert page.status_code == 200, route
        assert page.text.count('<form method="post">') == 1
        assert "The same by the command line: whiteroom " in text_of(page.text)
    assert world.state() == before
    assert world.entries() == world.entries(OPERATOR) == []


def test_no_act_is_done_without_the_sessions_token_or_from_another_site(world: World) -> None:
    before = world.state()
    for route in [path for path, methods, _ in OPERATOR_ROUTES if "POST" in methods]:
        assert world.operator.send(world.path(route), another="field").status_code == 403
        assert world.operator.send(world.path(route), form_token=world.member.token()).status_code == 403
        token = world.operator.token()
        assert world.operator.send(world.path(route), origin="http://evil.example", form_token=token).status_code == 403
    assert world.state() == before


def test_whoever_has_not_signed_in_is_led_to_the_way_in_from_every_page_of_the_operators(world: World) -> None:
    nobody = world.console.browser()
    for path, methods, _ in OPERATOR_ROUTES:
        for method in methods:
            answer = nobody.request(method, world.path(path), headers={"origin": "http://127.0.0.1:8080"})
            assert answer.status_code == 401, path


def test_a_member_does_none_of_it(world: World) -> None:
    before = world.state()
    for route, _, _ in acts.ROUTES:
        assert world.member.press(world.path(route)).status_code == 404
    assert world.state() == before


def test_what_an_act_names_that_is_not_there_is_not_found(world: World) -> None:
    for route, _, _ in acts.ROUTES:
        path = "/console" + route.replace("{account}", "999999999999")
        assert world.operator.get(path).status_code == 404
        assert world.operator.press(path).status_code == 404


def done(world: World, route: str, times: int = 2) -> None:
    """Press its button, and once more, as somebody does who is not sure."""
    for _ in range(times):
        assert world.operator.press(world.path(route)).status_code == 303, route
        world.clock.forward(1)


def test_a_disabled_account_is_out_at_once_until_it_is_enabled(world: World) -> None:
    done(world, "/operator/accounts/{account}/disable")
    assert world.member.get("/console").status_code == 401
    assert world.console.browser().sign_in(KEY, SECRET).status_code == 403
    assert "disabled" in text_of(world.operator.get(f"/console/operator/accounts/{OWNER}").text)
    done(world, "/operator/accounts/{account}/enable")
    assert world.console.browser().sign_in(KEY, SECRET).status_code == 303
    reason = "The whole account."
    assert world.entries() == [("root", Outcome.DISABLED, reason), ("root", Outcome.ENABLED, reason)]


def test_a_disabled_user_is_out_at_once_until_it_is_enabled(world: World) -> None:
    done(world, "/operator/users/{user}/disable")
    assert world.member.get("/console").status_code == 401
    done(world, "/operator/users/{user}/enable")
    assert world.console.browser().sign_in(KEY, SECRET).status_code == 303
    assert world.entries() == [("olga", Outcome.DISABLED, ""), ("olga", Outcome.ENABLED, "")]


def test_all_sessions_of_an_account_end_and_no_others(world: World) -> None:
    other = world.console.browser()
    assert other.sign_in(KEY, SECRET).status_code == 303
    assert "2 have signed in" in text_of(
        world.operator.get(world.path("/operator/accounts/{account}/end-sessions")).text
    )
    done(world, "/operator/accounts/{account}/end-sessions")
    assert world.member.get("/console").status_code == other.get("/console").status_code == 401
    assert world.operator.get("/console").status_code == 200
    assert [(user, outcome) for user, outcome, _ in world.entries()] == [("olga", Outcome.ENDED)] * 2
    assert world.console.browser().sign_in(KEY, SECRET).status_code == 303


def test_an_ended_key_signs_no_more_and_its_sessions_end(world: World) -> None:
    done(world, "/operator/keys/{key}/end")
    assert world.member.get("/console").status_code == 401
    assert world.console.browser().sign_in(KEY, SECRET).status_code == 403
    assert world.entries() == [("olga", Outcome.KEY_ENDED, f"Access key {KEY}.")]


def test_the_work_of_a_collaboration_is_stopped_looked_at_soon_and_let_go_on(world: World) -> None:
    stopped_at = world.clock()
    done(world, "/operator/collaborations/{collaboration}/stop", times=1)
    world.clock.forward(60)
    done(world, "/operator/collaborations/{collaboration}/stop", times=1)
    with world.console.store.reading() as tx:
        collaboration = tx.collaborations.get(world.collaboration)
    assert collaboration is not None
    assert collaboration.stopped_at == stopped_at, "since the first time"
    due_at = world.console.store.next_due_at()
    assert due_at is not None
    assert due_at <= world.clock()
    page = text_of(world.operator.get(world.path("/operator/collaborations/{collaboration}")).text)
    assert "All work is stopped since" in page
    done(world, "/operator/collaborations/{collaboration}/resume")
    with world.console.store.reading() as tx:
        collaboration = tx.collaborations.get(world.collaboration)
    assert collaboration is not None
    assert collaboration.stopped_at is None
    what = f"Collaboration {world.collaboration}."
    assert world.entries(OPERATOR) == [
        (OPERATOR, Outcome.WORK_STOPPED, what),
        (OPERATOR, Outcome.WORK_RESUMED, what),
    ]


def test_all_use_of_an_accounts_tables_ends_and_what_rests_on_them_says_so(world: World) -> None:
    with world.console.store.reading() as tx:
        tables = {table.id for table in tx.configured_tables.all(account_id=OWNER)}
        assert any(tx.configured_table_analysis_rules.get(table) for table in tables)
    page = world.operator.get(world.path("/operator/accounts/{account}/end-use-of-tables"))
    assert "2 have one now" in text_of(page.text)
    done(world, "/operator/accounts/{account}/end-use-of-tables")
    with world.console.store.reading() as tx:
        assert not any(tx.configured_table_analysis_rules.get(table) for table in tables)
        told = [one for one in tx.events(world.room.names["channel"]) if one.actor == OPERATOR]
    assert [one.reason for one in told] == [
        f"The operator ended all use of the tables of account {OWNER} (whiteroom owner stop)."
    ]
    assert world.entries() == [("root", Outcome.USE_ENDED, "Tables that had a rule: 2.")]
    events = text_of(world.operator.get("/console/operator/events").text)
    assert "operator noted" in events


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (("accounts", "disable", OWNER), [("root", Outcome.DISABLED)]),
        (("users", "disable", "--account", OWNER, "olga"), [("olga", Outcome.DISABLED)]),
        (("keys", "remove", KEY), [("olga", Outcome.KEY_ENDED)]),
        (("users", "remove", "--account", OWNER, "olga"), [("olga", Outcome.KEY_ENDED)]),
        (("owner", "stop", "--account", OWNER), [("root", Outcome.USE_ENDED)]),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_commands_write_down_the_same(
    world: World, command: Sequence[str], written: Sequence[tuple[str, Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_MASTER_KEY", str(world.folder.parent / "master.key"))
    assert whiteroom(*command, "--data", str(world.folder)).code == 0
    assert [(user, outcome) for user, outcome, _ in world.entries()] == written
    text = text_of(world.operator.get("/console/sign-ins").text)
    assert f"{OWNER} {written[0][0]} operator {written[0][1].value}" in text


def test_the_accounts_administrators_see_what_the_operator_did(world: World) -> None:
    done(world, "/operator/accounts/{account}/end-use-of-tables")
    assert "use of tables ended" in text_of(world.member.get("/console/sign-ins").text)


def test_an_act_is_on_what_was_named_whatever_its_name_is(world: World) -> None:
    with world.console.store.transaction() as tx:
        user = tx.users.get(USER)
        assert user is not None
        tx.users.update(user, name="<script>alert(1)</script>\"'>")
        collaboration = tx.collaborations.get(world.collaboration)
        assert collaboration is not None
        tx.collaborations.update(collaboration, name="</h1><img src=x onerror=alert(1)>")
    for route, _, _ in acts.ROUTES:
        page = world.operator.get(world.path(route)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    done(world, "/operator/users/{user}/disable")
    with world.console.store.reading() as tx:
        user = tx.users.get(USER)
    assert user is not None
    assert user.standing is Standing.DISABLED


def test_a_session_that_idles_takes_no_act(world: World) -> None:
    before, token = world.state(), world.operator.token()
    world.clock.forward(timedelta(minutes=31).total_seconds())
    path = world.path("/operator/accounts/{account}/disable")
    assert world.operator.send(path, form_token=token).status_code == 401
    assert world.state() == before
