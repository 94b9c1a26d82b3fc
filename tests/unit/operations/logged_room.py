"""A room in which every analysis is logged, what a member reads of its log, and queries that end."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.worlds.requests import ALICE, CAROL, SQL
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.controllers.analysis_logs import log_end
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs

ON = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}
BOTH = "SELECT p.age FROM patients p JOIN visits v ON p.patient_id = v.patient_id"


def a_logged_room(server: Server, tmp_path: Path) -> Room:
    """A room in which everything is logged for everyone; BOB shares `patients`, CAROL `visits`."""
    server.logs, server.finder = FolderRunLogs(tmp_path / "logs"), PatternFinder()
    (tmp_path / "logs").mkdir()
    room = a_furnished_room(server, **ON)
    for account, membership in room.memberships.items():
        server.cleanrooms(account, "UpdateMembership", membershipIdentifier=membership, **ON)
    room.shared_table(CAROL, "visits")
    return room


def group(room: Room) -> str:
    return f"/aws/cleanrooms/{room.collaboration_id}"


def log_of(room: Room, account: str, *terms: str) -> list[dict[str, Any]]:
    """The messages of an account's analysis log, in order."""
    request = {"filterPattern": " ".join(f'"{term}"' for term in terms)} if terms else {}
    answer = room.server.call(account, "logs", "FilterLogEvents", logGroupName=group(room), **request)
    return [json.loads(event["message"]) for event in answer["events"]]


def ask(room: Room, text: str = SQL, account: str = ALICE, **changes: Any) -> str:
    """A query of ALICE's; its id."""
    request: dict[str, Any] = {
        "type": "SQL",
        "membershipIdentifier": room.membership(account),
        "sqlParameters": {"queryString": text},
        "resultConfiguration": {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "alice"}}},
    }
    answer = room.server.cleanrooms(account, "StartProtectedQuery", **{**request, **changes})
    return str(answer["protectedQuery"]["id"])


def end(room: Room, kind: str, record_id: str, *events: Event, **changes: Any) -> None:
    """Take a record to its end, as a controller does."""
    with room.server.store.transaction() as tx:
        repository: Any = getattr(tx, kind)
        record = repository.get(record_id)
        for event in events:
            last, at = dict(changes) if event is events[-1] else {}, room.server.now
            if kind == "protected_queries" and event is Event.STARTED:
                last["started_at"] = at
            record = repository.transition(record, event, actor="controller", at=at, **last)
            log_end(tx, record, at)
    room.server.now += timedelta(seconds=1)


def own_tables(event: dict[str, Any], account: str) -> list[dict[str, Any]]:
    return [table for table in event["tables"] if table["ownerAccountId"] == account]
