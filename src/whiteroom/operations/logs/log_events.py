"""LogEvent (CloudWatch Logs): the lines of runs' logs as the caller may read them.

A call looks at so much of a log at most (`_Budget`), and answers a token for the rest: a log of any size
costs no more memory than a page of it, and no more time. A page may be shorter than its limit, or empty,
while its token still leads on; as with AWS, the end is where no token is answered (FilterLogEvents), or
the same one again (GetLogEvents).
"""

from __future__ import annotations

import base64
import binascii
import heapq
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from whiteroom.base.faults import ResourceNotFound, ValidationFault
from whiteroom.base.sealing import sealed, unsealed
from whiteroom.domain.observability.filter_patterns import parse_filter_pattern
from whiteroom.operations.answers import unwrap
from whiteroom.operations.context import Context
from whiteroom.operations.log_reading import LogReader, MemberLog, event_id, reader_of
from whiteroom.operations.logs.log_groups import group_of
from whiteroom.operations.patterns import fault_of
from whiteroom.operations.registry import LOGS, Request, Response, operation
from whiteroom.ports.run_logs import PlacedLine

MAX_EVENTS = 10_000
MAX_MESSAGE_BYTES = 1 << 20
"""Of all events of one answer together, as in AWS."""
MAX_READ_BYTES = 4 << 20
"""Of logs, in one call."""
MAX_SEARCHED_CHARACTERS = 1 << 15
"""That are searched for personal information in one call."""
MAX_SECONDS = 3.0
"""For looking at lines, in one call: expressions that a policy may have can take a second for a long line."""

_EVENT_BYTES = 26
"""What AWS counts for an event beside its text."""
_TOKEN = re.compile(r"([fb])/([0-9]{20})")
_FAR = 1 << 48
"""Beyond every place and every time in milliseconds."""
_FOREVER_MS = 1 << 62
_CLOCK_MS = 24 * 3_600_000
"""How far a log's times may be ahead of its run's end, where the machine's clock was set back."""


@dataclass(slots=True)
class _Budget:
    """How much of a call's work is left."""

    events: int
    message_bytes: int = MAX_MESSAGE_BYTES
    read_bytes: int = MAX_READ_BYTES
    searched_characters: int = MAX_SEARCHED_CHARACTERS
    until: float = math.inf
    """By the monotonic clock; it runs from the first line on, so that every call gets somewhere."""

    def read(self, placed: PlacedLine) -> None:
        """A line is looked at."""
        self.read_bytes -= placed.end - placed.start
        if self.until == math.inf:
            self.until = time.monotonic() + MAX_SECONDS

    def mask(self, run: MemberLog, placed: PlacedLine, message: str | None) -> None:
        """A line has been masked, and is an event of the answer where it has a message."""
        if run.searches_persons:
            self.searched_characters -= len(placed.line.text)
        if message is not None:
            self.events -= 1
            self.message_bytes -= len(message.encode()) + _EVENT_BYTES

    @property
    def spent(self) -> bool:
        left = min(self.events, self.message_bytes, self.read_bytes, self.searched_characters)
        return left <= 0 or time.monotonic() > self.until


@operation(LOGS, "GetLogEvents", reads_files=True)
def get_log_events(request: Request, context: Context) -> Response:
    """One page of one stream, forward or backward; without a token the newest, unless startFromHead."""
    _refuse_unmask(request)
    group = group_of(request, context)
    reader = reader_of(context, group)
    run, host = _stream(reader, group, request["logStreamName"])
    first_ms, end_ms = request.get("startTime", 0), request.get("endTime", _FOREVER_MS)
    tokens = _Tokens(reader.key(), run.run_id)
    forward, place = _direction(request, tokens)
    if forward:
        start = max(place or 0, reader.first_at(run, first_ms))
        lines = reader.forward(run, start)
    else:
        start = reader.end(run) if place is None else place
        if "endTime" in request:
            start = min(start, reader.first_at(run, end_ms))
        lines = reader.backward(run, start)
    page = _Page(reader, run, host, range(first_ms, end_ms), _Budget(request.get("limit", MAX_EVENTS)))
    page.take(lines)
    reached = page.reached
    low = start if forward or reached is None else reached.start
    high = reached.end if forward and reached is not None else start
    return {
        "events": page.events if forward else page.events[::-1],
        "nextForwardToken": tokens.written("f", high),
        "nextBackwardToken": tokens.written("b", low),
    }


