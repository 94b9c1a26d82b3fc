"""Every use of a channel, and of what was made of it, under every state that an owner may leave its rules in.

Beside tests/contract/test_matrix.py, which asks who may call what: this asks what owners' rules let be, through the
operations. No cell is missing: the states are those of support.revoking, and what stands between them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.revoking import RESTORES, WAYS, Owner
from support.worlds.requests import ALICE, CAROL, EXPORTS, collaboration_rule, custom_rule
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import a_server
from whiteroom.base.faults import Fault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.store.sqlite import SqliteStore

USES = (
    "CreateTrainedModel",
    "CreateTrainedModel, incremental",
    "StartTrainedModelInferenceJob",
    "StartTrainedModelExportJob",
    "logs",
    "metrics",
    "DeleteTrainedModelOutput",
    "DeleteMLInputChannelData",
)
OPEN = ". . . . . . . ."
CLOSED = "D D D D D D . ."
"""Nothing is made of the rows, and nothing leaves; whoever may erase what there is still may."""


def opened_further(owner: Owner) -> None:
    owner.rule("Update", custom_rule(additionalAnalyses="ALLOWED", disallowedOutputColumns=["weight"]))
    owner.columns("patient_id", "age", "weight", "outcome")


def set_anew(owner: Owner) -> None:
    owner.rule("Delete")
    owner.rule("Create", custom_rule())


def for_this_algorithm_alone(owner: Owner) -> None:
    owner.association_rule("Update", collaboration_rule(allowedAdditionalAnalyses=[owner.room.association_arn]))


def restored(way: str) -> Callable[[Owner], None]:
    def change(owner: Owner) -> None:
        WAYS[way](owner)
        RESTORES[way](owner)

    return change


STATES: Mapping[str, tuple[Callable[[Owner], None], str]] = {
    "as it was": (lambda _owner: None, OPEN),
    "changed in what the query does not touch": (opened_further, OPEN),
    "deleted and set anew": (set_anew, OPEN),
    "for this algorithm alone": (for_this_algorithm_alone, OPEN),
    **{way: (change, CLOSED) for way, change in WAYS.items()},
    **{f"{way}, and restored": (restored(way), OPEN) for way in RESTORES},
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("states") / "whiteroom.db"
    SqliteStore(path).close()
    return path


@pytest.fixture
def room(tmp_path: Path, furnished: Path) -> Iterator[Room]:
    path = tmp_path / "whiteroom.db"
    shutil.copy(furnished, path)
    store = SqliteStore(path)
    room = a_furnished_room(a_server(store))
    for account in (ALICE, CAROL):
        room.configure(account)
    policies = {**EXPORTS, "trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}}
    room.association_arn = room.association(name="exporting", policies=policies)
    yield room
    store.close()


def letters(room: Room, channel: str, model: dict[str, str]) -> str:
    """What each use comes to: a dot where it is answered, D where it is refused, or published to nobody."""
    base = {"trainedModelArn": model["trainedModelArn"], "channelName": "base"}
    incremental = {"incrementalTrainingDataChannels": [base]}
    arn = model["trainedModelArn"]
    seen = room.call("GetTrainedModel", trainedModelArn=arn)
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "CreateTrainedModel": ("CreateTrainedModel", room.training_request("next", channel)),
        "CreateTrainedModel, incremental": (
            "CreateTrainedModel",
            room.training_request("grown", channel, **incremental),
        ),
        "StartTrainedModelInferenceJob": (
            "StartTrainedModelInferenceJob",
            room.inference_request("scores", arn, channel),
        ),
        "StartTrainedModelExportJob": ("StartTrainedModelExportJob", room.export_request("out", arn)),
        "DeleteTrainedModelOutput": ("DeleteTrainedModelOutput", {"trainedModelArn": arn}),
        "DeleteMLInputChannelData": ("DeleteMLInputChannelData", {"mlInputChannelArn": channel}),
    }
    found = {
        "logs": "." if seen["logsStatus"] == "PUBLISH_SUCCEEDED" else "D",
        "metrics": "." if seen["metricsStatus"] == "PUBLISH_SUCCEEDED" else "D",
    }
    for use, (operation, request) in calls.items():
        attempt = room.server.attempt(
            ALICE, ("cleanrooms-ml", operation), {"membershipIdentifier": room.membership(ALICE), **request}
        )
        found[use] = "." if not isinstance(attempt, Fault) else {"AccessDeniedException": "D"}.get(attempt.code, "?")
    return " ".join(found[use] for use in USES)


@pytest.mark.parametrize("state", STATES)
def test_every_use_under_every_state_of_the_rules(room: Room, state: str) -> None:
    change, expected = STATES[state]
    channel = room.active_channel("rows")
    model = room.model("forest", channel)
    told = {"logs_status": "PUBLISH_SUCCEEDED", "metrics_status": "PUBLISH_SUCCEEDED"}
    room.advance_model(
        model, Event.STARTED, Event.SUCCEEDED, run_started_at=room.server.now, run_ended_at=room.server.now, **told
    )
    change(Owner(room))
    assert letters(room, channel, model) == expected


def test_every_way_to_take_back_is_a_state() -> None:
    assert set(STATES) >= {*WAYS, *(f"{way}, and restored" for way in RESTORES)}
