"""A member is told by a real webhook and by real mail, by a real server that is killed while it tells."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.live import LiveRoom, live_room
from support.receivers import Mailbox, Posted, http_receiver, mail_receiver
from support.worlds.requests import ALICE, collaboration_request, member

pytestmark = pytest.mark.slow

CAROL = "333333333333"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mail_receiver() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[LiveRoom]:
    data = tmp_path_factory.mktemp("notifications") / "data"
    told = {"HOST": "127.0.0.1", "PORT": str(mailbox.port), "SECURITY": "none", "FROM": "room@example.org"}
    with live_room(data, **{f"WHITEROOM_SMTP_{name}": value for name, value in told.items()}) as room:
        yield room


def document(posted: Posted) -> Any:
    return json.loads(posted.body)


def test_what_a_killed_server_was_telling_is_told_by_the_next_one_under_the_same_id(room: LiveRoom) -> None:
    with http_receiver() as receiver:
        asked, answered = threading.Event(), threading.Event()

        def hold() -> None:
            asked.set()
            answered.wait(60)

        receiver.before_answering = hold
        added = room.command("notify", "add", "--account", ALICE, "--url", receiver.url, "--json").json
        arn = room.channel("told")
        assert asked.wait(60)
        room.kill()
        answered.set()
        receiver.before_answering = lambda: None
        room.start()
        first, second = receiver.wait_for(2)
        room.command("notify", "remove", added["id"])
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    told = document(second)
    assert (told["type"], told["data"]["resource"]) == ("ml_input_channel.succeeded", arn)
    key = b64decode(added["secret"].removeprefix("whsec_"))
    for posted in (first, second):
        text = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
        signature = b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
        assert posted.headers["webhook-signature"] == f"v1,{signature}"


def test_whoever_is_invited_is_told_by_mail_and_a_receiver_that_hangs_holds_up_nobody(
    room: LiveRoom, mailbox: Mailbox, tmp_path: Path
) -> None:
    with http_receiver() as receiver:
        answered = threading.Event()
        receiver.before_answering = lambda: answered.wait(60)
        hanging = room.command("notify", "add", "--account", ALICE, "--url", receiver.url, "--json").json
        room.command("notify", "add", "--account", CAROL, "--email", "carol@example.org")
        room.finished(room.channel("held-up"))
        receiver.wait_for(1)
        invited = collaboration_request(name="Flights", members=[member(CAROL, "Carol")])
        made = room.client("cleanrooms", ALICE).create_collaboration(**invited)["collaboration"]
        room.restart()  # a server looks for what waits for members as soon as it runs
        (mail,) = mailbox.wait_for(1)
        answered.set()
        room.command("notify", "remove", hanging["id"])
    assert mail["To"] == "carol@example.org"
    assert mail["Subject"] == "Whiteroom: you are invited to the collaboration 'Flights'"
    assert made["id"] in mail.get_content()