@dataclass(slots=True)
class _Page:
    """One page of a stream, in the order in which its lines are read."""

    reader: LogReader
    run: MemberLog
    host: str
    times_ms: range
    budget: _Budget
    events: list[Mapping[str, Any]] = field(default_factory=list)
    reached: PlacedLine | None = None
    """The last line that was looked at."""

    def take(self, lines: Iterable[PlacedLine]) -> None:
        """Fill the page until its budget is spent, or its time is over."""
        summary = self.reader.summary_of(self.run)
        stream = self.run.stream(self.host)
        for placed in lines:
            # A line that cannot be read has no time.
            if self.budget.spent or (placed.line.at_ms not in self.times_ms and placed.line.text):
                return
            self.budget.read(placed)
            self.reached = placed
            if self.run.stream(placed.line.host) != stream:
                continue
            message = self.reader.redacted_line(self.run, placed, summary)
            if message is not None:
                self.budget.mask(self.run, placed, message)
                at_ms = placed.line.at_ms
                self.events.append({"timestamp": at_ms, "message": message, "ingestionTime": at_ms})


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Places in a run's log as clients carry them: they do not tell how much there is between two of them."""

    key: bytes
    run_id: str

    def written(self, direction: str, place: int) -> str:
        return f"{direction}/{sealed(place, self.key, f'{direction} {self.run_id}'):020d}"

    def read(self, token: str) -> tuple[str, int]:
        """The direction and the place.

        Raises:
            ValidationFault: it was not given out for this run.
        """
        found = _TOKEN.fullmatch(token)
        place = unsealed(int(found[2]), self.key, f"{found[1]} {self.run_id}") if found is not None else _FAR
        if found is None or place >= _FAR:
            raise _INVALID_TOKEN
        return found[1], place


def _direction(request: Request, tokens: _Tokens) -> tuple[bool, int | None]:
    """Whether to read forward, and from which place, None for the stream's beginning or its end."""
    if "nextToken" not in request:
        return request.get("startFromHead", False), None
    direction, place = tokens.read(request["nextToken"])
    return direction == "f", place


@operation(LOGS, "FilterLogEvents", reads_files=True)
def filter_log_events(request: Request, context: Context) -> Response:
    """One page of all streams of a group, or of some, in the order of time. Only what the caller reads is searched."""
    _refuse_unmask(request)
    if not request.get("startFromHead", True):
        raise ValidationFault("FilterLogEvents reads from the head here. Use GetLogEvents for the newest events first.")
    if "logStreamNames" in request and "logStreamNamePrefix" in request:
        raise ValidationFault("logStreamNames and logStreamNamePrefix cannot both be given.")
    pattern = unwrap(parse_filter_pattern(request.get("filterPattern", ""), fault_of), ValidationFault)
    group = group_of(request, context)
    reader = reader_of(context, group)
    wanted = _wanted(request)
    runs = [run for run in reader.runs(group, _beginning(request)) if any(map(wanted, run.streams))]
    _require_streams(request.get("logStreamNames", ()), runs)
    key_bytes = reader.key()
    last_ms, after = request.get("endTime", _FOREVER_MS), _key(request.get("nextToken"), key_bytes)
    first_ms = max(request.get("startTime", 0), after[0] if after is not None else 0)
    budget = _Budget(request.get("limit", MAX_EVENTS))
    summaries: dict[str, frozenset[int]] = {}
    events: list[Mapping[str, Any]] = []
    reached = token = None
    for run, placed in _merged(reader, runs, first_ms):
        key = (placed.line.at_ms, run.run_id, placed.start)
        if placed.line.at_ms > last_ms:
            break
        if after is not None and key <= after:
            continue
        if budget.spent:
            token = reached
            break
        reached = key
        budget.read(placed)
        if run.run_id not in summaries:
            summaries[run.run_id] = reader.summary_of(run)
        if not wanted(run.stream(placed.line.host)):
            continue
        message = reader.redacted_line(run, placed, summaries[run.run_id])
        if message is not None:
            found = pattern.accepts(message, reader.finder.matches)
            budget.mask(run, placed, message if found else None)
            events += [_event(run, placed, message, key_bytes)] if found else []
    following = None if token is None else _token(token, key_bytes)
    return {"events": events, "searchedLogStreams": [], "nextToken": following}


