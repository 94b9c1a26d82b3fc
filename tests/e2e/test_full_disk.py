"""A full disk under a server at work: modelled errors, nothing lost, nothing run twice, and on once there is room."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.disks import Disk, needs_root, small_disk
from support.live import LiveRoom, live_room, once
from support.worlds.requests import collaboration_request

pytestmark = [pytest.mark.slow, needs_root]

FULL = re.compile(r"database or disk is full|No space left on device")
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}
ANYBODY = "900000000000"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with small_disk(tmp_path_factory.mktemp("full") / "data", megabytes=96) as disk:
        yield disk


@pytest.fixture(scope="module")
def room(disk: Disk) -> Iterator[LiveRoom]:
    limits = {"WHITEROOM_QUOTA_COLLABORATIONS_PER_ACCOUNT": "100000", "WHITEROOM_METRICS_PORT": "0"}
    with live_room(disk.path, **limits) as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        yield room


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.finished(arn)
    return arn


@pytest.fixture(autouse=True)
def roomy(disk: Disk) -> Iterator[None]:
    yield
    if disk._ballast.exists():
        disk.make_room()


def log_of(disk: Disk) -> str:
    return disk.path.with_name("data.log").read_text()


def collaborations(room: LiveRoom, account: str) -> set[str]:
    pages = room.client("cleanrooms", account).get_paginator("list_collaborations").paginate()
    return {found["id"] for page in pages for found in page["collaborationList"]}


def refusal(room: LiveRoom) -> Any:
    try:
        return room.client("cleanrooms", ANYBODY).create_collaboration(**collaboration_request())["ResponseMetadata"]
    except ClientError as error:
        return error.response["ResponseMetadata"]


def test_requests_are_done_or_answered_as_internal_errors_never_both(room: LiveRoom, disk: Disk) -> None:
    """Eight members create without a pause while the disk fills up and gets room again."""
    made: dict[str, set[str]] = {f"{number:012}": set() for number in range(1, 9)}
    codes: set[str] = set()
    refused = threading.Semaphore(0)
    ended = threading.Event()

    def create(account: str) -> None:
        client = room.server.client("cleanrooms", account)
        while not ended.is_set():
            try:
                made[account].add(client.create_collaboration(**collaboration_request())["collaboration"]["id"])
            except ClientError as error:
                codes.add(error.response["Error"]["Code"])
                refused.release()

    creators = [threading.Thread(target=create, args=(account,)) for account in made]
    for creator in creators:
        creator.start()
    disk.fill()
    for _ in range(100):
        assert refused.acquire(timeout=120)
    disk.make_room()
    before = sum(map(len, made.values()))
    once(lambda number: number > before + 20, lambda: sum(map(len, made.values())))
    ended.set()
    for creator in creators:
        creator.join(20)
    assert codes == {"InternalServerException"}
    assert {account: collaborations(room, account) for account in made} == made


def test_the_operator_is_told_in_a_sentence_a_request_and_by_the_gauge(room: LiveRoom, disk: Disk) -> None:
    disk.fill()
    before = len(log_of(disk))
    answer = once(lambda answer: answer["HTTPStatusCode"] != 200, lambda: refusal(room))  # its log has some room left
    assert answer["HTTPStatusCode"] == 500
    request_id = answer["RequestId"]
    (line,) = (line for line in log_of(disk)[before:].splitlines() if request_id in line)
    assert FULL.search(line)
    assert "Make room on its file system" in line
    assert "Traceback" not in log_of(disk)[before:]
    assert room.server.process.stdout is not None
    where = next(filter(None, (re.search(r"http://\S+/metrics", line) for line in room.server.process.stdout)))
    with urllib.request.urlopen(where[0], timeout=120) as metrics:
        assert "whiteroom_disk_free_bytes 0\n" in metrics.read().decode()


def test_reading_goes_on_while_the_disk_is_full(room: LiveRoom, disk: Disk) -> None:
    disk.fill()
    assert room.collaboration_id in collaborations(room, "111111111111")


def test_a_training_that_runs_through_a_full_disk_runs_once_and_its_log_says_what_is_lost(
    room: LiveRoom, disk: Disk, rows: str
) -> None:
    arn = room.train("through", rows, behaviour="count", ticks="150")
    once(lambda lines: "tick 20" in lines, lambda: room.printed(arn))
    disk.fill()
    time.sleep(1)
    disk.make_room()
    room.finished(arn)
    assert room.events(arn) == ["created", "started", "succeeded"], room.command("explain", arn).out
    told = room.command("logs", arn, "--json").out.splitlines()
    notes = [line["text"] for line in map(json.loads, told) if line["stream"] == "platform"]
    (note,) = (text for text in notes if "of this log are lost" in text)
    printed = room.printed(arn)
    assert printed[-1] == "done"
    assert len(printed) + int(note.split()[0]) == 152


def test_a_training_that_ends_on_a_full_disk_is_kept_once_there_is_room(room: LiveRoom, disk: Disk, rows: str) -> None:
    arn = room.train("ends", rows, behaviour="learn_and_count", ticks="150")
    once(lambda lines: "tick 5" in lines, lambda: room.printed(arn))
    disk.fill()
    before = len(log_of(disk))
    once(bool, lambda: list(disk.path.glob("runs/*/end.json")))  # there was room left for how it ended
    disk.leave(megabytes=2)
    waiting = once(bool, lambda: re.findall(r"a step of trained_models \S+ waits .*", log_of(disk)[before:]))
    assert FULL.search(waiting[0])
    assert room.look(arn)["status"] == "CREATE_IN_PROGRESS"
    disk.make_room()
    room.finished(arn)
    assert room.events(arn) == ["created", "started", "succeeded"], room.command("explain", arn).out
    assert "Traceback" not in log_of(disk)[before:]


def test_an_export_on_a_full_disk_waits_and_is_delivered_whole(room: LiveRoom, disk: Disk, rows: str) -> None:
    model = room.train("exported", rows, behaviour="leave_large")
    room.finished(model)
    disk.fill()
    disk.leave(megabytes=2)
    before = len(log_of(disk))
    room.export("export", model)
    once(bool, lambda: re.findall(r"a step of trained_model_export_jobs \S+ waits .*", log_of(disk)[before:]))
    assert room.deliveries() == []
    disk.make_room()
    assert room.exported("export", model)["status"] == "ACTIVE"
    assert [name.rsplit("/", 1)[1] for name in room.deliveries()] == ["model.tar.gz"]
    assert "Traceback" not in log_of(disk)[before:]


def test_a_query_that_fills_the_disk_fails_with_a_reason_and_gives_its_room_back(room: LiveRoom, disk: Disk) -> None:
    disk.fill()
    disk.leave(megabytes=12)
    wide = "SELECT " + ", ".join(f"{name}.patient AS {name}" for name in "abcde")
    arn = room.channel("wide", f"{wide} FROM " + ", ".join(f"visits AS {name}" for name in "abcde"))
    assert "fit on the server's disk" in room.failed(arn, "QueryResourcesExceeded")
    room.finished(room.channel("narrow"))
    once(lambda free: free > 10 * 2**20, lambda: disk.free_bytes)
