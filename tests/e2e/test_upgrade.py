"""A release is followed by this one on its folder: what ran goes on, and what was kept is used."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.command import Answer, whiteroom
from support.live import LiveRoom, begun, once
from support.receivers import http_receiver
from support.releases import SDISTS, Release, install
from support.worlds.requests import ALICE

pytestmark = pytest.mark.slow

TICKS = 150
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}


@dataclass(frozen=True)
class Upgraded:
    """A room that a release began and this one goes on with."""

    room: LiveRoom
    version: str
    rows: str
    before: str
    """A model that the release finished."""
    running: str
    """A training that ran when the release's server was stopped."""
    release: Release
    too_early: Answer
    """A command of this one's, while the release's server ran."""


@pytest.fixture(scope="module", params=SDISTS, ids=lambda sdist: sdist.name)
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    release = install(request.param, tmp_path_factory.mktemp("release"))
    data = tmp_path_factory.mktemp("upgrade") / "data"
    with begun(LiveRoom(data=data, release=release)) as room:
        version = release("--version").out
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        rows = room.channel("rows")
        room.finished(rows)
        before = room.train("before", rows)
        room.finished(before)
        running = room.train("running", rows, behaviour="count", ticks=str(TICKS))
        once(lambda lines: "tick 5" in lines, lambda: room.printed(running))
        too_early = whiteroom("accounts", "list", "--data", str(data))
        room.server.stop(signal.SIGTERM)
        room.release = None
        room.start()
        yield Upgraded(room, version, rows, before, running, release, too_early)


def test_it_is_another_release_that_began(upgraded: Upgraded) -> None:
    assert upgraded.version.strip() != whiteroom("--version").out.strip()


def test_a_training_of_the_release_before_is_adopted_and_counted_once(upgraded: Upgraded) -> None:
    upgraded.room.finished(upgraded.running)
    first, *ticks, last = upgraded.room.printed(upgraded.running)
    assert first.startswith("start ")
    assert ticks == [f"tick {number}" for number in range(TICKS)]
    assert last == "done"
    assert upgraded.room.events(upgraded.running) == ["created", "started", "succeeded"]


def test_rows_and_models_of_the_release_before_are_used(upgraded: Upgraded) -> None:
    room = upgraded.room
    room.finished(room.train("after", upgraded.rows))
    room.finished(room.infer("of-before", upgraded.before, upgraded.rows))
    room.export("export-of-before", upgraded.before)
    assert room.exported("export-of-before", upgraded.before)["status"] == "ACTIVE"
    assert [path for path in room.deliveries() if "/export-of-before/" in path]


def test_nothing_of_the_release_before_is_left_on_the_machine(upgraded: Upgraded) -> None:
    upgraded.room.finished(upgraded.running)
    upgraded.room.assert_nothing_left()


def test_what_a_release_before_has_kept_counts_as_its_members(upgraded: Upgraded) -> None:
    lines = upgraded.room.command("usage", "--json").json
    kept = {(line["resource"], line["kind"]) for line in lines}
    assert {(upgraded.rows, "stored channel"), (upgraded.before, "stored artefacts")} <= kept


def test_an_account_of_the_release_before_is_told_from_now_on(upgraded: Upgraded) -> None:
    with http_receiver() as receiver:
        added = upgraded.room.command("notify", "add", "--account", ALICE, "--url", receiver.url, "--json").json
        rows = upgraded.room.channel("told-after")
        (told,) = receiver.wait_for(1)
        upgraded.room.command("notify", "remove", added["id"])
    assert json.loads(told.body)["data"]["resource"] == rows


def test_a_command_of_this_release_changes_nothing_under_a_server_of_the_one_before(upgraded: Upgraded) -> None:
    assert upgraded.too_early.code == 1
    assert f"A server of an earlier release runs on {upgraded.room.data}" in upgraded.too_early.err


def test_the_release_before_refuses_the_folder_from_then_on(upgraded: Upgraded) -> None:
    answer = upgraded.release("accounts", "list", "--data", str(upgraded.room.data))
    assert answer.code == 1
    assert "was written by a later release of Whiteroom" in answer.err