def _event(run: MemberLog, placed: PlacedLine, message: str, key_bytes: bytes) -> Mapping[str, Any]:
    return {
        "logStreamName": run.stream(placed.line.host),
        "timestamp": placed.line.at_ms,
        "message": message,
        "ingestionTime": placed.line.at_ms,
        "eventId": event_id(run, placed, key_bytes),
    }


_INVALID_TOKEN = ValidationFault("The specified nextToken is invalid.")
_NO_STREAM = ResourceNotFound("The specified log stream does not exist.")


def _refuse_unmask(request: Request) -> None:
    if request.get("unmask", False):
        raise ValidationFault("unmask is not possible: what the log policies hide is hidden from every member.")


def _stream(reader: LogReader, group: str, name: str) -> tuple[MemberLog, str]:
    """The run of a stream and its instance. A stream that the caller may not read does not exist."""
    for run in reader.runs(group, name):
        if name in run.streams:
            return run, name.rpartition("/")[2]
    raise _NO_STREAM


def _beginning(request: Request) -> str:
    """How the names of all streams begin that are wanted."""
    names = request.get("logStreamNames", ())
    return names[0] if len(names) == 1 else str(request.get("logStreamNamePrefix", ""))


def _wanted(request: Request) -> Callable[[str], bool]:
    names = request.get("logStreamNames")
    if names is not None:
        return frozenset(names).__contains__
    prefix = request.get("logStreamNamePrefix", "")
    return lambda stream: stream.startswith(prefix)


def _require_streams(names: Sequence[str], runs: Sequence[MemberLog]) -> None:
    known = {stream for run in runs for stream in run.streams}
    if not known.issuperset(names):
        raise _NO_STREAM


@dataclass(order=True, slots=True)
class _Head:
    """The next line of one run."""

    at_ms: int
    run_id: str
    number: int
    run: MemberLog = field(compare=False)
    placed: PlacedLine = field(compare=False)
    lines: Iterator[PlacedLine] = field(compare=False)


def _merged(reader: LogReader, runs: Sequence[MemberLog], first_ms: int) -> Iterator[tuple[MemberLog, PlacedLine]]:
    """The lines of several runs from a time on, in order of time, run and place. Only runs that overlap are open."""
    waiting = sorted(
        (run for run in runs if run.ended_at is None or run.ended_at.timestamp() * 1000 + _CLOCK_MS >= first_ms),
        key=lambda run: run.created_at,
        reverse=True,
    )
    heads: list[_Head] = []
    numbers = count()

    def put(run: MemberLog, lines: Iterator[PlacedLine]) -> None:
        # A line that cannot be read has no time, and nothing to tell.
        placed = next((placed for placed in lines if placed.line.text), None)
        if placed is not None:
            heapq.heappush(heads, _Head(placed.line.at_ms, run.run_id, next(numbers), run, placed, lines))

    while waiting or heads:
        while waiting and (not heads or waiting[-1].created_at.timestamp() * 1000 <= heads[0].at_ms):
            run = waiting.pop()
            put(run, reader.forward(run, reader.first_at(run, first_ms)))
        if heads:
            head = heapq.heappop(heads)
            if head.at_ms >= first_ms:
                yield head.run, head.placed
            put(head.run, head.lines)


def _token(key: tuple[int, str, int], key_bytes: bytes) -> str:
    """Where a search goes on: after this time, run and place, which may be those of a line that is hidden."""
    at_ms, run_id, place = key
    numbers = (sealed(at_ms, key_bytes, "time"), run_id, sealed(place, key_bytes, f"place {run_id}"))
    return base64.urlsafe_b64encode(json.dumps(numbers).encode()).decode()


def _key(token: str | None, key_bytes: bytes) -> tuple[int, str, int] | None:
    if token is None:
        return None
    try:
        time_, run_id, place_ = json.loads(base64.b64decode(token, b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise _INVALID_TOKEN from None
    if type(run_id) is not str or not all(type(number) is int and 0 <= number < 1 << 64 for number in (time_, place_)):
        raise _INVALID_TOKEN
    at_ms, place = unsealed(time_, key_bytes, "time"), unsealed(place_, key_bytes, f"place {run_id}")
    if max(at_ms, place) >= _FAR:
        raise _INVALID_TOKEN
    return at_ms, run_id, place
