"""The logs that a member may read: of a training or an inference job, and of the analyses of a collaboration."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from whiteroom.notebook.answers import Rows, escaped, plain, table
from whiteroom.notebook.resources import MODEL, Clients, Resource, run_of, version_of

LOGS = "logs"
LOOK_EVERY_SECONDS = 1.0
_MOVING = ("PENDING", "IN_PROGRESS")


class Events(Rows):
    """Events as FilterLogEvents has them, and why there are none where that is known."""

    def __init__(self, events: Any = (), reason: str = "") -> None:
        super().__init__(events)
        self.reason = reason

    def _repr_html_(self) -> str:
        """What a notebook shows: the lines."""
        if not self:
            return escaped(self.reason or "There are no lines.")
        shown = [{"host": host_of(event), "line": event["message"]} for event in self]
        return table(shown)


@dataclass(frozen=True, slots=True)
class Log:
    """Where a log is."""

    group: str
    streams: str = ""
    """What the names of its streams begin with; empty for every stream of the group."""

    def read(self, clients: Clients, since_ms: int = 0) -> list[Any]:
        """Its events from then on, in the order of their times."""
        asked: dict[str, Any] = {"logGroupName": self.group, "startTime": since_ms}
        if self.streams:
            asked["logStreamNamePrefix"] = self.streams
        try:
            pages = clients(LOGS).get_paginator("filter_log_events").paginate(**asked)
            return [event for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise


def log_of(run: Resource, looked: Mapping[str, Any]) -> Log:
    """The log of a run, of which `looked` was answered."""
    name = str(run.request[run.kind.key]).rpartition("/")[2]
    return Log(run.kind.log_folder, f"{name}/{version_of(looked)}/" if run.kind is MODEL else f"{name}/")


def analyses_of(answer: Mapping[str, Any]) -> Log | None:
    """The caller's log of a collaboration's analyses, where it is a collaboration that is meant."""
    if "collaboration" in answer:
        return Log(f"/aws/cleanrooms/{answer['collaboration']['id']}")
    if set(answer) == {"collaborationIdentifier"}:
        return Log(f"/aws/cleanrooms/{answer['collaborationIdentifier']}")
    return None


def read(clients: Clients, answer: Mapping[str, Any]) -> Events:
    """What is in a log now."""
    analyses = analyses_of(answer)
    if analyses is not None:
        return Events(analyses.read(clients))
    run = run_of(answer)
    looked = run.look(clients)
    return Events(log_of(run, looked).read(clients), looked.get("logsStatusDetails") or "")


def follow(
    clients: Clients,
    answer: Mapping[str, Any],
    say: Callable[[str], None] = print,
    sleep: Callable[[float], None] = time.sleep,
) -> Events:
    """Say each line of a run as it comes, until the run has ended; all of its events.

    Lines of a run that failed may be told only once it has, from before the last that was said: the last look is at
    all of the log.
    """
    run = run_of(answer)
    seen: dict[str, Any] = {}
    since_ms = 0
    while True:
        looked = run.look(clients)
        log = log_of(run, looked)
        moving = looked["status"].endswith(_MOVING)
        events = log.read(clients, since_ms if moving else 0)
        new = {event["eventId"]: event for event in events if event["eventId"] not in seen}
        for event in new.values():
            say(_line(event, hosts={host_of(one) for one in (*seen.values(), *new.values())}))
        seen |= new
        since_ms = max((event["timestamp"] for event in seen.values()), default=0)
        if not moving:
            break
        sleep(LOOK_EVERY_SECONDS)
    reason = looked.get("logsStatusDetails") or ""
    if not seen:
        say(plain(f"There are no lines. {reason}".strip()))
    return Events(sorted(seen.values(), key=lambda event: event["timestamp"]), reason)


def host_of(event: Mapping[str, Any]) -> str:
    """Which instance wrote it: a stream is an instance's."""
    return str(event["logStreamName"]).rpartition("/")[2]


def _line(event: Mapping[str, Any], hosts: set[str]) -> str:
    line = plain(str(event["message"]).rstrip("\n"))
    return f"{plain(host_of(event))}  {line}" if len(hosts) > 1 else line
