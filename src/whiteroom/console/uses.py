"""What was done with a member's tables, as its own analysis logs have it: newest first, page by page.

Source of the events: domain/observability/analysis_logs.py; they are read as CloudWatch Logs, by the visitor.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from whiteroom.console.sentences import Names, listed
from whiteroom.console.visitors import Visitor
from whiteroom.domain.observability.analysis_logs import STREAMS, LogStage, group_name
from whiteroom.wire.inside import Refused

ON_A_PAGE = 50
_LOOKED_AT, _BYTES = 500, 4 << 20
"""Events, and bytes of them, after which a page ends though few of them are of the member's tables."""
_TEXT_CHARACTERS = 4_000
"""Of an SQL text: the log has all of it."""
_PLACE = re.compile(r"([0-9]{1,15})-([0-9]{1,6})")
_LATEST_MS = 253_402_300_799_000
"""The last moment that a datetime holds."""


@dataclass(frozen=True, slots=True)
class Use:
    """One event: an analysis that names tables of the member's was asked for, refused, or has ended."""

    at: datetime
    kind: str
    """What was done: `training`."""
    stage: str
    """`asked for`, `refused`, or how it ended."""
    runner: str
    user: str
    """Which user of the runner's account asked."""
    tables: tuple[str, ...]
    """The member's own, each with what became of it."""
    receivers: str
    """Who may have got something of it; empty for nobody."""
    about: tuple[tuple[str, str], ...]
    """Whatever else the event names, by what it is."""
    text: str
    """The SQL; empty where the log has none."""
    reason: str
    """Why it was refused, or failed."""


@dataclass(frozen=True, slots=True)
class Uses:
    """One page of them."""

    items: tuple[Use, ...]
    next: str
    """The place of the page after it; empty at the end."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Before which time the page begins, and how many events of that very millisecond were shown."""

    at_ms: int
    shown: int


@dataclass(slots=True)
class _Stream:
    """One stream of a log, read from a time back as far as it is asked for."""

    visitor: Visitor
    group: str
    name: str
    before_ms: int
    is_there: bool = True
    _events: deque[dict[str, Any]] = field(default_factory=deque)
    _token: str | None = None
    _is_read: bool = False

    async def newest(self) -> dict[str, Any] | None:
        """The newest event that was not taken; None at the end.

        Raises:
            Refused: it may not be read.
        """
        while not self._events and not self._is_read:
            await self._read()
        return self._events[0] if self._events else None

    def take(self) -> None:
        """Go on to the one before."""
        self._events.popleft()

    async def _read(self) -> None:
        try:
            answer = await self.visitor.call(
                "logs",
                "GetLogEvents",
                logGroupName=self.group,
                logStreamName=self.name,
                endTime=self.before_ms,
                nextToken=self._token,
                limit=ON_A_PAGE,
            )
        except Refused as refused:
            if refused.code != "ResourceNotFoundException":
                raise
            self.is_there, self._is_read = False, True
            return
        self._events.extend(reversed(answer["events"]))
        self._is_read = answer["nextBackwardToken"] == self._token
        self._token = answer["nextBackwardToken"]


async def uses(visitor: Visitor, collaboration_id: str, place: str = "") -> Uses | None:
    """The member's log of a collaboration, from a place on; None where it has no such log.

    Raises:
        Refused: it may not be read.
    """
    found = _PLACE.fullmatch(place)
    start = _Place(_LATEST_MS, 0) if found is None else _Place(min(int(found[1]), _LATEST_MS), int(found[2]))
    streams = [_Stream(visitor, group_name(collaboration_id), name, start.at_ms + 1) for name in STREAMS]
    items: list[Use] = []
    at, looked_at, size = _Place(start.at_ms, 0), 0, 0
    async for event in _merged(streams):
        if len(items) == ON_A_PAGE or looked_at == _LOOKED_AT or size > _BYTES:
            return Uses(tuple(items), f"{at.at_ms}-{at.shown}")
        at = _Place(event["timestamp"], at.shown + 1 if event["timestamp"] == at.at_ms else 1)
        if at.at_ms == start.at_ms and at.shown <= start.shown:
            continue
        looked_at, size = looked_at + 1, size + len(event["message"])
        use = _use(visitor.account_id, json.loads(event["message"]))
        if use is not None:
            items.append(use)
    return Uses(tuple(items), "") if any(stream.is_there for stream in streams) else None


