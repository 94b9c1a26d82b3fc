"""The log of a training or an inference job, as far as the visitor may read it: one stream for each instance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from whiteroom.console.visitors import Visitor
from whiteroom.wire.inside import Refused

LOGS = "logs"
NEWEST = 20
"""Lines that stand on the page of the run itself."""
_JOBS = ":trained-model-inference-job/"
_INVISIBLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a log."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of a stream, the oldest line first."""

    stream: str
    lines: tuple[Line, ...]
    older: str
    newer: str
    """Tokens of the pages before and behind it; the same ones at the ends."""


def folder_of(arn: str) -> str:
    """What CloudWatch calls the group of logs of a run, and the namespace of its metrics."""
    return f"/aws/cleanroomsml/{'TrainedModelInferenceJobs' if is_job(arn) else 'TrainedModels'}"


def is_job(arn: str) -> bool:
    """Whether it is an inference job, and no training."""
    return _JOBS in arn


def plain(text: str) -> str:
    """A line with an escape for each character that would move or hide what stands beside it."""
    return _INVISIBLE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


async def streams(visitor: Visitor, arn: str, version: str) -> list[str]:
    """The names of a run's streams, by name; none where the visitor may read none."""
    name = arn.rpartition("/")[2]
    prefix = f"{name}/" if is_job(arn) else f"{name}/{version}/"
    try:
        answer = await visitor.call(
            LOGS, "DescribeLogStreams", logGroupName=folder_of(arn), logStreamNamePrefix=prefix, limit=50
        )
    except Refused:
        return []
    return [str(stream["logStreamName"]) for stream in answer["logStreams"]]


async def lines(visitor: Visitor, arn: str, stream: str, most: int, token: str | None = None) -> Lines:
    """A page of a stream: the newest, where no token names another.

    Raises:
        Refused: the stream is not there for the visitor, or gave out no such token.
    """
    answer = await visitor.call(
        LOGS, "GetLogEvents", logGroupName=folder_of(arn), logStreamName=stream, limit=most, nextToken=token
    )
    found = tuple(_line(event) for event in answer["events"])
    return Lines(stream, found, answer["nextBackwardToken"], answer["nextForwardToken"])


async def newest(visitor: Visitor, arn: str, version: str) -> Lines | None:
    """The newest lines of a run's first instance; None where the visitor may read none."""
    names = await streams(visitor, arn, version)
    return await lines(visitor, arn, names[0], NEWEST) if names else None


def _line(event: Mapping[str, Any]) -> Line:
    return Line(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), plain(str(event["message"])))
