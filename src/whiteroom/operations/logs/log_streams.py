"""LogStream (CloudWatch Logs): of each instance of each run whose log the caller may read, and of analyses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from whiteroom.base.faults import ValidationFault
from whiteroom.operations.context import Context
from whiteroom.operations.log_reading import reader_of
from whiteroom.operations.logs.log_groups import group_arn, group_of
from whiteroom.operations.registry import LOGS, Request, Response, operation


@operation(LOGS, "DescribeLogStreams", reads_files=True)
def describe_log_streams(request: Request, context: Context) -> Response:
    """By name, or by the time of the last event. Times are the run's own: they tell nothing of hidden lines."""
    group = group_of(request, context)
    by_time = request.get("orderBy") == "LastEventTime"
    prefix = request.get("logStreamNamePrefix", "")
    if by_time and prefix:
        raise ValidationFault("logStreamNamePrefix cannot be given with orderBy LastEventTime.")
    found = [stream for stream in _streams(context, group, prefix) if stream["logStreamName"].startswith(prefix)]

    def key(stream: Mapping[str, Any]) -> str:
        last = f"{stream['lastEventTimestamp']:020d}" if by_time else ""
        return f"{last}{stream['logStreamName']}"

    descending = request.get("descending", False)
    found.sort(key=key, reverse=descending)
    after = _place(request.get("nextToken"))
    if after is not None:
        found = [stream for stream in found if (key(stream) < after if descending else key(stream) > after)]
    limit = request.get("limit", 50)
    more = len(found) > limit
    token = base64.urlsafe_b64encode(key(found[limit - 1]).encode()).decode() if more else None
    return {"logStreams": found[:limit], "nextToken": token}


def _streams(context: Context, group: str, prefix: str) -> Iterator[dict[str, Any]]:
    now_ms = int(context.now.timestamp() * 1000)
    arn = group_arn(group, context)
    for run in reader_of(context, group).runs(group, prefix):
        started_ms = int(run.started_at.timestamp() * 1000)
        last_ms = now_ms if run.ended_at is None else int(run.ended_at.timestamp() * 1000)
        for name in run.streams:
            yield {
                "logStreamName": name,
                "creationTime": started_ms,
                "firstEventTimestamp": started_ms,
                "lastEventTimestamp": max(last_ms, started_ms),
                "lastIngestionTime": max(last_ms, started_ms),
                "arn": f"{arn}:log-stream:{name}",
                "storedBytes": 0,
            }


def _place(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValidationFault("The specified nextToken is invalid.") from None