async def _merged(streams: Sequence[_Stream]) -> AsyncIterator[dict[str, Any]]:
    """Their events, the newest first; of one millisecond those of the first stream."""
    while True:
        heads = [(stream, event) for stream in streams for event in [await stream.newest()] if event is not None]
        if not heads:
            return
        stream, event = max(heads, key=lambda head: head[1]["timestamp"])
        stream.take()
        yield event


def _use(account_id: str, message: Mapping[str, Any]) -> Use | None:
    """An event that names tables of the account's; None of every other."""
    own = [table for table in message["tables"] if table["ownerAccountId"] == account_id]
    if not own:
        return None
    display = message.get("memberDisplayNames", {})
    names = Names({account: f"{name} ({account})" for account, name in display.items()})
    runners = message.get("queryRunners") or message.get("jobRunners") or ()
    receivers = message.get("resultReceivers") or ()
    return Use(
        at=datetime.fromtimestamp(message["eventTimestamp"] / 1000, UTC),
        kind=_kind(message),
        stage=_stage(message),
        runner=names.of(runners) if runners else "",
        user=str(message.get("runnerUser", "")),
        tables=tuple(map(_table, own)),
        receivers=names.of(receivers) if receivers else "",
        about=tuple(_about(message)),
        text=_cut(str(message.get("queryText", ""))),
        reason=" ".join(str(message[key]) for key in ("errorCode", "errorMessage") if key in message),
    )


_KINDS = {"TRAINING": "training", "INFERENCE": "inference", "EXPORT": "export of a model"}


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[:_TEXT_CHARACTERS]}… (cut here; the log has all of it)"


def _kind(message: Mapping[str, Any]) -> str:
    if message["analysisCategory"] == "SQL":
        is_channel = "mlInputChannelArn" in message or "mlInputChannelName" in message
        return "ML input channel" if is_channel else "query"
    return _KINDS.get(message["analysisCategory"], str(message["analysisCategory"]))


def _stage(message: Mapping[str, Any]) -> str:
    if message["logStage"] == LogStage.SUBMISSION and message["status"] == "SUBMITTED":
        return "asked for"
    return str(message["status"])


_BECAME = {
    "NAMED": "named",
    "READ": "was read",
    "NOT_READ": "was not read",
    "MAY_HAVE_BEEN_READ": "may have been read",
}


def _table(table: Mapping[str, Any]) -> str:
    """What became of a table of the member's own: which columns were read it alone is told."""
    said = f"{table['schemaName']} {_BECAME.get(table['access'], table['access'])}"
    if "columnsRead" in table:
        columns = table["columnsRead"]
        said += f": {listed(columns)}" if columns else ": its rows were counted"
    return f"{said}. {table['notReadReason']}" if "notReadReason" in table else said


_ABOUT = {
    "mlInputChannelArn": "channel",
    "mlInputChannelName": "channel",
    "trainedModelArn": "model",
    "trainedModelVersionIdentifier": "version",
    "trainedModelInferenceJobArn": "inference job",
    "trainedModelExportJobName": "export",
    "jobName": "job",
    "configuredModelAlgorithmAssociationArn": "algorithm",
    "analysisTemplateArn": "template",
    "queryTextSha256": "SHA-256 of the text",
}


def _about(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, what in _ABOUT.items():
        if key in message and (key, message[key]) != ("trainedModelVersionIdentifier", "NULL"):
            yield what, str(message[key])
    parameters = message.get("parameters") or {}
    if isinstance(parameters, Mapping):
        parameters = [f"{name} = {value}" for name, value in parameters.items()]
    if parameters:
        yield "parameters", ", ".join(parameters)
