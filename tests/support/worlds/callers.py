"""One full room in which every part is played by another account.

room = a_room_of_callers(store, logs_folder)
room.attempt(CALLERS["payer"], (CLEANROOMS_ML, "GetTrainedModel"))
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.worlds.every_request import NOON
from support.worlds.everything import INTO_A_BUCKET, FullRoom, furnish
from support.worlds.requests import EXPORTS, REGION, member, role_of
from support.worlds.rooms import Parts, Room
from support.worlds.servers import a_server
from whiteroom.base.arns import parse_arn
from whiteroom.base.callers import Role
from whiteroom.domain.execution.runs import TRAINING_PREFIX
from whiteroom.domain.observability.metrics import MetricKind, MetricSeries, begin_reading, grow
from whiteroom.domain.resources.accounts import EVERY_USER, AssumableRole
from whiteroom.ports.store import Store
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.supervisor.logs import LogWriter

CALLERS: Mapping[str, str] = {
    "creator": "101010101010",
    "querier": "202020202020",
    "owner": "303030303030",
    "author": "404040404040",
    "payer": "505050505050",
    "receiver": "606060606060",
    "other": "707070707070",
    "left": "808080808080",
    "invited": "909090909090",
    "outside": "121212121212",
}
"""Every kind of caller, and the account that plays it here."""
PLANTED = "planted-by-"
"""Begins every value that its maker alone may see; the caller who made it follows."""
NOON_MS = int(NOON.timestamp() * 1000)
_NAMES = {account: caller for caller, account in CALLERS.items()}
_JOINED = [caller for caller in CALLERS if caller not in ("invited", "outside")]
_POLICIES = {**EXPORTS, "trainedModels": {"containerLogs": [{"allowedAccountIds": [CALLERS["receiver"]]}]}}


def _planted(account: str, *members: str) -> dict[str, Any]:
    """A key, tags, environment and hyperparameters, as far as they are asked for, under their maker's name."""
    mark = f"{PLANTED}{_NAMES[account]}"
    key = f"arn:aws:kms:{REGION}:{account}:key/{mark}"
    every = {"kmsKeyArn": key, "tags": {mark: mark}, "environment": {"MARK": mark}, "hyperparameters": {"mark": mark}}
    return {name: every[name] for name in members}


def a_room_of_callers(store: Store, logs_folder: Path) -> FullRoom:
    """The room, with what a training printed and took of the machine, and in each account a role to assume."""
    server = a_server(store)
    server.logs, server.finder = FolderRunLogs(logs_folder), PatternFinder()
    for account in CALLERS.values():
        server.catalogue(account, "everyones", ["age"])
    parts = Parts(*(CALLERS[name] for name in ("querier", "owner", "author", "receiver")))
    room = Room(server, parts=parts)
    room.invite(CALLERS["creator"], **_collaboration())
    for caller in _JOINED:
        room.join(CALLERS[caller], **_joining(caller))
    left = room.memberships.pop(CALLERS["left"])
    server.cleanrooms(CALLERS["left"], "DeleteMembership", membershipIdentifier=left)
    full = furnish(room, CALLERS["creator"], CALLERS["other"], _POLICIES, _planted)
    record_id = parse_arn(full.names["model"]).resource_id
    _measure(room, record_id)
    _print(logs_folder, record_id)
    _roles(store)
    return full


def _pays(caller: str) -> dict[str, Any]:
    pays = {"isResponsible": caller == "payer"}
    return {"queryCompute": pays, "machineLearning": {"modelTraining": pays, "modelInference": pays}}


def _joining(caller: str) -> dict[str, Any]:
    """What one says who joins: the payer that it pays, the receiver where results may go."""
    if caller == "payer":
        return {"paymentConfiguration": _pays(caller)}
    return INTO_A_BUCKET if caller == "receiver" else {}


def _collaboration() -> dict[str, Any]:
    abilities = {"querier": ["CAN_QUERY"], "receiver": ["CAN_RECEIVE_RESULTS"]}
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    return {
        "name": "Market",
        "description": "Everybody has a part.",
        "creatorDisplayName": "creator",
        "creatorMemberAbilities": [],
        "creatorPaymentConfiguration": _pays("creator"),
        "queryLogStatus": "DISABLED",
        **_planted(CALLERS["creator"], "tags"),
        "members": [
            member(
                CALLERS[caller],
                caller,
                memberAbilities=abilities.get(caller, []),
                paymentConfiguration=_pays(caller),
                **({"mlMemberAbilities": receives} if caller == "receiver" else {}),
            )
            for caller in CALLERS
            if caller not in ("creator", "outside")
        ],
    }


def _measure(room: Room, record_id: str) -> None:
    """What the model's training took of the machine, once."""
    series = MetricSeries(record_id, MetricKind.SYSTEM, "CPUUtilization", "algo-1")
    with room.server.store.transaction() as tx:
        tx.metrics.advance(begin_reading(f"t-{record_id}", record_id, (), 1), [grow(series, [(NOON_MS, 50.0)], 1)])
        record = tx.trained_models.get(record_id)
        assert record is not None
        told = {"metrics_status": "PUBLISH_SUCCEEDED", "logs_status": "PUBLISH_SUCCEEDED"}
        tx.trained_models.note(record, actor="controller", at=room.server.now, **told)


def _print(folder: Path, record_id: str) -> None:
    """What the model's training wrote, one line."""
    file = folder / f"{TRAINING_PREFIX}{record_id}.jsonl"
    writer = LogWriter(str(file), limit_bytes=1 << 20, line_characters=1 << 16)
    writer.add(NOON_MS, "algo-1", "stdout", [b"epoch 1"])
    writer.close()


def _roles(store: Store) -> None:
    """In each account a role that every user of it may assume."""
    with store.transaction() as tx:
        for account in CALLERS.values():
            name = parse_arn(role_of(account)).resource_id
            tx.roles.add(AssumableRole(f"AROA{account}", account, name, Role.ANALYST, (EVERY_USER,), 3600, NOON))
